import {
  type Broker,
  type BrokerConfig,
  brokerDefaults,
  replicationDefaults,
  runBroker,
} from '@cometmq/broker'
import { defaultSettings, type Rules } from '@cometmq/replication'
import { SimulatedElector, SimulatedElectorServer } from '@cometmq/replication/testing'
import type { Runtime } from '@cometmq/runtime'
import type { SimulatedMachine, Simulation } from '@cometmq/simulation'
import { NAME_SERVERS, nameServersOf } from '../simulated-cluster.ts'
import { SimulatedDaemon } from '../simulated-daemon.ts'
import { smallStore } from '../small-store.ts'
import type { BrokerGroupShape, GroupProfile } from './group-profile.ts'

export type MemberDaemon = SimulatedDaemon<Broker>

/** The members of one broker group, a machine each, and the elector that they share. */
export interface SimulatedGroup {
  readonly shape: BrokerGroupShape
  readonly elector: SimulatedElectorServer
  readonly members: readonly MemberDaemon[]
}

/** What a world does without. */
export interface LeftOut {
  readonly rules?: Rules | undefined
  /** The ports of brokers, without something that ports promise. */
  readonly runtime?: ((runtime: Runtime) => Runtime) | undefined
}

/** Two name servers and some broker groups. */
export class GroupCluster {
  readonly nameServers: readonly SimulatedDaemon[]
  readonly groups: readonly SimulatedGroup[]

  constructor(simulation: Simulation, profile: GroupProfile, leftOut: LeftOut = {}) {
    this.nameServers = nameServersOf(simulation)
    this.groups = profile.groups.map((shape) => groupOf(simulation, shape, leftOut))
  }

  get members(): readonly MemberDaemon[] {
    return this.groups.flatMap(({ members }) => members)
  }

  get endpoints(): string {
    return NAME_SERVERS.join(',')
  }

  async start(): Promise<void> {
    await Promise.all([...this.nameServers, ...this.members].map((daemon) => daemon.start()))
  }
}

function groupOf(
  simulation: Simulation,
  shape: BrokerGroupShape,
  leftOut: LeftOut,
): SimulatedGroup {
  const { brokerName, memberCount } = shape
  const elector = new SimulatedElectorServer({
    clock: simulation.clock,
    random: simulation.random.fork(`elector of ${brokerName}`),
  })
  const members = Array.from({ length: memberCount }, (_, index) => {
    const name = `${brokerName}-${index + 1}`
    const machine = simulation.machine(name)
    return new SimulatedDaemon<Broker>(simulation, machine, (runtime, parts) =>
      runBroker(
        memberConfigOf(machine, index, shape, leftOut),
        leftOut.runtime?.(runtime) ?? runtime,
        {
          ...parts,
          probes: { rssBytes: () => 0 },
          elector: () =>
            shape.roles === 'configured'
              ? undefined
              : new SimulatedElector({ name, clock: runtime.clock }, elector),
        },
      ),
    )
  })
  return { shape, elector, members }
}

function memberConfigOf(
  { name, bootCount }: SimulatedMachine,
  index: number,
  { brokerName, memberCount, minInSync, roles }: BrokerGroupShape,
  { rules }: LeftOut,
): BrokerConfig {
  const isStatic = roles === 'configured'
  const members = Array.from({ length: memberCount }, (_, at) => `${brokerName}-${at + 1}:10911`)
  return {
    ...brokerDefaults,
    cluster: 'simulated',
    brokerName,
    listen: `${name}:8081`,
    nameservers: NAME_SERVERS,
    store: smallStore(),
    replication: {
      ...replicationDefaults,
      listen: `${name}:10911`,
      host: name,
      bootId: `boot-${bootCount}`,
      rules,
      memberId: isStatic ? index + 1 : undefined,
      static: isStatic ? { members, master: 1, startsAlone: false } : undefined,
      settings: {
        ...defaultSettings,
        memberCount,
        minInSync,
        handsOver: !isStatic,
        recoversByItself: !isStatic,
      },
    },
  }
}
