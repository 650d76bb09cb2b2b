import type { Method } from '@cometmq/protocol'
import type {
  GetOffsetRequest,
  MessageQueue,
  MessagingMethods,
  QueryOffsetRequest,
  Status__Input,
  UpdateOffsetRequest,
} from '@cometmq/protocol/rocketmq'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import { msOf } from '../durations.ts'
import type { UnaryCall } from '../edge.ts'
import type { LocalBroker, Queue } from '../ports.ts'
import { OK, RefusedCall } from '../status.ts'
import { groupOf, topicOf } from '../validate/names.ts'

type Answers = {
  readonly [Name in 'UpdateOffset' | 'GetOffset' | 'QueryOffset']: ReturnType<
    MessagingMethods[Name]['decodeResponse']
  >
}

/** Keeps where a group's puller is. It is not where the group's leases are. */
export function updateOffset(
  context: GatewayContext,
): UnaryCall<UpdateOffsetRequest, Answers['UpdateOffset']> {
  return onQueue(context, context.methods.UpdateOffset, async (broker, queue, request) => {
    if (request.offset < 0) {
      throw new RefusedCall('ILLEGAL_OFFSET', `an offset of ${request.offset}`)
    }
    await broker.setPosition(groupOf(request.group), queue, request.offset)
    return { status: OK }
  })
}

export function getOffset(
  context: GatewayContext,
): UnaryCall<GetOffsetRequest, Answers['GetOffset']> {
  return onQueue(context, context.methods.GetOffset, (broker, queue, request) => {
    const offset = broker.position(groupOf(request.group), queue)
    if (offset === undefined) {
      throw new RefusedCall('OFFSET_NOT_FOUND', 'the group has no offset in this queue')
    }
    return Promise.resolve({ status: OK, offset })
  })
}

export function queryOffset(
  context: GatewayContext,
): UnaryCall<QueryOffsetRequest, Answers['QueryOffset']> {
  return onQueue(context, context.methods.QueryOffset, async (broker, queue, request) => {
    const { minOffset, maxOffset } = broker.bounds(queue)
    switch (request.queryOffsetPolicy) {
      case 'BEGINNING':
        return { status: OK, offset: minOffset }
      case 'END':
        return { status: OK, offset: maxOffset }
      case 'TIMESTAMP': {
        const timestampMs = msOf(request.timestamp)
        if (timestampMs === undefined) {
          throw new RefusedCall('BAD_REQUEST', 'the policy TIMESTAMP needs a timestamp')
        }
        return { status: OK, offset: await broker.offsetAtTime(queue, timestampMs) }
      }
      default:
        throw new RefusedCall('BAD_REQUEST', 'the policy is not known')
    }
  })
}

/** A call about one queue, run by the broker that has it. */
function onQueue<
  Request extends { readonly messageQueue: MessageQueue | null },
  Response extends { status?: Status__Input | null },
>(
  { owners, forwarding, broker, waits }: GatewayContext,
  method: Method<Request, Response>,
  run: (broker: LocalBroker, queue: Queue, request: Request) => Promise<Response>,
): UnaryCall<Request, Response> {
  return {
    async run(request, call) {
      const topic = topicOf(request.messageQueue?.topic)
      const brokerName = request.messageQueue?.broker?.name || broker?.brokerName || ''
      const held = { call, maxMs: times.forwardTimeoutMs, isRepeatable: true }
      return waits.run(held, async () => {
        const owner = owners.named(brokerName, call, 'consume')
        if (owner.kind === 'there') {
          return forwarding.call(method, request, { call, brokerName: owner.brokerName })
        }
        if (owner.broker.topic(topic) === undefined) {
          throw new RefusedCall('TOPIC_NOT_FOUND', `there is no topic "${topic}" on this broker`)
        }
        return run(owner.broker, { topic, queueId: request.messageQueue?.id ?? 0 }, request)
      })
    },
    refuse: (status) => ({ status }) as Response,
  }
}
