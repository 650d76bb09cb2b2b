import { CometError, type Method, toCometError } from '@cometmq/protocol'
import {
  type Client,
  type CallOptions as GrpcCallOptions,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { checkedSize } from '../call-edge.ts'
import type { CallMetadata, CallOptions, Connection, MessageStream } from '../transport.ts'
import type { GrpcChannel } from './grpc-channel.ts'
import { asIs, errorOfCall } from './grpc-errors.ts'
import { GrpcStream } from './grpc-stream.ts'

/** One user of a channel. What it has running breaks when it is closed. */
export class GrpcConnection implements Connection {
  readonly address: string
  readonly #channel: GrpcChannel
  readonly #release: () => void
  readonly #running = new Set<Running>()
  #closed = false

  constructor(channel: GrpcChannel, release: () => void) {
    this.address = channel.address
    this.#channel = channel
    this.#release = release
  }

  call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#check(options.signal)
      // Codecs give their defaults to the fields that the port allows to leave out.
      const bytes = checkedSize(method.encodeRequest(request as Request))
      const client = this.#channel.client()
      const call = client.makeUnaryRequest(
        method.path,
        asIs,
        asIs,
        bytes,
        metadataOf(options.metadata),
        deadlineOf(options.timeoutMs),
        (error, answer) => {
          forget()
          if (error !== null) {
            reject(this.#errorOf(error, call.getPeer(), client))
            return
          }
          try {
            resolve(method.decodeResponse(answer as Buffer))
          } catch (thrown) {
            reject(toCometError(thrown))
          }
        },
      )
      const forget = this.#remember(options.signal, (error) => {
        reject(error)
        call.cancel()
      })
    })
  }

  open<Request, Response>(
    method: Method<Request, Response>,
    options: CallOptions = {},
  ): MessageStream<Request, Response> {
    this.#check(options.signal)
    const client = this.#channel.client()
    const duplex = client.makeBidiStreamRequest(
      method.path,
      asIs,
      asIs,
      metadataOf(options.metadata),
      deadlineOf(options.timeoutMs),
    )
    const stream = new GrpcStream<Request, Response>(duplex, {
      encode: (message) => method.encodeRequest(message),
      decode: (bytes) => method.decodeResponse(bytes),
      // gRPC carries no reason this way. grpc-js starts a call that is cancelled in the turn in
      // which it was made all the same, and cancels it if it is told so again.
      abort: () => {
        duplex.cancel()
        setImmediate(() => duplex.cancel())
      },
      errorOf: (thrown) => {
        throw thrown
      },
    })
    const forget = this.#remember(options.signal, (error) => stream.cancel(error))
    duplex.on('end', () => {
      forget()
      stream.finish()
    })
    duplex.on('error', (error: ServiceError | Error) => {
      forget()
      // The others are Node's, of what arrives for a stream that was cancelled.
      const isStatus = 'metadata' in error
      stream.finish(isStatus ? this.#errorOf(error, duplex.getPeer(), client) : toCometError(error))
    })
    return stream
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const running of this.#running) running.cancel(this.#closedError())
    this.#running.clear()
    this.#release()
  }

  #check(signal: AbortSignal | undefined): void {
    if (this.#closed) throw this.#closedError()
    if (signal?.aborted) throw cancelledError(signal)
  }

  /** Until a call has a connection, grpc-js names as its peer what it was told to connect to. */
  #errorOf(error: ServiceError, peer: string, client: Client): CometError {
    const reachedPeer = peer !== client.getChannel().getTarget()
    return errorOfCall(error, { address: this.address, reachedPeer })
  }

  #closedError(): CometError {
    return new CometError('CLOSED', `the connection to ${this.address} was closed`)
  }

  /** Lets `close` and the signal reach a call, until the function returned is called. */
  #remember(signal: AbortSignal | undefined, cancel: (error: CometError) => void): () => void {
    const running: Running = { cancel }
    this.#running.add(running)
    if (signal === undefined) return () => this.#running.delete(running)
    const aborted = (): void => {
      this.#running.delete(running)
      cancel(cancelledError(signal))
    }
    signal.addEventListener('abort', aborted, { once: true })
    return () => {
      this.#running.delete(running)
      signal.removeEventListener('abort', aborted)
    }
  }
}

interface Running {
  cancel(error: CometError): void
}

function cancelledError(signal: AbortSignal): CometError {
  return new CometError('CANCELLED', 'the caller has cancelled the call', { cause: signal.reason })
}

function metadataOf(texts: CallMetadata | undefined): Metadata {
  const metadata = new Metadata()
  for (const name in texts) metadata.set(name, texts[name] as string)
  return metadata
}

function deadlineOf(timeoutMs: number | undefined): GrpcCallOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
}
