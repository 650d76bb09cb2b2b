import type {
  MessagingMethods,
  PullMessageRequest,
  PullMessageResponse__Input,
} from '@cometmq/protocol/rocketmq'
import { accept, type CallContext, type Handler, type MessageStream } from '@cometmq/runtime'
import { type ClientCall, isForwardedCall } from '../client-call.ts'
import { bounds, times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import type { CallEdge } from '../edge.ts'
import { isPassing } from '../master-waits.ts'
import { messagesOf } from '../message-out.ts'
import type { LocalBroker } from '../ports.ts'
import type { ClientSession } from '../sessions.ts'
import { OK, RefusedCall, status, statusOf } from '../status.ts'
import { filterOf } from '../validate/filter.ts'
import { groupOf, topicOf } from '../validate/names.ts'
import { pollMsOf } from '../validate/times.ts'

type Answer = MessageStream<PullMessageResponse__Input, PullMessageRequest>

/** Reads one queue by offset. The answer is a status, the messages, and where to go on. */
export function pullMessage(context: GatewayContext, edge: CallEdge): Handler {
  return accept(context.methods.PullMessage, (stream, callContext) => {
    stream.receive({
      message: (request) => void serve(context, edge, { stream, request, callContext }),
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
  }: {
    readonly stream: Answer
    readonly request: PullMessageRequest
    readonly callContext: CallContext
  },
): Promise<void> {
  try {
    const { call, session } = edge.admit(callContext)
    groupOf(request.group)
    topicOf(request.messageQueue?.topic)
    const held = { call, maxMs: times.pollMaxMs, isRepeatable: true }
    await context.waits.run(held, async () => {
      const owner = context.owners.named(request.messageQueue?.broker?.name ?? '', call, 'consume')
      if (owner.kind === 'there') {
        await forward(context, { stream, request, call, brokerName: owner.brokerName })
        return
      }
      await pull(context, { stream, request, call, session, broker: owner.broker })
    })
  } catch (thrown) {
    if (isForwardedCall(callContext) && isPassing(thrown, true)) {
      stream.cancel(thrown)
      return
    }
    stream.send({ status: statusOf(thrown, context.log) })
    stream.send({ nextOffset: request.offset })
    stream.end()
  }
}

async function pull(
  context: GatewayContext,
  {
    stream,
    request,
    call,
    session,
    broker,
  }: {
    readonly stream: Answer
    readonly request: PullMessageRequest
    readonly call: ClientCall
    readonly session: ClientSession
    readonly broker: LocalBroker
  },
): Promise<void> {
  const topic = request.messageQueue?.topic
  if (!topic) throw new RefusedCall('ILLEGAL_TOPIC', 'no topic is named')
  const outcome = await broker.read({
    topic: topic.name,
    queueId: request.messageQueue?.id ?? 0,
    offset: request.offset,
    maxMessages: Math.min(Math.max(1, request.batchSize), bounds.pullBatch),
    ...filterOf(request.filterExpression),
    waitMs: pollMsOf(request, call, session),
    signal: call.signal,
  })
  if (outcome.kind === 'out-of-range') {
    const { nearest } = outcome
    stream.send({ status: status('ILLEGAL_OFFSET', `the nearest offset is ${nearest}`) })
    stream.send({ nextOffset: nearest })
    stream.end()
    return
  }
  const storeHost = context.cluster.addressOf(broker.brokerName) ?? broker.brokerName
  const messages = messagesOf(outcome.segments, { topic, storeHost })
  const found = messages.length > 0 ? OK : status('MESSAGE_NOT_FOUND', 'there is nothing new')
  stream.send({ status: found })
  for (const message of messages) {
    if (!stream.send({ message })) await stream.writable()
    if (call.signal.aborted) return
  }
  stream.send({ nextOffset: outcome.next })
  stream.end()
}

/** Rejects if the owner has failed before it said anything. */
async function forward(
  { forwarding, methods, log }: GatewayContext,
  {
    stream,
    request,
    call,
    brokerName,
  }: {
    readonly stream: Answer
    readonly request: PullMessageRequest
    readonly call: ClientCall
    readonly brokerName: string
  },
): Promise<void> {
  const method: MessagingMethods['PullMessage'] = methods.PullMessage
  let hasAnswered = false
  const { promise: over, resolve, reject } = Promise.withResolvers<void>()
  const owned = forwarding.open(method, { call, brokerName })
  owned.receive({
    message: (answer) => {
      hasAnswered = true
      if (stream.send(answer)) return
      owned.pause()
      void stream.writable().then(() => owned.resume())
    },
    ended: () => {
      stream.end()
      resolve()
    },
    failed: (error) => {
      if (!hasAnswered && !call.signal.aborted) {
        reject(error)
        return
      }
      if (!call.signal.aborted) {
        stream.send({ status: statusOf(error, log) })
        stream.send({ nextOffset: request.offset })
        stream.end()
      }
      resolve()
    },
  })
  owned.send(request)
  owned.end()
  await over
}
