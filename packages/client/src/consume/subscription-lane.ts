import {
  CometError,
  type Delivery,
  type ErrorCode,
  errorCodeOfId,
  type LeasedRange,
  RecordBatch,
  type Settlement,
  type SettlementAction,
  type SubscribeRequest,
  type SubscribeResponse,
  subscribeMethod,
  toCometError,
} from '@cometmq/protocol'
import {
  backoffMs,
  type Connection,
  type MessageStream,
  type Runtime,
  type Timer,
} from '@cometmq/runtime'
import { Fifo } from '../fifo.ts'
import { CreditWindow } from './credit-window.ts'
import { LeasedRun } from './leased-run.ts'
import {
  covers,
  isSameQueue,
  joinRanges,
  type QueueOfGroup,
  SettlementBuffer,
} from './settlement-buffer.ts'

const RECONNECT = { baseMs: 100, maxMs: 2_000 } as const

/** Settlements in one request; some 40 bytes each. */
const SETTLEMENTS_MAX = 8_192

/** What a lane is told once. */
export interface SubscriptionSettings {
  readonly group: string
  readonly topic: string
  readonly filter: string
  readonly sessionId: string
  readonly clientId: string
  /** 0: the group's. */
  readonly invisibleMs: number
  /** Bytes of records that one broker may have handed to this consumer. */
  readonly bufferBytes: number
}

export interface LaneHost {
  readonly runtime: Runtime
  /** The connection to the broker's present address, if it is known. */
  connect(): Connection | undefined
  /** Runs before each stream: makes the group there, if this consumer says how. */
  prepare(connection: Connection): Promise<void>
  /** Messages lie ready. */
  delivered(): void
  /** Something has been settled, or the lane has opened or ended. */
  changed(): void
  /** The broker refuses this consumer for good. */
  refused(error: CometError): void
}

/** Someone who waits until a settlement is durable. */
interface Waiter {
  readonly range: LeasedRange
  readonly kind: SettlementAction['kind']
  resolve(): void
  reject(error: CometError): void
}

/** A message that has been taken from a lane. */
export interface TakenMessage {
  readonly run: LeasedRun
  readonly offset: number
  readonly lane: SubscriptionLane
}

interface SentSettlements {
  readonly id: number
  readonly settlements: readonly Settlement[]
  readonly waiters: readonly Waiter[]
  /** Those whose lease it extends, and until when. */
  readonly extended: readonly LeasedRun[]
  readonly leaseEndsMs: number
}

type Stream = MessageStream<SubscribeRequest, SubscribeResponse>

/**
 * Membership of a consumer group at one broker: one stream, and what was leased over it.
 *
 * A stream that breaks is opened again, for ever: the new one names what is still held, so that
 * work goes on without a redelivery. One request with settlements is under way at a time; what is
 * settled meanwhile collects, so that the busier a consumer is, the fewer requests it sends.
 */
export class SubscriptionLane {
  readonly brokerName: string
  readonly #host: LaneHost
  readonly #settings: SubscriptionSettings
  readonly #credit: CreditWindow
  readonly #settlements = new SettlementBuffer()
  readonly #runs = new Set<LeasedRun>()
  /** Those of which something waits, in the order of arrival. */
  readonly #ready = new Fifo<LeasedRun>()
  #stream: Stream | undefined
  #address = ''
  #isOpen = false
  /** From the call of `leave` on, nothing new is taken. */
  #leaving = false
  /** The broker shuts down: hand everything back, then come again. */
  #peerDraining = false
  #closed = false
  #starting = false
  #failures = 0
  #retry: Timer | undefined
  #invisibleMs = 60_000
  #maxAttempts = 0
  #nextSettleId = 1
  /** The request under way. */
  #sent: SentSettlements | undefined
  #waiters: Waiter[] = []
  /** Runs whose extension waits to be sent. */
  #extending: LeasedRun[] = []
  #flushQueued = false

  constructor(host: LaneHost, brokerName: string, settings: SubscriptionSettings) {
    this.#host = host
    this.brokerName = brokerName
    this.#settings = settings
    this.#credit = new CreditWindow(settings.bufferBytes, host.runtime.clock.elapsedMs())
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
    return this.#sent === undefined && this.#settlements.isEmpty
  }

  get invisibleMs(): number {
    return this.#invisibleMs
  }

  /** Deliveries of one message before it goes to the dead letters; 0 before the broker has said so. */
  get maxAttempts(): number {
    return this.#maxAttempts
  }

