import type { CommitLogOffset, QueueOffset, RecordBatch, StateChange } from '@cometmq/protocol'

/** Records that are in the log after a crash all together, or not at all. */
export interface AppendGroup {
  readonly records: readonly AppendRecord[]
}

export type AppendRecord =
  | {
      readonly kind: 'batch'
      /**
       * Header and body verified by the caller. The store fills in the broker's fields in these very
       * bytes and keeps them: the caller must not change them, nor append them again elsewhere.
       */
      readonly batch: RecordBatch
      /**
       * Whether its sequence is checked: true for what a producer sent, false for what the broker made
       * itself (`batch.isBrokerMade`, or no producer id). Batches without a producer id pass unchecked.
       */
      readonly idempotent: boolean
    }
  | { readonly kind: 'change'; readonly changes: readonly StateChange[] }

/**
 * What the caller waits for.
 *
 * - `confirmed`: durable here and on the in-sync set, applied, visible to readers.
 * - `flushed`: durable here.
 * - `written`: handed to the system; survives the process, not the machine.
 */
export type AppendLevel = 'confirmed' | 'flushed' | 'written'

export interface AppendReceipt {
  readonly epoch: number
  /** One for each record of the group, in its order. */
  readonly records: readonly AppendedRecord[]
}

export interface AppendedRecord {
  /** The offset of its first message; `undefined` for changes. */
  readonly baseQueueOffset: QueueOffset | undefined
  readonly logOffset: CommitLogOffset
  readonly endOffset: CommitLogOffset
  /** The batch had been appended before; this is where. */
  readonly duplicate: boolean
}
