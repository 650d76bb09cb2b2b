import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Http2Server } from 'node:http2'
import { createServer, type Server as SocketServer, type Socket } from 'node:net'
import { CometError, toCometError } from '@cometmq/protocol'
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Server as GrpcServer,
  ServerCredentials,
} from '@grpc/grpc-js'
import { checkedSize, decodeRequest, errorOfHandler } from '../call-edge.ts'
import type { Logger } from '../logger.ts'
import type { Handler, Listener, ListenOptions } from '../transport.ts'
import { type Address, formatAddress, parseAddress } from './address.ts'
import { GrpcCallContext } from './grpc-call-context.ts'
import { asIs, serverStatusOf } from './grpc-errors.ts'
import { serverOptions, WINDOW_BYTES } from './grpc-options.ts'
import { GrpcStream } from './grpc-stream.ts'

/**
 * Node's HTTP/2 cancels a stream by ending it and then resetting it, in two writes. So an end counts
 * as one only when no reset has followed; without the wait, the test "tells a server that its client
 * has cancelled" fails.
 */
const RESET_GRACE_MS = 10

/**
 * Serves handlers at one address.
 *
 * The listening socket is ours and grpc-js is handed its connections: so we know the exact reason
 * when the port cannot be taken, and can break every connection.
 */
export class GrpcListener implements Listener {
  readonly address: string
  readonly #sockets: SocketServer
  readonly #server: GrpcServer
  readonly #peers: Map<string, Socket>

  private constructor(
    address: string,
    sockets: SocketServer,
    server: GrpcServer,
    peers: Map<string, Socket>,
  ) {
    this.address = address
    this.#sockets = sockets
    this.#server = server
    this.#peers = peers
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    widenWindows(server)
    sockets.on('connection', (socket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`
      peers.set(peer, socket)
      socket.once('close', () => peers.delete(peer))
      injector.injectConnection(socket)
    })
  }

  static async open(options: ListenOptions, log: Logger): Promise<GrpcListener> {
    const wanted = parseAddress(options.address)
    const server = new GrpcServer(serverOptions)
    const peers = new Map<string, Socket>()
    const connected = (peer: string): boolean => peers.get(peer)?.destroyed === false
    register(server, options.handlers, { connected, log })
    const sockets = createServer({ noDelay: true })
    const port = await listen(sockets, wanted)
    // For instance when the process has no file descriptor left; it serves on with those it has.
    sockets.on('error', (error) => log.warn({ error }, 'could not take a connection'))
    return new GrpcListener(formatAddress({ host: wanted.host, port }), sockets, server, peers)
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

/**
 * Sets the HTTP/2 windows of the server's connections. grpc-js does it for clients only
 * (`grpc-node.flow_control_window`), so this reaches for one of its private fields; without it the
 * test "takes more than the default window from a client" fails.
 */
function widenWindows(server: GrpcServer): void {
  const { http2Servers } = server as unknown as { http2Servers: Map<Http2Server, unknown> }
  for (const http2Server of http2Servers.keys()) {
    http2Server.on('session', (session) => {
      session.settings({ initialWindowSize: WINDOW_BYTES })
      session.setLocalWindowSize(WINDOW_BYTES)
    })
  }
}

interface CallSurroundings {
  /** Whether the connection from that peer stands. */
  readonly connected: (peer: string) => boolean
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
  { connected, log }: CallSurroundings,
): handleUnaryCall<Buffer, Buffer> {
  return (call, respond) => {
    const context = new GrpcCallContext(call, connected)
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
        respond(serverStatusOf(errorOfHandler(thrown, method.path, log)))
      }
    }
    void run()
  }
}

function streamImplementation(
  { method, accept }: Handler & { kind: 'stream' },
  { connected, log }: CallSurroundings,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const context = new GrpcCallContext(call, connected)
    const cancelled = new CometError('CANCELLED', 'the server has cancelled the stream')
    const stream = new GrpcStream(call, {
      encode: (message) => method.encodeResponse(message),
      decode: (bytes) => decodeRequest(method, bytes),
      abort: (error = cancelled) => call.emit('error', serverStatusOf(error)),
      errorOf: (thrown) => errorOfHandler(thrown, method.path, log),
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
      stream.cancel(errorOfHandler(thrown, method.path, log))
    }
  }
}
