import type { Method } from '@cometmq/protocol'
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'

export type RawStream = ClientDuplexStream<Buffer, Buffer>
type AnyMethod = Method<unknown, unknown>

/** How a call ended: the code of its error, or `ended`. */
export interface CallOutcome {
  readonly code: string
  readonly message: string
  readonly responses: readonly Buffer[]
}

/** A gRPC client without any of the manners of the SDK: it sends the bytes that it is given. */
export class RawClient implements Disposable {
  readonly #client: Client

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
    })
  }

  /** Nobody reads from it unless the caller does. */
  open({ path }: AnyMethod): RawStream {
    const stream = this.#client.makeBidiStreamRequest(path, asIs, asIs)
    stream.on('error', () => {})
    return stream
  }

  /** Sends these messages, as if they were requests of that method, and waits for the end. */
  call(method: AnyMethod, ...requests: readonly Buffer[]): Promise<CallOutcome> {
    return method.kind === 'unary'
      ? this.#callOnce(method, requests[0] ?? Buffer.alloc(0))
      : this.#stream(method, requests)
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }

  #callOnce({ path }: AnyMethod, request: Buffer): Promise<CallOutcome> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(path, asIs, asIs, request, new Metadata(), (error, answer) =>
        resolve(outcomeOf(error ?? undefined, answer === undefined ? [] : [answer])),
      )
    })
  }

  #stream(method: AnyMethod, requests: readonly Buffer[]): Promise<CallOutcome> {
    return new Promise((resolve) => {
      const responses: Buffer[] = []
      const stream = this.open(method)
      const cancelled = method.kind === 'server-stream'
      stream.on('data', (bytes: Buffer) => {
        responses.push(bytes)
        // Such a stream has no end of its own.
        if (cancelled) stream.cancel()
      })
      stream.on('end', () => resolve(outcomeOf(undefined, responses)))
      stream.on('error', (error: ServiceError) =>
        resolve(outcomeOf(responses.length > 0 && cancelled ? undefined : error, responses)),
      )
      for (const request of requests) stream.write(request)
      stream.end()
    })
  }
}

function outcomeOf(error: ServiceError | undefined, responses: readonly Buffer[]): CallOutcome {
  if (error === undefined) return { code: 'ended', message: '', responses }
  const code = error.metadata.get('comet-error')[0]?.toString() ?? `status ${error.code}`
  return { code, message: error.details, responses }
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}
