import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BrokerAddress, loadServices } from '@cometmq/protocol'
import { type GroupState, parseGroupState } from '@cometmq/replication'
import { type NodeRuntime, openNodeRuntime } from '@cometmq/runtime/node'
import { quietPorts } from '../../cluster/quiet-ports.ts'
import { LocalEtcd } from '../../etcd/local-etcd.ts'
import type { Observation } from '../timeline.ts'
import { DrillProcess } from './drill-process.ts'
import { RouteWatch } from './route-watch.ts'

export interface ClusterShape {
  readonly groups: number
  /** Of each broker group; with one there is no etcd, and nobody to take over. */
  readonly members: number
}

export interface BrokerGroup {
  readonly name: string
  readonly members: readonly DrillProcess[]
}

const CLUSTER = 'drill'
const NAME_SERVERS = 2
const ETCD_MEMBERS = 3

/** Name servers, broker groups and, for groups of several, etcd: real processes on loopback. */
export class DrillCluster implements AsyncDisposable {
  readonly shape: ClusterShape
  readonly nameServers: readonly DrillProcess[]
  readonly groups: readonly BrokerGroup[]
  readonly #etcd: LocalEtcd | undefined
  readonly #watches: readonly RouteWatch[]
  readonly #runtime: NodeRuntime

  private constructor(parts: {
    readonly shape: ClusterShape
    readonly nameServers: readonly DrillProcess[]
    readonly groups: readonly BrokerGroup[]
    readonly etcd: LocalEtcd | undefined
    readonly watches: readonly RouteWatch[]
    readonly runtime: NodeRuntime
  }) {
    this.shape = parts.shape
    this.nameServers = parts.nameServers
    this.groups = parts.groups
    this.#etcd = parts.etcd
    this.#watches = parts.watches
    this.#runtime = parts.runtime
  }

  /** Resolves when every group has a master that all name servers know. */
  static async start(options: {
    readonly shape: ClusterShape
    readonly directory: string
    readonly onObservation: (observation: Observation) => void
  }): Promise<DrillCluster> {
    const { shape, directory, onObservation } = options
    await using undone = new AsyncDisposableStack()
    const etcd = shape.members === 1 ? undefined : undone.use(await LocalEtcd.start(ETCD_MEMBERS))
    const logDirectory = path.join(directory, 'logs')
    await mkdir(logDirectory, { recursive: true })
    const addresses = await addressesFor(NAME_SERVERS + 2 * shape.groups * shape.members)
    const nameServers = Array.from({ length: NAME_SERVERS }, (_, index) => {
      const address = next(addresses)
      const args = ['nameserver', `--cluster=${CLUSTER}`, `--listen=${address}`]
      const name = `name-server-${index}`
      return new DrillProcess({ name, address, args, logDirectory, onObservation })
    })
    const groups = Array.from({ length: shape.groups }, (_, number) => {
      const name = `broker-${String.fromCharCode('a'.charCodeAt(0) + number)}`
      const members = Array.from({ length: shape.members }, (_unused, index) => {
        const address = next(addresses)
        const args = [
          'broker',
          `--cluster=${CLUSTER}`,
          `--name=${name}`,
          `--listen=${address}`,
          `--data=${path.join(directory, `${name}-${index}`)}`,
          `--nameserver=${nameServers.map((nameServer) => nameServer.address).join(',')}`,
          ...replicationArgs(etcd, shape.members, next(addresses)),
        ]
        const member = { name: `${name}-${index}`, address, args, logDirectory, onObservation }
        return new DrillProcess(member)
      })
      return { name, members }
    })
    const processes = [...nameServers, ...groups.flatMap(({ members }) => members)]
    undone.defer(async () => void (await Promise.all(processes.map((each) => each.kill()))))
    const runtime = undone.use(openNodeRuntime({ name: 'drill', logLevel: 'silent' }))
    await Promise.all(processes.map((each) => each.start()))
    const services = loadServices()
    const watches = nameServers.map(({ name, address }) => {
      const connection = runtime.transport.connect(address)
      return undone.use(new RouteWatch({ services, connection, onObservation }, name))
    })
    const parts = { shape, nameServers, groups, etcd, watches, runtime }
    const cluster = new DrillCluster(parts)
    await cluster.untilWhole()
    undone.move()
    return cluster
  }

