import type { CommitLogOffset, QueueOffset, RecordBatch } from '@cometmq/protocol'
import { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { AppendGroup, AppendLevel, AppendReceipt } from './append-group.ts'
import type { RecoveryReport } from './commit-log/recovery.ts'
import type { QueueBounds, QueueKey } from './queue-key.ts'
import type { StateTable } from './state/state-tables.ts'
import type { StoreConfig } from './store-config.ts'
import type { BeforeDelete, StoreListener, Unsubscribe } from './store-listener.ts'

/** The ports a store needs. */
export type StoreRuntime = Pick<Runtime, 'clock' | 'files' | 'keyValueStores' | 'random' | 'log'>

export type ReadResult =
  /** Nothing at or above `from` yet. */
  | { readonly kind: 'caught-up' }
  /** Messages from `from` to `minOffset` have been deleted. */
  | { readonly kind: 'too-old'; readonly minOffset: QueueOffset }
  /** Whole batches in queue order; the first may begin before `from`. Go on at `next`. */
  | {
      readonly kind: 'batches'
      readonly batches: readonly RecordBatch[]
      readonly next: QueueOffset
    }

export interface StoreStatus {
  readonly minOffset: CommitLogOffset
  readonly maxOffset: CommitLogOffset
  readonly flushedOffset: CommitLogOffset
  readonly confirmOffset: CommitLogOffset
  readonly appliedOffset: CommitLogOffset
  readonly epoch: number
  readonly pendingBytes: number
  /** As last measured. */
  readonly freeBytes: number
  /** Whether producers' batches are accepted. */
  readonly writable: boolean
  readonly whyNotWritable: string | undefined
}

/**
 * All that a broker keeps on disk, and the only door to it: the commit log, and what is derived
 * from it.
 */
export class MessageStore implements AsyncDisposable {
  /** Random, made with the folder. */
  declare readonly storeId: string
  /** What was found when the store was opened. */
  declare readonly recovery: RecoveryReport
  /** Rejects when the store has stopped itself: a write or a sync failed. The process should end. */
  declare readonly failed: Promise<never>

  /**
   * Opens or makes the store, and replays what was not applied.
   *
   * Throws `STORE_LOCKED`; `STORE_CORRUPT` with segment and byte; `STORE_UNUSABLE`; `DISK_FULL`.
   */
  static open(_runtime: StoreRuntime, _config: StoreConfig): Promise<MessageStore> {
    return Promise.reject(notBuilt())
  }

  /**
   * Appends all records of the group, or none.
   *
   * Rejects with `STORE_BUSY`, `DISK_FULL`, `BATCH_TOO_LARGE`, `SEQUENCE_GAP`, `SEQUENCE_TOO_OLD`,
   * `PRODUCER_FENCED` if nothing was appended; with `STORE_UNUSABLE` or `CLOSED` when the store
   * stopped, and the outcome is unknown.
   */
  append(_group: AppendGroup, _level: AppendLevel = 'confirmed'): Promise<AppendReceipt> {
    return Promise.reject(notBuilt())
  }

  /**
   * Reads whole batches of one queue, up to `maxBytes` of record bytes yet at least one.
   *
   * Batches are views of shared buffers; copy what is kept for long. Rejects with `RECORD_CORRUPT`
   * if a record fails its checksums.
   */
  read(
    _queue: QueueKey,
    _range: { readonly from: number; readonly maxBytes: number },
  ): Promise<ReadResult> {
    return Promise.reject(notBuilt())
  }

  /** Reads one confirmed batch by its place in the log. `OFFSET_OUT_OF_RANGE` if it was deleted. */
  readAt(_position: CommitLogOffset): Promise<RecordBatch> {
    return Promise.reject(notBuilt())
  }

  /** Of confirmed messages; `undefined` for a queue without any, ever. */
  bounds(_queue: QueueKey): QueueBounds | undefined {
    throw notBuilt()
  }

  /** Every known queue. */
  queues(): IterableIterator<QueueKey & QueueBounds> {
    throw notBuilt()
  }

  /** The first message stored at `timestampMs` or later; the queue's end if there is none. */
  offsetAtTime(_queue: QueueKey, _timestampMs: number): Promise<QueueOffset> {
    return Promise.reject(notBuilt())
  }

  table(_name: string): StateTable {
    throw notBuilt()
  }

  subscribe(_listener: StoreListener): Unsubscribe {
    throw notBuilt()
  }

  /** Lets the owner carry forward what retention is about to delete. */
  beforeDelete(_hook: BeforeDelete): Unsubscribe {
    throw notBuilt()
  }

  get status(): StoreStatus {
    throw notBuilt()
  }

  /** Refuses new appends, finishes the waiting ones, and marks the store as closed cleanly. */
  close(): Promise<void> {
    return Promise.reject(notBuilt())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function notBuilt(): CometError {
  return new CometError('UNSUPPORTED', 'the store is being built')
}
