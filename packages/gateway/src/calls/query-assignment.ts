import type {
  QueryAssignmentRequest,
  QueryAssignmentResponse__Input,
} from '@cometmq/protocol/rocketmq'
import { times } from '../config.ts'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { askerOf, servingBrokers } from '../endpoints.ts'
import { OK, RefusedCall } from '../status.ts'
import { groupOf, topicOf } from '../validate/names.ts'

/**
 * Where the members of a group receive from: every broker of the topic, each as one queue of number
 * -1, the same for every member. Leases, and not assignments, tell members' messages apart. Of a FIFO
 * group every queue is named: its members handle what they receive for one queue in order, and so
 * many queues at once. Never an empty answer: it would make a consumer stop.
 */
export function queryAssignment({
  owners,
  cluster,
  broker: local,
  forwarding,
  methods,
  waits,
}: GatewayContext): UnaryCall<QueryAssignmentRequest, QueryAssignmentResponse__Input> {
  return {
    async run(request, call) {
      const name = topicOf(request.topic)
      const group = groupOf(request.group)
      const route = await owners.settledRoute(name, call)
      const brokers = servingBrokers(route, cluster, askerOf(request, call))
      if (brokers.length === 0) {
        throw new RefusedCall('FORBIDDEN', `no broker serves topic "${name}" now`)
      }
      // A name server does not know which groups are FIFO groups; any of these brokers does.
      const [first] = brokers
      if (local === undefined && first?.broker.name !== undefined) {
        const to = { call, brokerName: first.broker.name }
        const held = { call, maxMs: times.masterWaitMs, isRepeatable: true }
        return waits.run(held, () => forwarding.call(methods.QueryAssignment, request, to))
      }
      const { topic } = request
      const isFifo = local?.group(group)?.fifo === true
      return {
        status: OK,
        assignments: brokers.flatMap(({ broker, queueCount, permission }) =>
          (isFifo ? Array.from({ length: queueCount }, (_, id) => id) : [-1]).map((id) => ({
            messageQueue: { topic, id, permission, broker },
          })),
        ),
      }
    },
    refuse: (status) => ({ status }),
  }
}
