import assert from 'node:assert/strict'
import { once } from 'node:events'
import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2'
import { createServer, type Server as SocketServer, type Socket } from 'node:net'
import { CometError, toCometError } from '@cometmq/protocol'
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server as GrpcServer,
  ServerCredentials,
} from '@grpc/grpc-js'
import { checkedSize, decodeRequest, errorOfHandler } from '../call-edge.ts'
import type { Logger } from '../logger.ts'
import type { Handler, Listener, ListenOptions } from '../transport.ts'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { sniffTls } from './first-byte.ts'
import { GrpcCallContext } from './grpc-call-context.ts'
import { asIs, serverStatusOf } from './grpc-errors.ts'
import { addReflection, GrpcHealth } from './grpc-introspection.ts'
import { serverOptions, WINDOW_BYTES } from './grpc-options.ts'
import { GrpcStream } from './grpc-stream.ts'
import type { TlsIdentity } from './self-signed.ts'
import type { TlsIdentities } from './tls-identity.ts'

/**
 * Node's HTTP/2 cancels a stream by ending it and then resetting it, in two writes. So an end counts
 * as one only when no reset has followed; without the wait, the test "tells a server that its client
 * has cancelled" fails.
 */
const RESET_GRACE_MS = 10

/** How long a client may take to end its side of a stream that has ended here. */
const CLIENT_END_MS = 1_000

/**
 * Serves handlers at one address.
 *
 * The listening socket is ours and grpc-js is handed its connections: so we know the exact reason
 * when the port cannot be taken, can break every connection, and serve TLS and plaintext at one
 * port, decided by the first byte. Half of the official clients come with TLS and half without.
 */
export class GrpcListener implements Listener {
  readonly address: string
  readonly #sockets: SocketServer
  readonly #server: GrpcServer
  readonly #peers: Map<string, Socket>
  readonly #health: GrpcHealth

