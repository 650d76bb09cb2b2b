import type { Clock, Random } from '@cometmq/runtime'
import { SharedKeys } from './shared-keys.ts'

/** What may go wrong with each request, by chance. */
export interface ElectorFaults {
  /** A request never arrives. */
  readonly lostRequestChance: number
  /** A request takes effect, and its answer never arrives. */
  readonly lostAnswerChance: number
  /** A request or an answer takes up to `lateMaxMs`: it may take effect after it was given up. */
  readonly lateChance: number
  readonly lateMaxMs: number
  /** A hint never arrives. */
  readonly lostHintChance: number
  readonly hintLagMaxMs: number
}

export const NO_FAULTS: ElectorFaults = {
  lostRequestChance: 0,
  lostAnswerChance: 0,
  lateChance: 0,
  lateMaxMs: 0,
  lostHintChance: 0,
  hintLagMaxMs: 0,
}

/** Which way is cut: that to the elector, or that back. */
export type CutWay = 'requests' | 'answers'

/** A process that has an elector. */
export interface ElectorMember {
  readonly name: string
  /** Its own: what is due while it is paused waits, and after its end nothing happens. */
  readonly clock: Clock
}

/** One way through a healthy network. */
const USUAL_MS = { from: 0.2, to: 3 }

/**
 * The elector of one broker group in a simulation: what all its members share, and the way there.
 * It is exact; all that goes wrong does so on the way.
 */
export class SimulatedElectorServer {
  readonly keys: SharedKeys
  faults: ElectorFaults
  readonly #clock: Clock
  readonly #random: Random
  readonly #cuts = new Map<string, ReadonlySet<CutWay>>()
  readonly #watchers = new Set<() => void>()
  /** Of each member. */
  readonly #onTheWay = new Map<string, number>()

  /** The ports are those of the simulation, not of any process in it. */
  constructor(ports: { readonly clock: Clock; readonly random: Random }, faults = NO_FAULTS) {
    this.#clock = ports.clock
    this.#random = ports.random
    this.faults = faults
    this.keys = new SharedKeys(ports, () => this.#hint())
  }

  /** Parts a member from the elector, until `rejoin`. */
  cutOff(name: string, ways: readonly CutWay[] = ['requests', 'answers']): void {
    this.#cuts.set(name, new Set(ways))
  }

  rejoin(name: string): void {
    this.#cuts.delete(name)
    // A watch that is opened again finds out what it has missed.
    this.#hint()
  }

  /** Whether something that a member has asked for is yet to arrive, and to take effect: also after its end. */
  isOnTheWay(name: string): boolean {
    return (this.#onTheWay.get(name) ?? 0) > 0
  }

  /** Resolves to the answer; to undefined if none has come in time. */
  request<T>(member: ElectorMember, deadlineMs: number, serve: () => T): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<T | undefined>()
    const deadline = member.clock.schedule(deadlineMs, () => resolve(undefined))
    if (this.#isCut(member, 'requests') || this.#happens(this.faults.lostRequestChance)) {
      return promise
    }
    this.#count(member, 1)
    this.#clock.schedule(this.#delayMs(), () => {
      this.#count(member, -1)
      const answer = serve()
      if (this.#isCut(member, 'answers') || this.#happens(this.faults.lostAnswerChance)) return
      member.clock.schedule(this.#delayMs(), () => {
        deadline.cancel()
        resolve(answer)
      })
    })
    return promise
  }

  /** Calls `told` some time after each change that the member hears of, until it is undone. */
  watch(member: ElectorMember, told: () => void): () => void {
    const watcher = (): void => {
      if (this.#isCut(member, 'answers') || this.#isCut(member, 'requests')) return
      if (this.#happens(this.faults.lostHintChance)) return
      const lagMs = this.#delayMs() + this.faults.hintLagMaxMs * this.#random.fraction()
      member.clock.schedule(lagMs, told)
    }
    this.#watchers.add(watcher)
    watcher()
    return () => this.#watchers.delete(watcher)
  }

  #hint(): void {
    for (const watcher of this.#watchers) watcher()
  }

  #count({ name }: ElectorMember, change: 1 | -1): void {
    this.#onTheWay.set(name, (this.#onTheWay.get(name) ?? 0) + change)
  }

  #isCut(member: ElectorMember, way: CutWay): boolean {
    return this.#cuts.get(member.name)?.has(way) === true
  }

  #delayMs(): number {
    if (this.#happens(this.faults.lateChance))
      return this.faults.lateMaxMs * this.#random.fraction()
    return USUAL_MS.from + (USUAL_MS.to - USUAL_MS.from) * this.#random.fraction()
  }

  #happens(chance: number): boolean {
    return this.#random.fraction() < chance
  }
}
