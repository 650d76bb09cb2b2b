import { decodeChanges, type StateChange } from '@cometmq/protocol'
import type { QueueIndex } from './indexes/queue-index.ts'
import type { QueueIndexes } from './indexes/queue-indexes.ts'
import type { PlacedBatch, PlacedRecord } from './placed-record.ts'
import {
  acceptSequence,
  decodeWindow,
  type ProducerWindow,
  type ProducerWindows,
} from './producer-windows.ts'
import {
  parseQueueKey,
  parseQueueOffsets,
  PRODUCERS_TABLE,
  queueKeyBytes,
  QUEUES_TABLE,
} from './state/store-tables.ts'

/**
 * What queues and producers are like at the very end of the log, before that is confirmed: the next
 * offset of each queue, and the windows by which repeated batches are known.
 *
 * Holds only what differs from the confirmed state, so it is empty when everything is confirmed.
 */
export class TailView {
  readonly #confirmed: { readonly queues: QueueIndexes; readonly producers: ProducerWindows }
  /** With the log offset of the record that it comes from. */
  #nextOffsets = new Map<QueueIndex, { readonly nextOffset: number; readonly at: number }>()
  /** By window key. */
  #windows = new Map<string, ProducerWindow>()
  /** Queues that the unconfirmed part of the log deletes, in log order; rarely any. */
  #deletions: Deletion[] = []
  /** What has to be done to get back to where the group that is being placed began. */
  #undo: (() => void)[] = []

  constructor(confirmed: { readonly queues: QueueIndexes; readonly producers: ProducerWindows }) {
    this.#confirmed = confirmed
  }

  queue(topic: string, queueId: number): QueueIndex {
    return this.#confirmed.queues.getOrMake(topic, queueId)
  }

  nextOffset(queue: QueueIndex): number {
    const known = this.#nextOffsets.get(queue)
    if (known !== undefined) return known.nextOffset
    return this.#isDeleted(() => keyOfQueue(queue)) ? 0 : queue.nextOffset
  }

  window(key: string): ProducerWindow | undefined {
    const known = this.#windows.get(key)
    if (known !== undefined) return known
    if (this.#isDeleted(() => keyOfWindow(key))) return undefined
    return this.#confirmed.producers.get(key)
  }

  /** Messages of that queue were placed; `window` is the one that they were judged by. */
  add(placed: PlacedBatch, queue: QueueIndex, window: ProducerWindow | undefined): void {
    const { base, to, at, end, windowKey, producer, storeTimeMs } = placed
    this.#set(this.#nextOffsets, queue, { nextOffset: to, at })
    if (windowKey === undefined) return
    const result = { baseQueueOffset: base, logOffset: at, endOffset: end }
    this.#set(this.#windows, windowKey, acceptSequence(window, producer, result, storeTimeMs))
  }

  /** Changes were placed. Only those of the store's own tables matter here. */
  change(changes: readonly StateChange[], at: number): void {
    for (const change of changes) {
      if (change.table === QUEUES_TABLE) this.#changeQueue(change, at)
      else if (change.table === PRODUCERS_TABLE && change.kind === 'put') {
        this.#set(this.#windows, change.key.toString('latin1'), decodeWindow(change.value))
      }
    }
  }

  /** From here on, `rollBack` comes back to here. */
  mark(): void {
    this.#undo = []
  }

  rollBack(): void {
    for (const undo of this.#undo.toReversed()) undo()
    this.#undo = []
  }

  /** The record has become part of the confirmed state: what it brought is known from there. */
  passed(placed: PlacedRecord): void {
    if (placed.kind === 'messages') {
      const { topic, queueId, at, end, windowKey } = placed
      const queue = this.queue(topic, queueId)
      if (this.#nextOffsets.get(queue)?.at === at) this.#nextOffsets.delete(queue)
      if (windowKey === undefined) return
      // The last number of a window is where its last batch ends.
      if (this.#windows.get(windowKey)?.results.at(-1) === end) this.#windows.delete(windowKey)
    } else if (this.#deletions.some(({ at }) => at <= placed.at)) {
      this.#deletions = this.#deletions.filter(({ at }) => at > placed.at)
      // Queues that were made again since have another index by now.
      const entries = [...this.#nextOffsets].map(
        ([{ key }, entry]) => [this.queue(key.topic, key.queueId), entry] as const,
      )
      this.#nextOffsets = new Map(entries)
    }
  }

  /** Everything is confirmed. */
  clear(): void {
    this.#nextOffsets.clear()
    this.#windows.clear()
    this.#deletions = []
    this.#undo = []
  }

  /** Begins anew with these records, which are all that is not confirmed. */
  rebuild(unconfirmed: readonly PlacedRecord[]): void {
    this.clear()
    for (const placed of unconfirmed) {
      if (placed.kind === 'messages') {
        const { topic, queueId, windowKey } = placed
        const window = windowKey === undefined ? undefined : this.window(windowKey)
        this.add(placed, this.queue(topic, queueId), window)
      } else if (placed.kind === 'change') {
        this.change(decodeChanges(placed.record.openBody()), placed.at)
      }
    }
    this.mark()
  }

  #set<K, V>(map: Map<K, V>, key: K, value: V): void {
    const before = map.get(key)
    this.#undo.push(() => {
      if (before === undefined) map.delete(key)
      else map.set(key, before)
    })
    map.set(key, value)
  }

  #changeQueue(change: StateChange, at: number): void {
    switch (change.kind) {
      case 'put': {
        const { topic, queueId } = parseQueueKey(change.key)
        const queue = this.queue(topic, queueId)
        const { nextOffset } = parseQueueOffsets(change.value)
        const raised = Math.max(this.nextOffset(queue), nextOffset)
        this.#set(this.#nextOffsets, queue, { nextOffset: raised, at })
        break
      }
      case 'delete':
        this.#deleteQueues(change.key, Buffer.concat([change.key, Buffer.of(0)]), at)
        break
      case 'delete-range':
        this.#deleteQueues(change.from, change.to, at)
        break
    }
  }

  #deleteQueues(from: Buffer, to: Buffer, at: number): void {
    const before = [this.#nextOffsets, this.#windows, this.#deletions] as const
    this.#undo.push(() => {
      ;[this.#nextOffsets, this.#windows, this.#deletions] = before
    })
    const deletion = { from: from.toString('latin1'), to: to.toString('latin1'), at }
    this.#nextOffsets = without(this.#nextOffsets, deletion, keyOfQueue)
    this.#windows = without(this.#windows, deletion, keyOfWindow)
    this.#deletions = [...this.#deletions, deletion]
  }

  #isDeleted(queueKey: () => string): boolean {
    if (this.#deletions.length === 0) return false
    const key = queueKey()
    return this.#deletions.some((deletion) => isIn(deletion, key))
  }
}

/** All queues with a key in `[from, to)`, deleted by the record at log offset `at`. */
interface Deletion {
  readonly from: string
  readonly to: string
  readonly at: number
}

function isIn({ from, to }: Deletion, queueKey: string): boolean {
  return queueKey >= from && queueKey < to
}

function without<K, V>(
  map: ReadonlyMap<K, V>,
  deletion: Deletion,
  queueKeyOf: (key: K) => string,
): Map<K, V> {
  return new Map([...map].filter(([key]) => !isIn(deletion, queueKeyOf(key))))
}

function keyOfQueue({ key }: QueueIndex): string {
  return queueKeyBytes(key).toString('latin1')
}

/** A window key begins with the producer id. */
function keyOfWindow(windowKey: string): string {
  return windowKey.slice(8)
}
