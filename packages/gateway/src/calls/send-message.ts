import type { CometError } from '@cometmq/protocol'
import type {
  Message,
  MessageType,
  SendMessageRequest,
  SendMessageResponse__Input,
  Status__Input,
} from '@cometmq/protocol/rocketmq'
import type { ClientCall } from '../client-call.ts'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { acceptedTypes } from '../endpoints.ts'
import { batchOf } from '../message-in.ts'
import { isPassing } from '../master-waits.ts'
import type { Owner } from '../owner.ts'
import type { LocalBroker } from '../ports.ts'
import type { ClientSession } from '../sessions.ts'
import { OK, RefusedCall } from '../status.ts'
import { checkMessage } from '../validate/messages.ts'
import { topicOf } from '../validate/names.ts'

/** What this server does not do yet, by type. */
const UNSUPPORTED: Partial<Record<MessageType, string>> = {
  DELAY: 'messages with a delivery time are',
  TRANSACTION: 'transactions are',
  PRIORITY: 'priorities are',
  LITE: 'lite topics are',
}

/** Stores messages: all of a call, or none. Where, is decided here and not by the client. */
export function sendMessage(
  context: GatewayContext,
): UnaryCall<SendMessageRequest, SendMessageResponse__Input> {
  const { owners, forwarding, methods, waits } = context
  let turn = 0

  /** To one broker. Throws as a passing error that it is not the one to ask. */
  async function sendTo(
    owner: Owner,
    send: {
      readonly request: SendMessageRequest
      readonly topic: string
      readonly queueId: number | undefined
      readonly call: ClientCall
      readonly session: ClientSession
    },
  ): Promise<SendMessageResponse__Input> {
    const { request, topic, queueId, call, session } = send
    if (owner.kind === 'there') {
      const { brokerName } = owner
      session.ownersAsked.add(brokerName)
      return forwarding.call(methods.SendMessage, request, {
        call,
        brokerName,
        ...(queueId === undefined ? {} : { queueId }),
      })
    }
    const { queueCount } = writableTopic(owner.broker, topic)
    const isThere = queueId !== undefined && queueId < queueCount
    return store(context, owner.broker, {
      messages: request.messages,
      topic,
      queueId: isThere ? queueId : turn++ % queueCount,
      call,
    })
  }

  return {
    async run(request, call, session) {
      const { messages } = request
      const topic = checkMessages(messages)
      // What may be stored is not sent again: without a sequence, nobody would recognise it.
      const held = { call, maxMs: times.masterWaitMs, isRepeatable: false }
      return waits.run(held, async () => {
        const route = await owners.route(topic, call)
        const type = typeOf(messages, acceptedTypes(route.type))
        const send = { request, topic, queueId: call.queueId, call, session }
        if (type === 'FIFO' && !call.isForwarded) {
          const place = owners.ofMessageGroup(route, messageGroupOf(messages), call)
          return sendTo(place.owner, { ...send, queueId: place.queueId })
        }
        return toAny(
          (avoided) => owners.ofTopic(route, call, 'send', avoided),
          (owner) => sendTo(owner, send),
        )
      })
    },
    refuse: (status, { messages }) => ({ status, entries: entriesOf(messages, status) }),
  }
}

/**
 * Sends to one broker group after the other, until one of them is not without a master. Throws what
 * the first one has failed with, if there is no other.
 */
async function toAny<T>(
  next: (avoided: ReadonlySet<string>) => Owner,
  send: (owner: Owner) => Promise<T>,
): Promise<T> {
  const avoided = new Set<string>()
  let failure: CometError | undefined
  for (;;) {
    let owner: Owner
    try {
      owner = next(avoided)
    } catch (thrown) {
      throw failure ?? thrown
    }
    try {
      return await send(owner)
    } catch (thrown) {
      if (!isPassing(thrown, false)) throw thrown
      failure ??= thrown
      avoided.add(owner.kind === 'here' ? owner.broker.brokerName : owner.brokerName)
    }
  }
}

