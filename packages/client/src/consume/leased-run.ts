import {
  CometError,
  type LeasedRange,
  type Message,
  type RecordBatch,
  toCometError,
} from '@cometmq/protocol'
import { MessageView } from '../message-view.ts'
import type { QueueOfGroup } from './settlement-buffer.ts'

/** What a message of a run has come to. */
const WAITING = 0
const TAKEN = 1
const SETTLED = 2
/** The broker has taken it back. */
const LOST = 3

/** Bytes of one record batch that a delivery brought; its credit is due when all of it is finished. */
export interface DeliveredBytes {
  readonly bytes: number
  openRuns: number
}

/**
 * Consecutive messages of one batch that this consumer holds a lease on, and how far it got.
 *
 * Each message goes from waiting to taken (by a handler) to settled, or straight to settled when it
 * is released or lost.
 */
export class LeasedRun {
  readonly queue: QueueOfGroup
  readonly batch: RecordBatch
  readonly from: number
  readonly to: number
  /** Which delivery this is, from 1. */
  readonly attempt: number
  readonly delivered: DeliveredBytes
  /** `clock.elapsedMs()` up to which the broker has granted the lease, unless `#ownEndsMs` says otherwise. */
  leaseEndsMs: number
  /** An extension is under way. */
  isExtending = false
  /** Hears of each message that is not held any more; `isLost`: the broker has taken it back. */
  onEnded: ((offset: number, isLost: boolean) => void) | undefined
  readonly #states: Uint8Array
  /** Of messages that a caller extends by himself. */
  readonly #ownEndsMs = new Map<number, number>()
  /** Decoded when the first of them is wanted; or why that cannot be done. */
  #messages: Message[] | CometError | undefined
  #next: number
  #unsettled: number

  constructor(parts: {
    readonly queue: QueueOfGroup
    readonly batch: RecordBatch
    readonly from: number
    readonly to: number
    readonly attempt: number
    readonly delivered: DeliveredBytes
    readonly leaseEndsMs: number
  }) {
    this.queue = parts.queue
    this.batch = parts.batch
    this.from = parts.from
    this.to = parts.to
    this.attempt = parts.attempt
    this.delivered = parts.delivered
    this.leaseEndsMs = parts.leaseEndsMs
    this.#states = new Uint8Array(parts.to - parts.from)
    this.#next = parts.from
    this.#unsettled = parts.to - parts.from
  }

  get isFinished(): boolean {
    return this.#unsettled === 0
  }

  /** The offset of the next message that nobody has taken, now taken; -1 when there is none. */
  take(): number {
    while (this.#next < this.to) {
      const offset = this.#next++
      if (this.#states[offset - this.from] !== WAITING) continue
      this.#states[offset - this.from] = TAKEN
      return offset
    }
    return -1
  }

  /** Takes that message, if nobody has. */
  takeAt(offset: number): boolean {
    if (this.#states[offset - this.from] !== WAITING) return false
    this.#states[offset - this.from] = TAKEN
    return true
  }

  /** Throws `MALFORMED_BATCH` if the batch cannot be decoded. */
  message(offset: number): Message {
    this.#messages ??= this.#decode()
    if (this.#messages instanceof CometError) throw this.#messages
    return this.#messages[offset - this.from] as Message
  }

  view(offset: number): MessageView {
    return new MessageView(this.batch, offset - this.batch.baseQueueOffset, this.message(offset))
  }

  /** From now on the caller extends the lease himself. */
  leaveLeaseTo(offset: number, endsMs: number): void {
    this.#ownEndsMs.set(offset, endsMs)
  }

  isSettled(offset: number): boolean {
    return (this.#states[offset - this.from] as number) >= SETTLED
  }

  isLost(offset: number): boolean {
    return this.#states[offset - this.from] === LOST
  }

  /** The caller who extends by himself has done so. */
  extendedTo(offset: number, endsMs: number): void {
    if (this.#ownEndsMs.has(offset)) this.#ownEndsMs.set(offset, endsMs)
  }

  /** Returns whether it was not settled before. */
  settle(offset: number): boolean {
    return this.#end(offset, SETTLED)
  }

  /** Settles all that is still waiting; returns the ranges. */
  settleWaiting(): LeasedRange[] {
    const ranges = this.#ranges((state) => state === WAITING)
    for (const range of ranges) {
      for (let offset = range.from; offset < range.to; offset++) this.settle(offset)
    }
    return ranges
  }

  /** The broker has taken `[from, to)` back, as far as it lies in this run. */
  lose(from: number, to: number): void {
    const end = Math.min(to, this.to)
    for (let offset = Math.max(from, this.from); offset < end; offset++) this.#end(offset, LOST)
  }

  /** The lease has ended, or may have: the broker hands out again what waits. */
  loseWaiting(): void {
    for (let offset = this.#next; offset < this.to; offset++) {
      if (this.#states[offset - this.from] === WAITING) this.#end(offset, LOST)
    }
  }

  /** What is still leased. */
  unsettled(): LeasedRange[] {
    return this.#ranges((state) => state < SETTLED)
  }

  /** What is still leased and nobody extends himself. */
  toExtend(): LeasedRange[] {
    if (this.#ownEndsMs.size === 0) return this.unsettled()
    return this.#ranges((state, offset) => state < SETTLED && !this.#ownEndsMs.has(offset))
  }

  /** Gives up what a caller has let expire. */
  expire(nowMs: number): void {
    for (const [offset, endsMs] of this.#ownEndsMs) if (endsMs <= nowMs) this.#end(offset, LOST)
  }

  #end(offset: number, state: typeof SETTLED | typeof LOST): boolean {
    if (this.isSettled(offset)) return false
    this.#states[offset - this.from] = state
    this.#ownEndsMs.delete(offset)
    this.#unsettled -= 1
    this.onEnded?.(offset, state === LOST)
    return true
  }

  #decode(): Message[] | CometError {
    const base = this.batch.baseQueueOffset
    try {
      return this.batch.messages(this.from - base, this.to - base)
    } catch (error) {
      return toCometError(error)
    }
  }

  #ranges(isMeant: (state: number, offset: number) => boolean): LeasedRange[] {
    const ranges: LeasedRange[] = []
    let start = -1
    for (let offset = this.from; offset < this.to; offset++) {
      if (isMeant(this.#states[offset - this.from] as number, offset)) {
        if (start === -1) start = offset
      } else if (start !== -1) {
        ranges.push({ ...this.queue, from: start, to: offset })
        start = -1
      }
    }
    if (start !== -1) ranges.push({ ...this.queue, from: start, to: this.to })
    return ranges
  }
}
