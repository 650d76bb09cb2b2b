import type { QueryRouteRequest, QueryRouteResponse__Input } from '@cometmq/protocol/rocketmq'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { acceptedTypes, askerOf, servingBrokers } from '../endpoints.ts'
import { OK, RefusedCall } from '../status.ts'
import { topicOf } from '../validate/names.ts'

/**
 * Where a topic's queues are. The order is fixed, by broker name and number: clients hash over it.
 * Queues of a master are said to be readable and writable; a client would drop, or keep for ever, one
 * that is not for a while. Those of a slave that stands in for one can be read.
 */
export function queryRoute({
  owners,
  cluster,
}: GatewayContext): UnaryCall<QueryRouteRequest, QueryRouteResponse__Input> {
  return {
    async run(request, call) {
      const name = topicOf(request.topic)
      const route = await owners.settledRoute(name, call)
      const brokers = servingBrokers(route, cluster, askerOf(request, call))
      if (brokers.length === 0) {
        throw new RefusedCall('FORBIDDEN', `no broker serves topic "${name}" now`)
      }
      const { topic } = request
      const acceptMessageTypes = acceptedTypes(route.type)
      return {
        status: OK,
        messageQueues: brokers.flatMap(({ broker, queueCount, permission }) =>
          Array.from({ length: queueCount }, (_, id) => ({
            topic,
            id,
            permission,
            broker,
            acceptMessageTypes,
          })),
        ),
      }
    },
    refuse: (status) => ({ status }),
  }
}
