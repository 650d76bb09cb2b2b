import assert from 'node:assert/strict'
import type { BrokerAddress, PublishRequest, PublishResponse } from '@cometmq/protocol'
import {
  CometError,
  type ErrorCode,
  errorCodeOfId,
  type PublishResult,
  publishMethod,
} from '@cometmq/protocol'
import { type Connection, type MessageStream, type Runtime, type Timer } from '@cometmq/runtime'
import { Fifo } from '../fifo.ts'
import { waitMsAfter } from '../waits.ts'
import type { QueueWindow } from './queue-window.ts'
import type { SendBatch } from './send-batch.ts'

/** Four or five full batches keep a broker busy while answers travel; more would only wait there. */
const IN_FLIGHT_MAX_BYTES = 1280 * 1024

/** A broker answers a batch within some milliseconds. After so long without an answer it may be gone. */
const OVERDUE_MS = 1_000

/** One request carries no more than that, far below what the transport allows. */
const REQUEST_MAX_BYTES = 4 * 1024 * 1024

/** So long after a broker could not take what it was sent, messages that may go elsewhere do. */
const AVOID_MS = 500

/** A batch under way, with whom its answer concerns. */
export interface SentBatch {
  readonly batch: SendBatch
  readonly window: QueueWindow
  readonly owner: BatchOwner
}

export interface BatchOwner {
  stored(sent: SentBatch, result: PublishResult): void
  failed(sent: SentBatch, error: CometError): void
}

export interface LanePorts {
  readonly runtime: Runtime
  /** Who is to be written to; the same object until its epoch or address is another one. */
  master(): BrokerAddress | undefined
  /** The connection to that one's address, if it is known. */
  connect(): Connection | undefined
  /** Answers came, or a broken lane is whole again: there may be room. */
  changed(): void
  /** The broker has failed; maybe another one is the master. */
  doubt(): void
}

/**
 * The way to the master of one broker group: one stream, batches up, answers down in the same order.
 *
 * It opens its stream when there is something to send. When the stream breaks, or the master is
 * another one, every batch under way has failed: `CONNECT_FAILED` if nothing was sent, outcome
 * unknown otherwise.
 */
export class PublishLane {
  readonly brokerName: string
  readonly #ports: LanePorts
  readonly #inFlight = new Fifo<SentBatch>()
  #inFlightBytes = 0
  /** `clock.elapsedMs()` of the last answer, or of the first batch that waits for one. */
  #waitsSinceMs = 0
  #partialsInFlight = 0
  #roundOpen = true
  #outgoing: Buffer[] = []
  #outgoingBytes = 0
  #stream: MessageStream<PublishRequest, PublishResponse> | undefined
  #address = ''
  #master: BrokerAddress | undefined
  #reigns = 0
  #failures = 0
  #avoidedUntilMs = Number.NEGATIVE_INFINITY
  #pause: Timer | undefined
  #waitsForWritable = false

  constructor(ports: LanePorts, brokerName: string) {
    this.#ports = ports
    this.brokerName = brokerName
    this.#master = ports.master()
  }

  /** How many reigns it has seen begin: waits that were imposed in another one are over. */
  get reigns(): number {
    return this.#reigns
  }

  /** Whether what may go to another broker group should, as this one has just refused or failed. */
  isAvoidedAt(nowMs: number): boolean {
    return nowMs < this.#avoidedUntilMs
  }

  /** Whether a full batch may be sent now. */
  get hasRoom(): boolean {
    return (
      this.#inFlightBytes < IN_FLIGHT_MAX_BYTES &&
      this.#pause === undefined &&
      !this.#waitsForWritable &&
      this.#ports.connect() !== undefined
    )
  }

  /**
   * Whether a batch may be sent that is not full yet: while one such is under way, the next
   * collects. So a lone message never waits, and many share a batch.
   */
  get takesPartial(): boolean {
    return this.#roundOpen && this.hasRoom
  }

  /** Before a round of sends: batches that are not full go all in one round, or in none. */
  beginRound(): void {
    this.#roundOpen = this.#partialsInFlight === 0
  }

  /** Whether it waits for an answer that should have come. */
  isOverdueAt(nowMs: number): boolean {
    return this.#inFlight.length > 0 && nowMs - this.#waitsSinceMs >= OVERDUE_MS
  }

