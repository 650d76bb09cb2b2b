import type { KeyValueOperation, KeyValueStore } from '@cometmq/runtime'
import { ByteReader, ByteWriter } from '@cometmq/protocol'
import { levelKey, levelPrefix, levelRange, withoutPrefix } from '../level-keys.ts'
import type { QueueKey } from '../queue-key.ts'
import { parseQueueKey, queueKeyBytes } from '../state/store-tables.ts'
import { BlockCache } from './block-cache.ts'
import { QueueIndex, type QueueRow } from './queue-index.ts'

/** Decoded blocks for readers that have fallen behind; 32 KiB each. */
const CACHED_BLOCKS = 256

/** Entries kept in memory over all queues before those that level holds, too, are let go. */
const MEMORY_ENTRIES_MAX = 500_000

const NO_LOG_OFFSET = Number.MAX_SAFE_INTEGER

/** Every queue's index. The dispatcher writes, the checkpoint carries the news to level. */
export class QueueIndexes {
  readonly #rows: KeyValueStore
  readonly #blocks = new BlockCache(CACHED_BLOCKS)
  readonly #topics = new Map<string, (QueueIndex | undefined)[]>()
  #dirty = new Set<QueueIndex>()
  /** Entries in memory by queue, as of its last checkpoint; the one changed longest ago comes first. */
  readonly #inMemory = new Map<QueueIndex, number>()
  #memoryEntries = 0
  /** Topics deleted since the last checkpoint: level may hold rows of theirs. */
  #forgotten: string[] = []

  private constructor(rows: KeyValueStore) {
    this.#rows = rows
  }

  static async open(rows: KeyValueStore): Promise<QueueIndexes> {
    const indexes = new QueueIndexes(rows)
    for await (const [key, value] of rows.entries(levelRange(levelPrefix.queue))) {
      const queue = parseQueueKey(withoutPrefix(key))
      indexes.#add(new QueueIndex(queue, decodeRow(value)))
    }
    return indexes
  }

  /** A queue that has, or had, messages, or was put by hand. */
  get(queue: QueueKey): QueueIndex | undefined {
    const index = this.#topics.get(queue.topic)?.[queue.queueId]
    return index === undefined || index.nextOffset === 0 ? undefined : index
  }

  /** Makes the queue if need be; it stays unknown to `get` until it has an offset. */
  getOrMake(topic: string, queueId: number): QueueIndex {
    const known = this.#topics.get(topic)?.[queueId]
    if (known !== undefined) return known
    const empty = { nextOffset: 0, minOffset: 0, firstLogOffset: Number.POSITIVE_INFINITY }
    return this.#add(new QueueIndex({ topic, queueId }, empty))
  }

  *all(): Generator<QueueIndex> {
    for (const queues of this.#topics.values()) {
      for (const index of queues) if (index !== undefined && index.nextOffset > 0) yield index
    }
  }

  /** Queues that the next checkpoint writes. */
  get changedCount(): number {
    return this.#dirty.size
  }

  /** Must be called for each index that was changed. */
  changed(index: QueueIndex): void {
    this.#dirty.add(index)
  }

  /** Forgets every queue with a key in `[from, to)`. */
  forget(from: Buffer, to: Buffer): void {
    for (const [topic, queues] of this.#topics) {
      for (const index of queues) {
        if (index === undefined) continue
        const key = queueKeyBytes(index.key)
        if (key.compare(from) < 0 || key.compare(to) >= 0) continue
        queues[index.key.queueId] = undefined
        this.#dirty.delete(index)
        this.#countMemory(index, 0)
      }
      if (queues.some((index) => index !== undefined)) continue
      this.#topics.delete(topic)
    }
    this.#forgotten.push(from.toString('latin1'), to.toString('latin1'))
  }

