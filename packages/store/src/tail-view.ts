import { decodeChanges, type StateChange } from '@cometmq/protocol'
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
  /** By name of the queue; with the log offset of the record that it comes from. */
  #nextOffsets = new Map<string, { readonly nextOffset: number; readonly at: number }>()
  /** By window key. */
  #windows = new Map<string, ProducerWindow>()
  /** Queues that the unconfirmed part of the log deletes, in log order; rarely any. */
  #deletions: Deletion[] = []
  /** What has to be done to get back to where the group that is being placed began. */
  #undo: (() => void)[] = []

  constructor(confirmed: { readonly queues: QueueIndexes; readonly producers: ProducerWindows }) {
    this.#confirmed = confirmed
  }

  nextOffset(topic: string, queueId: number): number {
    const known = this.#nextOffsets.get(queueName(topic, queueId))
    if (known !== undefined) return known.nextOffset
    if (this.#isDeleted(() => queueKeyText(topic, queueId))) return 0
    return this.#confirmed.queues.get({ topic, queueId })?.nextOffset ?? 0
  }

  window(key: string): ProducerWindow | undefined {
    const known = this.#windows.get(key)
    if (known !== undefined) return known
    if (this.#isDeleted(() => queueKeyOfWindow(key))) return undefined
    return this.#confirmed.producers.get(key)
  }

  /** Messages were placed. */
  add({ topic, queueId, base, to, at, end, windowKey, producer, storeTimeMs }: PlacedBatch): void {
    this.#set(this.#nextOffsets, queueName(topic, queueId), { nextOffset: to, at })
    if (windowKey === undefined) return
    const result = { baseQueueOffset: base, logOffset: at, endOffset: end }
    const window = acceptSequence(this.window(windowKey), producer, result, storeTimeMs)
    this.#set(this.#windows, windowKey, window)
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
      const name = queueName(topic, queueId)
      if (this.#nextOffsets.get(name)?.at === at) this.#nextOffsets.delete(name)
      if (windowKey === undefined) return
      // The last number of a window is where its last batch ends.
      if (this.#windows.get(windowKey)?.results.at(-1) === end) this.#windows.delete(windowKey)
    } else if (this.#deletions.length > 0) {
      this.#deletions = this.#deletions.filter(({ at }) => at > placed.at)
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
      if (placed.kind === 'messages') this.add(placed)
      else if (placed.kind === 'change') {
        this.change(decodeChanges(placed.record.openBody()), placed.at)
      }
    }
    this.mark()
  }

  #set<V>(map: Map<string, V>, key: string, value: V): void {
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
        const { nextOffset } = parseQueueOffsets(change.value)
        const raised = Math.max(this.nextOffset(topic, queueId), nextOffset)
        this.#set(this.#nextOffsets, queueName(topic, queueId), { nextOffset: raised, at })
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
    this.#nextOffsets = without(this.#nextOffsets, deletion, queueKeyOfName)
    this.#windows = without(this.#windows, deletion, queueKeyOfWindow)
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

function without<V>(
  map: ReadonlyMap<string, V>,
  deletion: Deletion,
  queueKeyOf: (key: string) => string,
): Map<string, V> {
  return new Map([...map].filter(([key]) => !isIn(deletion, queueKeyOf(key))))
}

/** Cheaper to make than a queue key, for each batch. */
function queueName(topic: string, queueId: number): string {
  return `${topic}\0${queueId}`
}

function queueKeyOfName(name: string): string {
  const end = name.lastIndexOf('\0')
  return queueKeyText(name.slice(0, end), Number(name.slice(end + 1)))
}

function queueKeyText(topic: string, queueId: number): string {
  return queueKeyBytes({ topic, queueId }).toString('latin1')
}

/** A window key begins with the producer id. */
function queueKeyOfWindow(windowKey: string): string {
  return windowKey.slice(8)
}
