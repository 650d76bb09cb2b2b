import type { ReceiveMessageRequest, Status__Input } from '@cometmq/protocol/rocketmq'
import { accept, type CallContext, type Handler } from '@cometmq/runtime'
import { type ClientCall, isForwardedCall } from '../client-call.ts'
import { bounds, times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import { timestampOf } from '../durations.ts'
import type { CallEdge } from '../edge.ts'
import { isPassing } from '../master-waits.ts'
import { messagesOf } from '../message-out.ts'
import type { Owner } from '../owner.ts'
import type { LocalBroker, Received } from '../ports.ts'
import type { ClientSession } from '../sessions.ts'
import { OK, RefusedCall, status, statusOf } from '../status.ts'
import { filterOf } from '../validate/filter.ts'
import { groupOf, topicOf } from '../validate/names.ts'
import { invisibleMsOf, pollMsOf } from '../validate/times.ts'
import { forwardReceive, type ReceiveAnswer } from './forward-receive.ts'

/** Rust asks again a millisecond after an error; the wait is ours then. */
const ERROR_DELAY_MS = 100

/**
 * Waits for messages and leases them to the caller. The answer is a status, the messages, and when
 * their delivery began; never OK without a message, and never an error of gRPC.
 */
export function receiveMessage(context: GatewayContext, edge: CallEdge): Handler {
  let waiting = 0
  return accept(context.methods.ReceiveMessage, (stream, callContext) => {
    stream.receive({
      message: (request) => {
        waiting++
        void serve(context, edge, { stream, request, callContext, waiting }).finally(() => {
          waiting--
        })
      },
      ended: () => {},
      failed: () => {},
    })
  })
}

async function serve(
  context: GatewayContext,
  edge: CallEdge,
  {
    stream,
    request,
    callContext,
    waiting,
  }: {
    readonly stream: ReceiveAnswer
    readonly request: ReceiveMessageRequest
    readonly callContext: CallContext
    readonly waiting: number
  },
): Promise<void> {
  const { clock, config, log, owners } = context
  const startedAtMs = clock.nowMs()
  const end = (what: Status__Input): void => {
    stream.send({ status: what })
    stream.send({ deliveryTimestamp: timestampOf(startedAtMs) })
    stream.end()
  }
  try {
    const { call, session } = edge.admit(callContext)
    if (waiting > config.waitingMax) {
      throw new RefusedCall('TOO_MANY_REQUESTS', `flow limit: ${config.waitingMax} wait already`)
    }
    const topic = topicOf(request.messageQueue?.topic)
    const group = groupOf(request.group)
    const held = { call, maxMs: times.pollMaxMs, isRepeatable: true }
    await context.waits.run(held, async () => {
      const owner = await ownerOf(context, request, call)
      if (owner.kind === 'there') {
        const { brokerName } = owner
        session.ownersAsked.add(brokerName)
        await forwardReceive(context, { stream, request, call, brokerName })
        return
      }
      const { broker } = owner
      await receive(context, { stream, request, call, session, topic, group, broker })
    })
  } catch (thrown) {
    if (callContext.signal.aborted) return
    if (isForwardedCall(callContext) && isPassing(thrown, true)) {
      stream.cancel(thrown)
      return
    }
    const what = statusOf(thrown, log)
    if (callContext.metadata['x-mq-language'] === 'RUST') {
      await clock.sleep(ERROR_DELAY_MS, callContext.signal).catch(() => {})
    }
    end(what)
  }

  async function ownerOf(
    { broker, cluster }: GatewayContext,
    { messageQueue }: ReceiveMessageRequest,
    call: ClientCall,
  ): Promise<Owner> {
    const brokerName = messageQueue?.broker?.name ?? ''
    const isOwn = brokerName === broker?.brokerName
    if (isOwn || cluster.placeOfMaster(brokerName) !== 'unknown') {
      return owners.named(brokerName, call, 'consume')
    }
    const route = await owners.route(messageQueue?.topic?.name ?? '', call)
    return owners.ofTopic(route, call, 'consume')
  }
}

async function receive(
  context: GatewayContext,
  asked: {
    readonly stream: ReceiveAnswer
    readonly request: ReceiveMessageRequest
    readonly call: ClientCall
    readonly session: ClientSession
    readonly topic: string
    readonly group: string
    readonly broker: LocalBroker
  },
): Promise<void> {
  const { stream, request, call, session, topic, group, broker } = asked
  const startedAtMs = context.clock.nowMs()
  const isRenewed = request.autoRenew
  const invisibleMs = isRenewed ? times.renewedMaxMs : invisibleMsOf(request.invisibleDuration)
  const filter = filterOf(request.filterExpression)
  const waitMs = pollMsOf(request, call, session)
  session.waiting++
  let received: Received | undefined
  try {
    received = await broker.receive({
      group,
      topic,
      ...filter,
      clientId: call.clientId,
      peer: call.peer,
      maxMessages: Math.min(Math.max(1, request.batchSize), bounds.receiveBatch),
      invisibleMs,
      isRenewed,
      waitMs,
      attemptId: request.attemptId ?? '',
      signal: call.signal,
    })
  } finally {
    session.waiting--
  }
  // Receiving was a sign of life all the while.
  if (!call.signal.aborted) context.sessions.touch(call)
  if (received === undefined) {
    if (call.signal.aborted) return
    stream.send({ status: status('MESSAGE_NOT_FOUND', 'there are no new messages') })
    stream.send({ deliveryTimestamp: timestampOf(startedAtMs) })
    stream.end()
    return
  }
  await write(context, { ...asked, received, invisibleMs, startedAtMs })
}

/** Until its last message has left, a client that goes has seen none. */
async function write(
  context: GatewayContext,
  {
    stream,
    request,
    call,
    group,
    broker,
    received,
    invisibleMs,
    startedAtMs,
  }: {
    readonly stream: ReceiveAnswer
    readonly request: ReceiveMessageRequest
    readonly call: ClientCall
    readonly group: string
    readonly broker: LocalBroker
    readonly received: Received
    readonly invisibleMs: number
    readonly startedAtMs: number
  },
): Promise<void> {
  const { generation, parts } = received
  const topic = request.messageQueue?.topic
  if (!topic) return
  let isOver = false
  try {
    const { brokerName } = broker
    const storeHost = context.cluster.addressOf(brokerName) ?? brokerName
    const messages = parts.flatMap(({ retry, queueId, attempt, segments }) => {
      const lease = { brokerName, group, retry, queueId, attempt, generation, invisibleMs }
      return messagesOf(segments, { topic, storeHost, lease })
    })
    stream.send({ status: OK })
    for (const message of messages) {
      if (!stream.send({ message })) await stream.writable()
      if (call.signal.aborted) return
    }
    stream.send({ deliveryTimestamp: timestampOf(startedAtMs) })
    await stream.flushed()
    if (call.signal.aborted) return
    stream.end()
    isOver = true
  } finally {
    if (!isOver) received.release()
  }
}
