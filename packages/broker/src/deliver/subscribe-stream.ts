import {
  CometError,
  type Delivery,
  type SubscribeRequest,
  type SubscribeResponse,
  toCometError,
} from '@cometmq/protocol'
import type { Logger, MessageStream } from '@cometmq/runtime'
import type { BrokerCounters } from '../broker-counters.ts'
import type { DeliveryEngine } from './delivery.ts'
import type { Member } from './member.ts'
import type { MemberSink } from './sessions.ts'

export interface SubscribePorts {
  readonly delivery: DeliveryEngine
  readonly counters: BrokerCounters
  readonly log: Logger
}

/** Unanswered settlements of one stream; beyond it the stream is not read. */
const SETTLEMENTS_WAITING_MAX = 65_536

/** What an unanswered request counts at least. */
const SETTLE_COST = 256

/** Requests that were under way when the stream was paused until it is open. */
const EARLY_MAX = 64

type Settle = Extract<SubscribeRequest, { kind: 'settle' }>

/**
 * One `Subscribe` stream: what the member says becomes calls of the engine, what the engine says
 * becomes messages. While the peer does not read, neither deliveries nor answers are made for it.
 */
export class SubscribeStream implements MemberSink {
  readonly #ports: SubscribePorts
  readonly #stream: MessageStream<SubscribeResponse, SubscribeRequest>
  readonly #peer: string
  #member: Member | undefined
  /** What came before the member was admitted, in both directions. */
  #early: { requests: SubscribeRequest[]; deliveries: Delivery[] } | undefined
  #waitingSettlements = 0
  #isPaused = false
  #isBlocked = false
  #hasLeft = false
  #peerEnded = false
  #isOver = false
  #closed: () => void = () => {}

  constructor(
    ports: SubscribePorts,
    parts: {
      readonly stream: MessageStream<SubscribeResponse, SubscribeRequest>
      readonly peer: string
    },
  ) {
    this.#ports = ports
    this.#stream = parts.stream
    this.#peer = parts.peer
  }

  /** `closed` is called when the stream has ended, however it did. */
  start(closed: () => void): void {
    this.#closed = closed
    this.#stream.receive({
      message: (request) => this.#take(request),
      ended: () => {
        this.#peerEnded = true
        this.#endWhenSettled()
      },
      failed: () => this.#finish(),
    })
  }

  deliver(delivery: Delivery): boolean {
    if (this.#early !== undefined) {
      this.#early.deliveries.push(delivery)
      return true
    }
    const { counters } = this.#ports
    for (let i = 0; i < delivery.ranges.length; i += 2) {
      counters.messagesOut += (delivery.ranges[i + 1] as number) - (delivery.ranges[i] as number)
    }
    for (const batch of delivery.batches) counters.bytesOut += batch.length
    return this.#send({ kind: 'deliver', deliveries: [delivery] })
  }

  writable(): Promise<void> {
    return this.#stream.writable()
  }

  draining(): void {
    this.#send({ kind: 'draining' })
  }

  ended(error: CometError): void {
    this.#break(error)
  }

  #take(request: SubscribeRequest): void {
    if (this.#isOver) return
    if (request.kind === 'open') void this.#open(request)
    else if (this.#early !== undefined) this.#takeEarly(this.#early.requests, request)
    else if (this.#member === undefined) {
      this.#break(new CometError('MALFORMED_REQUEST', 'the first message of a stream is "open"'))
    } else this.#do(this.#member, request)
  }

  #takeEarly(requests: SubscribeRequest[], request: SubscribeRequest): void {
    requests.push(request)
    if (requests.length <= EARLY_MAX) return
    this.#break(new CometError('TOO_MANY', 'too much was sent before the subscription was opened'))
  }

  async #open(open: Extract<SubscribeRequest, { kind: 'open' }>): Promise<void> {
    if (this.#member !== undefined || this.#early !== undefined) {
      this.#break(new CometError('MALFORMED_REQUEST', 'this stream is open already'))
      return
    }
    const early: { requests: SubscribeRequest[]; deliveries: Delivery[] } = {
      requests: [],
      deliveries: [],
    }
    this.#early = early
    this.#pauseOrResume()
    try {
      const member = await this.#ports.delivery.openMember({ ...open, peer: this.#peer }, this)
      this.#member = member
      this.#early = undefined
      this.#pauseOrResume()
      if (this.#isOver) {
        member.lose()
        return
      }
      const { invisibleMs, maxAttempts, lost, fifo } = member
      this.#send({ kind: 'opened', invisibleMs, maxAttempts, lost, fifo })
      for (const delivery of early.deliveries) this.deliver(delivery)
      for (const request of early.requests) this.#take(request)
      this.#endWhenSettled()
    } catch (thrown) {
      this.#early = undefined
      this.#break(this.#errorOf(thrown))
    }
  }

  #do(member: Member, request: Exclude<SubscribeRequest, { kind: 'open' }>): void {
    switch (request.kind) {
      case 'credit':
        member.addCredit(request.bytes)
        return
      case 'settle':
        void this.#settle(member, request)
        return
      case 'leave':
        this.#hasLeft = true
        member.leave()
        return
    }
  }

  async #settle(member: Member, { id, settlements }: Settle): Promise<void> {
    const cost = Math.max(SETTLE_COST, settlements.length)
    this.#waitingSettlements += cost
    this.#pauseOrResume()
    try {
      const failures = await member.settle(settlements)
      this.#send({ kind: 'settled', id, failures })
    } catch (thrown) {
      this.#break(this.#errorOf(thrown))
    }
    this.#waitingSettlements -= cost
    this.#pauseOrResume()
    this.#endWhenSettled()
  }

  /** `false`: the peer does not keep up. */
  #send(response: SubscribeResponse): boolean {
    if (this.#isOver) return true
    const isTaken = this.#stream.send(response)
    if (!isTaken && !this.#isBlocked) {
      this.#isBlocked = true
      this.#pauseOrResume()
      void this.#stream.writable().then(() => {
        this.#isBlocked = false
        this.#pauseOrResume()
      })
    }
    return isTaken
  }

  #pauseOrResume(): void {
    const isFull = this.#waitingSettlements >= SETTLEMENTS_WAITING_MAX
    const pause = this.#isBlocked || isFull || this.#early !== undefined
    if (pause === this.#isPaused || this.#isOver) return
    this.#isPaused = pause
    if (pause) this.#stream.pause()
    else this.#stream.resume()
  }

  #endWhenSettled(): void {
    if (!this.#peerEnded || this.#waitingSettlements > 0 || this.#early !== undefined) return
    if (this.#hasLeft) this.#member?.end()
    this.#stream.end()
    this.#finish()
  }

  #break(error: CometError): void {
    if (this.#isOver) return
    this.#stream.cancel(error)
    this.#finish()
  }

  /** A session that has not left may come back on another stream. */
  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#member?.lose()
    this.#closed()
  }

  #errorOf(thrown: unknown): CometError {
    const error = toCometError(thrown)
    if (error.code === 'INTERNAL') {
      this.#ports.log.error({ error: error.cause ?? error }, 'a subscription failed unexpectedly')
    }
    return error
  }
}
