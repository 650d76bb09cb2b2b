import assert from 'node:assert/strict'
import type { KeyValueOperation, KeyValueStore } from '@cometmq/runtime'
import { indexKey } from '../level-keys.ts'
import type { QueueKey } from '../queue-key.ts'
import type { BlockCache } from './block-cache.ts'
import {
  baseOf,
  decodeIndexBlock,
  ENTRY_NUMBERS,
  encodeIndexBlock,
  endOf,
  firstEntry,
  type IndexEntries,
  logOffsetOf,
  storeTimeOf,
} from './index-block.ts'

/** A block holds so many entries at most. */
const BLOCK_ENTRIES = 1024

/**
 * A checkpoint rewrites a queue's last block while it is shorter than this, and begins a new one
 * after that: short enough that rewriting is cheap, long enough that blocks are few.
 */
const CLOSED_BLOCK_ENTRIES = 128

export interface QueueRow {
  readonly nextOffset: number
  readonly minOffset: number
  /** Log offset of the first message that can be read; `Infinity` when there is none. */
  readonly firstLogOffset: number
}

/**
 * The index of one queue: which batch holds an offset, and where it lies in the log.
 *
 * The newest entries are in memory, from `memoryFrom` on; all before are blocks in level. Derived
 * data with one writer, the dispatcher. `minOffset <= nextOffset`; an entry for each batch between.
 */
export class QueueIndex {
  readonly key: QueueKey
  #nextOffset: number
  #minOffset: number
  #firstLogOffset: number
  /** Entries not in level yet, after those of the block that the next checkpoint goes on with. */
  #numbers: number[] = []
  /** So many of the first entries in `#numbers` are in level as well. */
  #persisted = 0

  constructor(key: QueueKey, row: QueueRow) {
    this.key = key
    this.#nextOffset = row.nextOffset
    this.#minOffset = row.minOffset
    this.#firstLogOffset = row.firstLogOffset
  }

  /** The offset after the last confirmed message. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  get minOffset(): number {
    return this.#minOffset
  }

  get firstLogOffset(): number {
    return this.#firstLogOffset
  }

  get row(): QueueRow {
    return {
      nextOffset: this.#nextOffset,
      minOffset: this.#minOffset,
      firstLogOffset: this.#firstLogOffset,
    }
  }

  /** Whether a batch with that first offset comes next. A queue may begin anywhere. */
  accepts(base: number): boolean {
    return base === this.#nextOffset || this.#nextOffset === 0
  }

