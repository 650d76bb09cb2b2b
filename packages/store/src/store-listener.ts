import type { CommitLogOffset, QueueOffset, RecordBatch, StateChange } from '@cometmq/protocol'
import type { QueueKey } from './queue-key.ts'

/**
 * Hears of confirmed records, in log order, after they have been applied and before their appends
 * are answered. Called synchronously: it must return soon and must not throw.
 */
export interface StoreListener {
  appended?(appended: AppendedBatch): void
  /** The changes of one record, also those of the store's own tables. */
  changed?(changes: readonly StateChange[]): void
  /** Retention has deleted everything below; queues' `minOffset`s have risen. */
  trimmed?(minOffset: CommitLogOffset): void
}

export interface AppendedBatch {
  readonly queue: QueueKey
  /** Its messages are `[from, to)`. */
  readonly from: QueueOffset
  readonly to: QueueOffset
  readonly logOffset: CommitLogOffset
  readonly batch: RecordBatch
}

export type Unsubscribe = () => void

/**
 * Called before retention deletes `[from, to)` of the log; what is still owed from there has to be
 * appended anew before it resolves. If it rejects, nothing is deleted this time.
 */
export type BeforeDelete = (range: {
  readonly from: CommitLogOffset
  readonly to: CommitLogOffset
}) => Promise<void>
