import {
  CometError,
  type Delivery,
  type ErrorCode,
  type FilterText,
  type LeasedRange,
  RecordBatch,
  type SettlementAction,
  subscribeMethod,
  type SubscribeRequest,
  type SubscribeResponse,
  toCometError,
} from '@cometmq/protocol'
import { type Connection, type MessageStream, type Runtime, type Timer } from '@cometmq/runtime'
import { waitMsAfter } from '../waits.ts'
import { CreditWindow } from './credit-window.ts'
import { LeasedRun } from './leased-run.ts'
import {
  ArrivedMessages,
  type HeldMessage,
  OrderedMessages,
  type ReadyMessages,
} from './ready-messages.ts'
import { isSameQueue, joinRanges, type QueueOfGroup } from './settlement-buffer.ts'
import { Settler } from './settler.ts'

/** A broker makes a settlement durable within some milliseconds. After so long it may be gone. */
const OVERDUE_MS = 1_000

/** What a lane is told once. */
export interface SubscriptionSettings {
  readonly group: string
  readonly topic: string
  readonly filter: FilterText
  /** The group must keep the order of message groups. */
  readonly fifo: boolean
  readonly sessionId: string
  readonly clientId: string
  /** 0: the group's. */
  readonly invisibleMs: number
  /** Bytes of records that one broker may have handed to this consumer. */
  readonly bufferBytes: number
}

export interface LaneHost {
  readonly runtime: Runtime
  /** The connection to the master's present address, if it is known. */
  connect(): Connection | undefined
  /** Runs before each stream: makes the group there, if this consumer says how. */
  prepare(connection: Connection): Promise<void>
  /** Messages lie ready. */
  delivered(): void
  /** Something has been settled, or the lane has opened or ended. */
  changed(): void
  /** The broker refuses this consumer for good. */
  refused(error: CometError): void
  /** The broker has failed; maybe another one is the master. */
  doubt(): void
}

/** A message that has been taken from a lane. */
export interface TakenMessage {
  readonly run: LeasedRun
  readonly offset: number
  readonly lane: SubscriptionLane
}

type Stream = MessageStream<SubscribeRequest, SubscribeResponse>

/**
 * Membership of a consumer group at one broker group: one stream to its master, and what was leased
 * over it.
 *
 * A stream that breaks, or whose broker is no longer the master, is followed by another, for ever:
 * the new one names what is still held, so that work goes on without a redelivery.
 */
export class SubscriptionLane {
  readonly brokerName: string
  readonly #host: LaneHost
  readonly #settings: SubscriptionSettings
  readonly #credit: CreditWindow
  readonly #settler: Settler
  readonly #runs = new Set<LeasedRun>()
  /** What of them waits. */
  #ready: ReadyMessages = new ArrivedMessages()
  #stream: Stream | undefined
  #address = ''
  #isOpen = false
  /** From the call of `leave` on, nothing new is taken. */
  #leaving = false
  /** The broker shuts down: hand everything back, then come again. */
  #peerDraining = false
  #closed = false
  /** A new object for each stream that is being prepared. */
  #starting: { readonly address: string } | undefined
  #failures = 0
  #retry: Timer | undefined
  #invisibleMs = 60_000

