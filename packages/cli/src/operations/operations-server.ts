import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CometError, toCometError } from '@cometmq/protocol'
import type { Logger } from '@cometmq/runtime'
import type { Registry } from '@prometheus-io/client'
import { formatAddress, parseAddress } from '../config/address.ts'
import { type Answer, answer } from './answers.ts'
import type { Health } from './health.ts'

/** Enough for probes and scrapers; nobody else has any business here. */
const CONNECTIONS_MAX = 64
const REQUEST_TIMEOUT_MS = 10_000

/** What a daemon says of itself over HTTP: health for orchestrators, metrics for Prometheus. */
export class OperationsServer implements AsyncDisposable {
  readonly address: string
  readonly #server: Server

  private constructor(address: string, server: Server) {
    this.address = address
    this.#server = server
  }

  /** Throws `CONFIG_INVALID` where it cannot listen. */
  static async open(
    address: string,
    parts: {
      readonly health: () => Health
      readonly metrics: Registry
      readonly log: Logger
    },
  ): Promise<OperationsServer> {
    const wanted = parseAddress(address)
    if (wanted === undefined) throw new CometError('CONFIG_INVALID', `"${address}" is no address`)
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      serve(parts, request, response).catch((error: unknown) => {
        parts.log.warn({ error, url: request.url }, 'an HTTP request could not be answered')
        response.destroy()
      })
    })
    server.maxConnections = CONNECTIONS_MAX
    try {
      server.listen(wanted)
      await once(server, 'listening')
    } catch (cause) {
      const why = toCometError(cause).message
      const message = `cannot listen on ${address} for health and metrics: ${why}`
      throw new CometError('CONFIG_INVALID', message, { cause })
    }
    const { port } = server.address() as AddressInfo
    return new OperationsServer(formatAddress({ host: wanted.host, port }), server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

async function serve(
  { health, metrics }: { readonly health: () => Health; readonly metrics: Registry },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', url = '/' } = request
  const isScrape = method === 'GET' && /^\/metrics(?:\?|$)/.test(url)
  const { status, contentType, body }: Answer = isScrape
    ? { status: 200, contentType: metrics.contentType, body: await metrics.metrics() }
    : answer({ method, url }, health)
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' })
  response.end(method === 'HEAD' ? undefined : body)
}
