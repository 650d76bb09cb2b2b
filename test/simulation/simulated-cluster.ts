import { Broker, type BrokerConfig, brokerDefaults } from '@cometmq/broker'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import type { Runtime } from '@cometmq/runtime'
import type { SimulatedMachine, Simulation } from '@cometmq/simulation'
import { storeConfig } from '@cometmq/store'

const KIB = 1024

/** A daemon on a simulated machine, and whoever starts it again when it has ended by itself. */
export class SimulatedDaemon {
  readonly machine: SimulatedMachine
  readonly #simulation: Simulation
  readonly #open: (runtime: Runtime) => Promise<Daemon>
  #life = 0

  constructor(
    simulation: Simulation,
    machine: SimulatedMachine,
    open: (runtime: Runtime) => Promise<Daemon>,
  ) {
    this.#simulation = simulation
    this.machine = machine
    this.#open = open
  }

  /** Resolves when the daemon serves. */
  start(): Promise<void> {
    const serving = Promise.withResolvers<void>()
    void this.#run(++this.#life, serving.resolve)
    return serving.promise
  }

  /** SIGKILL, or with the power cut; started again after `downMs`. */
  crash(how: 'kill' | 'power-cut', downMs: number): void {
    const life = ++this.#life
    if (how === 'kill') this.machine.kill()
    else this.machine.powerCut()
    this.#simulation.clock.schedule(downMs, () => {
      // Unless it has been crashed once more meanwhile.
      if (life === this.#life) void this.start()
    })
  }

  async #run(life: number, serving: () => void): Promise<void> {
    try {
      const daemon = await this.#open(this.machine.runtime())
      serving()
      await daemon.serve(new AbortController().signal)
    } catch (error) {
      if (life !== this.#life) return
      // What a supervisor does: the process has ended, it is started again.
      this.#simulation.story.tell(this.machine.name, 'ended by itself', { error })
      this.crash('kill', 500)
    }
  }
}

interface Daemon {
  serve(signal: AbortSignal): Promise<unknown>
}

/** Two name servers and some brokers, each on a machine of its own. */
export class SimulatedCluster {
  readonly nameServers: readonly SimulatedDaemon[]
  readonly brokers: readonly SimulatedDaemon[]

  constructor(simulation: Simulation, brokerNames: readonly string[] = ['broker-a', 'broker-b']) {
    const daemon = (name: string, open: (runtime: Runtime) => Promise<Daemon>) =>
      new SimulatedDaemon(simulation, simulation.machine(name), open)
    this.nameServers = ['ns-1', 'ns-2'].map((name) =>
      daemon(name, (runtime) => {
        const listen = `${name}:9876`
        return NameServer.open({ ...nameServerDefaults, cluster: 'simulated', listen }, runtime)
      }),
    )
    const nameservers = ['ns-1:9876', 'ns-2:9876']
    this.brokers = brokerNames.map((brokerName) =>
      daemon(brokerName, (runtime) =>
        Broker.open(brokerConfigOf(brokerName, nameservers), runtime),
      ),
    )
  }

  get endpoints(): string {
    return 'ns-1:9876,ns-2:9876'
  }

  async start(): Promise<void> {
    await Promise.all([...this.nameServers, ...this.brokers].map((daemon) => daemon.start()))
  }
}

/** Everything small, so that segments roll and checkpoints happen within a few hundred messages. */
function brokerConfigOf(brokerName: string, nameservers: readonly string[]): BrokerConfig {
  return {
    ...brokerDefaults,
    cluster: 'simulated',
    brokerName,
    listen: `${brokerName}:8081`,
    nameservers,
    store: storeConfig('/data', {
      segmentMaxBytes: 64 * KIB,
      minFreeBytes: 32 * KIB,
      hardFreeBytes: 8 * KIB,
      checkpointIntervalMs: 300,
      checkpointBytes: 32 * KIB,
      tailCacheBytes: 16 * KIB,
      readCacheBytes: 256 * KIB,
    }),
  }
}