  find(index: QueueIndex, offset: number): ReturnType<QueueIndex['find']> {
    return index.find(offset, { rows: this.#rows, blocks: this.#blocks })
  }

  offsetAtTime(index: QueueIndex, timestampMs: number): Promise<number> {
    return index.offsetAtTime(timestampMs, { rows: this.#rows, blocks: this.#blocks })
  }

  /**
   * What level lacks. `operations` is called once, before `done`; `done` when level has them. One
   * at a time.
   */
  freeze(): { operations(): Promise<KeyValueOperation[]>; done(): void } {
    const dirty = this.#dirty
    const forgotten = this.#forgotten
    this.#dirty = new Set()
    this.#forgotten = []
    const puts: KeyValueOperation[] = []
    const finished: (() => void)[] = []
    for (const index of dirty) {
      const frozen = index.freeze()
      puts.push(...frozen.operations)
      finished.push(frozen.done)
      const key = levelKey(levelPrefix.queue, queueKeyBytes(index.key))
      puts.push({ kind: 'put', key, value: encodeRow(index.row) })
    }
    return {
      operations: async () => [...(await this.#deletions(forgotten)), ...puts],
      done: () => {
        for (const finish of finished) finish()
        for (const index of dirty) {
          this.#countMemory(index, this.#isKnown(index) ? index.memoryEntries : 0)
        }
        this.#releaseMemory()
      },
    }
  }

  /** Raises every queue's least offset over what lies below `minLogOffset`. */
  async trim(minLogOffset: number, pause: () => Promise<void>): Promise<void> {
    let sinceTurn = 0
    for (const index of this.all()) {
      if (index.firstLogOffset >= minLogOffset) continue
      const useless = await index.trim(minLogOffset, this.#rows)
      if (this.#isKnown(index)) this.changed(index)
      if (useless.length > 0) {
        await this.#rows.apply(useless.map((key) => ({ kind: 'delete', key })))
      }
      if (++sinceTurn % 256 === 0) await pause()
    }
  }

  #add(index: QueueIndex): QueueIndex {
    const { topic, queueId } = index.key
    let queues = this.#topics.get(topic)
    if (queues === undefined) this.#topics.set(topic, (queues = []))
    while (queues.length < queueId) queues.push(undefined)
    queues[queueId] = index
    return index
  }

  #isKnown(index: QueueIndex): boolean {
    return this.#topics.get(index.key.topic)?.[index.key.queueId] === index
  }

  #countMemory(index: QueueIndex, entries: number): void {
    this.#memoryEntries += entries - (this.#inMemory.get(index) ?? 0)
    this.#inMemory.delete(index)
    if (entries > 0) this.#inMemory.set(index, entries)
  }

  #releaseMemory(): void {
    if (this.#memoryEntries <= MEMORY_ENTRIES_MAX) return
    // To well below the limit, so that the search for the oldest is not made each time. Over a copy,
    // for a queue that keeps entries goes to the end.
    for (const index of Array.from(this.#inMemory.keys())) {
      if (this.#memoryEntries <= MEMORY_ENTRIES_MAX / 2) return
      index.releaseMemory()
      this.#countMemory(index, index.memoryEntries)
    }
  }

  async #deletions(forgotten: readonly string[]): Promise<KeyValueOperation[]> {
    const operations: KeyValueOperation[] = []
    for (let at = 0; at + 1 < forgotten.length; at += 2) {
      const from = Buffer.from(forgotten[at] as string, 'latin1')
      const to = Buffer.from(forgotten[at + 1] as string, 'latin1')
      for (const prefix of [levelPrefix.queue, levelPrefix.index]) {
        const range = { from: levelKey(prefix, from), to: levelKey(prefix, to) }
        for await (const [key] of this.#rows.entries(range)) {
          operations.push({ kind: 'delete', key })
        }
      }
    }
    return operations
  }
}

function encodeRow(row: QueueRow): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(24))
  writer.uint64(row.nextOffset)
  writer.uint64(row.minOffset)
  writer.uint64(Math.min(row.firstLogOffset, NO_LOG_OFFSET))
  return writer.bytes
}

function decodeRow(bytes: Buffer): QueueRow {
  const reader = new ByteReader(bytes)
  const nextOffset = reader.uint64()
  const minOffset = reader.uint64()
  const firstLogOffset = reader.uint64()
  return {
    nextOffset,
    minOffset,
    firstLogOffset: firstLogOffset === NO_LOG_OFFSET ? Number.POSITIVE_INFINITY : firstLogOffset,
  }
}
