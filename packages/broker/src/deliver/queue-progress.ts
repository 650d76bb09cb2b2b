import type { StateChange } from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import { LeaseTable } from './lease-table.ts'
import { MessageGroupOrder } from './message-group-order.ts'
import { encodeProgressRow, type ProgressRow } from './progress-row.ts'
import type { Session } from './sessions.ts'
import type { Source } from './source.ts'

export const PROGRESS_TABLE = 'progress'

/** One queue as one group reads it. Its row is in `progress`. */
export class QueueProgress implements Source {
  readonly stored: QueueKey
  readonly table: LeaseTable
  /** Of a FIFO group. */
  readonly order: MessageGroupOrder | undefined
  readonly shift = 0
  readonly isRetry = false
  isDropped = false
  /** In the list of queues that may have something to deliver. */
  isHot = false
  isReading = false
  /** After a failed read: not before this moment. */
  retryAtMs = 0
  /** Size of the next batch, if it was too large for whoever was to get it. */
  neededBytes = 0
  /** Whom it was given to last; kept on feeding while that is fair. */
  owner: Session | undefined
  readonly #group: string
  readonly #onStirred: (queue: QueueProgress) => void

  constructor(parts: {
    readonly group: string
    readonly queue: QueueKey
    readonly row: ProgressRow
    readonly maxOffset: number
    /** Of a FIFO group: how many messages that are not done it may know at once. */
    readonly lookAheadMax: number | undefined
    readonly onStirred: (queue: QueueProgress) => void
  }) {
    this.stored = parts.queue
    const { row, lookAheadMax } = parts
    if (lookAheadMax !== undefined) this.order = new MessageGroupOrder(row.doneBelow, lookAheadMax)
    this.table = new LeaseTable(row, parts.maxOffset, this.order)
    this.#group = parts.group
    this.#onStirred = parts.onStirred
  }

  get topic(): string {
    return this.stored.topic
  }

  /** Where something lies that may be leased, as far as can be told without reading. */
  nextRead(): number | undefined {
    if (this.order !== undefined) {
      // Of what is held back nobody knows the message groups yet, so anything may follow it.
      return this.table.holdsReady ? undefined : this.order.nextRead(this.table)
    }
    return this.table.nextReady()?.from
  }

  change(): StateChange | undefined {
    if (this.isDropped) return undefined
    return putProgress(this.#group, this.stored, this.table.row())
  }

  stirred(): void {
    this.#onStirred(this)
  }
}

export function putProgress(group: string, queue: QueueKey, row: ProgressRow): StateChange {
  const value = encodeProgressRow(row)
  return { kind: 'put', table: PROGRESS_TABLE, key: progressKey(group, queue), value }
}

/** Where the log ended when a queue was reset last: what was done before counts no more. Key as of progress. */
export const RESETS_TABLE = 'resets'

export function putReset(group: string, queue: QueueKey, logEnd: number): StateChange {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(logEnd))
  return { kind: 'put', table: RESETS_TABLE, key: progressKey(group, queue), value }
}

/** Group, a zero byte, topic, a zero byte, queue id (4 bytes, big-endian). */
export function progressKey(group: string, queue: QueueKey): Buffer {
  const names = Buffer.from(`${group}\0${queue.topic}\0`)
  const key = Buffer.alloc(names.length + 4)
  names.copy(key)
  key.writeUInt32BE(queue.queueId, names.length)
  return key
}

export function queueIdOfProgressKey(key: Buffer): number {
  return key.readUInt32BE(key.length - 4)
}

/** The keys of all rows of a group, or of a group and topic; several tables of the engine have them. */
export function keysOf(
  group: string,
  topic?: string,
): { readonly from: Buffer; readonly to: Buffer } {
  const names = topic === undefined ? group : `${group}\0${topic}`
  return { from: Buffer.from(`${names}\0`), to: Buffer.from(`${names}\x01`) }
}
