import { CometError, toCometError } from '@cometmq/protocol'
import type { ClientDuplexStream, ServerDuplexStream } from '@grpc/grpc-js'
import { checkedSize } from '../call-edge.ts'
import type { MessageStream, StreamReceiver } from '../transport.ts'

/**
 * Bytes that may wait for the peer on one stream before `send` answers `false`. grpc-js counts messages,
 * 16 of them, which of 4 MiB each would be 64 MiB for every peer that does not read.
 */
const WAITING_MAX_BYTES = 1024 * 1024

type GrpcDuplex = ClientDuplexStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>

/** What differs between the two ends of a stream. */
export interface StreamSide<Outgoing, Incoming> {
  encode(message: Outgoing): Buffer
  decode(bytes: Buffer): Incoming
  /** Tells the peer that the stream is broken. */
  abort(error: CometError | undefined): void
  /** What the stream breaks with when its receiver throws; or throws on. */
  errorOf(thrown: unknown): CometError
}

/**
 * Either end of a stream, over the duplex that grpc-js has for it. Who opened it tells it what
 * became of the peer, by `peerEnded` and `finish`.
 *
 * A message costs one call of `write` or one `data` event; nothing is queued here, but what is on
 * its way to the connection is counted.
 */
export class GrpcStream<Outgoing, Incoming> implements MessageStream<Outgoing, Incoming> {
  readonly #duplex: GrpcDuplex
  readonly #side: StreamSide<Outgoing, Incoming>
  #receiver: StreamReceiver<Incoming> | undefined
  /** `ended` or `failed` has been called. */
  #received = false
  /** Nothing more can be sent. */
  #sent = false
  /** Nothing goes over it any more, in either direction. */
  #over = false
  #cancelledWith: CometError | undefined
  #drained: PromiseWithResolvers<void> | undefined
  #flushed: PromiseWithResolvers<void> | undefined
  /** Of messages that the connection has not taken yet. */
  #waitingBytes = 0

  constructor(duplex: GrpcDuplex, side: StreamSide<Outgoing, Incoming>) {
    this.#duplex = duplex
    this.#side = side
  }

  send(message: Outgoing): boolean {
    if (this.#sent) return true
    const bytes = checkedSize(this.#side.encode(message))
    const { length } = bytes
    this.#waitingBytes += length
    this.#duplex.write(bytes, () => this.#taken(length))
    return this.#hasRoom
  }

  writable(): Promise<void> {
    if (this.#sent || this.#hasRoom) return Promise.resolve()
    this.#drained ??= Promise.withResolvers()
    return this.#drained.promise
  }

  flushed(): Promise<void> {
    if (this.#over || this.#waitingBytes === 0) return Promise.resolve()
    this.#flushed ??= Promise.withResolvers()
    return this.#flushed.promise
  }

  end(): void {
    if (this.#sent) return
    this.#sent = true
    this.#settleDrained()
    this.#duplex.end()
  }

  cancel(error?: CometError): void {
    if (this.#over) return
    this.#cancelledWith = error ?? new CometError('CANCELLED', 'this end has cancelled the stream')
    this.#stop()
    this.#side.abort(error)
    // Later, so that no receiver is called from within its own call of `cancel`.
    queueMicrotask(() => this.finish())
  }

  receive(receiver: StreamReceiver<Incoming>): void {
    this.#receiver = receiver
    this.#duplex.on('data', (bytes: Buffer) => {
      if (this.#over) return
      let message: Incoming
      try {
        message = this.#side.decode(bytes)
      } catch (thrown) {
        this.cancel(toCometError(thrown))
        return
      }
      try {
        receiver.message(message)
      } catch (thrown) {
        this.cancel(this.#side.errorOf(thrown))
      }
    })
  }

  pause(): void {
    this.#duplex.pause()
  }

  resume(): void {
    this.#duplex.resume()
  }

  /** The peer sends nothing more. */
  peerEnded(): void {
    if (this.#received) return
    this.#received = true
    this.#receiver?.ended()
  }

  /** The stream has ended in both directions, by this error or properly. */
  finish(error?: CometError): void {
    this.#stop()
    if (this.#received) return
    this.#received = true
    const failure = this.#cancelledWith ?? error
    if (failure === undefined) this.#receiver?.ended()
    else this.#receiver?.failed(failure)
  }

  /** Whether nothing more can be sent. */
  get isSent(): boolean {
    return this.#sent
  }

  get #hasRoom(): boolean {
    return this.#waitingBytes < WAITING_MAX_BYTES && !this.#duplex.writableNeedDrain
  }

  #taken(byteLength: number): void {
    this.#waitingBytes -= byteLength
    if (this.#waitingBytes === 0) this.#settleFlushed()
    if (this.#hasRoom) this.#settleDrained()
  }

  #stop(): void {
    this.#over = true
    this.#sent = true
    this.#settleFlushed()
    this.#settleDrained()
    // What still arrives is dropped; held back it would stay in memory.
    this.#duplex.resume()
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
