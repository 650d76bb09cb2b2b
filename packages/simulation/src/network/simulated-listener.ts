import assert from 'node:assert/strict'
import { CometError, errorOfStatus, statusOfError } from '@cometmq/protocol'
import {
  checkedSize,
  decodeRequest,
  errorOfHandler,
  type Handler,
  type Listener,
  type Logger,
} from '@cometmq/runtime'
import type { ProcessLife } from '../process-life.ts'
import { type CallHead, ServerContext } from './server-context.ts'
import type { RunningCall, Session } from './session.ts'
import { SimulatedStream } from './simulated-stream.ts'

export interface SimulatedListenerOptions {
  readonly address: string
  readonly name: string
  readonly port: number
  readonly handlers: readonly Handler[]
  readonly life: ProcessLife
  readonly log: Logger
  readonly windowBytes: number
  /** Frees the port. */
  readonly onClose: () => void
}

export interface UnaryRequest extends CallHead {
  readonly bytes: Buffer
}

/** How a unary call is answered; the answer travels back from here. */
export interface UnaryReply {
  answered(bytes: Buffer): void
  failed(error: CometError): void
}

/** What is said to the client's end of a stream; it travels from here. */
export interface StreamReply {
  message(bytes: Buffer): void
  finished(): void
  failed(error: CometError): void
  consumed(bytes: number): void
}

/** The server's end of a stream, as the client's messages find it. */
export interface ServerStream extends RunningCall {
  readonly stream: SimulatedStream<unknown, unknown>
  /** The client has taken so much of what was sent. */
  consumed(bytes: number): void
}

/** Serves handlers on a simulated network. Sessions hand it the calls that come in. */
export class SimulatedListener implements Listener {
  readonly address: string
  readonly port: number
  readonly life: ProcessLife
  /** What a health check would be told. */
  isServing = false
  readonly #options: SimulatedListenerOptions
  readonly #handlers = new Map<string, Handler>()
  readonly #sessions = new Set<Session>()
  readonly #running = new Set<RunningCall>()
  #drained: PromiseWithResolvers<void> | undefined