  /** Opens the stream, unless it stands or waits for its next try. */
  start(): void {
    if (this.#stream !== undefined || this.#starting || this.#retry !== undefined) return
    if (this.#closed || (this.#leaving && this.isIdle)) return
    const connection = this.#host.connect()
    if (connection !== undefined) void this.#start(connection)
  }

  /** The broker may be back: no more waiting. */
  routeChanged(): void {
    const connection = this.#host.connect()
    if (this.#stream !== undefined && connection?.address !== this.#address) {
      this.#stream.cancel(new CometError('UNAVAILABLE', `${this.brokerName} has moved`))
      return
    }
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
    for (let run = this.#ready.first; run !== undefined; run = this.#ready.first) {
      if (run.leaseEndsMs <= nowMs) this.#lose(run)
      const offset = run.take()
      if (offset !== -1) return { run, offset, lane: this }
      this.#ready.shift()
    }
    return undefined
  }

  acknowledge(run: LeasedRun, offset: number): void {
    if (!run.settle(offset)) return
    this.#settlements.queue(run.queue).acknowledge(offset)
    this.#afterSettling(run)
  }

  /** Acknowledges all of `[from, to)` that is not settled. */
  acknowledgeAll(run: LeasedRun, from: number, to: number): void {
    this.#settleRanges(run, run.settleAll(from, to), { kind: 'acknowledge' })
  }

  /** Ends the lease of one message in another way. */
  settle(run: LeasedRun, offset: number, action: SettlementAction): void {
    if (!run.settle(offset)) return
    this.#settlements.queue(run.queue).add(offset, offset + 1, action)
    this.#afterSettling(run)
  }

  /** Like `settle` or an extension; resolves when it is durable. Rejects with `LEASE_LOST` and the like. */
  settleDurably(run: LeasedRun, offset: number, action: SettlementAction): Promise<void> {
    if (this.#closed) {
      return Promise.reject(new CometError('CLOSED', 'the consumer was closed; the lease will end'))
    }
    return new Promise((resolve, reject) => {
      const range = { ...run.queue, from: offset, to: offset + 1 }
      this.#waiters.push({ range, kind: action.kind, resolve, reject })
      if (action.kind === 'extend') this.#extend([range], action.delayMs)
      else this.settle(run, offset, action)
    })
  }

  /** Extends leases of which less than half is left. */
  extendLeases(nowMs: number): void {
    const halfMs = this.#invisibleMs / 2
    for (const run of this.#runs) {
      run.expire(nowMs)
      if (run.isFinished) this.#finishRun(run)
      // A broker that is away extends nothing; it will be told what is held when it is back.
      else if (this.#isOpen && !run.isExtending && run.leaseEndsMs - nowMs < halfMs) {
        run.isExtending = true
        this.#extending.push(run)
        this.#extend(run.toExtend(), this.#invisibleMs)
      }
    }
  }

  /** Takes nothing more, and gives back what nobody has taken. */
  leave(): void {
    if (this.#leaving) return
    this.#leaving = true
    this.#stream?.send({ kind: 'leave' })
    if (this.#isOpen) this.#releaseWaiting()
    // A broker that is away finds out by itself; nobody should wait for it because of that.
    else for (const run of this.#runs) this.#lose(run)
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
    const error = new CometError('CLOSED', 'the consumer was closed before the broker had answered')
    for (const waiter of [...(this.#sent?.waiters ?? []), ...this.#waiters]) waiter.reject(error)
    this.#waiters = []
  }

  async #start(connection: Connection): Promise<void> {
    this.#starting = true
    try {
      await this.#host.prepare(connection)
      this.#starting = false
      if (!this.#closed) this.#open(connection)
    } catch (error) {
      this.#starting = false
      this.#failed(toCometError(error))
    }
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
      topics: [{ topic, filter }],
      invisibleMs,
      creditBytes: this.#credit.open(),
      held: this.#held(),
    })
    if (this.#leaving) stream.send({ kind: 'leave' })
  }

  /** What the broker must not hand out again: what is leased, and what is settled but not yet there. */
  #held(): LeasedRange[] {
    const unanswered = this.#settlements.take(Number.POSITIVE_INFINITY)
    this.#settlements.putBack(unanswered)
    const settled = unanswered
      .filter(({ action }) => action.kind !== 'extend')
      .map(({ range }) => range)
    return joinRanges([...[...this.#runs].flatMap((run) => run.unsettled()), ...settled])
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
        this.#settled(response)
        return
      case 'draining':
        this.#peerDraining = true
        this.#releaseWaiting()
        this.#endIfDrained()
        return
    }
  }

  #opened(response: Extract<SubscribeResponse, { readonly kind: 'opened' }>): void {
    this.#isOpen = true
    this.#failures = 0
    this.#invisibleMs = response.invisibleMs
    this.#maxAttempts = response.maxAttempts
    const leaseEndsMs = this.#host.runtime.clock.elapsedMs() + response.invisibleMs
    for (const run of this.#runs) {
      run.leaseEndsMs = leaseEndsMs
      for (const range of response.lost) {
        if (isSameQueue(run.queue, range)) run.lose(range.from, range.to)
      }
      if (run.isFinished) this.#finishRun(run)
    }
    this.#flush()
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
        this.#ready.push(run)
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
      const settlements = this.#settlements.queue(queue)
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
      this.#flushSoon()
      return undefined
    }
  }

  #settled(response: Extract<SubscribeResponse, { readonly kind: 'settled' }>): void {
    const sent = this.#sent
    if (sent === undefined || sent.id !== response.id) return
    this.#sent = undefined
    this.#extended(sent, response.failures)
    const failures = response.failures.map(({ index, error, message }) => ({
      settlement: sent.settlements[index],
      error: new CometError(errorCodeOfId(error), message),
    }))
    for (const waiter of sent.waiters) {
      const failure = failures.find(
        ({ settlement }) =>
          settlement?.action.kind === waiter.kind && covers(settlement.range, waiter.range),
      )
      if (failure === undefined) waiter.resolve()
      else waiter.reject(failure.error)
    }
    for (const { settlement, error } of failures) {
      this.#host.runtime.log.debug(
        { broker: this.brokerName, range: settlement?.range, error },
        'a settlement came too late',
      )
    }
    this.#flush()
    this.#endIfDrained()
    this.#host.changed()
  }

  /** Only what the broker has confirmed counts as extended. */
  #extended(sent: SentSettlements, failures: readonly { readonly index: number }[]): void {
    const failed = failures.flatMap(({ index }) => sent.settlements[index]?.range ?? [])
    for (const run of sent.extended) {
      run.isExtending = false
      const isLost = failed.some(
        (range) => isSameQueue(range, run.queue) && range.from < run.to && run.from < range.to,
      )
      if (!isLost) run.leaseEndsMs = sent.leaseEndsMs
    }
  }

  #lose(run: LeasedRun): void {
    run.loseWaiting()
    if (run.isFinished) this.#finishRun(run)
  }

  #settleRanges(run: LeasedRun, ranges: readonly LeasedRange[], action: SettlementAction): void {
    const settlements = this.#settlements.queue(run.queue)
    for (const { from, to } of ranges) settlements.add(from, to, action)
    this.#afterSettling(run)
  }

  #extend(ranges: readonly LeasedRange[], delayMs: number): void {
    for (const range of ranges) {
      this.#settlements.queue(range).add(range.from, range.to, { kind: 'extend', delayMs })
    }
    this.#flushSoon()
  }

