import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BrokerAddress, loadServices } from '@cometmq/protocol'
import type { Transport } from '@cometmq/runtime'
import { openNodeRuntime } from '@cometmq/runtime/node'
import type { DrilledCluster } from '../../../packages/cli/src/drill/faults.ts'
import { LocalEtcd } from '../../etcd/local-etcd.ts'
import type { SmallDisk } from '../../integration/small-disk.ts'
import type { StoppedMember } from '../logs.ts'
import { sharedNowMs } from '../../../packages/cli/src/drill/shared-clock.ts'
import type { Observation } from '../../../packages/cli/src/drill/timeline.ts'
import { DrillNetwork } from './drill-network.ts'
import type { DrillProcess } from './drill-process.ts'
import { GroupRecords } from './group-records.ts'
import {
  type BrokerGroup,
  CLUSTER,
  type ClusterShape,
  type Fitting,
  type Layout,
  layOut,
} from './layout.ts'
import type { MemberWays } from './member-ways.ts'
import type { SlowDisk } from './slow-disk.ts'
import { RouteWatch } from '../../../packages/cli/src/drill/route-watch.ts'

const ETCD_MEMBERS = 3
const START_MS = 60_000

/** Name servers, broker groups and, for groups of several, etcd: real processes on loopback. */
export class DrillCluster implements DrilledCluster, AsyncDisposable {
  readonly shape: ClusterShape
  readonly #layout: Layout
  readonly #transport: Transport
  readonly #etcd: LocalEtcd | undefined
  /** What members agree on; undefined where groups have one. */
  readonly #records: GroupRecords | undefined
  readonly #watches: readonly RouteWatch[]
  readonly #parts: AsyncDisposableStack

  private constructor(
    shape: ClusterShape,
    layout: Layout,
    around: {
      readonly transport: Transport
      readonly etcd: LocalEtcd | undefined
      readonly records: GroupRecords | undefined
      readonly watches: readonly RouteWatch[]
      readonly parts: AsyncDisposableStack
    },
  ) {
    this.shape = shape
    this.#layout = layout
    this.#transport = around.transport
    this.#etcd = around.etcd
    this.#records = around.records
    this.#watches = around.watches
    this.#parts = around.parts
  }

  /** Resolves when it is whole. */
  static async start(options: {
    readonly shape: ClusterShape
    readonly fittings: readonly Fitting[]
    /** By what members are cut off; by namespaces unless given, where this process may make them. */
    readonly ways?: 'relays'
    readonly directory: string
    readonly onObservation: (observation: Observation) => void
  }): Promise<DrillCluster> {
    const { shape, onObservation } = options
    await using undone = new AsyncDisposableStack()
    const isCut = options.fittings.includes('ways')
    const isNetworked = isCut && options.ways !== 'relays' && DrillNetwork.canBeMade()
    const network = isNetworked ? undone.use(DrillNetwork.make()) : undefined
    const start = (): Promise<LocalEtcd> => LocalEtcd.start(ETCD_MEMBERS, network?.host)
    const etcd = shape.members === 1 ? undefined : undone.use(await start())
    const records = etcd === undefined ? undefined : new GroupRecords(etcd, CLUSTER)
    const watching = new AbortController()
    undone.defer(() => watching.abort())
    records?.watchStates(({ by, brokerName, state: { epoch, master, reason } }) => {
      const source = by.name
      const atMs = sharedNowMs()
      onObservation({ kind: 'state', atMs, source, brokerName, epoch, master, reason })
    }, watching.signal)
    const layout = await layOut({ ...options, etcd, network, undone })
    const processes = [...layout.nameServers, ...layout.groups.flatMap(({ members }) => members)]
    undone.defer(async () => void (await Promise.all(processes.map((each) => each.kill()))))
    const runtime = undone.use(openNodeRuntime({ name: 'drill', logLevel: 'silent' }))
    await Promise.all(processes.map((each) => each.start()))
    const services = loadServices()
    const watches = layout.nameServers.map(({ name, address }) => {
      const connection = runtime.transport.connect(address)
      return undone.use(new RouteWatch({ services, connection, onObservation }, name))
    })
    const cluster = new DrillCluster(shape, layout, {
      transport: runtime.transport,
      etcd,
      records,
      watches,
      parts: undone.move(),
    })
    await cluster.untilWhole(AbortSignal.timeout(START_MS)).catch(async (error: unknown) => {
      await cluster[Symbol.asyncDispose]()
      throw new Error(`the cluster is not whole ${START_MS} ms after its start`, { cause: error })
    })
    return cluster
  }

  get nameServers(): readonly DrillProcess[] {
    return this.#layout.nameServers
  }

  get groups(): readonly BrokerGroup[] {
    return this.#layout.groups
  }