  private constructor(parts: {
    readonly address: string
    readonly sockets: SocketServer
    readonly server: GrpcServer
    readonly health: GrpcHealth
    readonly peers: Map<string, Socket>
    readonly tls: TlsConnections
  }) {
    const { sockets, server, peers, tls } = parts
    this.address = parts.address
    this.#sockets = sockets
    this.#server = server
    this.#peers = peers
    this.#health = parts.health
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    prepare(server)
    sockets.on('connection', (socket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`
      peers.set(peer, socket)
      socket.once('close', () => peers.delete(peer))
      sniffTls(socket, (isTls) => {
        if (isTls) tls.take(socket)
        else injector.injectConnection(socket)
      })
    })
  }

  static async open(
    options: ListenOptions,
    { log, identities }: { readonly log: Logger; readonly identities: TlsIdentities },
  ): Promise<GrpcListener> {
    const wanted = parseAddress(options.address)
    const server = new GrpcServer(serverOptions)
    const peers = new Map<string, Socket>()
    const connected = (peer: string): boolean => peers.get(peer)?.destroyed === false
    register(server, options.handlers, { connected, listener: options.name ?? '', log })
    const health = new GrpcHealth(
      server,
      options.handlers.map(({ method }) => method.path),
    )
    if (options.reflection !== undefined) await addReflection(server, options.reflection)
    const sockets = createServer({ noDelay: true })
    const port = await listen(sockets, wanted)
    // For instance when the process has no file descriptor left; it serves on with those it has.
    sockets.on('error', (error) => log.warn({ error }, 'could not take a connection'))
    const tls = new TlsConnections(server, identities, log)
    const address = formatAddress({ host: wanted.host, port })
    return new GrpcListener({ address, sockets, server, health, peers, tls })
  }

  setServing(isServing: boolean): void {
    this.#health.setServing(isServing)
  }

  async drain(): Promise<void> {
    // The last socket closes when the last call on it has ended. (What grpc-js reports is of no use:
    // since Node 24 it takes sessions for closed as soon as they are told to close.)
    const closed = new Promise<void>((resolve) => this.#sockets.close(() => resolve()))
    this.#server.tryShutdown(() => {})
    await closed
  }

  async close(): Promise<void> {
    this.#server.forceShutdown()
    const closed = new Promise<void>((resolve) => this.#sockets.close(() => resolve()))
    for (const socket of this.#peers.values()) socket.destroy()
    await closed
  }
}

async function listen(sockets: SocketServer, { host, port }: Address): Promise<number> {
  const where = formatAddress({ host, port })
  try {
    sockets.listen({ host, port })
    await once(sockets, 'listening')
  } catch (cause) {
    throw new CometError('CONFIG_INVALID', `cannot listen on ${where}: ${whyNot(cause)}`, { cause })
  }
  const bound = sockets.address()
  assert(typeof bound === 'object' && bound !== null, 'a TCP server has an address')
  return bound.port
}

function whyNot(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is taken; stop the process that has it, or choose another'
    case 'EACCES':
      return 'ports below 1024 are for privileged processes; choose another'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address; 0.0.0.0 stands for all that it has'
    default:
      return toCometError(cause).message
  }
}

/** Hands grpc-js the connections that come with TLS, with the certificate as it is then. */
class TlsConnections {
  readonly #server: GrpcServer
  readonly #identities: TlsIdentities
  readonly #log: Logger
  #injector: ReturnType<GrpcServer['createConnectionInjector']> | undefined
  #used: TlsIdentity | undefined
  #http2Server: Http2SecureServer | undefined

  constructor(server: GrpcServer, identities: TlsIdentities, log: Logger) {
    this.#server = server
    this.#identities = identities
    this.#log = log
  }

  take(socket: Socket): void {
    this.#identities.current().then(
      (identity) => {
        if (!socket.destroyed) this.#injectorFor(identity).injectConnection(socket)
      },
      (error: unknown) => {
        this.#log.error({ error }, 'a TLS connection could not be served')
        socket.destroy()
      },
    )
  }

  #injectorFor(
    identity: TlsIdentity,
  ): NonNullable<ReturnType<GrpcServer['createConnectionInjector']>> {
    const { certificate, key } = identity
    if (this.#injector === undefined) {
      const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) }
      this.#injector = this.#server.createConnectionInjector(
        ServerCredentials.createSsl(null, [pair]),
      )
      this.#http2Server = prepare(this.#server) as Http2SecureServer
      // A handshake that fails is its client's affair.
      this.#http2Server.on('tlsClientError', (error) => {
        this.#log.debug({ error }, 'a TLS handshake failed')
      })
    } else if (this.#used !== identity) {
      this.#http2Server?.setSecureContext({ cert: certificate, key })
    }
    this.#used = identity
    return this.#injector
  }
}

/** What is below 2^31 ms fits a timer; what is longer is no deadline anybody waits for. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1

const UNITS_MS: Readonly<Record<string, number>> = {
  n: 1e-6,
  u: 1e-3,
  m: 1,
  S: 1_000,
  M: 60_000,
  H: 3_600_000,
}

/**
 * Puts right what grpc-js does not for the server it has made last, which it returns.
 *
 * - The HTTP/2 windows: grpc-js sets them for clients only (`grpc-node.flow_control_window`). Without
 *   it the test "takes more than the default window from a client" fails.
 * - `grpc-timeout`: grpc-js counts in 32 bits, so that a year, which Java's and C#'s telemetry
 *   streams have, becomes a moment. Without it the tests of checklist 2 fail.
 * - Streams that have ended here: a client that never ends its side would keep them for ever. They
 *   may be reset (RFC 9113 §8.1); without it the test "lets go of a stream that it has ended" fails.
 *
 * Its servers are in a private field.
 */
function prepare(server: GrpcServer): Http2Server | Http2SecureServer {
  const { http2Servers } = server as unknown as {
    http2Servers: Map<Http2Server | Http2SecureServer, unknown>
  }
  const http2Server = [...http2Servers.keys()].at(-1)
  assert(http2Server !== undefined, 'an injector has a server')
  http2Server.on('session', (session) => {
    session.settings({ initialWindowSize: WINDOW_BYTES })
    session.setLocalWindowSize(WINDOW_BYTES)
  })
  // Before the listener of grpc-js, which reads the headers.
  const prepareStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    const timeout = headers['grpc-timeout']
    if (typeof timeout === 'string' && !isTimeout(timeout)) delete headers['grpc-timeout']
    // All but the status has left: sent with it, the reset would overtake it.
    stream.once('wantTrailers', () => letGoSoon(stream))
  }
  http2Server.prependListener('stream', prepareStream)
  return http2Server
}

function letGoSoon(stream: ServerHttp2Stream): void {
  if (stream.readableEnded) return
  const timer = setTimeout(() => stream.close(), CLIENT_END_MS).unref()
  stream.once('close', () => clearTimeout(timer))
}

function isTimeout(text: string): boolean {
  const unitMs = UNITS_MS[text.at(-1) ?? '']
  const digits = text.slice(0, -1)
  return unitMs !== undefined && /^\d+$/.test(digits) && Number(digits) * unitMs <= TIMEOUT_MAX_MS
}

interface CallSurroundings {
  /** Whether the connection from that peer stands. */
  readonly connected: (peer: string) => boolean
  readonly listener: string
  readonly log: Logger
}

function register(
  server: GrpcServer,
  handlers: readonly Handler[],
  surroundings: CallSurroundings,
): void {
  for (const handler of handlers) {
    const { path } = handler.method
    const stream = handler.kind === 'stream'
    const definition = {
      path,
      // On the wire a server stream is a bidirectional one whose client sends one message and ends.
      requestStream: stream,
      responseStream: stream,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    }
    const implementation = stream
      ? streamImplementation(handler, surroundings)
      : unaryImplementation(handler, surroundings)
    server.addService({ [path]: definition }, { [path]: implementation })
  }
}

function unaryImplementation(
  { method, answer }: Handler & { kind: 'unary' },
  surroundings: CallSurroundings,
): handleUnaryCall<Buffer, Buffer> {
  return (call, respond) => {
    const context = new GrpcCallContext(call, surroundings)
    let answered = false
    call.on('cancelled', () => {
      if (!answered) context.abort()
    })
    const run = async (): Promise<void> => {
      try {
        const response = await answer(decodeRequest(method, call.request), context)
        const bytes = checkedSize(method.encodeResponse(response))
        answered = true
        respond(null, bytes)
      } catch (thrown) {
        answered = true
        respond(serverStatusOf(errorOfHandler(thrown, method.path, surroundings.log)))
      }
    }
    void run()
  }
}

function streamImplementation(
  { method, accept }: Handler & { kind: 'stream' },
  surroundings: CallSurroundings,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const context = new GrpcCallContext(call, surroundings)
    // At once: there are clients that send nothing before they have the headers.
    call.sendMetadata(new Metadata())
    const cancelled = new CometError('CANCELLED', 'the server has cancelled the stream')
    const stream = new GrpcStream(call, {
      encode: (message) => method.encodeResponse(message),
      decode: (bytes) => decodeRequest(method, bytes),
      abort: (error = cancelled) => call.emit('error', serverStatusOf(error)),
      errorOf: (thrown) => errorOfHandler(thrown, method.path, surroundings.log),
    })
    call.on('end', () => setTimeout(() => stream.peerEnded(), RESET_GRACE_MS))
    call.on('cancelled', () => {
      // grpc-js says so after a proper end, too.
      if (stream.isSent) stream.finish()
      else stream.finish(context.abort())
    })
    try {
      accept(stream, context)
    } catch (thrown) {
      stream.cancel(errorOfHandler(thrown, method.path, surroundings.log))
    }
  }
}