  #releaseWaiting(): void {
    for (const run of this.#runs) {
      this.#settleRanges(run, run.settleWaiting(), { kind: 'release' })
    }
  }

  #afterSettling(run: LeasedRun): void {
    if (run.isFinished) this.#finishRun(run)
    this.#flushSoon()
  }

  #finishRun(run: LeasedRun): void {
    if (!this.#runs.delete(run)) return
    run.delivered.openRuns -= 1
    if (run.delivered.openRuns === 0) this.#finishBytes(run.delivered.bytes)
  }

  #finishBytes(bytes: number): void {
    this.#credit.finished(bytes, this.#host.runtime.clock.elapsedMs())
    this.#flushSoon()
  }

  #grant(): void {
    if (!this.#isOpen || this.#leaving || this.#peerDraining) return
    const bytes = this.#credit.grant()
    if (bytes > 0) this.#stream?.send({ kind: 'credit', bytes })
  }

  /** What is settled within one turn goes out together. */
  #flushSoon(): void {
    if (this.#flushQueued) return
    this.#flushQueued = true
    queueMicrotask(() => {
      this.#flushQueued = false
      this.#flush()
      this.#endIfDrained()
    })
  }

  #flush(): void {
    if (!this.#isOpen) return
    this.#grant()
    if (this.#sent !== undefined || this.#settlements.isEmpty) return
    const settlements = this.#settlements.take(SETTLEMENTS_MAX)
    // Those whose settlement did not fit in wait for the next request.
    const isIn = ({ range, kind }: Waiter): boolean =>
      settlements.some(({ range: outer, action }) => action.kind === kind && covers(outer, range))
    const waiters = this.#waiters.filter(isIn)
    if (waiters.length > 0) this.#waiters = this.#waiters.filter((waiter) => !isIn(waiter))
    const id = this.#nextSettleId++
    const extended = this.#extending
    this.#extending = []
    const leaseEndsMs = this.#host.runtime.clock.elapsedMs() + this.#invisibleMs
    this.#sent = { id, settlements, waiters, extended, leaseEndsMs }
    this.#stream?.send({ kind: 'settle', id, settlements })
  }

  /** A broker that drains waits for this; so does nobody else. */
  #endIfDrained(): void {
    if (this.#peerDraining && this.isIdle) this.#stream?.end()
  }

  #failed(error: CometError): void {
    this.#stream = undefined
    this.#isOpen = false
    const sent = this.#sent
    if (sent !== undefined) {
      // Settling again what may be settled already does no harm.
      this.#settlements.putBack(sent.settlements)
      this.#waiters = [...sent.waiters, ...this.#waiters]
      this.#sent = undefined
    }
    this.#extending = []
    for (const run of this.#runs) run.isExtending = false
    if (this.#closed) return
    if (finalErrors.has(error.code)) {
      this.#host.refused(error)
      return
    }
    const fields = { broker: this.brokerName, group: this.#settings.group, error }
    if (error.retry === 'never') {
      this.#host.runtime.log.warn(fields, 'a broker refuses this consumer for now')
    } else this.#host.runtime.log.debug(fields, 'lost a broker')
    const pauseMs = backoffMs(this.#failures, RECONNECT, this.#host.runtime.random)
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
