import assert from 'node:assert/strict'
import type { PublishRequest, PublishResponse } from '@cometmq/protocol'
import {
  CometError,
  type ErrorCode,
  errorCodeOfId,
  type PublishResult,
  publishMethod,
} from '@cometmq/protocol'
import {
  backoffMs,
  type Connection,
  type MessageStream,
  type Runtime,
  type Timer,
} from '@cometmq/runtime'
import { Fifo } from '../fifo.ts'
import type { QueueWindow } from './queue-window.ts'
import type { SendBatch } from './send-batch.ts'

/** Four or five full batches keep a broker busy while answers travel; more would only wait there. */
const IN_FLIGHT_MAX_BYTES = 1280 * 1024

/** One request carries no more than that, far below what the transport allows. */
const REQUEST_MAX_BYTES = 4 * 1024 * 1024

const RECONNECT = { baseMs: 50, maxMs: 500 } as const

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

export interface LaneEvents {
  /** Answers came, or a broken lane is whole again: there may be room. */
  changed(): void
}

/**
 * The way to one broker: one stream, batches up, answers down in the same order.
 *
 * It opens its stream when there is something to send. When the stream breaks, every batch under
 * way has failed: `CONNECT_FAILED` if nothing was sent, outcome unknown otherwise.
 */
export class PublishLane {
  readonly brokerName: string
  readonly #runtime: Runtime
  readonly #connect: () => Connection | undefined
  readonly #events: LaneEvents
  readonly #inFlight = new Fifo<SentBatch>()
  #inFlightBytes = 0
  #partialsInFlight = 0
  #roundOpen = true
  #outgoing: Buffer[] = []
  #outgoingBytes = 0
  #stream: MessageStream<PublishRequest, PublishResponse> | undefined
  #address = ''
  #failures = 0
  #pause: Timer | undefined
  #waitsForWritable = false

  constructor(
    runtime: Runtime,
    brokerName: string,
    /** The connection to the broker's present address, if it is known. */
    connect: () => Connection | undefined,
    events: LaneEvents,
  ) {
    this.#runtime = runtime
    this.brokerName = brokerName
    this.#connect = connect
    this.#events = events
  }

  /** Whether a full batch may be sent now. */
  get hasRoom(): boolean {
    return (
      this.#inFlightBytes < IN_FLIGHT_MAX_BYTES &&
      this.#pause === undefined &&
      !this.#waitsForWritable &&
      this.#connect() !== undefined
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

  send(sent: SentBatch): void {
    const { batch, window } = sent
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
      this.#events.changed()
    })
  }

  /** The broker may have another address, or be back: no more waiting. */
  routeChanged(): void {
    const connection = this.#connect()
    if (connection === undefined) return
    if (this.#stream !== undefined && connection.address !== this.#address) {
      this.#stream.cancel(new CometError('UNAVAILABLE', `${this.brokerName} has moved`))
    }
    this.#failures = 0
    this.#endPause()
  }

  /** The broker takes no writes for now; ask again after a pause. */
  refused(): void {
    this.#pauseOnce()
  }

  /** Fails everything under way with `error`. */
  close(error: CometError): void {
    this.#pause?.cancel()
    const stream = this.#stream
    this.#broke(error)
    stream?.cancel(error)
  }

  #open(): MessageStream<PublishRequest, PublishResponse> {
    const connection = this.#connect()
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
    this.#failures = 0
    for (const result of response.results) {
      const sent = this.#take()
      if (sent === undefined) {
        this.#stream?.cancel(
          new CometError('MALFORMED_REQUEST', 'more answers than batches on the stream'),
        )
        return
      }
      if (result.error === 0) sent.owner.stored(sent, result)
      else sent.owner.failed(sent, errorOf(result))
    }
    this.#events.changed()
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
      this.#runtime.log.debug({ broker: this.brokerName, error }, 'a publish stream broke')
      this.#pauseOnce()
    }
    for (const sent of failed) sent.owner.failed(sent, error)
    // Later: the transport is in the middle of breaking the connection.
    queueMicrotask(() => this.#events.changed())
  }

  #take(): SentBatch | undefined {
    const sent = this.#inFlight.shift()
    if (sent === undefined) return undefined
    this.#inFlightBytes -= sent.batch.bytes
    if (sent.batch.isPartial) this.#partialsInFlight -= 1
    return sent
  }

  #pauseOnce(): void {
    if (this.#pause !== undefined) return
    const pauseMs = backoffMs(this.#failures, RECONNECT, this.#runtime.random)
    this.#failures += 1
    this.#pause = this.#runtime.clock.schedule(pauseMs, () => this.#endPause())
  }

  #endPause(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#events.changed()
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
