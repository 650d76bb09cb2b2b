import { CometError, type Method, toCometError } from '@cometmq/protocol'
import {
  type CallOptions,
  type Connection,
  checkedSize,
  type MessageStream,
} from '@cometmq/runtime'
import type { ProcessLife } from '../process-life.ts'
import { ClientCall, watchCall } from './client-call.ts'
import type { CallHead } from './server-context.ts'
import type { RunningCall } from './session.ts'
import type { SimulatedChannel } from './simulated-channel.ts'
import type { ServerStream } from './simulated-listener.ts'
import { SimulatedStream } from './simulated-stream.ts'

export interface SimulatedConnectionOptions {
  readonly channel: SimulatedChannel
  readonly life: ProcessLife
  readonly windowBytes: number
  readonly onClose: () => void
}

/** One user of a channel. What it has running breaks when it is closed. */
export class SimulatedConnection implements Connection {
  readonly address: string
  readonly #options: SimulatedConnectionOptions
  readonly #running = new Set<{ cancel(error: CometError): void }>()
  #isClosed = false

  constructor(options: SimulatedConnectionOptions) {
    this.address = options.channel.address
    this.#options = options
  }

  call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#check(options.signal)
      // Codecs give their defaults to the fields that the port allows to leave out.
      const bytes = Buffer.from(checkedSize(method.encodeRequest(request as Request)))
      const call: ClientCall<RunningCall> = new ClientCall<RunningCall>({
        channel: this.#options.channel,
        arrive: ({ session, listener }) =>
          listener.takeUnary(
            session,
            { ...headOf(method, options), bytes },
            {
              answered: (answer) => session.sendToClient(() => answered(answer)),
              failed: (error) => session.sendToClient(() => call.broken(error)),
            },
          ),
        failed: reject,
      })
      const answered = (answer: Buffer): void => {
        if (!call.finish()) return
        try {
          resolve(method.decodeResponse(answer))
        } catch (thrown) {
          reject(toCometError(thrown))
        }
      }
      const cancel = (error: CometError): void => {
        call.post((remote) => remote.broken(cancelledByCaller()))
        call.broken(error)
      }
      call.start(this.#watch(options, cancel))
    })
  }

  open<Request, Response>(
    method: Method<Request, Response>,
    options: CallOptions = {},
  ): MessageStream<Request, Response> {
    this.#check(options.signal)
    const { life, channel, windowBytes } = this.#options
    const call: ClientCall<ServerStream> = new ClientCall<ServerStream>({
      channel,
      arrive: ({ session, listener }) =>
        listener.takeStream(session, headOf(method, options), {
          message: (bytes) => session.sendToClient(() => stream.arrive(bytes)),
          finished: () => session.sendToClient(() => stream.peerFinished()),
          failed: (error) => session.sendToClient(() => stream.finish(error)),
          consumed: (bytes) => life.run(() => stream.credit(bytes)),
        }),
      failed: (error) => stream.finish(error),
    })
    const stream: SimulatedStream<Request, Response> = new SimulatedStream<Request, Response>({
      life,
      windowBytes,
      encode: (message) => method.encodeRequest(message),
      decode: (bytes) => method.decodeResponse(bytes),
      errorOf: (thrown) => {
        throw thrown
      },
      wire: {
        message: (bytes) => call.post(({ stream: other }) => other.arrive(bytes)),
        end: () => call.post(({ stream: other }) => other.peerEnded()),
        // gRPC carries no reason this way.
        abort: () => call.post((remote) => remote.broken(cancelledByCaller())),
        consumed: (bytes) => call.remote?.consumed(bytes),
      },
      onOver: () => call.finish(),
    })
    call.start(this.#watch(options, (error) => stream.cancel(error)))
    return stream
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const running of this.#running) running.cancel(this.#closedError())
    this.#options.onClose()
  }

  #check(signal: AbortSignal | undefined): void {
    if (this.#isClosed) throw this.#closedError()
    if (signal?.aborted) {
      const options = { cause: signal.reason }
      throw new CometError('CANCELLED', 'the caller has cancelled the call', options)
    }
  }

  #closedError(): CometError {
    return new CometError('CLOSED', `the connection to ${this.address} was closed`)
  }

  /** Lets signal, timeout and `close` reach a call, until the function returned is called. */
  #watch(options: CallOptions, cancel: (error: CometError) => void): () => void {
    const running = { cancel }
    this.#running.add(running)
    const { clock } = this.#options.life
    const schedule = (delayMs: number, run: () => void) => clock.schedule(delayMs, run)
    const unwatch = watchCall({ ...options, schedule }, cancel)
    return () => {
      this.#running.delete(running)
      unwatch()
    }
  }
}

function headOf(method: { readonly path: string }, options: CallOptions): CallHead {
  return { path: method.path, timeoutMs: options.timeoutMs, metadata: options.metadata ?? {} }
}

function cancelledByCaller(): CometError {
  return new CometError('CANCELLED', 'the caller has cancelled the call')
}