  get hasSlaves(): boolean {
    return this.shape.members > 1
  }

  /** What clients connect to. */
  get endpoints(): string[] {
    return this.nameServers.map(({ address }) => address)
  }

  get etcd(): LocalEtcd {
    assert(this.#etcd !== undefined, 'groups of one member have no etcd')
    return this.#etcd
  }

  /** By what members of the first group can be cut off; undefined: they cannot. */
  get waysKind(): MemberWays['kind'] | undefined {
    return [...this.#layout.ways.values()][0]?.kind
  }

  /** Those of a member of the first group, in a cluster that is fitted with ways. */
  waysOf(member: DrillProcess): MemberWays {
    const ways = this.#layout.ways.get(member)
    assert(ways !== undefined, `${member.name} has no ways`)
    return ways
  }

  /** As `waysOf`, fitted with small disks. */
  diskOf(member: DrillProcess): SmallDisk {
    const disk = this.#layout.disks.get(member)
    assert(disk !== undefined, `${member.name} has no disk of its own`)
    return disk
  }

  /** As `waysOf`, fitted with slow disks. */
  slowDiskOf(member: DrillProcess): SlowDisk {
    const disk = this.#layout.slowDisks.get(member)
    assert(disk !== undefined, `${member.name} has a disk that cannot be slowed down`)
    return disk
  }

  /** How many members of a group are in sync, by what they agreed on last. */
  async inSyncCount(groupName: string): Promise<number> {
    const state = await this.#records?.stateOf(groupName)
    return state?.inSync.size ?? 1
  }

  /** What a member says that somebody should look at; nothing while it does not answer. */
  async alarmsOf(member: DrillProcess): Promise<readonly string[]> {
    const { admin } = loadServices()
    const connection = this.#transport.connect(member.address)
    try {
      return (await connection.call(admin.DescribeBroker, {}, { timeoutMs: 1_000 })).alarms
    } catch {
      return []
    } finally {
      connection.close()
    }
  }

  /** Who takes writes, by the latest that any name server tells; undefined: nobody. */
  masterNow(groupName: string): DrillProcess | undefined {
    const address = this.#masterAddress(groupName)?.address
    return this.#members(groupName).find((member) => member.address === address)
  }

  /** As `masterNow`, once there is somebody. */
  async masterOf(groupName: string): Promise<DrillProcess> {
    for (let looks = 0; looks < 6_000; looks++) {
      const master = this.masterNow(groupName)
      if (master !== undefined) return master
      await sleep(10)
    }
    throw new Error(`${groupName} has no master`)
  }

  async slavesOf(groupName: string): Promise<DrillProcess[]> {
    const master = await this.masterOf(groupName)
    return this.#members(groupName).filter((member) => member !== master)
  }

  /** The reign of which name servers have heard; 0 before the first. */
  epochOf(groupName: string): number {
    return this.#masterAddress(groupName)?.epoch ?? 0
  }

  async askForHandOver(groupName: string): Promise<void> {
    assert(this.#records !== undefined, 'groups of one member have nobody to hand over to')
    await this.#records.askForHandOver(groupName)
  }

  /** Resolves when every name server knows a master of every group, and every member is in sync. */
  async untilWhole(signal: AbortSignal): Promise<void> {
    while (!(await this.#isWhole())) await sleep(50, undefined, { signal })
  }

  /** Kills every broker; what they leave can be looked at until the cluster is disposed of. */
  async stopBrokers(): Promise<
    readonly { readonly name: string; readonly members: readonly StoppedMember[] }[]
  > {
    const brokers = this.groups.flatMap(({ members }) => members)
    await Promise.all(brokers.map((broker) => broker.kill()))
    return this.groups.map(({ name, members }) => ({
      name,
      members: members.map((member) => ({
        name: member.name,
        directory: this.#layout.folders.get(member) ?? '',
      })),
    }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }

  async #isWhole(): Promise<boolean> {
    for (const { name, members } of this.groups) {
      const masters = this.#watches.map((watch) => watch.masterOf(name)?.address)
      if (masters[0] === undefined || new Set(masters).size > 1) return false
      if (!members.every(({ isRunning }) => isRunning)) return false
      if ((await this.#records?.isInSync(name, members.length)) === false) return false
    }
    return true
  }

  #masterAddress(groupName: string): BrokerAddress | undefined {
    const masters = this.#watches.map((watch) => watch.masterOf(groupName))
    return masters
      .filter((master) => master !== undefined)
      .toSorted((a, b) => b.epoch - a.epoch)
      .at(0)
  }

  #members(groupName: string): readonly DrillProcess[] {
    const group = this.groups.find(({ name }) => name === groupName)
    assert(group !== undefined, `there is no group ${groupName}`)
    return group.members
  }
}
