import { loadServices } from '@cometmq/protocol'
import { type Clock, ListenerSet, type Random, type Runtime } from '@cometmq/runtime'
import { MessageStore, storeConfig } from '@cometmq/store'
import { copyStore } from '../member/copy-store.ts'
import { GroupMember } from '../member/group-member.ts'
import { memberHandlers } from '../member/member-handlers.ts'
import { defaultStreamLimits, type Duties } from '../member/ports.ts'
import { defaultSettings, type ReplicationSettings } from '../settings.ts'
import { SimulatedElector } from './simulated-elector.ts'
import { SimulatedElectorServer } from './simulated-elector-server.ts'

const LIMIT = { limitMs: 60_000 }
const KIB = 1024
/** Small enough that segments roll within a test, and are deleted. */
const STORE = storeConfig('/data', {
  confirm: 'external',
  segmentMaxBytes: 64 * KIB,
  retention: { maxAgeMs: 60_000, maxBytes: 256 * KIB, minFreeBytes: 0, checkIntervalMs: 200 },
  minFreeBytes: 32 * KIB,
  hardFreeBytes: 8 * KIB,
  checkpointIntervalMs: 300,
})

/** One process of a simulated group: a store and its member, and no broker around them. */
export interface GroupProcess {
  readonly name: string
  readonly store: MessageStore
  readonly member: GroupMember
  readonly elector: SimulatedElector
  readonly listeners: ListenerSet
  /** Whether name servers have been told of it. */
  readonly hasToldRole: () => boolean
  /** Whether clients are served here. */
  readonly isServing: () => boolean
}

/** What of a simulation a group needs; a test hands in the whole. */
interface SimulationPorts {
  readonly clock: Clock
  readonly random: { fork(name: string): Random }
  readonly network: { partition(one: string, other: string): void; healAll(): void }
  readonly story: { readonly lines: readonly string[] }
  machine(name: string): {
    runtime(): Runtime
    kill(): void
    readonly disk: { flipBit(path: string, where: { readonly at: number }): void }
  }
  runUntil<T>(work: Promise<T>, options: { readonly limitMs: number }): Promise<T>
  runUntil(condition: () => boolean, options: { readonly limitMs: number }): Promise<void>
  advance(byMs: number): Promise<void>
}

/** A broker group on simulated machines, with real stores. */
export class SimulatedGroup<S extends SimulationPorts> {
  readonly simulation: S
  readonly elector: SimulatedElectorServer
  readonly processes = new Map<string, GroupProcess>()
  readonly #settings: ReplicationSettings

  constructor(simulation: S, settings: Partial<ReplicationSettings> = {}) {
    this.simulation = simulation
    this.#settings = { ...defaultSettings, ...settings }
    this.elector = new SimulatedElectorServer({
      clock: this.simulation.clock,
      random: this.simulation.random.fork('elector'),
    })
  }

  static async of<S extends SimulationPorts>(
    simulation: S,
    ...names: readonly string[]
  ): Promise<SimulatedGroup<S>> {
    const group = new SimulatedGroup(simulation)
    for (const name of names) await group.start(name)
    return group
  }

