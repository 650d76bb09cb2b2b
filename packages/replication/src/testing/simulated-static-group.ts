import { loadServices } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import { MessageStore } from '@cometmq/store'
import { copyStore } from '../member/copy-store.ts'
import { defaultSettings } from '../settings.ts'
import { findPlace } from '../static/find-place.ts'
import { promote } from '../static/promote.ts'
import type { PromoteWish } from '../static/promotion.ts'
import { StaticElector, type StaticGroup } from '../static/static-elector.ts'
import {
  addressOf,
  areLevel,
  GROUP,
  LIMIT,
  openMember,
  type SimulatedMember,
  STORE,
} from './simulated-member.ts'

/** One process of a static group. */
export interface StaticProcess extends SimulatedMember {
  readonly id: number
  readonly elector: StaticElector
}

/** What of a simulation such a group needs; a test hands in the whole. */
interface SimulationPorts {
  readonly network: { partition(one: string, other: string): void }
  readonly story: { readonly lines: readonly string[] }
  machine(name: string): { runtime(): Runtime; kill(): void; powerCut(): void }
  runUntil<T>(work: Promise<T>, options: { readonly limitMs: number }): Promise<T>
  runUntil(condition: () => boolean, options: { readonly limitMs: number }): Promise<void>
}

/** Members on simulated machines, each run as a broker runs it: from one life to the next. */
export class SimulatedStaticGroup<S extends SimulationPorts> {
  readonly simulation: S
  readonly processes = new Map<number, StaticProcess>()
  readonly #count: number
  /** How often each has lost its folder. */
  readonly #generation = new Map<number, number>()

  private constructor(simulation: S, count: number) {
    this.simulation = simulation
    this.#count = count
  }

  static async of<S extends SimulationPorts>(
    simulation: S,
    count: number,
  ): Promise<SimulatedStaticGroup<S>> {
    const group = new SimulatedStaticGroup(simulation, count)
    await group.run(Promise.all(group.#ids.map((id) => group.#live(id))))
    // From then on each of them may be promoted.
    await simulation.runUntil(
      () => [...group.processes.values()].every(({ elector }) => elector.inSyncAs > 0),
      LIMIT,
    )
    return group
  }

  /** Everything that happened, a line each. */
  get tale(): string {
    return this.simulation.story.lines.join('\n')
  }

  get leaders(): StaticProcess[] {
    return [...this.processes.values()].filter(
      (process) => process.isServing() && process.member.mayServe,
    )
  }

  process(id: number): StaticProcess {
    const found = this.processes.get(id)
    if (found === undefined) throw new Error(`member ${id} does not run`)
    return found
  }

  start(id: number): Promise<void> {
    return this.run(this.#live(id))
  }

  kill(id: number): void {
    this.simulation.machine(nameOf(id)).kill()
    this.processes.delete(id)
  }

  /** Of what was not synced chance decides. */
  powerCut(id: number): void {
    this.simulation.machine(nameOf(id)).powerCut()
    this.processes.delete(id)
  }

  /** The process dies, and its folder is empty when it comes back. */
  loseEverything(id: number): void {
    this.kill(id)
    this.#generation.set(id, (this.#generation.get(id) ?? 0) + 1)
  }

  /** Cuts a member off from all others. */
  part(id: number): void {
    for (const other of this.#ids) {
      if (other !== id) this.simulation.network.partition(nameOf(id), nameOf(other))
    }
  }

  /** As an operator has it done by that member. */
  promote(by: number, wish: Partial<PromoteWish> & Pick<PromoteWish, 'to'>): Promise<unknown> {
    const { elector, member } = this.process(by)
    const runtime = this.simulation.machine(nameOf(by)).runtime()
    const ports = { ...runtime, elector, member, methods: loadServices().replication }
    const whole = { oldMasterIsDead: false, without: [], ...wish }
    return promote(ports, this.#groupOf(by), whole)
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, LIMIT)
  }

  async untilLed(before?: StaticProcess): Promise<StaticProcess> {
    const find = (): StaticProcess | undefined => this.leaders.find((each) => each !== before)
    await this.simulation.runUntil(() => find() !== undefined, LIMIT)
    return find() as StaticProcess
  }

  async untilAppointed(id: number): Promise<StaticProcess> {
    const isMaster = (): boolean => this.processes.get(id)?.member.state.role.kind === 'master'
    await this.simulation.runUntil(isMaster, LIMIT)
    return this.process(id)
  }

  untilLevel(): Promise<void> {
    return this.simulation.runUntil(() => areLevel(this), LIMIT)
  }

  get #ids(): number[] {
    return Array.from({ length: this.#count }, (_, index) => index + 1)
  }

  #folder(id: number): string {
    return `/data${this.#generation.get(id) ?? 0}`
  }

  #groupOf(me: number): StaticGroup {
    return {
      ...GROUP,
      me,
      master: 1,
      members: new Map(this.#ids.map((id) => [id, addressOf(nameOf(id))])),
      minInSync: this.#count > 2 ? 2 : 1,
      folder: `${this.#folder(me)}/replication`,
      inspectMs: defaultSettings.inspectMs,
      seen: () => this.processes.get(me)?.member.state.member.lastSeenEpoch ?? 0,
    }
  }

  /** Resolves when the member listens; what becomes of it goes on in the background. */
  async #live(id: number): Promise<void> {
    const runtime = this.simulation.machine(nameOf(id)).runtime()
    const group = this.#groupOf(id)
    const config = { ...STORE, directory: this.#folder(id) }
    const { replication: methods } = loadServices()
    const store = await MessageStore.open(runtime, config)
    const elector = await StaticElector.open({ ...runtime, methods }, group)
    const opened = await openMember(runtime, {
      name: nameOf(id),
      store,
      elector,
      appointments: elector,
      configuredId: id,
      folder: group.folder,
      settings: {
        ...defaultSettings,
        memberCount: this.#count,
        minInSync: group.minInSync,
        handsOver: false,
        recoversByItself: false,
      },
    })
    const { member } = opened
    const closing = new AbortController()
    this.processes.set(id, { ...opened, id, elector })
    const again = async (from: string | undefined): Promise<void> => {
      closing.abort()
      await opened.close()
      if (this.processes.get(id)?.member === member) this.processes.delete(id)
      if (from !== undefined) {
        await copyStore(runtime, methods.Checkpoint, { store: config, group, from })
      }
      await this.#live(id)
    }
    void member.ended.then(({ kind }) => {
      if (kind === 'begins-anew') void again(undefined)
    })
    const isTrusted = elector.inSyncAs >= member.state.member.trustedSince
    const { loss, epoch } = elector.appointment
    const askNameServers = () => Promise.resolve({ answered: 0, epoch: 0 })
    findPlace(
      { ...runtime, store, elector, methods, askNameServers },
      { ...group, isTrusted, nameServers: 0, startsAlone: loss?.epoch === epoch + 1 },
      closing.signal,
    ).then(
      (place) => {
        if (place.kind === 'ready') member.start()
        else void again(place.from)
      },
      () => {},
    )
  }
}

function nameOf(id: number): string {
  return `m${id}`
}
