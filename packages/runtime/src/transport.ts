import type { CometError, Method } from '@cometmq/protocol'

/**
 * Calls between processes: unary calls and streams of messages in both directions, over long-lived
 * connections.
 *
 * Every failure is a `CometError`. A peer that cannot be reached is `CONNECT_FAILED` (nothing was
 * sent), a connection that breaks under a call is `UNAVAILABLE` (outcome unknown). A peer that falls
 * silent is noticed by keep-alive within 10 s and counts as a broken connection.
 */
export interface Transport {
  /** Cheap; connects at the first call and again after each break. */
  connect(address: string): Connection

  /** Serves at `host:port`; port 0 takes a free one. Throws `CONFIG_INVALID` if the port is taken. */
  listen(options: ListenOptions): Promise<Listener>
}

export interface ListenOptions {
  readonly address: string
  /** Handlers are told which way a call came in; empty unless given. */
  readonly name?: string | undefined
  readonly handlers: readonly Handler[]
  /** What the services are made of (`loadDefinitions`), for clients that ask by gRPC reflection. */
  readonly reflection?: object | undefined
}

export interface Listener {
  /** With the port that was taken. */
  readonly address: string

  /** What those are told that ask for its health; at first, that it does not serve. */
  setServing(isServing: boolean): void

  /** Takes no new calls; resolves when the running ones have ended. */
  drain(): Promise<void>

  /** Breaks every connection. */
  close(): Promise<void>
}

export interface Connection {
  readonly address: string

  /** Fields left out of the request take the default of their type. */
  call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    options?: CallOptions,
  ): Promise<Response>

  /**
   * Opens a stream; what is sent before the connection stands waits for it. Its server knows of it
   * at once, and does not wait for the first message.
   */
  open<Request, Response>(
    method: Method<Request, Response>,
    options?: CallOptions,
  ): MessageStream<Request, Response>

  /** Breaks running calls with `CLOSED`. */
  close(): void
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Counted from the call; passing it is `TIMEOUT`. */
  readonly timeoutMs?: number
  readonly metadata?: CallMetadata
}

/** What goes along with a call beside its messages: lower-case names, printable ASCII values. */
export type CallMetadata = Readonly<Record<string, string>>

/**
 * One end of a stream. Messages arrive in order, none is lost while the stream stands.
 *
 * Exactly one of `ended` and `failed` is called, last of all.
 */
export interface MessageStream<Outgoing, Incoming> {
  /**
   * Hands over one message. `false`: the peer is slower than we are; send no more before
   * `writable` resolves, or memory grows. Sending on a stream that has ended does nothing.
   */
  send(message: Outgoing): boolean

  /** Resolves when `send` would answer `true`, or the stream has ended. */
  writable(): Promise<void>

  /**
   * Resolves when all that was sent has left for the peer, as far as its window lets it, or the stream
   * has ended. Before `end`, it tells a peer that has broken the stream from one that has it all.
   */
  flushed(): Promise<void>

  /** Nothing more from this end. What was sent still arrives. */
  end(): void

  /** Breaks the stream; the peer sees `error`, or `CANCELLED`. */
  cancel(error?: CometError): void

  /** Must be called in the turn in which the stream was obtained. */
  receive(receiver: StreamReceiver<Incoming>): void

  /** Takes no more messages from the connection, so that the peer's `send` answers `false` in time. */
  pause(): void
  resume(): void
}

export interface StreamReceiver<Incoming> {
  message(message: Incoming): void
  /** The peer has ended its side properly. */
  ended(): void
  failed(error: CometError): void
}

/** Who calls, and until when the answer is of use. */
export interface CallContext {
  /** `host:port` of the caller. */
  readonly peer: string
  /** The name of the listener that it came in on. */
  readonly listener: string
  /** `host:port` that the caller says it has dialled; maybe another port is mapped to this one. */
  readonly authority: string
  /** Aborted when the caller has gone, or its deadline has passed. */
  readonly signal: AbortSignal
  /** What the caller sent along; of a name that came more than once, the first value. */
  readonly metadata: CallMetadata
  /** How long the caller will wait, as of now; `Infinity` if it did not say. Never below 0. */
  readonly remainingMs: number
}

export type Handler =
  | {
      readonly kind: 'unary'
      readonly method: Method<unknown, unknown>
      readonly answer: UnaryHandler
    }
  | {
      readonly kind: 'stream'
      readonly method: Method<unknown, unknown>
      readonly accept: StreamHandler
    }

type UnaryHandler = (request: unknown, context: CallContext) => Promise<unknown>
type StreamHandler = (stream: MessageStream<unknown, unknown>, context: CallContext) => void

/** A handler of a unary method. What it throws reaches the caller as the same CometError. */
export function answer<Request, Response>(
  method: Method<Request, Response>,
  handler: (request: Request, context: CallContext) => Promise<Response>,
): Handler {
  return {
    kind: 'unary',
    method: method as Method<unknown, unknown>,
    answer: handler as UnaryHandler,
  }
}

/** A handler of a streaming method; for a server stream the one request is the first message. */
export function accept<Request, Response>(
  method: Method<Request, Response>,
  handler: (stream: MessageStream<Response, Request>, context: CallContext) => void,
): Handler {
  return {
    kind: 'stream',
    method: method as Method<unknown, unknown>,
    accept: handler as StreamHandler,
  }
}
