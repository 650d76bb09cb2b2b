import type { MessageFilter, RecordBatch } from '@cometmq/protocol'
import type { GrantedPart, LeaseTable } from './lease-table.ts'
import type { Lease } from './message-state.ts'

/** For whom messages are gathered. */
export interface GrantWish {
  readonly filter: MessageFilter
  leaseFor(attempts: number): Lease
  readonly maxMessages: number
}

/** What one delivery leases, gathered batch by batch. Without a filter no message is looked at. */
export class Grant {
  readonly ranges: number[] = []
  readonly batches: Buffer[] = []
  bytes = 0
  messages = 0
  skipped = 0
  readonly lease: Lease
  readonly #table: LeaseTable
  readonly #filter: MessageFilter
  readonly #maxMessages: number

  /** Of messages that were delivered as often as the first that is ready. */
  constructor(table: LeaseTable, wish: GrantWish) {
    this.lease = wish.leaseFor(table.nextReady()?.attempts ?? 0)
    this.#table = table
    this.#filter = wish.filter
    this.#maxMessages = wish.maxMessages
  }

  get isComplete(): boolean {
    return this.messages >= this.#maxMessages
  }

  add(batch: RecordBatch): void {
    const base = batch.baseQueueOffset
    const end = base + batch.messageCount
    const runs = this.#table.readyWithin(base, end, this.lease.attempts)
    if (runs.length === 0) return
    const matches = this.#filter.matchesOf(batch)
    const messagesBefore = this.messages
    for (const { from, to } of runs) {
      if (this.isComplete) break
      const parts =
        typeof matches === 'string'
          ? [{ from, to, isSkipped: matches === 'none' }]
          : divide({ from, to }, (offset) => matches(offset - base))
      const granted = firstOf(parts, this.#maxMessages - this.messages)
      this.#table.lease(granted, this.lease)
      for (const part of granted) this.#note(part)
    }
    if (this.messages === messagesBefore) return
    this.batches.push(batch.bytes)
    this.bytes += batch.totalBytes
  }

  #note({ from, to, isSkipped }: GrantedPart): void {
    if (isSkipped) {
      this.skipped += to - from
      return
    }
    this.messages += to - from
    if (this.ranges.at(-1) === from) this.ranges[this.ranges.length - 1] = to
    else this.ranges.push(from, to)
  }
}

/** Cuts a run where wanted and unwanted messages meet. */
function divide(
  { from, to }: { readonly from: number; readonly to: number },
  isWanted: (offset: number) => boolean,
): GrantedPart[] {
  const parts: GrantedPart[] = []
  let start = from
  let wanted = isWanted(from)
  for (let offset = from + 1; offset < to; offset++) {
    if (isWanted(offset) === wanted) continue
    parts.push({ from: start, to: offset, isSkipped: !wanted })
    start = offset
    wanted = !wanted
  }
  parts.push({ from: start, to, isSkipped: !wanted })
  return parts
}

/** The parts up to the last wanted message that is within the number, with the unwanted before it. */
function firstOf(parts: readonly GrantedPart[], maxMessages: number): readonly GrantedPart[] {
  if (maxMessages === Number.POSITIVE_INFINITY) return parts
  let left = maxMessages
  const first: GrantedPart[] = []
  for (const part of parts) {
    if (part.isSkipped) {
      first.push(part)
      continue
    }
    if (left === 0) break
    const to = Math.min(part.to, part.from + left)
    left -= to - part.from
    first.push({ ...part, to })
    if (to < part.to) break
  }
  return first
}
