import type { CometError, Delivery, MessageFilter } from '@cometmq/protocol'
import type { Holder, PopLease } from './message-state.ts'

/** Where a member's messages go. The engine calls it; it must not throw. */
export interface MemberSink {
  /** Hands over leased messages. `false`: send no more before `writable` resolves. */
  deliver(delivery: Delivery): boolean
  /** Resolves when `deliver` would answer `true`, or nothing can be sent any more. */
  writable(): Promise<void>
  /** The broker shuts down: no more messages will come. */
  draining(): void
  /** The membership has ended from this side. */
  ended(error: CometError): void
}

/** What a member says of itself when it opens. */
export interface Attachment {
  readonly clientId: string
  readonly peer: string
  readonly topics: ReadonlyMap<string, MessageFilter>
  /** 0: the group's. */
  readonly invisibleMs: number
  readonly connectedAtMs: number
  readonly sink: MemberSink
  /** It asks for messages each time it wants some, instead of being sent what comes. */
  readonly isPop: boolean
}

/** Enough for a handful of messages of usual size. */
const POP_READ_BYTES = 64 * 1024

/** What a member that asks for messages wants next. */
export interface PopTerms {
  readonly maxMessages: number
  readonly maxBytes: number
  readonly invisibleMs: number
  readonly lease: PopLease
}

/**
 * One consumer instance in one group, over all its connections. What is leased to it ends with it:
 * at once when it leaves, after a grace when its connection breaks.
 */
export class Session implements Holder {
  readonly id: string
  /** Written by lease tables only. */
  held = 0
  /**
   * - `open`: takes messages. `leaving`: only settles what it has.
   * - `lost`: its connection broke at `lostAtMs`; it may come back.
   * - `gone`: holds nothing any more, and is not in its group.
   */
  state: 'open' | 'leaving' | 'lost' | 'gone' = 'open'
  lostAtMs = 0
  /** Record bytes that may still be sent. Below zero after a single batch larger than the credit. */
  creditBytes = 0
  /** Of the credit, what reads under way will use. */
  reservedBytes = 0
  /** Its requests to settle that are under way: while one is, it may not be able to extend a lease. */
  unanswered = 0
  /** Queues that were given to it last. */
  ownedQueues = 0
  /** Its connection takes no more for now. */
  isBlocked = false
  /** Of a member that asks: what for. It takes nothing while it asks for nothing. */
  terms: PopTerms | undefined
  attachment: Attachment

  constructor(id: string, attachment: Attachment) {
    this.id = id
    this.attachment = attachment
  }

  /** Messages that may still be sent. */
  get creditMessages(): number {
    return this.attachment.isPop ? (this.terms?.maxMessages ?? 0) : Number.POSITIVE_INFINITY
  }

  /** Bytes that one read for it brings at most; a single larger batch still passes. */
  readBytes(frameMaxBytes: number): number {
    const maxBytes = this.attachment.isPop ? POP_READ_BYTES : frameMaxBytes
    return Math.min(maxBytes, Math.max(1, this.freeBytes))
  }

  get freeBytes(): number {
    return this.creditBytes - this.reservedBytes
  }

  /**
   * Whether it may be sent `bytes` more. A batch larger than its whole credit passes when it holds
   * nothing, or it would never be delivered.
   */
  canTake(bytes: number): boolean {
    if (this.state !== 'open' || this.isBlocked || this.freeBytes <= 0) return false
    // Who asks for a few messages has one read at a time: the next begins where it left wishes.
    if (this.attachment.isPop && (this.creditMessages <= 0 || this.reservedBytes > 0)) return false
    return bytes <= this.freeBytes || (this.held === 0 && this.reservedBytes === 0)
  }

  /** Whether what was read for it may be sent although its connection takes no more for now. */
  canFinish(bytes: number): boolean {
    return this.state === 'open' && !this.attachment.isPop && bytes <= this.freeBytes
  }

  /** Whether it is there and waits for an answer. */
  get isWaiting(): boolean {
    return this.unanswered > 0 && (this.state === 'open' || this.state === 'leaving')
  }

  reads(topic: string): boolean {
    return this.attachment.topics.has(topic)
  }
}
