import {
  CometError,
  commitLogOffset,
  decodeChanges,
  queueOffset,
  type StateChange,
} from '@cometmq/protocol'
import type { QueueIndexes } from '../indexes/queue-indexes.ts'
import type { PlacedBatch, PlacedChange, PlacedRecord } from '../placed-record.ts'
import { acceptSequence, decodeWindow, type ProducerWindows } from '../producer-windows.ts'
import type { StateTables } from '../state/state-tables.ts'
import {
  parseQueueKey,
  parseQueueOffsets,
  PRODUCERS_TABLE,
  QUEUES_TABLE,
} from '../state/store-tables.ts'
import type { StoreListener, Unsubscribe } from '../store-listener.ts'

/** Everything that is derived from the log. */
export interface DerivedState {
  readonly tables: StateTables
  readonly queues: QueueIndexes
  readonly producers: ProducerWindows
}

export interface AppliedStamp {
  readonly appliedOffset: number
  readonly epoch: number
  readonly storeTimeMs: number
}

/**
 * Follows the log: applies each confirmed record to what is derived from it, once and in order, then
 * tells the listeners. Appending and recovery come through here alike, so both leave the same state.
 */
export class Dispatcher {
  readonly #state: DerivedState
  readonly #listeners = new Set<StoreListener>()
  #appliedOffset: number
  #epoch: number
  #storeTimeMs: number

  constructor(state: DerivedState, begin: AppliedStamp) {
    this.#state = state
    this.#appliedOffset = begin.appliedOffset
    this.#epoch = begin.epoch
    this.#storeTimeMs = begin.storeTimeMs
  }

  /** How far the log is applied, with the highest epoch and store time up to there. */
  get applied(): AppliedStamp {
    const appliedOffset = this.#appliedOffset
    return { appliedOffset, epoch: this.#epoch, storeTimeMs: this.#storeTimeMs }
  }

  /** Everything below is applied. */
  get appliedOffset(): number {
    return this.#appliedOffset
  }

  subscribe(listener: StoreListener): Unsubscribe {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  dispatch(placed: PlacedRecord): void {
    this.#epoch = placed.record.epoch
    this.#storeTimeMs = Math.max(this.#storeTimeMs, placed.storeTimeMs)
    switch (placed.kind) {
      case 'messages':
        this.#applyBatch(placed)
        break
      case 'change':
        this.#applyChanges(placed)
        break
      case 'epochOpened':
      case 'filler':
        break
    }
    this.#appliedOffset = placed.end
  }

  /** The log ends here, or goes on: there is nothing to apply up to it. */
  advance(to: number): void {
    this.#appliedOffset = Math.max(this.#appliedOffset, to)
  }

  trimmed(minOffset: number): void {
    for (const listener of this.#listeners) listener.trimmed?.(commitLogOffset(minOffset))
  }

  #applyBatch(placed: PlacedBatch): void {
    const { topic, queueId, base, to, at, end, storeTimeMs } = placed
    const index = this.#state.queues.getOrMake(topic, queueId)
    if (!index.accepts(base)) {
      throw new CometError(
        'STORE_CORRUPT',
        `the batch at log offset ${at} begins at offset ${base} of queue ${topic}/${queueId}, where ${index.nextOffset} comes next; run "comet store verify"`,
      )
    }
    index.append({ base, to, logOffset: at, bytes: end - at, storeTimeMs })
    this.#state.queues.changed(index)
    if (placed.windowKey !== undefined) {
      const window = acceptSequence(
        this.#state.producers.get(placed.windowKey),
        placed.producer,
        { baseQueueOffset: base, logOffset: at, endOffset: end },
        storeTimeMs,
      )
      this.#state.producers.set(placed.windowKey, window)
    }
    if (this.#listeners.size === 0) return
    const appended = {
      queue: index.key,
      from: queueOffset(base),
      to: queueOffset(to),
      logOffset: commitLogOffset(at),
      batch: placed.record,
    }
    for (const listener of this.#listeners) listener.appended?.(appended)
  }

  #applyChanges(placed: PlacedChange): void {
    const changes = decodeChanges(placed.record.openBody())
    for (const change of changes) this.#applyChange(change)
    if (placed.isSnapshot) return
    for (const listener of this.#listeners) listener.changed?.(changes)
  }

  #applyChange(change: StateChange): void {
    switch (change.table) {
      case QUEUES_TABLE:
        this.#applyQueueChange(change)
        break
      case PRODUCERS_TABLE:
        if (change.kind !== 'put') break
        this.#state.producers.set(change.key.toString('latin1'), decodeWindow(change.value))
        break
      default:
        this.#state.tables.apply(change)
    }
  }

  #applyQueueChange(change: StateChange): void {
    const { queues, producers } = this.#state
    switch (change.kind) {
      case 'put': {
        const { topic, queueId } = parseQueueKey(change.key)
        const index = queues.getOrMake(topic, queueId)
        index.raise(parseQueueOffsets(change.value))
        queues.changed(index)
        break
      }
      case 'delete': {
        const after = Buffer.concat([change.key, Buffer.of(0)])
        queues.forget(change.key, after)
        producers.forget(change.key, after)
        break
      }
      case 'delete-range':
        queues.forget(change.from, change.to)
        producers.forget(change.from, change.to)
        break
    }
  }
}
