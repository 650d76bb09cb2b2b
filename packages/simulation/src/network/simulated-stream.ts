import assert from 'node:assert/strict'
import { CometError, toCometError } from '@cometmq/protocol'
import { checkedSize, type MessageStream, type StreamReceiver } from '@cometmq/runtime'
import type { ProcessLife } from '../process-life.ts'

/** What one end of a stream does to the other. */
export interface StreamWire {
  /** Those three arrive in order, after the time that the network takes. */
  message(bytes: Buffer): void
  end(): void
  abort(error: CometError | undefined): void
  /** So much of what the other end had sent was taken from the buffers between. */
  consumed(bytes: number): void
}

export interface SimulatedStreamOptions<Outgoing, Incoming> {
  readonly life: ProcessLife
  readonly windowBytes: number
  readonly encode: (message: Outgoing) => Buffer
  readonly decode: (bytes: Buffer) => Incoming
  /** What the stream breaks with when its receiver throws; or throws on. */
  readonly errorOf: (thrown: unknown) => CometError
  readonly wire: StreamWire
  /** Called once: nothing goes over the stream any more. */
  readonly onOver: () => void
}

/** Frame and headers: an empty message takes room, too. */
const MESSAGE_OVERHEAD_BYTES = 64

/**
 * Either end of a simulated stream. The other end drives it by `arrive`, `peerEnded`, `finish` and
 * `credit`.
 */
export class SimulatedStream<Outgoing, Incoming> implements MessageStream<Outgoing, Incoming> {
  readonly #options: SimulatedStreamOptions<Outgoing, Incoming>
  #receiver: StreamReceiver<Incoming> | undefined
  /** What a paused receiver has not taken, with the proper end behind it. */
  readonly #arrived: (Buffer | 'peer-ended' | 'finished')[] = []
  #isPaused = false
  #isDelivering = false
  /** `ended` or `failed` has been called. */
  #isReceived = false
  #isSent = false
  #isOver = false
  #cancelledWith: CometError | undefined
  #unconsumedBytes = 0
  #drained: PromiseWithResolvers<void> | undefined
  #flushed: PromiseWithResolvers<void> | undefined

  constructor(options: SimulatedStreamOptions<Outgoing, Incoming>) {
    this.#options = options
  }

  /** Whether nothing more can be sent. */
  get isSent(): boolean {
    return this.#isSent
  }

  send(message: Outgoing): boolean {
    if (this.#isSent) return true
    // A copy: the two ends of a real stream share no memory.
    const bytes = Buffer.from(checkedSize(this.#options.encode(message)))
    this.#unconsumedBytes += bytes.length + MESSAGE_OVERHEAD_BYTES
    this.#options.wire.message(bytes)
    return this.#hasRoom()
  }

  writable(): Promise<void> {
    if (this.#isSent || this.#hasRoom()) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  flushed(): Promise<void> {
    if (this.#isOver || this.#unconsumedBytes === 0) return Promise.resolve()
    this.#flushed ??= Promise.withResolvers()
    return this.#flushed.promise
  }

  end(): void {
    if (this.#isSent) return
    this.#isSent = true
    this.#settleDrained()
    this.#options.wire.end()
  }

  cancel(error?: CometError): void {
    if (this.#isOver) return
    this.#cancelledWith = error ?? new CometError('CANCELLED', 'this end has cancelled the stream')
    this.#stop()
    this.#options.wire.abort(error)
    // Later, so that no receiver is called from within its own call of `cancel`.
    queueMicrotask(() => this.finish())
  }

  receive(receiver: StreamReceiver<Incoming>): void {
    assert(this.#receiver === undefined, 'a stream has one receiver')
    this.#receiver = receiver
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#options.life.clock.schedule(0, () => this.#deliver())
  }

  /** A message has come. */
  arrive(bytes: Buffer): void {
    if (this.#isOver) return
    this.#arrived.push(bytes)
    this.#deliver()
  }

  /** The peer sends nothing more. */
  peerEnded(): void {
    if (this.#isOver) return
    this.#arrived.push('peer-ended')
    this.#deliver()
  }

  /** The stream has ended properly in both directions. */
  peerFinished(): void {
    if (this.#isOver) return
    this.#arrived.push('finished')
    this.#deliver()
  }

  /** The stream is over at once, by this error or, without one, properly. */
  finish(error?: CometError): void {
    this.#stop()
    if (this.#isReceived) return
    this.#isReceived = true
    const failure = this.#cancelledWith ?? error
    if (failure === undefined) this.#receiver?.ended()
    else this.#receiver?.failed(failure)
  }

  /** The other end has taken so much. */
  credit(bytes: number): void {
    this.#unconsumedBytes -= bytes
    if (this.#unconsumedBytes === 0) this.#settleFlushed()
    if (this.#hasRoom()) this.#settleDrained()
  }

  #deliver(): void {
    // A receiver may cause deliveries itself, by resuming or by cancelling.
    if (this.#isDelivering) return
    this.#isDelivering = true
    try {
      while (!this.#isPaused && this.#arrived.length > 0) this.#take(this.#arrived.shift())
    } finally {
      this.#isDelivering = false
    }
  }

  #take(item: Buffer | 'peer-ended' | 'finished' | undefined): void {
    if (item === 'finished') this.finish()
    else if (item === 'peer-ended') this.#takeEnd()
    else if (item !== undefined) this.#takeMessage(item)
  }

  #takeEnd(): void {
    if (this.#isReceived) return
    this.#isReceived = true
    this.#receiver?.ended()
  }

  #takeMessage(bytes: Buffer): void {
    assert(
      this.#receiver !== undefined,
      'receive must be called in the turn the stream was obtained',
    )
    this.#options.wire.consumed(bytes.length + MESSAGE_OVERHEAD_BYTES)
    let message: Incoming
    try {
      message = this.#options.decode(bytes)
    } catch (thrown) {
      this.cancel(toCometError(thrown))
      return
    }
    try {
      this.#receiver.message(message)
    } catch (thrown) {
      this.cancel(this.#options.errorOf(thrown))
    }
  }

  #stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#isSent = true
    this.#arrived.length = 0
    this.#settleFlushed()
    this.#settleDrained()
    this.#options.onOver()
  }

  #hasRoom(): boolean {
    return this.#unconsumedBytes < this.#options.windowBytes
  }

  #settleFlushed(): void {
    this.#flushed?.resolve()
    this.#flushed = undefined
  }

  #settleDrained(): void {
    this.#drained?.resolve()
    this.#drained = undefined
  }
}
