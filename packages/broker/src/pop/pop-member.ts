import type {
  CometError,
  Delivery,
  FilterText,
  LeasedRange,
  SettlementAction,
} from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { PopLease } from '../deliver/message-state.ts'
import type { Member } from '../deliver/member.ts'
import type { DeliveryReceipt } from '../deliver/receipts.ts'
import type { MemberSink } from '../deliver/sessions.ts'

/** One receive that waits. */
export interface PopWish {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly invisibleMs: number
  readonly lease: PopLease
}

interface Waiter {
  readonly wish: PopWish
  /** What it has got so far. */
  readonly got: Delivery[]
  messages: number
  bytes: number
  readonly resolve: (deliveries: readonly Delivery[]) => void
  readonly reject: (error: CometError) => void
}

/**
 * A receive that has got something waits no longer for what is ready in other queues. So its answer
 * has more than what one queue happened to hold, and is never late for it.
 */
const GATHER_MS = 2

/** Receives whose answer may have been lost: a client has one under way for each queue that it polls. */
const ATTEMPTS_MAX = 64

/**
 * One client that asks a topic for messages, as the delivery engine has it: a member that is granted
 * nothing unless one of its receives waits, and then as much as the oldest of them wants.
 */
export class PopMember implements MemberSink {
  readonly filter: FilterText
  readonly #clock: Clock
  #member: Member | undefined
  #waiters: Waiter[] = []
  /** What receives were answered with, by their attempt ids, oldest first. */
  readonly #attempts = new Map<string, readonly LeasedRange[]>()
  #isOver = false
  #isDraining = false

  constructor(clock: Clock, filter: FilterText) {
    this.#clock = clock
    this.filter = filter
  }

  /** Not to be used any more: its membership has ended. */
  get isOver(): boolean {
    return this.#isOver
  }

  opened(member: Member): void {
    this.#member = member
    this.#askForFirst()
  }

  /**
   * Resolves to what there is, or to nothing when `signal` is aborted. Rejects when the membership
   * ends.
   */
  receive(wish: PopWish, signal: AbortSignal): Promise<readonly Delivery[]> {
    if (this.#isDraining || signal.aborted) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        this.#askForFirst()
        resolve(waiter.got)
      }
      const waiter: Waiter = {
        wish,
        got: [],
        messages: 0,
        bytes: 0,
        resolve: (deliveries) => {
          signal.removeEventListener('abort', gone)
          resolve(deliveries)
        },
        reject: (error) => {
          signal.removeEventListener('abort', gone)
          reject(error)
        },
      }
      signal.addEventListener('abort', gone, { once: true })
      this.#waiters.push(waiter)
      if (this.#waiters.length === 1) this.#askForFirst()
    })
  }

  /** A receive was answered with them. */
  answered(attemptId: string, deliveries: readonly Delivery[]): void {
    if (attemptId === '') return
    this.#attempts.set(attemptId, deliveries.flatMap(rangesOf))
    if (this.#attempts.size <= ATTEMPTS_MAX) return
    const [oldest] = this.#attempts.keys()
    if (oldest !== undefined) this.#attempts.delete(oldest)
  }

  /** The client asks again: it has not seen what that attempt was answered with. */
  releaseAttempt(attemptId: string): void {
    const ranges = this.#attempts.get(attemptId)
    if (ranges === undefined) return
    this.#attempts.delete(attemptId)
    this.#settleAll(ranges, { kind: 'release' })
  }

  deliver(delivery: Delivery): boolean {
    const [waiter] = this.#waiters
    if (waiter === undefined) {
      this.#member?.ask(undefined)
      this.settle(delivery, { kind: 'release' })
      return true
    }
    waiter.got.push(delivery)
    for (let i = 0; i < delivery.ranges.length; i += 2) {
      waiter.messages += (delivery.ranges[i + 1] as number) - (delivery.ranges[i] as number)
    }
    for (const batch of delivery.batches) waiter.bytes += batch.length
    const { maxMessages, maxBytes } = waiter.wish
    const isFull = waiter.messages >= maxMessages || waiter.bytes >= maxBytes
    if (isFull || this.#member?.hasMore !== true) this.#answer(waiter)
    else {
      this.#askForFirst()
      if (waiter.got.length === 1) this.#clock.schedule(GATHER_MS, () => this.#answer(waiter))
    }
    return true
  }

  writable(): Promise<void> {
    return Promise.resolve()
  }

  draining(): void {
    this.#isDraining = true
    this.#answerAll()
  }

  ended(error: CometError): void {
    this.#isOver = true
    // The same client has come with another filter; it asks again.
    if (error.code === 'CANCELLED') this.#answerAll()
    else for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
  }

  /** Of a delivery that its client has not seen. */
  settle(delivery: Delivery, action: SettlementAction): void {
    this.#settleAll(rangesOf(delivery), action)
  }

  /** Of a message that its client holds and knows by its id only. */
  async receiptOf(topic: string, messageId: string): Promise<DeliveryReceipt | undefined> {
    return this.#isOver ? undefined : this.#member?.receiptOf(topic, messageId)
  }

  /** The client has gone. */
  abandon(): void {
    this.#answerAll()
    this.#member?.abandon()
  }

  /** Ends a membership that has nothing left. Returns whether it is over. */
  endIfIdle(): boolean {
    if (this.#isOver || this.#member === undefined) return this.#isOver
    if (this.#member.held > 0) return false
    this.#member.end()
    this.#isOver = true
    return true
  }

  #settleAll(ranges: readonly LeasedRange[], action: SettlementAction): void {
    // Their leases end anyhow.
    this.#member?.settle(ranges.map((range) => ({ range, action }))).catch(() => {})
  }

  #askForFirst(): void {
    const [waiter] = this.#waiters
    if (waiter === undefined) {
      this.#member?.ask(undefined)
      return
    }
    const { wish, messages, bytes } = waiter
    const maxMessages = wish.maxMessages - messages
    this.#member?.ask({ ...wish, maxMessages, maxBytes: wish.maxBytes - bytes })
  }

  #answer(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter)
    if (index < 0) return
    this.#waiters.splice(index, 1)
    this.#askForFirst()
    waiter.resolve(waiter.got)
  }

  #answerAll(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(waiter.got)
    this.#askForFirst()
  }
}

function rangesOf({ topic, queueId, retry, ranges }: Delivery): LeasedRange[] {
  const leased: LeasedRange[] = []
  for (let i = 0; i < ranges.length; i += 2) {
    leased.push({ topic, queueId, retry, from: ranges[i] as number, to: ranges[i + 1] as number })
  }
  return leased
}
