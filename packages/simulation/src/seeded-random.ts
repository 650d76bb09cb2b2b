import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import type { Random } from '@cometmq/runtime'

/**
 * Chance that repeats itself: xoshiro128** (Blackman and Vigna), filled by splitmix32.
 *
 * `fork` gives an independent stream that depends on seed and label only, not on what was drawn
 * before: so one more draw in one part of a run does not shift all others.
 */
export class SeededRandom implements Random {
  readonly #seed: number
  readonly #state: Uint32Array

  constructor(seed: number) {
    assert(Number.isSafeInteger(seed), 'a seed is an integer')
    // Both halves of a large seed count.
    this.#seed = crc32(String(seed))
    let filler = this.#seed
    this.#state = Uint32Array.from({ length: 4 }, () => {
      filler = (filler + 0x9e3779b9) >>> 0
      let mixed = Math.imul(filler ^ (filler >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      return mixed ^ (mixed >>> 15)
    })
  }

  fork(label: string): SeededRandom {
    return new SeededRandom(crc32(label, this.#seed))
  }

  fraction(): number {
    // 53 bits, as many as a number holds.
    return ((this.#next() >>> 5) * 0x4000000 + (this.#next() >>> 6)) / 2 ** 53
  }

  hex(byteLength: number): string {
    const bytes = Buffer.allocUnsafe(byteLength)
    for (let at = 0; at < byteLength; at += 1) bytes[at] = this.#next() >>> 24
    return bytes.toString('hex')
  }

  /** In `[from, to)`. */
  between(from: number, to: number): number {
    return from + (to - from) * this.fraction()
  }

  /** An integer in `[0, bound)`. */
  below(bound: number): number {
    return Math.floor(bound * this.fraction())
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  /** One of them; there must be one. */
  pick<T>(choices: readonly T[]): T {
    assert(choices.length > 0, 'there is nothing to pick from')
    return choices[this.below(choices.length)] as T
  }

  #next(): number {
    const state = this.#state
    const [a = 0, b = 0, c = 0, d = 0] = state
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9)
    const mixedC = c ^ a
    const mixedD = d ^ b
    state[0] = a ^ mixedD
    state[1] = b ^ mixedC
    state[2] = mixedC ^ (b << 9)
    state[3] = rotate(mixedD, 11)
    return result >>> 0
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
