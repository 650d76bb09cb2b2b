import type {
  QueryAssignmentRequest,
  QueryAssignmentResponse__Input,
} from '@cometmq/protocol/rocketmq'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { servingBrokers } from '../endpoints.ts'
import { OK, RefusedCall } from '../status.ts'
import { groupOf, topicOf } from '../validate/names.ts'

/**
 * Where the members of a group receive from: every broker of the topic, each as one queue of number
 * -1, the same for every member. Leases, and not assignments, tell members' messages apart. Never an
 * empty answer: it would make a consumer stop.
 */
export function queryAssignment({
  owners,
  cluster,
}: GatewayContext): UnaryCall<QueryAssignmentRequest, QueryAssignmentResponse__Input> {
  return {
    async run(request, call) {
      const name = topicOf(request.topic)
      groupOf(request.group)
      const brokers = servingBrokers(await owners.route(name, call), cluster)
      if (brokers.length === 0) {
        throw new RefusedCall('FORBIDDEN', `no broker serves topic "${name}" now`)
      }
      const { topic } = request
      return {
        status: OK,
        assignments: brokers.map(({ broker }) => ({
          messageQueue: { topic, id: -1, permission: 'READ_WRITE' as const, broker },
        })),
      }
    },
    refuse: (status) => ({ status }),
  }
}
