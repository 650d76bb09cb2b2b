import { Broker, type BrokerConfig, brokerDefaults } from '@cometmq/broker'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import type { Simulation } from '@cometmq/simulation'
import { serving, SimulatedDaemon } from './simulated-daemon.ts'
import { smallStore } from './small-store.ts'

/** Where they listen. */
export const NAME_SERVERS = ['ns-1:9876', 'ns-2:9876']

/** Two name servers and some brokers, each on a machine of its own. */
export class SimulatedCluster {
  readonly nameServers: readonly SimulatedDaemon[]
  readonly brokers: readonly SimulatedDaemon[]

  constructor(simulation: Simulation, brokerNames: readonly string[] = ['broker-a', 'broker-b']) {
    this.nameServers = nameServersOf(simulation)
    this.brokers = brokerNames.map((brokerName) => {
      const run = serving((runtime) => Broker.open(brokerConfigOf(brokerName), runtime))
      return new SimulatedDaemon(simulation, simulation.machine(brokerName), run)
    })
  }

  get endpoints(): string {
    return NAME_SERVERS.join(',')
  }

  async start(): Promise<void> {
    await Promise.all([...this.nameServers, ...this.brokers].map((daemon) => daemon.start()))
  }
}

/** On a machine of its own each. */
export function nameServersOf(simulation: Simulation): SimulatedDaemon[] {
  return NAME_SERVERS.map((listen) => {
    const machine = simulation.machine(listen.split(':')[0] as string)
    const config = { ...nameServerDefaults, cluster: 'simulated', listen }
    const run = serving((runtime) => NameServer.open(config, runtime))
    return new SimulatedDaemon(simulation, machine, run)
  })
}

function brokerConfigOf(brokerName: string): BrokerConfig {
  return {
    ...brokerDefaults,
    cluster: 'simulated',
    brokerName,
    listen: `${brokerName}:8081`,
    nameservers: NAME_SERVERS,
    store: smallStore(),
  }
}