  /** What clients connect to. */
  get endpoints(): string[] {
    return this.nameServers.map(({ address }) => address)
  }

  get processes(): readonly DrillProcess[] {
    return [...this.nameServers, ...this.groups.flatMap(({ members }) => members)]
  }

  get etcd(): LocalEtcd {
    assert(this.#etcd !== undefined, 'groups of one member have no etcd')
    return this.#etcd
  }

  /** Who takes writes, by the latest that any name server tells. Waits until there is somebody. */
  async masterOf(groupName: string): Promise<DrillProcess> {
    for (;;) {
      const address = this.#masterAddress(groupName)?.address
      const member = this.#members(groupName).find((each) => each.address === address)
      if (member !== undefined) return member
      await sleep(10)
    }
  }

  async slavesOf(groupName: string): Promise<DrillProcess[]> {
    const master = await this.masterOf(groupName)
    return this.#members(groupName).filter((member) => member !== master)
  }

  /** The reign of which name servers have heard; 0 before the first. */
  epochOf(groupName: string): number {
    return this.#masterAddress(groupName)?.epoch ?? 0
  }

  /** What the members of a group have agreed on in etcd. */
  async stateOf(groupName: string): Promise<GroupState | undefined> {
    const text = await this.#get(`${groupName}/state`)
    return text === undefined ? undefined : parseGroupState(text)
  }

  /** Resolves when every name server knows a master of every group, and every member is in sync. */
  async untilWhole(signal?: AbortSignal): Promise<void> {
    while (!(await this.#isWhole())) await sleep(50, undefined, { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]()
    await Promise.all(this.processes.map((each) => each.kill()))
    await this.#etcd?.[Symbol.asyncDispose]()
    await this.#runtime[Symbol.asyncDispose]()
  }

  async #isWhole(): Promise<boolean> {
    for (const { name, members } of this.groups) {
      const masters = this.#watches.map((watch) => watch.masterOf(name)?.address)
      if (masters[0] === undefined || new Set(masters).size > 1) return false
      if (members.length === 1) continue
      if (!members.every(({ isRunning }) => isRunning)) return false
      if (!(await this.#isInSync(name, members.length))) return false
    }
    return true
  }

  /** As etcd has it: with the latest start of each member, which a member that has just begun is not. */
  async #isInSync(groupName: string, members: number): Promise<boolean> {
    const state = await this.stateOf(groupName)
    if (state === undefined || state.inSync.size < members) return false
    for (const [brokerId, incarnation] of state.inSync) {
      const text = await this.#get(`${groupName}/members/${brokerId}`)
      const { lastIncarnation } = JSON.parse(text ?? '{}') as { lastIncarnation?: number }
      if (lastIncarnation !== incarnation) return false
    }
    return true
  }

  async #get(key: string): Promise<string | undefined> {
    for (const member of this.etcd.members.filter(({ isRunning }) => isRunning)) {
      const text = await member.get(`/cometmq/v1/${CLUSTER}/${key}`).catch(() => undefined)
      if (text !== undefined) return text
    }
    return undefined
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

function replicationArgs(
  etcd: LocalEtcd | undefined,
  members: number,
  address: string,
): readonly string[] {
  if (etcd === undefined) return []
  return [
    `--set=replication.etcd.endpoints=${etcd.endpoints.join(',')}`,
    `--set=replication.listen=${address}`,
    `--set=replication.advertise=${address}`,
    `--set=replication.members=${members}`,
    // With two members the other one must be allowed to fail, too.
    `--set=replication.minInSync=${members === 2 ? 1 : 2}`,
  ]
}

async function addressesFor(count: number): Promise<string[]> {
  return (await quietPorts(count)).map((port) => `127.0.0.1:${port}`)
}

function next(addresses: string[]): string {
  const address = addresses.pop()
  assert(address !== undefined, 'every process has its ports')
  return address
}
