import type { QueueKey } from '@cometmq/store'
import type { Row } from './commit-loop.ts'
import type { LeaseTable } from './lease-table.ts'
import type { MessageGroupOrder } from './message-group-order.ts'

/**
 * Messages that are leased and settled through one lease table: a queue that a group reads, or one
 * entry of its retry queue.
 */
export interface Source extends Row {
  readonly table: LeaseTable
  /** Of a queue that a FIFO group reads. */
  readonly order?: MessageGroupOrder | undefined
  /** The topic that members subscribe to. */
  readonly topic: string
  /** Where the messages are stored. */
  readonly stored: QueueKey
  /** Stored offset of a message minus its offset in the table. */
  readonly shift: number
  readonly isRetry: boolean
  /** Taken out of its group: nothing of it is written or leased any more. */
  readonly isDropped: boolean
  /** Something of it has become ready, or done. */
  stirred(): void
}
