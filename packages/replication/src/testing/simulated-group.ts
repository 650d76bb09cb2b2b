import { loadServices } from '@cometmq/protocol'
import type { Clock, Random, Runtime } from '@cometmq/runtime'
import { MessageStore } from '@cometmq/store'
import { copyStore } from '../member/copy-store.ts'
import { defaultSettings, type ReplicationSettings } from '../settings.ts'
import { SimulatedElector } from './simulated-elector.ts'
import { SimulatedElectorServer } from './simulated-elector-server.ts'
import {
  areLevel,
  GROUP,
  LIMIT,
  openMember,
  rowOf,
  type SimulatedMember,
  STORE,
} from './simulated-member.ts'

/** One process of a simulated group. */
export interface GroupProcess extends SimulatedMember {
  readonly name: string
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
    const value = Buffer.alloc(4 * 1024)
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
    await this.run(process.close())
    this.processes.delete(name)
    const runtime = this.simulation.machine(name).runtime()
    const { Checkpoint } = loadServices().replication
    await this.run(copyStore(runtime, Checkpoint, { store: STORE, group: GROUP, from }))
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

  get areLevel(): boolean {
    return areLevel(this)
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
    const opened = await openMember(runtime, {
      name,
      store: await MessageStore.open(runtime, STORE),
      elector: new SimulatedElector({ name, clock: runtime.clock }, this.elector),
      settings: this.#settings,
      folder: '/data/replication',
    })
    opened.member.start()
    const process = { ...opened, name }
    this.processes.set(name, process)
    return process
  }
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
