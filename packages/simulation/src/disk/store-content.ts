import type { KeyRange, KeyValueOperation } from '@cometmq/runtime'
import type { SeededRandom } from '../seeded-random.ts'
import type { DiskSpace } from './disk-space.ts'
import { survivorCount } from './survivors.ts'

/** Older batches than these have reached the disk. */
const UNDO_MAX = 256

/**
 * The rows of one key-value store, sorted by key, and what it takes to undo the newest batches.
 *
 * Keys are held as latin1 strings: those compare as their bytes do.
 */
export class StoreContent {
  readonly #space: DiskSpace
  readonly #values = new Map<string, Buffer>()
  #keys: string[] = []
  #undo: Row[][] = []
  #discarded = false
  #removed = false
  /** A damaged store cannot be opened. */
  damaged = false
  /** The process that has it open. */
  openedBy: { readonly isAlive: boolean } | undefined

  constructor(space: DiskSpace) {
    this.#space = space
  }

  get(key: Buffer): Buffer | undefined {
    const value = this.#values.get(key.toString('latin1'))
    return value === undefined ? undefined : Buffer.from(value)
  }

  entries(range: KeyRange): (readonly [key: Buffer, value: Buffer])[] {
    const from = this.#indexOf(range.from.toString('latin1'))
    const to = Math.max(from, this.#indexOf(range.to.toString('latin1')))
    const count = Math.min(range.limit ?? Number.POSITIVE_INFINITY, to - from)
    const keys = range.reverse
      ? this.#keys.slice(to - count, to).reverse()
      : this.#keys.slice(from, from + count)
    return keys.map((key) => {
      const value = this.#values.get(key) ?? Buffer.alloc(0)
      return [Buffer.from(key, 'latin1'), Buffer.from(value)] as const
    })
  }

  /** Applies all of it, or nothing when the disk is full. */
  apply(operations: readonly KeyValueOperation[]): boolean {
    const addedBytes = operations.reduce(
      (sum, row) => (row.kind === 'put' ? sum + row.key.length + row.value.length : sum),
      0,
    )
    if (addedBytes > this.#space.freeBytes) return false
    const undo = operations.map((operation) => {
      const key = operation.key.toString('latin1')
      const before = this.#values.get(key)
      this.#set(key, operation.kind === 'put' ? Buffer.from(operation.value) : undefined)
      return { key, value: before }
    })
    this.#undo.push(undo)
    if (this.#undo.length > UNDO_MAX) this.#undo = this.#undo.slice(UNDO_MAX / 2)
    return true
  }

  powerCut(random: SeededRandom): void {
    if (this.#discarded) this.#takeSpaceAgain()
    // Of a store that was being removed, some files may be gone.
    if (this.#removed && random.chance(0.5)) this.damaged = true
    this.#removed = false
    const surviving = survivorCount(this.#undo.length, random)
    for (const batch of this.#undo.slice(surviving).toReversed()) {
      for (const row of batch.toReversed()) this.#set(row.key, row.value)
    }
    this.#undo = []
  }

  /** Its files are being removed. */
  remove(): void {
    this.#removed = true
    this.discard()
  }

  /** Gives back the space it takes. */
  discard(): void {
    if (this.#discarded) return
    this.#discarded = true
    for (const [key, value] of this.#values) this.#space.give(key.length + value.length)
  }

  /** A power cut has undone the removal. */
  #takeSpaceAgain(): void {
    this.#discarded = false
    for (const [key, value] of this.#values) this.#space.takeAnyway(key.length + value.length)
  }

  #set(key: string, value: Buffer | undefined): void {
    const before = this.#values.get(key)
    if (before !== undefined) this.#space.give(key.length + before.length)
    if (value === undefined) {
      if (before === undefined) return
      this.#values.delete(key)
      this.#keys.splice(this.#indexOf(key), 1)
      return
    }
    this.#space.takeAnyway(key.length + value.length)
    this.#values.set(key, value)
    if (before === undefined) this.#keys.splice(this.#indexOf(key), 0, key)
  }

  /** Where the key is, or would be. */
  #indexOf(key: string): number {
    const keys = this.#keys
    let low = 0
    let high = keys.length
    // Rows are mostly appended.
    if (high > 0 && (keys[high - 1] ?? '') < key) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

interface Row {
  readonly key: string
  readonly value: Buffer | undefined
}