  append(entry: {
    readonly base: number
    readonly to: number
    readonly logOffset: number
    readonly bytes: number
    readonly storeTimeMs: number
  }): void {
    assert.ok(this.accepts(entry.base), 'the dispatcher skipped or repeated a message')
    if (this.#nextOffset === 0) this.#minOffset = entry.base
    if (this.#firstLogOffset === Number.POSITIVE_INFINITY) this.#firstLogOffset = entry.logOffset
    this.#numbers.push(entry.base, entry.logOffset, entry.bytes, entry.storeTimeMs)
    this.#nextOffset = entry.to
  }

  /** Raises offsets by hand, to these at least. */
  raise(offsets: { readonly nextOffset: number; readonly minOffset: number }): void {
    const isEmpty = this.#firstLogOffset === Number.POSITIVE_INFINITY
    this.#nextOffset = Math.max(this.#nextOffset, offsets.nextOffset)
    const minOffset = isEmpty ? this.#nextOffset : offsets.minOffset
    this.#minOffset = Math.min(Math.max(this.#minOffset, minOffset), this.#nextOffset)
  }

  /**
   * The entries around `offset`: the first with messages at or after it is at `index`. `undefined`
   * if there is none. Answers at once for what is in memory.
   */
  find(
    offset: number,
    level: { readonly rows: KeyValueStore; readonly blocks: BlockCache },
  ): Found | undefined | Promise<Found | undefined> {
    if (offset >= this.#nextOffset) return undefined
    const memory = this.#memory
    if (memory.count > 0 && offset >= baseOf(memory, 0)) return foundIn(memory, offset)
    const cached = level.blocks.find(this, offset)
    if (cached !== undefined) return foundIn(cached, offset)
    return this.#findInLevel(offset, level)
  }

  /** The first message stored at `timestampMs` or later; the end of the queue if there is none. */
  async offsetAtTime(
    timestampMs: number,
    level: { readonly rows: KeyValueStore; readonly blocks: BlockCache },
  ): Promise<number> {
    // Store times never fall along a queue, so each step halves what is left: below `low` all are
    // older, from `high` on none is.
    let low = this.#minOffset
    let high = this.#nextOffset
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const found = await this.find(middle, level)
      if (found === undefined) {
        high = middle
        continue
      }
      const { entries } = found
      const index = firstEntry(entries, (entry) => storeTimeOf(entries, entry) >= timestampMs)
      if (index === entries.count) low = Math.max(middle + 1, entries.to)
      else if (index > 0) return Math.max(baseOf(entries, index), this.#minOffset)
      else high = Math.min(middle, baseOf(entries, 0))
    }
    return Math.max(high, this.#minOffset)
  }

  /**
   * Rows that bring level up to what is in memory. `done` must be called when they are in level,
   * and `freeze` not again before.
   */
  freeze(): { readonly operations: readonly KeyValueOperation[]; readonly done: () => void } {
    const frozen = this.#memory
    const operations: KeyValueOperation[] = []
    let lastBlock = 0
    if (frozen.count > this.#persisted) {
      for (let first = 0; first < frozen.count; first += BLOCK_ENTRIES) {
        const key = indexKey(this.key, baseOf(frozen, first))
        const end = Math.min(first + BLOCK_ENTRIES, frozen.count)
        operations.push({ kind: 'put', key, value: encodeIndexBlock(frozen, first, end) })
        lastBlock = first
      }
    }
    const done = (): void => {
      const goesOn = frozen.count - lastBlock < CLOSED_BLOCK_ENTRIES
      const dropped = goesOn ? lastBlock : frozen.count
      if (dropped > 0) this.#numbers = this.#numbers.slice(dropped * ENTRY_NUMBERS)
      this.#persisted = frozen.count - dropped
    }
    return { operations, done }
  }

  /** Forgets what is in level as well; the next append begins a new block. */
  releaseMemory(): void {
    if (this.#persisted * ENTRY_NUMBERS !== this.#numbers.length) return
    this.#numbers = []
    this.#persisted = 0
  }

  get memoryEntries(): number {
    return this.#numbers.length / ENTRY_NUMBERS
  }

  /**
   * Raises `minOffset` over everything below log offset `minLogOffset`; resolves to the keys of
   * blocks that are of no use any more. Never while a checkpoint is being written.
   */
  async trim(minLogOffset: number, rows: KeyValueStore): Promise<Buffer[]> {
    const useless: Buffer[] = []
    const memoryFrom = baseOrEnd(this.#memory, this.#nextOffset)
    const range = { from: indexKey(this.key, 0), to: indexKey(this.key, memoryFrom) }
    for await (const [key, value] of rows.entries(range)) {
      const block = decodeIndexBlock(value)
      const index = firstEntry(block, (entry) => logOffsetOf(block, entry) >= minLogOffset)
      if (index < block.count) {
        this.#trimTo(baseOf(block, index), logOffsetOf(block, index))
        return useless
      }
      useless.push(key)
    }
    const memory = this.#memory
    const index = firstEntry(memory, (entry) => logOffsetOf(memory, entry) >= minLogOffset)
    if (index < memory.count) this.#trimTo(baseOf(memory, index), logOffsetOf(memory, index))
    else this.#trimTo(this.#nextOffset, Number.POSITIVE_INFINITY)
    return useless
  }

  #trimTo(base: number, logOffset: number): void {
    this.#minOffset = Math.max(this.#minOffset, base)
    this.#firstLogOffset = logOffset
  }

  get #memory(): IndexEntries {
    const numbers = this.#numbers
    return { numbers, count: numbers.length / ENTRY_NUMBERS, to: this.#nextOffset }
  }

  async #findInLevel(
    offset: number,
    level: { readonly rows: KeyValueStore; readonly blocks: BlockCache },
  ): Promise<Found | undefined> {
    const range = { from: indexKey(this.key, 0), to: indexKey(this.key, offset + 1) }
    for await (const [, value] of level.rows.entries({ ...range, reverse: true, limit: 1 })) {
      const block = decodeIndexBlock(value)
      if (offset >= block.to) break
      level.blocks.add(this, block)
      return foundIn(block, offset)
    }
    // Offsets may leave a gap: what comes after it is wanted then.
    const after = { from: indexKey(this.key, offset), to: indexKey(this.key, this.#nextOffset) }
    for await (const [, value] of level.rows.entries({ ...after, limit: 1 })) {
      const block = decodeIndexBlock(value)
      level.blocks.add(this, block)
      return { entries: block, index: 0 }
    }
    const memory = this.#memory
    return memory.count > 0 ? foundIn(memory, offset) : undefined
  }
}

export interface Found {
  readonly entries: IndexEntries
  readonly index: number
}

function foundIn(entries: IndexEntries, offset: number): Found {
  return { entries, index: firstEntry(entries, (entry) => endOf(entries, entry) > offset) }
}

function baseOrEnd(entries: IndexEntries, end: number): number {
  return entries.count > 0 ? baseOf(entries, 0) : end
}
