import type { RecordBatch } from '@cometmq/protocol'
import type { GrantWish } from './grant.ts'
import type { LeaseTable } from './lease-table.ts'
import type { Line, MessageGroupOrder } from './message-group-order.ts'
import { isReady, type Lease, standingOf } from './message-state.ts'

/**
 * What one delivery to a member of a FIFO group leases, gathered batch by batch.
 *
 * With the first message of a message group go those that follow it, as far as they were delivered as
 * often: whoever gets them handles them in their order. All of one delivery are on the same attempt.
 */
export class OrderedGrant {
  readonly ranges: number[] = []
  readonly batches: Buffer[] = []
  bytes = 0
  messages = 0
  skipped = 0
  readonly #table: LeaseTable
  readonly #order: MessageGroupOrder
  readonly #wish: GrantWish
  /** Message groups of which the last message met was leased here. */
  readonly #lines = new Set<Line>()
  #lease: Lease | undefined

  constructor(table: LeaseTable, order: MessageGroupOrder, wish: GrantWish) {
    this.#table = table
    this.#order = order
    this.#wish = wish
  }

  get lease(): Lease {
    this.#lease ??= this.#wish.leaseFor(0)
    return this.#lease
  }

  get isComplete(): boolean {
    return this.messages >= this.#wish.maxMessages
  }

  add(batch: RecordBatch): void {
    const messagesBefore = this.messages
    const scanned = new ScannedBatch(batch, this.#wish)
    const end = batch.baseQueueOffset + batch.messageCount
    let offset = Math.max(batch.baseQueueOffset, this.#table.doneBelow)
    for (; offset < end && !this.isComplete; offset++) {
      // Between what is known and what was read, there may be more.
      if (offset > this.#order.scannedTo) break
      if (offset === this.#order.scannedTo) {
        if (!this.#order.mayScan) break
        this.#scan(scanned, offset)
      }
      this.#offer(offset)
    }
    if (this.messages === messagesBefore) return
    this.batches.push(batch.bytes)
    this.bytes += batch.totalBytes
  }

  #scan(batch: ScannedBatch, offset: number): void {
    const standing = standingOf(this.#table.stateAt(offset))
    if (standing === 'ready' && !batch.isWanted(offset)) {
      this.#table.lease([{ from: offset, to: offset + 1, isSkipped: true }], this.lease)
      this.skipped++
    } else this.#order.scan(batch.messageGroup(offset), standing)
  }

  #offer(offset: number): void {
    const line = this.#order.lineOf(offset)
    if (line === undefined) return
    const state = this.#table.stateAt(offset)
    const isNext = this.#order.freeLine(offset) === line || this.#lines.has(line)
    const isSame = isReady(state) && (this.messages === 0 || state.attempts === this.lease.attempts)
    if (!isNext || !isSame) {
      this.#lines.delete(line)
      return
    }
    if (this.messages === 0) this.#lease = this.#wish.leaseFor(state.attempts)
    this.#table.lease([{ from: offset, to: offset + 1, isSkipped: false }], this.lease)
    this.#lines.add(line)
    this.messages++
    if (this.ranges.at(-1) === offset) this.ranges[this.ranges.length - 1] = offset + 1
    else this.ranges.push(offset, offset + 1)
  }
}

/** A batch of which some messages are met for the first time. It is opened for the first of them. */
class ScannedBatch {
  readonly #batch: RecordBatch
  readonly #wish: GrantWish
  #messageGroups: readonly (string | undefined)[] | undefined
  #matches: ReturnType<GrantWish['filter']['matchesOf']> | undefined

  constructor(batch: RecordBatch, wish: GrantWish) {
    this.#batch = batch
    this.#wish = wish
  }

  isWanted(offset: number): boolean {
    this.#matches ??= this.#wish.filter.matchesOf(this.#batch)
    if (typeof this.#matches === 'string') return this.#matches !== 'none'
    return this.#matches(offset - this.#batch.baseQueueOffset)
  }

  messageGroup(offset: number): string | undefined {
    this.#messageGroups ??= messageGroupsOf(this.#batch)
    return this.#messageGroups[offset - this.#batch.baseQueueOffset]
  }
}

/** Of a batch that cannot be opened none is known; whoever it is delivered to finds out. */
function messageGroupsOf(batch: RecordBatch): readonly (string | undefined)[] {
  try {
    return batch.messages().map(({ messageGroup }) => messageGroup)
  } catch {
    return []
  }
}
