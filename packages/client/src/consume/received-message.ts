import { CometError, type SettlementAction } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import { type Duration, parseDuration } from '../duration.ts'
import type { MessageView } from '../message-view.ts'
import type { LeasedRun } from './leased-run.ts'
import { cutReason } from './outcomes.ts'
import type { SubscriptionLane } from './subscription-lane.ts'

/** What messages need of their consumer. */
export interface MessagePorts {
  readonly clock: Clock
  /** Aborted when the consumer can wait no longer. */
  readonly signal: AbortSignal
}

/** A message that this consumer holds for a while, with everything known of it. */
export class ReceivedMessage<T = unknown> {
  /** The decoded value. */
  readonly body: T
  readonly #run: LeasedRun
  readonly #offset: number
  readonly #lane: SubscriptionLane
  readonly #ports: MessagePorts
  #madeView: MessageView | undefined

  /** Messages are made by consumers only. */
  constructor(
    body: T,
    run: LeasedRun,
    offset: number,
    lane: SubscriptionLane,
    ports: MessagePorts,
  ) {
    this.body = body
    this.#run = run
    this.#offset = offset
    this.#lane = lane
    this.#ports = ports
  }

  /** The same for every delivery of the message: what to recognise a repetition by. */
  get id(): string {
    return this.#view.id
  }

  /** The topic it was sent to, also in a redelivery. */
  get topic(): string {
    return this.#view.topic
  }

  get tag(): string | undefined {
    return this.#view.tag
  }

  get keys(): readonly string[] {
    return this.#view.keys
  }

  /** Its message group: messages of one `key` share a queue, in the order they were sent. */
  get key(): string | undefined {
    return this.#view.key
  }

  get properties(): Readonly<Record<string, string>> {
    return this.#view.properties
  }

  /** Which delivery this is, from 1. */
  get attempt(): number {
    return this.#run.attempt
  }

  get brokerName(): string {
    return this.#lane.brokerName
  }

  /** Of the queue it was sent to, also in a redelivery. */
  get queueId(): number {
    return this.#view.queueId
  }

  /** In the queue it was sent to, also in a redelivery. */
  get queueOffset(): number {
    return this.#view.queueOffset
  }

  /** When it was sent, by the sender's clock. */
  get bornAt(): Date {
    return this.#view.bornAt
  }

  /** When it was stored, by the broker's clock. */
  get storedAt(): Date {
    return this.#view.storedAt
  }

  /** Why the last attempt failed, in a redelivery. */
  get lastFailure(): string | undefined {
    return this.#view.lastFailure
  }

  /** Aborted when the consumer can wait no longer for a handler that is still at work. */
  get signal(): AbortSignal {
    return this.#ports.signal
  }

  /** Whether it was acknowledged, sent back or rejected, or its lease was lost. */
  get isSettled(): boolean {
    return this.#run.isSettled(this.#offset)
  }

  /** Done with it. Resolves when that is durable; rejects with `LEASE_LOST` when it comes too late. */
  ack(): Promise<void> {
    return this.#settle({ kind: 'acknowledge' })
  }

  /** Hands it out again, after `delay` or the group's own delay. */
  retry(delay?: Duration, reason = 'the consumer asked for a retry'): Promise<void> {
    const delayMs = delay === undefined ? undefined : parseDuration('the delay of a retry', delay)
    return this.#settle({ kind: 'retry', delayMs, reason: cutReason(reason) })
  }

  /** Sends it to the group's dead letters. */
  reject(reason: string): Promise<void> {
    return this.#settle({ kind: 'reject', reason: cutReason(reason) })
  }

  /** Keeps it for `duration` from now on. A handler need not: what it works on is kept anyway. */
  extend(duration: Duration): Promise<void> {
    const delayMs = parseDuration('the extension', duration)
    if (this.isSettled) return this.#settledBefore()
    this.#run.extendedTo(this.#offset, this.#ports.clock.elapsedMs() + delayMs)
    return this.#lane.settleDurably(this.#run, this.#offset, { kind: 'extend', delayMs })
  }

  #settle(action: SettlementAction): Promise<void> {
    if (this.isSettled) return this.#settledBefore()
    return this.#lane.settleDurably(this.#run, this.#offset, action)
  }

  #settledBefore(): Promise<void> {
    if (!this.#run.isLost(this.#offset)) return Promise.resolve()
    return Promise.reject(
      new CometError('LEASE_LOST', 'the lease has ended; the message is handed out again'),
    )
  }

  get #view(): MessageView {
    // Most handlers look at the body only.
    this.#madeView ??= this.#run.view(this.#offset)
    return this.#madeView
  }
}
