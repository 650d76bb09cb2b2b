import type { Logger } from '@cometmq/runtime'
import type { Registry } from '@prometheus-io/client'
import type { Health } from './health.ts'

/** Serves health and metrics of a daemon where its settings say so; `undefined`: nowhere. */
export async function openOperations(
  settings: { readonly http: { readonly listen?: string | undefined } },
  parts: {
    readonly log: Logger
    readonly health: () => Health
    /** Loaded only where somebody may ask. */
    readonly metrics: () => Promise<Registry>
  },
): Promise<AsyncDisposable | undefined> {
  const { listen } = settings.http
  if (listen === undefined) return undefined
  const { OperationsServer } = await import('./operations-server.ts')
  const { log, health } = parts
  const server = await OperationsServer.open(listen, {
    health,
    log,
    metrics: await parts.metrics(),
  })
  log.info({ address: server.address }, 'health and metrics are served')
  return server
}
