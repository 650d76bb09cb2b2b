import {
  CometError,
  type LeasedRange,
  limits,
  type Settlement,
  type SettlementFailure,
} from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import { receiptOfHeld } from './held-message.ts'
import type { DeliveryReceipt } from './receipts.ts'
import type { MemberSink, PopTerms, Session } from './sessions.ts'
import { settleAll } from './settlements.ts'

/**
 * One connection of a session: what its owner may do with it. When the session has connected anew,
 * or its group has ended it, this one does nothing any more.
 */
export class Member {
  readonly invisibleMs: number
  readonly maxAttempts: number
  readonly fifo: boolean
  /** What it said it held, and which now belongs to others, or is done. */
  readonly lost: readonly LeasedRange[]
  readonly #context: DeliveryContext
  readonly #group: GroupDelivery
  readonly #session: Session
  readonly #sink: MemberSink

  constructor(
    context: DeliveryContext,
    group: GroupDelivery,
    parts: {
      readonly session: Session
      readonly sink: MemberSink
      readonly lost: readonly LeasedRange[]
    },
  ) {
    const definition = context.groups.need(group.name)
    this.#context = context
    this.#group = group
    this.#session = parts.session
    this.#sink = parts.sink
    this.lost = parts.lost
    this.invisibleMs = parts.session.attachment.invisibleMs || definition.invisibleMs
    this.maxAttempts = definition.maxAttempts
    this.fifo = definition.fifo
  }

  /** So many more record bytes may be sent. */
  addCredit(bytes: number): void {
    if (!this.#isCurrent) return
    this.#session.creditBytes = Math.min(limits.creditMaxBytes, this.#session.creditBytes + bytes)
    this.#group.wake()
  }

  /** Wants one delivery on these terms, or none any more. The delivery ends the wish. */
  ask(terms: PopTerms | undefined): void {
    if (!this.#isCurrent) return
    this.#session.terms = terms
    this.#session.creditBytes = terms?.maxBytes ?? 0
    if (terms !== undefined) this.#group.wake()
  }

  /** Whether more of its topics is ready, as far as can be told without reading. */
  get hasMore(): boolean {
    for (const topic of this.#session.attachment.topics.keys()) {
      const delivery = this.#group.topics.get(topic)
      if (delivery !== undefined && (delivery.hotCount > 0 || delivery.retries.hasReady))
        return true
    }
    return false
  }

  /** Messages leased to it. */
  get held(): number {
    return this.#session.held
  }

  /** Its owner has gone: what was renewed for it is ready for others, the rest when its time is over. */
  abandon(): void {
    if (this.#isCurrent) this.#group.abandon(this.#session)
  }

  /**
   * Resolves when all of it is durable, to the settlements that failed: `LEASE_LOST`,
   * `OFFSET_OUT_OF_RANGE`, `TOPIC_NOT_FOUND`, `QUEUE_NOT_FOUND`, `ILLEGAL_ARGUMENT`, or what the
   * store says; those of the store are worth another try. Throws `TOO_MANY` and `CLOSED`.
   */
  async settle(settlements: readonly Settlement[]): Promise<SettlementFailure[]> {
    if (!this.#isCurrent) throw new CometError('CLOSED', 'this member has left its group')
    const session = this.#session
    return settleAll(this.#context, this.#group, { session, settlements })
  }

  /** The receipt of a message that it holds, for an owner that has lost it. Throws what the store says. */
  receiptOf(topic: string, messageId: string): Promise<DeliveryReceipt | undefined> {
    return receiptOfHeld(this.#context, this.#group, { session: this.#session, topic, messageId })
  }

  /** Takes no more messages; settles what it holds, then ends. */
  leave(): void {
    if (this.#isCurrent && this.#session.state === 'open') this.#session.state = 'leaving'
  }

  /** The connection broke: for a while the session may come back and keep what it holds. */
  lose(): void {
    if (this.#isCurrent && this.#session.state !== 'lost') this.#group.lose(this.#session)
  }

  /** It will not come back: what it holds is delivered to others at once. */
  end(): void {
    if (this.#isCurrent) this.#group.end(this.#session)
  }

  get #isCurrent(): boolean {
    return this.#session.attachment.sink === this.#sink && this.#session.state !== 'gone'
  }
}