  send(sent: SentBatch): void {
    const { batch, window } = sent
    if (this.#inFlight.length === 0) this.#waitsSinceMs = this.#ports.runtime.clock.elapsedMs()
    const bytes = batch.encode(window.queueId)
    this.#inFlight.push(sent)
    this.#inFlightBytes += batch.bytes
    if (batch.isPartial) this.#partialsInFlight += 1
    if (this.#outgoingBytes + bytes.length > REQUEST_MAX_BYTES) this.flush()
    this.#outgoing.push(bytes)
    this.#outgoingBytes += bytes.length
  }

  /** Hands what `send` collected to the transport, as one request. */
  flush(): void {
    if (this.#outgoing.length === 0) return
    const batches = this.#outgoing
    this.#outgoing = []
    this.#outgoingBytes = 0
    const stream = this.#stream ?? this.#open()
    if (stream.send({ batches })) return
    this.#waitsForWritable = true
    void stream.writable().then(() => {
      this.#waitsForWritable = false
      this.#ports.changed()
    })
  }

  /** The master may be another one, or be back: no more waiting. */
  routeChanged(): void {
    const connection = this.#ports.connect()
    if (connection === undefined) return
    if (this.#stream !== undefined && connection.address !== this.#address) {
      this.#giveUp(new CometError('UNAVAILABLE', `${this.brokerName} has another master`))
    }
    const master = this.#ports.master()
    if (master !== this.#master) {
      this.#master = master
      this.#reigns += 1
      this.#trusted()
    }
    this.#endPause()
  }

  /** The broker takes no writes for now; ask again after a pause. */
  refused(error: CometError): void {
    this.#pauseOnce(error)
  }

  /** What may go to another broker group had better. */
  avoid(): void {
    this.#avoidedUntilMs = this.#ports.runtime.clock.elapsedMs() + AVOID_MS
  }

  /** Fails everything under way with `error`. */
  close(error: CometError): void {
    this.#pause?.cancel()
    this.#giveUp(error)
  }

  #giveUp(error: CometError): void {
    const stream = this.#stream
    this.#broke(error)
    stream?.cancel(error)
  }

  #open(): MessageStream<PublishRequest, PublishResponse> {
    const connection = this.#ports.connect()
    assert.ok(connection !== undefined, 'a lane sends only while it has room')
    this.#address = connection.address
    const stream = connection.open(publishMethod)
    this.#stream = stream
    stream.receive({
      message: (response) => {
        if (this.#stream === stream) this.#answered(response)
      },
      ended: () => {
        if (this.#stream !== stream) return
        this.#broke(new CometError('UNAVAILABLE', `${this.brokerName} has ended the stream`))
      },
      failed: (error) => {
        if (this.#stream === stream) this.#broke(failureOfAttempts(error))
      },
    })
    return stream
  }

  #answered(response: PublishResponse): void {
    this.#waitsSinceMs = this.#ports.runtime.clock.elapsedMs()
    for (const result of response.results) {
      const sent = this.#take()
      if (sent === undefined) {
        this.#stream?.cancel(
          new CometError('MALFORMED_REQUEST', 'more answers than batches on the stream'),
        )
        return
      }
      if (result.error === 0) {
        this.#trusted()
        sent.owner.stored(sent, result)
      } else sent.owner.failed(sent, errorOf(result))
    }
    this.#ports.changed()
  }

  #broke(error: CometError): void {
    this.#stream = undefined
    this.#outgoing = []
    this.#outgoingBytes = 0
    this.#waitsForWritable = false
    const failed: SentBatch[] = []
    for (let sent = this.#take(); sent !== undefined; sent = this.#take()) failed.push(sent)
    // An idle stream that breaks says nothing about the next one.
    if (failed.length > 0) {
      this.#ports.runtime.log.debug({ broker: this.brokerName, error }, 'a publish stream broke')
      this.#pauseOnce(error)
    }
    for (const sent of failed) sent.owner.failed(sent, error)
    // Later: the transport is in the middle of breaking the connection.
    queueMicrotask(() => this.#ports.changed())
  }

  #take(): SentBatch | undefined {
    const sent = this.#inFlight.shift()
    if (sent === undefined) return undefined
    this.#inFlightBytes -= sent.batch.bytes
    if (sent.batch.isPartial) this.#partialsInFlight -= 1
    return sent
  }

  /** It took something, or another master reigns: what was before tells nothing any more. */
  #trusted(): void {
    this.#failures = 0
    this.#avoidedUntilMs = Number.NEGATIVE_INFINITY
  }

  #pauseOnce(error: CometError): void {
    if (this.#pause !== undefined) return
    const { clock, random } = this.#ports.runtime
    const pauseMs = waitMsAfter(error, this.#failures, random)
    this.#failures += 1
    this.#avoidedUntilMs = clock.elapsedMs() + Math.max(AVOID_MS, pauseMs)
    this.#pause = clock.schedule(pauseMs, () => this.#endPause())
    this.#ports.doubt()
  }

  #endPause(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#ports.changed()
  }
}

/** Failures of a stream that tell the truth about its batches; after all others, some may be stored. */
const plainFailures: ReadonlySet<ErrorCode> = new Set([
  'CONNECT_FAILED',
  'UNAVAILABLE',
  'NOT_ALLOWED',
  'UNSUPPORTED',
])

function failureOfAttempts(error: CometError): CometError {
  if (plainFailures.has(error.code)) return error
  return new CometError('UNAVAILABLE', `the stream broke: ${error.message}`, { cause: error })
}

function errorOf(result: PublishResult): CometError {
  const { error, message, retryAfterMs } = result
  const code = errorCodeOfId(error)
  const options = retryAfterMs > 0 ? { retryAfterMs } : {}
  // The store has stopped after a failure. Its restart may find the batch, or take it.
  if (code === 'STORE_UNUSABLE') return new CometError('UNAVAILABLE', message, options)
  return new CometError(code, message, options)
}
