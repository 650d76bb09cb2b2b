import { type CometClient, connect } from '@cometmq/client'
import { Simulation, type SimulationOptions } from '@cometmq/simulation'
import { SimulatedCluster } from '../simulation/simulated-cluster.ts'
import { RawClient } from './raw-client.ts'

/** A message is on its way for so long, so that what takes longer was waited for by somebody. */
const NETWORK = { latency: { usualMs: [1, 2], lateFraction: 0, lateMaxMs: 3 } } as const

/**
 * A cluster on a virtual clock: hours pass in seconds, and how long something took says nothing
 * about the machine that the test runs on.
 */
export class VirtualCluster {
  readonly simulation: Simulation
  readonly comet: CometClient

  private constructor(simulation: Simulation, comet: CometClient) {
    this.simulation = simulation
    this.comet = comet
  }

  static async start(
    options: {
      readonly brokerNames?: readonly string[]
      readonly network?: SimulationOptions['network']
    } = {},
  ): Promise<VirtualCluster> {
    const simulation = new Simulation(1, { network: { ...NETWORK, ...options.network } })
    const cluster = new SimulatedCluster(simulation, options.brokerNames)
    await simulation.runUntil(cluster.start(), LIMIT)
    await simulation.advance(500)
    const runtime = simulation.machine('operator').runtime()
    const comet = connect({ endpoints: cluster.endpoints, runtime })
    return new VirtualCluster(simulation, await simulation.runUntil(comet, LIMIT))
  }

  /** A topic with one queue at each broker, of which every process has heard. */
  async createTopic(topic: string): Promise<void> {
    await this.run(this.comet.admin.topics.create(topic, { queueCount: 1 }))
    await this.simulation.advance(1_500)
  }

  /** An official client on a machine of its own. */
  client(machine: string, options?: ConstructorParameters<typeof RawClient>[1]): RawClient {
    return new RawClient(this.simulation.machine(machine).runtime().transport, options)
  }

  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise, LIMIT)
  }

  /** The same, with how long that took. */
  async timed<T>(promise: Promise<T>): Promise<T & { readonly tookMs: number }> {
    const startedAtMs = this.simulation.clock.elapsedMs()
    const result = await this.run(promise)
    return { ...result, tookMs: this.simulation.clock.elapsedMs() - startedAtMs }
  }

  /** Lets time pass until it is so. Resolves to how long that took. */
  async until(isSo: () => boolean): Promise<number> {
    const startedAtMs = this.simulation.clock.elapsedMs()
    await this.simulation.runUntil(isSo, LIMIT)
    return this.simulation.clock.elapsedMs() - startedAtMs
  }
}

const LIMIT = { limitMs: 60_000 }
