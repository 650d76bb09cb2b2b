import type { CometError, Delivery } from '@cometmq/protocol'
import type { Holder } from './lease-table.ts'
import type { TagFilter } from './tag-filter.ts'

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
  readonly topics: ReadonlyMap<string, TagFilter>
  /** 0: the group's. */
  readonly invisibleMs: number
  readonly connectedAtMs: number
  readonly sink: MemberSink
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
  /** Queues that were given to it last. */
  ownedQueues = 0
  /** Its connection takes no more for now. */
  isBlocked = false
  attachment: Attachment

  constructor(id: string, attachment: Attachment) {
    this.id = id
    this.attachment = attachment
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
    return bytes <= this.freeBytes || (this.held === 0 && this.reservedBytes === 0)
  }

  reads(topic: string): boolean {
    return this.attachment.topics.has(topic)
  }
}
