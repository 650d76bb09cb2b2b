import type { HeartbeatRequest, MessagingMethods } from '@cometmq/protocol/rocketmq'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { OK } from '../status.ts'

type Response = ReturnType<MessagingMethods['Heartbeat']['decodeResponse']>

/** The client lives; whoever holds leases for it hears of it. */
export function heartbeat(context: GatewayContext): UnaryCall<HeartbeatRequest, Response> {
  const { forwarding, methods, log } = context
  return {
    run(request, call, session) {
      session.clientType = request.clientType
      if (request.group?.name) session.group = request.group.name
      if (!call.isForwarded) {
        for (const brokerName of session.ownersAsked) {
          forwarding
            .call(methods.Heartbeat, request, { call, brokerName })
            // The next one is soon; the owner waits for several.
            .catch((error: unknown) => log.debug({ brokerName, error }, 'heartbeat not passed on'))
        }
      }
      return Promise.resolve({ status: OK })
    },
    refuse: (status) => ({ status }),
  }
}
