import { type ClusterDescription, CometError, type Services } from '@cometmq/protocol'
import { accept, answer, type Handler } from '@cometmq/runtime'
import type { RouteWatchers, Watcher } from '../route-watchers.ts'

/** The calls of clients: watch routes, describe the cluster. */
export function routesHandlers(
  services: Services,
  watchers: RouteWatchers,
  calls: {
    readonly describe: () => ClusterDescription
    /** Returns whether it was known. Throws `BROKER_ACTIVE`, and `ILLEGAL_NAME`. */
    readonly forgetBroker: (brokerName: string) => boolean
  },
): Handler[] {
  return [
    accept(services.routes.Watch, (stream, { signal, listener }) => {
      let watcher: Watcher | undefined
      const forget = (): void => {
        if (watcher !== undefined) watchers.remove(watcher)
        watcher = undefined
      }
      // The client has sent all it will ever send, so that only the signal tells when it goes.
      signal.addEventListener('abort', forget, { once: true })
      stream.receive({
        message(request) {
          if (watcher !== undefined) return
          try {
            watcher = watchers.add(request, stream, listener)
          } catch (thrown) {
            if (!(thrown instanceof CometError)) throw thrown
            stream.cancel(thrown)
          }
        },
        ended: () => {},
        failed: forget,
      })
    }),
    answer(services.routes.DescribeCluster, async () => calls.describe()),
    answer(services.routes.ForgetBroker, async ({ brokerName }) => ({
      wasKnown: calls.forgetBroker(brokerName),
    })),
  ]
}