/** The topic of all of them. Throws with the code of the first mistake. */
function checkMessages(messages: readonly Message[]): string {
  const [first] = messages
  if (first === undefined) throw new RefusedCall('MESSAGE_CORRUPTED', 'there are no messages')
  const topic = topicOf(first.topic)
  for (const message of messages) {
    if (message.topic?.name !== topic) {
      throw new RefusedCall('MESSAGE_CORRUPTED', 'the messages of a call are of different topics')
    }
    checkMessage(message)
  }
  return topic
}

/** Throws `MESSAGE_PROPERTY_CONFLICT_WITH_TYPE`, or `UNSUPPORTED`. */
function typeOf(messages: readonly Message[], accepted: readonly MessageType[]): MessageType {
  const types = new Set(messages.map(typeOfMessage))
  const [type] = types
  if (type === undefined || types.size > 1) {
    throw new RefusedCall('MESSAGE_CORRUPTED', 'the messages of a call are of different types')
  }
  const unsupported = UNSUPPORTED[type]
  if (unsupported !== undefined) {
    throw new RefusedCall('UNSUPPORTED', `${unsupported} not supported yet`)
  }
  if (accepted.includes(type)) return type
  throw new RefusedCall(
    'MESSAGE_PROPERTY_CONFLICT_WITH_TYPE',
    `the message is of type ${type}, the topic takes ${accepted.join(', ')}`,
  )
}

/** What the client says counts; if it says nothing, its fields do. */
function typeOfMessage({ systemProperties: system }: Message): MessageType {
  const type = system?.messageType ?? 'MESSAGE_TYPE_UNSPECIFIED'
  if (type !== 'MESSAGE_TYPE_UNSPECIFIED') return type
  if (system?.messageGroup) return 'FIFO'
  if (system?.liteTopic) return 'LITE'
  if (system?.deliveryTimestamp) return 'DELAY'
  return system?.priority === undefined ? 'NORMAL' : 'PRIORITY'
}

/** Throws `ILLEGAL_MESSAGE_GROUP` unless all have the same. */
function messageGroupOf(messages: readonly Message[]): string {
  const groups = new Set(messages.map((message) => message.systemProperties?.messageGroup ?? ''))
  const [group] = groups
  if (group === undefined || group === '' || groups.size > 1) {
    throw new RefusedCall(
      'ILLEGAL_MESSAGE_GROUP',
      'messages of a FIFO topic have a message group, and those of one call the same',
    )
  }
  return group
}

/** Throws `FORBIDDEN`. */
function writableTopic(broker: LocalBroker, topic: string): { readonly queueCount: number } {
  const definition = broker.topic(topic)
  if (definition === undefined) {
    throw new RefusedCall('TOPIC_NOT_FOUND', `there is no topic "${topic}" on this broker`)
  }
  if (definition.writable) return definition
  throw new RefusedCall('FORBIDDEN', `topic "${topic}" takes no messages`)
}

async function store(
  { clock }: GatewayContext,
  broker: LocalBroker,
  send: {
    readonly messages: readonly Message[]
    readonly topic: string
    readonly queueId: number
    readonly call: ClientCall
  },
): Promise<SendMessageResponse__Input> {
  const to = { ...send, nowMs: clock.nowMs() }
  const batches = await Promise.all(send.messages.map((message) => batchOf(message, to)))
  const offsets = await broker.append(batches)
  return { status: OK, entries: entriesOf(send.messages, OK, offsets) }
}

function entriesOf(
  messages: readonly Message[],
  status: Status__Input,
  offsets: readonly number[] = [],
) {
  return messages.map(({ systemProperties }, index) => ({
    status,
    messageId: systemProperties?.messageId ?? '',
    transactionId: '',
    offset: offsets[index] ?? 0,
    recallHandle: '',
  }))
}
