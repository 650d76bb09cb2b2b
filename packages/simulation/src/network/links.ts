import type { SeededRandom } from '../seeded-random.ts'

export interface LinkLatency {
  /** What most messages take, `[from, to)`. */
  readonly usualMs: readonly [fromMs: number, toMs: number]
  /** How many of them take long, from 0 to 1, and how long at most. */
  readonly lateFraction: number
  readonly lateMaxMs: number
}

/** One data centre: fractions of a millisecond, now and then a hiccup. */
export const DEFAULT_LINK_LATENCY: LinkLatency = {
  usualMs: [0.1, 0.5],
  lateFraction: 0.01,
  lateMaxMs: 20,
}

const LOOPBACK_MS = 0.02

/** What is lost is sent again after so long, as TCP does, and then after twice as long each time. */
const RETRANSMIT_MS = 200
const RETRANSMITS_MAX = 6

/** The ways between hosts, each in one direction: which are blocked, and how slow they are. */
export class Links {
  readonly #latency: LinkLatency
  readonly #random: SeededRandom
  readonly #blocked = new Set<string>()
  readonly #isolated = new Set<string>()
  readonly #addedMs = new Map<string, number>()
  readonly #lossChance = new Map<string, number>()

  constructor(latency: LinkLatency, random: SeededRandom) {
    this.#latency = latency
    this.#random = random
  }

  isBlocked(from: string, to: string): boolean {
    if (from === to) return false
    if (this.#isolated.has(from) || this.#isolated.has(to)) return true
    return this.#blocked.has(key(from, to))
  }

  block(from: string, to: string): void {
    this.#blocked.add(key(from, to))
  }

  unblock(from: string, to: string): void {
    this.#blocked.delete(key(from, to))
  }

  /** Blocks a host from and to all others. */
  isolate(host: string): void {
    this.#isolated.add(host)
  }

  rejoin(host: string): void {
    this.#isolated.delete(host)
  }

  unblockAll(): void {
    this.#blocked.clear()
    this.#isolated.clear()
  }

  /** What each message takes on top, one way. */
  setAddedDelay(from: string, to: string, addedMs: number): void {
    this.#addedMs.set(key(from, to), addedMs)
  }

  /** How many of the packets are lost, from 0 to 1. */
  setLoss(from: string, to: string, chance: number): void {
    this.#lossChance.set(key(from, to), chance)
  }

  /** How long the next message takes; what is lost on the way comes late, and all behind it. */
  delayMs(from: string, to: string): number {
    if (from === to) return LOOPBACK_MS
    const { usualMs, lateFraction, lateMaxMs } = this.#latency
    const isLate = this.#random.chance(lateFraction)
    const ownMs = this.#random.between(...(isLate ? ([usualMs[1], lateMaxMs] as const) : usualMs))
    return ownMs + (this.#addedMs.get(key(from, to)) ?? 0) + this.#resentMs(key(from, to))
  }

  #resentMs(way: string): number {
    const chance = this.#lossChance.get(way) ?? 0
    let addedMs = 0
    for (let losses = 0; losses < RETRANSMITS_MAX; losses++) {
      if (chance === 0 || !this.#random.chance(chance)) break
      addedMs += RETRANSMIT_MS * 2 ** losses
    }
    return addedMs
  }
}

function key(from: string, to: string): string {
  return `${from} → ${to}`
}
