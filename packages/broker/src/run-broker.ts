import { loadServices } from '@cometmq/protocol'
import { copyStore, type Elector } from '@cometmq/replication'
import type { Runtime } from '@cometmq/runtime'
import { Broker, type ServeEnding } from './broker.ts'
import type { ProcessProbes } from './broker-status.ts'
import type { BrokerConfig } from './config.ts'

export interface RunParts {
  readonly probes: ProcessProbes
  /** Of a member of a group of several: a new one for each life of the broker, which closes it. */
  readonly elector: () => Elector | undefined
  /** Told of each life of the broker when it serves. */
  readonly opened: (broker: Broker) => void
  /** Asks for an end. */
  readonly stop: AbortSignal
}

/** So long a copy that did not come to its end waits for the next attempt. */
const COPY_AGAIN_MS = 1_000

/**
 * Runs a broker until it is asked to end. One whose log is of no use to its group any more is closed,
 * its store made anew as a copy of the master's, and opened again; so is one that an operator promotes,
 * with its store as it is.
 *
 * Throws what `Broker.open` and `Broker.serve` throw.
 */
export async function runBroker(
  config: BrokerConfig,
  runtime: Runtime,
  parts: RunParts,
): Promise<void> {
  for (;;) {
    const ending = await serveOnce(config, runtime, parts)
    if (ending.kind === 'stopped') return
    if (ending.kind === 'begins-anew') continue
    const { from } = ending
    const { cluster, brokerName, store } = config
    const { replication } = loadServices()
    const wish = { store, group: { cluster, brokerName }, from }
    try {
      await copyStore(runtime, replication.Checkpoint, wish)
    } catch (error) {
      // The store is empty now, or what it was: either way the group says again what to do.
      runtime.log.warn({ error, from }, 'the store could not be copied')
      await runtime.clock.sleep(COPY_AGAIN_MS, parts.stop).catch(() => {})
    }
  }
}

async function serveOnce(
  config: BrokerConfig,
  runtime: Runtime,
  { probes, elector, opened, stop }: RunParts,
): Promise<ServeEnding> {
  await using broker = await Broker.open(config, runtime, probes, elector())
  opened(broker)
  return await broker.serve(stop)
}