  constructor(host: LaneHost, brokerName: string, settings: SubscriptionSettings) {
    this.#host = host
    this.brokerName = brokerName
    this.#settings = settings
    const { clock, log, random } = host.runtime
    this.#credit = new CreditWindow(settings.bufferBytes, clock.elapsedMs())
    this.#settler = new Settler({
      clock,
      log,
      random,
      send: (id, settlements) => this.#send({ kind: 'settle', id, settlements }),
      invisibleMs: () => this.#invisibleMs,
      answered: () => {
        this.#endIfDrained()
        this.#host.changed()
      },
    })
  }

  /** Whether the broker has let this consumer in. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether nothing is held, and everything settled is durable. */
  get isIdle(): boolean {
    return this.#runs.size === 0 && this.isFlushed
  }

  /** Whether everything settled is durable. */
  get isFlushed(): boolean {
    return this.#settler.isFlushed
  }

  /** Opens the stream, unless it stands or waits for its next try. */
  start(): void {
    const isUnderWay = this.#stream !== undefined || this.#starting !== undefined
    if (isUnderWay || this.#retry !== undefined) return
    if (this.#closed || (this.#leaving && this.isIdle)) return
    const connection = this.#host.connect()
    if (connection !== undefined) void this.#start(connection)
  }

  /** The master may be another one, or be back: no more waiting. */
  routeChanged(): void {
    const present = this.#stream === undefined ? this.#starting?.address : this.#address
    const address = this.#host.connect()?.address ?? present
    if (present !== undefined && present !== address) this.#leaveBehind()
    this.#retry?.cancel()
    this.#retry = undefined
    this.start()
  }

  /**
   * Takes the next message that surely is this consumer's: not while the broker is away, which may
   * give it to somebody else meanwhile, and not after its lease has ended.
   */
  take(nowMs: number): TakenMessage | undefined {
    if (!this.#isOpen) return undefined
    const taken = this.#ready.take((run) => {
      if (run.leaseEndsMs <= nowMs) this.#lose(run)
    })
    return taken === undefined ? undefined : { ...taken, lane: this }
  }

  acknowledge(run: LeasedRun, offset: number): void {
    if (!run.settle(offset)) return
    this.#settler.queue(run.queue).acknowledge(offset)
    if (run.isFinished) this.#finishRun(run)
    this.#settler.flushInTime()
    if (this.#isOrdered) this.#host.delivered()
  }

  /** Ends the lease of one message in another way. */
  settle(run: LeasedRun, offset: number, action: SettlementAction): void {
    if (action.kind === 'retry') this.#release(this.#ready.behind(run, offset))
    if (!run.settle(offset)) return
    this.#settler.queue(run.queue).add(offset, offset + 1, action)
    this.#afterSettling(run)
    if (this.#isOrdered) this.#host.delivered()
  }

  /** Like `settle` or an extension; resolves when it is durable. Rejects with `LEASE_LOST` and the like. */
  settleDurably(run: LeasedRun, offset: number, action: SettlementAction): Promise<void> {
    if (this.#closed) {
      return Promise.reject(new CometError('CLOSED', 'the consumer was closed; the lease will end'))
    }
    const range = { ...run.queue, from: offset, to: offset + 1 }
    const durable = this.#settler.durable(range, action.kind)
    if (action.kind === 'extend') this.#settler.extend([range], action.delayMs)
    else this.settle(run, offset, action)
    return durable
  }

  /** Extends leases of which less than half is left. Called often enough to notice who does not answer. */
  extendLeases(nowMs: number): void {
    if (this.#settler.isOverdue(nowMs, OVERDUE_MS)) this.#host.doubt()
    const halfMs = this.#invisibleMs / 2
    for (const run of this.#runs) {
      run.expire(nowMs)
      if (run.isFinished) this.#finishRun(run)
      // A broker that is away extends nothing; it will be told what is held when it is back.
      else if (this.#isOpen && run.leaseEndsMs - nowMs < halfMs) this.#settler.extendRun(run)
    }
  }

  /** Takes nothing more, and gives back what nobody has taken. */
  leave(): void {
    if (this.#leaving) return
    this.#leaving = true
    this.#stream?.send({ kind: 'leave' })
    if (this.#isOpen) this.#releaseWaiting()
    // A broker that is away finds out by itself; nobody should wait for it because of that.
    else for (const run of this.#runs) this.#forsake(run)
  }

  /** Ends the stream; what was not settled is for the broker to hand out again. */
  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#isOpen = false
    const stream = this.#stream
    this.#stream = undefined
    if (this.isFlushed) stream?.end()
    else stream?.cancel()
    this.#settler.close(
      new CometError('CLOSED', 'the consumer was closed before the broker had answered'),
    )
  }

  async #start(connection: Connection): Promise<void> {
    const starting = { address: connection.address }
    this.#starting = starting
    let failure: CometError | undefined
    try {
      await this.#host.prepare(connection)
    } catch (thrown) {
      failure = toCometError(thrown)
    }
    // Else the master has become another one meanwhile, which is being asked already.
    if (this.#starting !== starting) return
    this.#starting = undefined
    if (failure !== undefined) this.#failed(failure)
    else if (!this.#closed) this.#open(connection)
  }

  /** There is another master; what this one would still have said does not count. */
  #leaveBehind(): void {
    this.#starting = undefined
    this.#failures = 0
    const stream = this.#stream
    this.#lost()
    stream?.cancel(new CometError('UNAVAILABLE', `${this.brokerName} has another master`))
    this.#host.changed()
  }

  #lost(): void {
    this.#stream = undefined
    this.#isOpen = false
    this.#settler.streamLost()
  }

  #open(connection: Connection): void {
    const stream = connection.open(subscribeMethod)
    this.#stream = stream
    this.#address = connection.address
    this.#peerDraining = false
    stream.receive({
      message: (response) => {
        if (this.#stream === stream) this.#take(response)
      },
      ended: () => {
        if (this.#stream !== stream) return
        stream.end()
        this.#failed(new CometError('UNAVAILABLE', `${this.brokerName} has ended the stream`))
      },
      failed: (error) => {
        if (this.#stream === stream) this.#failed(error)
      },
    })
    const { group, topic, filter, sessionId, clientId, invisibleMs } = this.#settings
    stream.send({
      kind: 'open',
      group,
      sessionId,
      clientId,
      topics: [{ topic, ...filter }],
      invisibleMs,
      creditBytes: this.#credit.open(),
      held: this.#held(),
    })
    if (this.#leaving) stream.send({ kind: 'leave' })
  }

  /** What the broker must not hand out again: what is leased, and what is settled but not yet there. */
  #held(): LeasedRange[] {
    const leased = [...this.#runs].flatMap((run) => run.unsettled())
    return joinRanges([...leased, ...this.#settler.unanswered()])
  }

  #take(response: SubscribeResponse): void {
    switch (response.kind) {
      case 'opened':
        this.#opened(response)
        return
      case 'deliver':
        for (const delivery of response.deliveries) this.#deliver(delivery)
        this.#grant()
        return
      case 'settled':
        this.#settler.take(response.id, response.failures)
        return
      case 'draining':
        this.#peerDraining = true
        this.#releaseWaiting()
        this.#endIfDrained()
        return
    }
  }

  #opened(response: Extract<SubscribeResponse, { readonly kind: 'opened' }>): void {
    const { group } = this.#settings
    if (this.#settings.fifo && !response.fifo) {
      const advice = 'delete it, or consume with another group'
      const message = `group "${group}" exists and keeps no order; ${advice}`
      const stream = this.#stream
      this.#failed(new CometError('ILLEGAL_ARGUMENT', message))
      stream?.cancel()
      return
    }
    this.#isOpen = true
    this.#failures = 0
    if (response.fifo && !this.#isOrdered) {
      this.#ready = new OrderedMessages((held) => this.#release(held))
    }
    this.#invisibleMs = response.invisibleMs
    const leaseEndsMs = this.#host.runtime.clock.elapsedMs() + response.invisibleMs
    for (const run of this.#runs) {
      run.leaseEndsMs = leaseEndsMs
      for (const range of response.lost) {
        if (isSameQueue(run.queue, range)) run.lose(range.from, range.to)
      }
      if (run.isFinished) this.#finishRun(run)
    }
    this.#grant()
    this.#settler.flush()
    this.#host.changed()
    this.#host.delivered()
  }

  #deliver(delivery: Delivery): void {
    const { topic, queueId, retry, attempt, ranges } = delivery
    const queue: QueueOfGroup = { topic: retry ? '' : topic, queueId, retry }
    const leaseEndsMs = this.#host.runtime.clock.elapsedMs() + delivery.invisibleMs
    for (const bytes of delivery.batches) {
      const delivered = { bytes: bytes.length, openRuns: 0 }
      this.#credit.delivered(bytes.length)
      const batch = this.#verified(bytes, delivery, queue)
      for (let i = 0; batch !== undefined && i < ranges.length; i += 2) {
        const from = Math.max(ranges[i] as number, batch.baseQueueOffset)
        const to = Math.min(ranges[i + 1] as number, batch.baseQueueOffset + batch.messageCount)
        if (from >= to) continue
        delivered.openRuns += 1
        const run = new LeasedRun({ queue, batch, from, to, attempt, delivered, leaseEndsMs })
        this.#runs.add(run)
        this.#ready.add(run)
      }
      if (delivered.openRuns === 0) this.#finishBytes(bytes.length)
    }
    if (this.#leaving || this.#peerDraining) this.#releaseWaiting()
    else this.#host.delivered()
  }

  /** A batch that was damaged on its way, or at rest, goes back: the next attempt may read it whole. */
  #verified(bytes: Buffer, delivery: Delivery, queue: QueueOfGroup): RecordBatch | undefined {
    let batch: RecordBatch | undefined
    try {
      batch = RecordBatch.parse(bytes)
      batch.verifyBody()
      return batch
    } catch (thrown) {
      const error = toCometError(thrown)
      this.#host.runtime.log.error(
        { broker: this.brokerName, topic: delivery.topic, queue: queue.queueId, error },
        'a damaged batch was sent back',
      )
      const settlements = this.#settler.queue(queue)
      // Without a header, nobody knows which of the leased messages it held: all go back.
      const [low, high] =
        batch === undefined
          ? [0, Number.MAX_SAFE_INTEGER]
          : [batch.baseQueueOffset, batch.baseQueueOffset + batch.messageCount]
      for (let i = 0; i < delivery.ranges.length; i += 2) {
        const from = Math.max(delivery.ranges[i] as number, low)
        const to = Math.min(delivery.ranges[i + 1] as number, high)
        if (from < to) {
          settlements.add(from, to, { kind: 'retry', delayMs: undefined, reason: error.message })
        }
      }
      this.#settler.flushSoon()
      return undefined
    }
  }

  /** A FIFO group: what is settled lets others be taken. */
  get #isOrdered(): boolean {
    return this.#ready instanceof OrderedMessages
  }

  #release(held: readonly HeldMessage[]): void {
    for (const { run, offset } of held) {
      if (!run.settle(offset)) continue
      this.#settler.queue(run.queue).add(offset, offset + 1, { kind: 'release' })
      this.#afterSettling(run)
    }
  }

  #lose(run: LeasedRun): void {
    run.loseWaiting()
    if (run.isFinished) this.#finishRun(run)
  }

  /** It is lost with all others, and nothing is taken any more: there is no order to keep. */
  #forsake(run: LeasedRun): void {
    run.onEnded = undefined
    this.#lose(run)
  }

  #settleRanges(run: LeasedRun, ranges: readonly LeasedRange[], action: SettlementAction): void {
    const settlements = this.#settler.queue(run.queue)
    for (const { from, to } of ranges) settlements.add(from, to, action)
    this.#afterSettling(run)
  }

  #releaseWaiting(): void {
    for (const run of this.#runs) {
      this.#settleRanges(run, run.settleWaiting(), { kind: 'release' })
    }
  }

  #afterSettling(run: LeasedRun): void {
    if (run.isFinished) this.#finishRun(run)
    this.#settler.flushSoon()
  }

  #finishRun(run: LeasedRun): void {
    if (!this.#runs.delete(run)) return
    run.delivered.openRuns -= 1
    if (run.delivered.openRuns === 0) this.#finishBytes(run.delivered.bytes)
  }

  #finishBytes(bytes: number): void {
    this.#credit.finished(bytes, this.#host.runtime.clock.elapsedMs())
    this.#grant()
  }

  #grant(): void {
    if (this.#leaving || this.#peerDraining || !this.#isOpen) return
    const bytes = this.#credit.grant()
    if (bytes > 0) this.#send({ kind: 'credit', bytes })
  }

  #send(request: SubscribeRequest): boolean {
    if (!this.#isOpen || this.#stream === undefined) return false
    this.#stream.send(request)
    return true
  }

  /** A broker that drains waits for this; so does nobody else. */
  #endIfDrained(): void {
    if (this.#peerDraining && this.isIdle) this.#stream?.end()
  }

  #failed(error: CometError): void {
    this.#lost()
    if (this.#closed) return
    if (finalErrors.has(error.code)) {
      this.#host.refused(error)
      return
    }
    const fields = { broker: this.brokerName, group: this.#settings.group, error }
    if (error.retry === 'never') {
      this.#host.runtime.log.warn(fields, 'a broker refuses this consumer for now')
    } else this.#host.runtime.log.debug(fields, 'lost a broker')
    this.#host.doubt()
    const pauseMs = waitMsAfter(error, this.#failures, this.#host.runtime.random)
    this.#failures += 1
    this.#retry = this.#host.runtime.clock.schedule(pauseMs, () => {
      this.#retry = undefined
      this.start()
    })
    this.#host.changed()
  }
}

/** Errors that no waiting ends: the consumer itself is wrong. */
const finalErrors: ReadonlySet<ErrorCode> = new Set([
  'ILLEGAL_NAME',
  'ILLEGAL_ARGUMENT',
  'ILLEGAL_FILTER',
  'NOT_ALLOWED',
  'UNSUPPORTED',
  'MALFORMED_REQUEST',
])