  /** Starts a member on the machine of that name, on what its disk holds. */
  start(name: string): Promise<GroupProcess> {
    return this.simulation.runUntil(this.#open(name), LIMIT)
  }

  async startTogether(...names: readonly string[]): Promise<void> {
    await this.run(Promise.all(names.map((name) => this.#open(name))))
  }

  kill(name: string): void {
    this.simulation.machine(name).kill()
    this.processes.delete(name)
  }

  /** Cuts a member off from all others and the elector. */
  part(name: string): void {
    const { network } = this.simulation
    for (const other of this.processes.keys()) if (other !== name) network.partition(name, other)
    this.elector.cutOff(name)
  }

  /** Writes until the begin of the log has been deleted. */
  async outgrow(master: GroupProcess): Promise<void> {
    const value = Buffer.alloc(4 * KIB)
    for (let n = 0; master.store.log.offsets.min === 0; n++) {
      if (n > 1_000) throw new Error('nothing is deleted')
      const key = Buffer.from('filler')
      const changes = [{ kind: 'put' as const, table: 'test', key, value }]
      await this.run(master.store.append({ records: [{ kind: 'change', changes }] }))
      await this.simulation.advance(20)
    }
  }

  /** Makes the store of a member anew, as its process does between two lives of it. */
  async copy(name: string, from: string): Promise<void> {
    const process = this.processes.get(name)
    if (process === undefined) throw new Error(`${name} does not run`)
    await this.run(process.member.close())
    await this.run(process.listeners.close())
    await this.run(process.elector[Symbol.asyncDispose]())
    await this.run(process.store.close())
    this.processes.delete(name)
    const runtime = this.simulation.machine(name).runtime()
    const { Checkpoint } = loadServices().replication
    const group = { cluster: 'simulated', brokerName: 'broker-a' }
    await this.run(copyStore(runtime, Checkpoint, { store: STORE, group, from }))
  }

  rejoin(name: string): void {
    this.simulation.network.healAll()
    this.elector.rejoin(name)
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, LIMIT)
  }

  /** Everything that happened, a line each. */
  get tale(): string {
    return this.simulation.story.lines.join('\n')
  }

  /** All have one log, and know all of it to be confirmed. */
  get areLevel(): boolean {
    const logs = [...this.processes.values()].map(({ store }) => store.log.offsets)
    return logs.every(({ max, confirm }) => max === logs[0]?.max && confirm === max)
  }

  /** Lets time pass until somebody serves who has not done so before, with so many in sync. */
  async untilServing(inSync: number, before?: GroupProcess): Promise<GroupProcess> {
    const find = (): GroupProcess | undefined =>
      [...this.processes.values()].find(
        (process) =>
          process !== before &&
          process.isServing() &&
          process.member.mayServe &&
          process.member.group?.inSync.size === inSync,
      )
    await this.simulation.runUntil(() => find() !== undefined, LIMIT)
    return find() as GroupProcess
  }

  async #open(name: string): Promise<GroupProcess> {
    const runtime = this.simulation.machine(name).runtime()
    const store = await MessageStore.open(runtime, STORE)
    const elector = new SimulatedElector({ name, clock: runtime.clock }, this.elector)
    let isServing = false
    let hasToldRole = false
    const duties: Duties = {
      begin: () => {
        isServing = true
      },
      end: () => {
        isServing = false
      },
      roleChanged: () => {
        hasToldRole = true
      },
    }
    const { replication } = loadServices()
    const member = await GroupMember.open(
      { ...runtime, store, elector, methods: replication, duties },
      {
        cluster: 'simulated',
        brokerName: 'broker-a',
        folder: '/data/replication',
        settings: this.#settings,
        limits: defaultStreamLimits,
        self: {
          configuredId: undefined,
          host: name,
          bootId: 'boot',
          replicationAddress: `${name}:10911`,
          isObserver: false,
          priority: 0,
        },
      },
    )
    const handlers = memberHandlers(replication, () => member)
    const listeners = await ListenerSet.open(
      runtime.transport,
      [{ name: 'members', listen: `${name}:10911` }],
      {
        handlers,
      },
    )
    member.start()
    const process = {
      name,
      store,
      member,
      elector,
      listeners,
      isServing: () => isServing,
      hasToldRole: () => hasToldRole,
    }
    this.processes.set(name, process)
    return process
  }
}

export function rowOf(name: string) {
  const key = Buffer.from(name)
  const changes = [{ kind: 'put' as const, table: 'test', key, value: key }]
  return { records: [{ kind: 'change' as const, changes }] }
}

export function valueOf({ store }: GroupProcess, name: string): string | undefined {
  return store.table('test').get(Buffer.from(name))?.toString()
}

export function valuesOf(
  group: SimulatedGroup<SimulationPorts>,
  name: string,
): (string | undefined)[] {
  return [...group.processes.values()].map((process) => valueOf(process, name))
}

/** Members with some rows that all of them have, and where the first of these lies in the log. */
export async function groupWithRows<S extends SimulationPorts>(
  simulation: S,
  ...names: readonly string[]
) {
  const group = await SimulatedGroup.of(simulation, ...names)
  const master = await group.untilServing(names.length)
  const { records } = await group.run(master.store.append(rowOf('x')))
  for (const name of ['y', 'z', 'last']) await group.run(master.store.append(rowOf(name)))
  await simulation.runUntil(() => group.areLevel, LIMIT)
  const slaves = [...group.processes.values()].filter((process) => process !== master)
  return { group, master, slaves, at: records[0]?.logOffset ?? 0 }
}

/** Turns a bit of what that process has on its disk. */
export function flip(
  group: SimulatedGroup<SimulationPorts>,
  { name }: GroupProcess,
  at: number,
): void {
  const path = `/data/log/${String(at - (at % STORE.segmentMaxBytes)).padStart(20, '0')}`
  group.simulation.machine(name).disk.flipBit(path, { at: at % STORE.segmentMaxBytes })
}

/** Whether all have the same bytes on their disks. */
export async function haveOneLog(group: SimulatedGroup<SimulationPorts>): Promise<boolean> {
  const sums = [...group.processes.values()].map(({ store }) => {
    const { min, max } = store.log.offsets
    return store.log.checksum(min, max)
  })
  return new Set(await group.run(Promise.all(sums))).size === 1
}
