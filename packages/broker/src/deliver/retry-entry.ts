import {
  ByteReader,
  ByteWriter,
  CometError,
  type StateChange,
  varintBytes,
} from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import { LeaseTable } from './lease-table.ts'
import { decodeProgressRow, encodeProgressRow, type ProgressRow } from './progress-row.ts'
import type { Source } from './source.ts'

export const RETRIES_TABLE = 'retries'

const VERSION = 1

/** A row of `retries`: one batch in the group's retry topic that waits for its next delivery. */
export interface RetryRow {
  readonly dueAtMs: number
  /** Its first message in the retry topic. */
  readonly storedFrom: number
  readonly messageCount: number
  /** How long it was to wait: bounds the wait when the wall clock has been set back. */
  readonly delayMs: number
  /** What of it is done, counted from its first message. */
  readonly progress: ProgressRow
}

/**
 * One batch of the retry topic in memory. Its lease table counts in the offsets that its members
 * were told. When retention makes the batch move (`carried`), these stay until nothing is in flight.
 */
export class RetryEntry implements Source {
  readonly topic: string
  readonly stored: QueueKey
  readonly isRetry = true
  isDropped = false
  /** Where it stands in its queue; `idle`: nothing of it is ready. */
  place: 'waiting' | 'ready' | 'reading' | 'idle' = 'waiting'
  /** By the elapsed clock. */
  dueElapsedMs: number
  /** Size of its batch, if it was too large for whoever was to get it. */
  neededBytes = 0
  readonly #group: string
  #from: number
  #row: RetryRow
  #table: LeaseTable | undefined
  readonly #onStirred: (entry: RetryEntry) => void

  constructor(parts: {
    readonly group: string
    readonly topic: string
    readonly stored: QueueKey
    readonly row: RetryRow
    readonly dueElapsedMs: number
    readonly onStirred: (entry: RetryEntry) => void
  }) {
    const { row } = parts
    this.topic = parts.topic
    this.stored = parts.stored
    this.dueElapsedMs = parts.dueElapsedMs
    this.#from = row.storedFrom
    this.#group = parts.group
    this.#row = row
    this.#onStirred = parts.onStirred
    if (row.progress.parked !== undefined) this.#table = this.table
  }

  /** The offset of its first message, as members know it. */
  get from(): number {
    return this.#from
  }

  get to(): number {
    return this.#from + this.#row.messageCount
  }

  get table(): LeaseTable {
    this.#table ??= new LeaseTable(shifted(this.#row.progress, this.from), this.to)
    return this.#table
  }

  get shift(): number {
    return this.#row.storedFrom - this.from
  }

  get storedFrom(): number {
    return this.#row.storedFrom
  }

  /** Nothing has been leased of it since it came into memory: its row says all there is. */
  get isPristine(): boolean {
    return this.#table === undefined
  }

  /** Messages that are not done. */
  get backlog(): number {
    return this.#table?.counts.backlog ?? backlogOf(this.#row)
  }

  /** No lease of it ends before this moment. */
  get nextDeadlineMs(): number {
    return this.#table?.nextDeadlineMs ?? Number.POSITIVE_INFINITY
  }

  get key(): Buffer {
    return retryKey(this.#group, this.topic, this.#row)
  }

  row(): RetryRow {
    if (this.#table === undefined) return this.#row
    return { ...this.#row, progress: shifted(this.#table.row(), -this.from) }
  }

  change(): StateChange | undefined {
    if (this.isDropped) return undefined
    const row = this.row()
    if (backlogOf(row) > 0) return putRetry(this.#group, this.topic, row)
    return { kind: 'delete', table: RETRIES_TABLE, key: this.key }
  }

  /** Its batch lies elsewhere now. */
  carried(storedFrom: number): void {
    this.#row = { ...this.#row, storedFrom }
  }

  /** It lies elsewhere than its members know, and nobody holds any of it: it can be renumbered. */
  get isMisplaced(): boolean {
    return this.shift !== 0 && (this.#table?.counts.inFlight ?? 0) === 0
  }

  renumber(): void {
    this.#row = this.row()
    this.#table = undefined
    this.#from = this.#row.storedFrom
  }

  stirred(): void {
    this.#onStirred(this)
  }
}

/** Messages of a row that are not done. */
export function backlogOf({ messageCount, progress }: RetryRow): number {
  let backlog = messageCount - progress.doneBelow
  for (const { from, to } of progress.done) backlog -= to - from
  return backlog
}

/** Group, a zero byte, topic, a zero byte, due time and first offset (8 bytes each, big-endian). */
export function retryKey(
  group: string,
  topic: string,
  at: { readonly dueAtMs: number; readonly storedFrom: number },
): Buffer {
  const names = Buffer.from(`${group}\0${topic}\0`)
  const key = Buffer.alloc(names.length + 16)
  names.copy(key)
  key.writeBigUInt64BE(BigInt(at.dueAtMs), names.length)
  key.writeBigUInt64BE(BigInt(at.storedFrom), names.length + 8)
  return key
}

export function putRetry(group: string, topic: string, row: RetryRow): StateChange {
  return {
    kind: 'put',
    table: RETRIES_TABLE,
    key: retryKey(group, topic, row),
    value: encodeRetryValue(row),
  }
}

export function decodeRetry(key: Buffer, value: Buffer): RetryRow & { readonly topic: string } {
  const dueAtMs = Number(key.readBigUInt64BE(key.length - 16))
  const storedFrom = Number(key.readBigUInt64BE(key.length - 8))
  const topic = key.toString('utf8', key.indexOf(0) + 1, key.length - 17)
  const reader = new ByteReader(value)
  const version = reader.uint8()
  if (version !== VERSION) {
    throw new CometError('STORE_CORRUPT', `a retry row has version ${version}`)
  }
  const delayMs = reader.varint()
  const messageCount = reader.varint()
  const progress = decodeProgressRow(value.subarray(reader.position))
  return { topic, dueAtMs, storedFrom, messageCount, delayMs, progress }
}

/** A version byte, delay and message count as varints, then a progress row. */
function encodeRetryValue(row: RetryRow): Buffer {
  const { delayMs, messageCount } = row
  const head = new ByteWriter(
    Buffer.allocUnsafe(1 + varintBytes(delayMs) + varintBytes(messageCount)),
  )
  head.uint8(VERSION)
  head.varint(delayMs)
  head.varint(messageCount)
  return Buffer.concat([head.bytes, encodeProgressRow(row.progress)])
}

function shifted(row: ProgressRow, by: number): ProgressRow {
  const move = <Range extends { readonly from: number; readonly to: number }>(
    range: Range,
  ): Range => ({
    ...range,
    from: range.from + by,
    to: range.to + by,
  })
  return {
    doneBelow: row.doneBelow + by,
    done: row.done.map(move),
    attempted: row.attempted.map(move),
    ...(row.parked === undefined ? {} : { parked: row.parked.map(move) }),
  }
}
