import type { MessagingMethods, NotifyClientTerminationRequest } from '@cometmq/protocol/rocketmq'
import type { GatewayContext } from '../context.ts'
import type { UnaryCall } from '../edge.ts'
import { OK } from '../status.ts'

type Response = ReturnType<MessagingMethods['NotifyClientTermination']['decodeResponse']>

const PASS_ON_MS = 1_000

/**
 * The client goes. Always OK: Rust does not end otherwise. A client may say it to a name server
 * alone, or to one that has started anew since, so that every broker is told.
 */
export function notifyClientTermination(
  context: GatewayContext,
): UnaryCall<NotifyClientTerminationRequest, Response> {
  const { broker, cluster, forwarding, methods, sessions, log } = context
  return {
    async run(request, call, session) {
      broker?.clientGone(call.clientId)
      if (!call.isForwarded && broker === undefined) {
        const timeoutMs = Math.min(PASS_ON_MS, call.remainingMs)
        await Promise.all(
          cluster
            .brokerNames()
            .map((brokerName) =>
              forwarding
                .call(methods.NotifyClientTermination, request, { call, brokerName, timeoutMs })
                .catch((error: unknown) => log.debug({ brokerName, error }, 'not passed on')),
            ),
        )
      }
      for (const line of session.lines.splice(0)) line.end()
      sessions.remove(call.clientId)
      return { status: OK }
    },
    refuse: (status) => ({ status }),
  }
}