  constructor(options: SimulatedListenerOptions) {
    this.address = options.address
    this.port = options.port
    this.life = options.life
    this.#options = options
    for (const handler of options.handlers) {
      assert(!this.#handlers.has(handler.method.path), 'a method has one handler')
      this.#handlers.set(handler.method.path, handler)
    }
  }

  get takesCalls(): boolean {
    return this.#drained === undefined
  }

  setServing(isServing: boolean): void {
    this.isServing = isServing
  }

  drain(): Promise<void> {
    this.#options.onClose()
    this.#drained ??= Promise.withResolvers()
    this.#closeIfDrained()
    return this.#drained.promise
  }

  close(): Promise<void> {
    this.#options.onClose()
    this.#drained ??= Promise.withResolvers()
    this.#drained.resolve()
    this.#closeSessions('by force')
    return Promise.resolve()
  }

  addSession(session: Session): void {
    this.#sessions.add(session)
    session.server.onBreak = () => this.#sessions.delete(session)
  }

  /** A unary call has come in; what is returned ends it from afar. */
  takeUnary(session: Session, request: UnaryRequest, reply: UnaryReply): RunningCall | undefined {
    const handler = this.#handlers.get(request.path)
    if (!this.takesCalls) return refuse(reply, session)
    if (handler?.kind !== 'unary') return reject(reply, request.path)
    const { method, answer } = handler
    const context = new ServerContext(this.#wayOf(session), this.life.clock, request)
    const call = this.#begin(session, request.timeoutMs, (error) => context.abort(error))
    const run = async (): Promise<void> => {
      try {
        const response = await answer(decodeRequest(method, request.bytes), context)
        const bytes = Buffer.from(checkedSize(method.encodeResponse(response)))
        if (call.finish()) reply.answered(bytes)
      } catch (thrown) {
        const error = errorOfHandler(thrown, method.path, this.#options.log)
        if (call.finish()) reply.failed(carried(error))
      }
    }
    void run()
    return call
  }

  /** A stream was opened; what is returned takes what the client sends on it. */
  takeStream(session: Session, head: CallHead, reply: StreamReply): ServerStream | undefined {
    const { path } = head
    const handler = this.#handlers.get(path)
    if (!this.takesCalls) return refuse(reply, session)
    if (handler?.kind !== 'stream') return reject(reply, path)
    const { method, accept } = handler
    const context = new ServerContext(this.#wayOf(session), this.life.clock, head)
    const stream: SimulatedStream<unknown, unknown> = new SimulatedStream<unknown, unknown>({
      life: this.life,
      windowBytes: this.#options.windowBytes,
      encode: (message) => method.encodeResponse(message),
      decode: (bytes) => decodeRequest(method, bytes),
      errorOf: (thrown) => errorOfHandler(thrown, method.path, this.#options.log),
      wire: {
        message: (bytes) => reply.message(bytes),
        end: () => {
          reply.finished()
          // With the server's end the whole call is over, as in gRPC.
          this.life.clock.schedule(0, () => stream.finish())
        },
        abort: (error = new CometError('CANCELLED', 'the server has cancelled the stream')) =>
          reply.failed(carried(error)),
        consumed: (bytes) => reply.consumed(bytes),
      },
      onOver: () => call.finish(),
    })
    const call = this.#begin(session, head.timeoutMs, (error) => {
      if (!stream.isSent) context.abort(error)
      stream.finish(stream.isSent ? undefined : error)
    })
    try {
      accept(stream, context)
    } catch (thrown) {
      stream.cancel(errorOfHandler(thrown, method.path, this.#options.log))
    }
    return {
      stream,
      broken: (error) => call.broken(error),
      consumed: (bytes) => this.life.run(() => stream.credit(bytes)),
    }
  }

  #wayOf(session: Session): { peer: string; listener: string; authority: string } {
    const { name, address } = this.#options
    return { peer: session.client.address, listener: name, authority: address }
  }

  /** A call that ends once: by `finish` from here, or broken from elsewhere. */
  #begin(
    session: Session,
    timeoutMs: number | undefined,
    broken: (error: CometError) => void,
  ): RunningCall & { finish(): boolean } {
    const call = {
      finish: (): boolean => {
        deadline?.cancel()
        session.server.calls.delete(call)
        const wasRunning = this.#running.delete(call)
        this.#closeIfDrained()
        return wasRunning
      },
      broken: (error: CometError): void => {
        if (call.finish()) broken(error)
      },
    }
    const deadline =
      timeoutMs === undefined
        ? undefined
        : this.life.clock.schedule(timeoutMs, () => {
            call.broken(
              new CometError('TIMEOUT', 'the deadline that the caller had set has passed'),
            )
          })
    session.server.calls.add(call)
    this.#running.add(call)
    return call
  }

  #closeIfDrained(): void {
    if (this.#drained === undefined || this.#running.size > 0) return
    this.#drained.resolve()
    this.#closeSessions('properly')
  }

  #closeSessions(manner: 'properly' | 'by force'): void {
    for (const session of this.#sessions) session.closeFrom(session.server, manner)
  }
}

/** The error as its receiver sees it: through the codec that carries it. */
function carried(error: CometError): CometError {
  const status = statusOfError(error)
  return errorOfStatus({
    code: status.code,
    details: status.details,
    trailer: (name) => status.trailers[name],
    connected: true,
    peer: 'the server',
  })
}

function refuse(reply: { failed(error: CometError): void }, session: Session): undefined {
  const message = `${session.server.address} takes no more calls`
  reply.failed(new CometError('CONNECT_FAILED', message))
}

function reject(reply: { failed(error: CometError): void }, path: string): undefined {
  reply.failed(new CometError('UNSUPPORTED', `the server knows no method ${path}`))
}
