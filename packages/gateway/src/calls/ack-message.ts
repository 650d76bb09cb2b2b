import type {
  AckMessageEntry,
  AckMessageRequest,
  AckMessageResponse__Input,
  AckMessageResultEntry__Input,
  MessagingMethods,
  Status__Input,
} from '@cometmq/protocol/rocketmq'
import type { ClientCall } from '../client-call.ts'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { decodeHandle, invalidHandle } from '../handles.ts'
import { isPassing } from '../master-waits.ts'
import type { ClientSession } from '../sessions.ts'
import { OK, RefusedCall, status, statusOf } from '../status.ts'
import { checkHandle, outcomeStatus } from '../receipts.ts'
import { groupOf, topicOf } from '../validate/names.ts'

/** Messages are handled. Each entry has its own answer, in the order of the request. */
export function ackMessage(
  context: GatewayContext,
): UnaryCall<AckMessageRequest, AckMessageResponse__Input> {
  return {
    async run(request, call, session) {
      const group = groupOf(request.group)
      const topic = topicOf(request.topic)
      if (request.entries.length === 0) {
        throw new RefusedCall('BAD_REQUEST', 'there is nothing to acknowledge')
      }
      const entries = await Promise.all(
        request.entries.map((entry) =>
          acknowledge(context, { entry, request, group, topic, call, session }),
        ),
      )
      return { status: commonStatus(entries), entries }
    },
    refuse: (what, { entries }) => ({
      status: what,
      entries: entries.map((entry) => resultOf(entry, what)),
    }),
  }
}

interface Asked {
  readonly entry: AckMessageEntry
  readonly request: AckMessageRequest
  readonly group: string
  readonly topic: string
  readonly call: ClientCall
  readonly session: ClientSession
}

async function acknowledge(
  context: GatewayContext,
  asked: Asked,
): Promise<AckMessageResultEntry__Input> {
  const { entry, call } = asked
  const held = { call, maxMs: times.forwardTimeoutMs, isRepeatable: true }
  try {
    return await context.waits.run(held, () => acknowledgeOnce(context, asked))
  } catch (thrown) {
    // Who has forwarded it asks the next master.
    if (call.isForwarded && isPassing(thrown, true)) throw thrown
    return resultOf(entry, statusOf(thrown, context.log))
  }
}

async function acknowledgeOnce(
  context: GatewayContext,
  asked: Asked,
): Promise<AckMessageResultEntry__Input> {
  const { entry, call } = asked
  const handle = checkHandle(decodeHandle(entry.receiptHandle), asked)
  const owner = context.owners.named(handle.brokerName, call, 'consume')
  if (owner.kind === 'here') {
    const outcome = await owner.broker.settle(handle, { kind: 'acknowledge' })
    return resultOf(entry, outcomeStatus(outcome))
  }
  asked.session.ownersAsked.add(owner.brokerName)
  const method: MessagingMethods['AckMessage'] = context.methods.AckMessage
  const answer = await context.forwarding.call(
    method,
    { ...asked.request, entries: [entry] },
    { call, brokerName: owner.brokerName },
  )
  const [result] = answer.entries ?? []
  if (result === undefined) throw invalidHandle('its broker did not answer for it')
  return result
}

function resultOf(
  { messageId, receiptHandle }: AckMessageEntry,
  what: Status__Input,
): AckMessageResultEntry__Input {
  return { messageId, receiptHandle, status: what }
}

function commonStatus(entries: readonly AckMessageResultEntry__Input[]): Status__Input {
  const codes = new Set(entries.map((entry) => entry.status?.code))
  if (codes.size > 1) return status('MULTIPLE_RESULTS', 'the entries have different results')
  return entries[0]?.status ?? OK
}
