import { ByteReader, ByteWriter, limits, NO_PRODUCER_ID, type RecordBatch } from '@cometmq/protocol'
import type { KeyValueOperation, KeyValueStore } from '@cometmq/runtime'
import { levelKey, levelPrefix, levelRange, withoutPrefix } from './level-keys.ts'
import { queueKeyBytes } from './state/store-tables.ts'

const WINDOWS_MAX = 100_000
const IDLE_MAX_MS = 3_600_000

const RESULT_NUMBERS = 3

/** Where a batch of a producer was appended. */
export interface SequenceResult {
  readonly baseQueueOffset: number
  readonly logOffset: number
  readonly endOffset: number
}

/** What is remembered of one producer's batches for one queue. Never changed, only replaced. */
export interface ProducerWindow {
  readonly epoch: number
  readonly nextSequence: number
  /**
   * Of the sequences just below `nextSequence`, in order: base queue offset, log offset, end offset of
   * each. Numbers side by side, for there are many windows.
   */
  readonly results: readonly number[]
  readonly usedAtMs: number
}

export type Judgement =
  | { readonly kind: 'accept' }
  | { readonly kind: 'duplicate'; readonly result: SequenceResult }
  /** A batch before it is missing; `expected` must come first. */
  | { readonly kind: 'gap'; readonly expected: number }
  /** Appended so long ago that where is forgotten. */
  | { readonly kind: 'too-old' }
  /** The producer has gone on to a higher epoch. */
  | { readonly kind: 'fenced'; readonly epoch: number }

export interface ProducerSequence {
  readonly producerEpoch: number
  readonly sequence: number
}

/** Decides what to do with a batch of that sequence. Without a window, only 0 may come. */
export function judgeSequence(
  window: ProducerWindow | undefined,
  { producerEpoch, sequence }: ProducerSequence,
): Judgement {
  if (window !== undefined && producerEpoch < window.epoch) {
    return { kind: 'fenced', epoch: window.epoch }
  }
  const isNew = window === undefined || producerEpoch > window.epoch
  const expected = isNew ? 0 : window.nextSequence
  if (sequence === expected) return { kind: 'accept' }
  if (isNew || sequence > expected) return { kind: 'gap', expected }
  const at = window.results.length - (expected - sequence) * RESULT_NUMBERS
  if (at < 0) return { kind: 'too-old' }
  const [baseQueueOffset = 0, logOffset = 0, endOffset = 0] = window.results.slice(
    at,
    at + RESULT_NUMBERS,
  )
  return { kind: 'duplicate', result: { baseQueueOffset, logOffset, endOffset } }
}

/** The window after a batch of that sequence was appended. */
export function acceptSequence(
  window: ProducerWindow | undefined,
  { producerEpoch, sequence }: ProducerSequence,
  result: SequenceResult,
  usedAtMs: number,
): ProducerWindow {
  const goesOn = window?.epoch === producerEpoch && window.nextSequence === sequence
  const before = goesOn ? window.results : []
  const isFull = before.length === limits.producerWindowBatches * RESULT_NUMBERS
  const results = before.slice(isFull ? RESULT_NUMBERS : 0)
  results.push(result.baseQueueOffset, result.logOffset, result.endOffset)
  return { epoch: producerEpoch, nextSequence: sequence + 1, results, usedAtMs }
}

/**
 * Which window a batch falls into, as a byte string: producer id, queue key. `undefined` for batches
 * that are not checked: without a producer id, or made by a broker.
 */
export function windowKeyOf(
  batch: RecordBatch,
  from: { readonly producerId: string; readonly topic: string; readonly queueId: number },
): string | undefined {
  if (from.producerId === NO_PRODUCER_ID || batch.isBrokerMade) return undefined
  const producer = Buffer.from(from.producerId, 'hex').toString('latin1')
  return producer + queueKeyBytes(from).toString('latin1')
}

/** Every window as of the applied records, bounded in number and age. */
export class ProducerWindows {
  /** The one used longest ago comes first. */
  readonly #windows = new Map<string, ProducerWindow>()
  #dirty = new Set<string>()
  /** The latest of all. Windows age by the times in the log, so that every replay agrees. */
  #usedAtMs = 0

  static async open(rows: KeyValueStore): Promise<ProducerWindows> {
    const windows = new ProducerWindows()
    const found: (readonly [string, ProducerWindow])[] = []
    for await (const [key, value] of rows.entries(levelRange(levelPrefix.producer))) {
      found.push([withoutPrefix(key).toString('latin1'), decodeWindow(value)])
    }
    found.sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs)
    for (const [key, window] of found) windows.set(key, window)
    windows.#dirty.clear()
    return windows
  }

  get(key: string): ProducerWindow | undefined {
    return this.#windows.get(key)
  }

  keys(): IterableIterator<string> {
    return this.#windows.keys()
  }

  /** Windows that the next checkpoint writes. */
  get changedCount(): number {
    return this.#dirty.size
  }

  set(key: string, window: ProducerWindow): void {
    this.#windows.delete(key)
    this.#windows.set(key, window)
    this.#dirty.add(key)
    this.#usedAtMs = Math.max(this.#usedAtMs, window.usedAtMs)
  }

  /** Forgets the windows of all queues with a key in `[from, to)`. */
  forget(from: Buffer, to: Buffer): void {
    const first = from.toString('latin1')
    const last = to.toString('latin1')
    for (const key of this.#windows.keys()) {
      const queueKey = key.slice(8)
      if (queueKey >= first && queueKey < last) this.#remove(key)
    }
  }

  /** What level lacks; see `QueueIndexes.freeze`. Lets old windows go: here, for each costs a search. */
  freeze(): { operations(): Promise<KeyValueOperation[]>; done(): void } {
    for (const [oldest, { usedAtMs }] of this.#windows) {
      if (this.#windows.size <= WINDOWS_MAX && usedAtMs >= this.#usedAtMs - IDLE_MAX_MS) break
      this.#remove(oldest)
    }
    const operations: KeyValueOperation[] = []
    for (const key of this.#dirty) {
      const window = this.#windows.get(key)
      const row = levelKey(levelPrefix.producer, Buffer.from(key, 'latin1'))
      if (window === undefined) operations.push({ kind: 'delete', key: row })
      else operations.push({ kind: 'put', key: row, value: encodeWindow(window) })
    }
    this.#dirty = new Set()
    return { operations: () => Promise.resolve(operations), done: () => {} }
  }

  #remove(key: string): void {
    this.#windows.delete(key)
    this.#dirty.add(key)
  }
}

export function encodeWindow(window: ProducerWindow): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(21 + window.results.length * 8))
  writer.uint32(window.epoch)
  writer.uint64(window.nextSequence)
  writer.uint64(window.usedAtMs)
  writer.uint8(window.results.length / RESULT_NUMBERS)
  for (const number of window.results) writer.uint64(number)
  return writer.bytes
}

export function decodeWindow(bytes: Buffer): ProducerWindow {
  const reader = new ByteReader(bytes)
  const epoch = reader.uint32()
  const nextSequence = reader.uint64()
  const usedAtMs = reader.uint64()
  const results: number[] = []
  for (let left = reader.uint8() * RESULT_NUMBERS; left > 0; left--) results.push(reader.uint64())
  return { epoch, nextSequence, results, usedAtMs }
}
