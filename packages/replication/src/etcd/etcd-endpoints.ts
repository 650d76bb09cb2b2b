import assert from 'node:assert/strict'
import { CometError, type Method, toCometError } from '@cometmq/protocol'
import type { Connection, Logger, Random, Transport } from '@cometmq/runtime'

/** When a request that failed at one endpoint may go to the next. */
export type Repeat =
  /** It changes nothing, or nothing more the second time. */
  | 'always'
  /** Only if nothing of it was sent: else it may have taken effect, and its caller must know. */
  | 'unless-sent'

export interface AskOptions {
  /** For each endpoint. */
  readonly timeoutMs: number
  readonly repeat: Repeat
  readonly signal?: AbortSignal
}

/**
 * The members of one etcd cluster. All requests go to one of them until it fails; then, for
 * everybody here, to the next.
 *
 * A request that is refused fails like one that is not answered: a member says `no leader` or
 * `no space` while the others may be well.
 */
export class EtcdEndpoints {
  readonly #connections: readonly Connection[]
  readonly #log: Logger
  /** Those that failed last time, so that each failure is logged once. */
  readonly #failing = new Set<Connection>()
  #current: number

  constructor(
    ports: { readonly transport: Transport; readonly random: Random; readonly log: Logger },
    addresses: readonly string[],
  ) {
    assert(addresses.length > 0, 'etcd has an endpoint')
    this.#connections = addresses.map((address) => ports.transport.connect(address))
    this.#log = ports.log
    // Members of many broker groups share one etcd, and spread over it.
    this.#current = Math.floor(ports.random.fraction() * addresses.length)
  }

  get count(): number {
    return this.#connections.length
  }

  get current(): Connection {
    const connection = this.#connections[this.#current]
    assert(connection !== undefined, 'the current endpoint is one of them')
    return connection
  }

  /** Asks one endpoint after the other, each once. Throws what the last one failed with. */
  async ask<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: AskOptions,
  ): Promise<Response> {
    for (let left = this.count - 1; ; left -= 1) {
      try {
        return await this.askOnce(method, request, options)
      } catch (thrown) {
        const error = toCometError(thrown)
        const wasSent = error.code !== 'CONNECT_FAILED'
        if (left === 0 || isOurs(error, options) || (wasSent && options.repeat === 'unless-sent'))
          throw error
      }
    }
  }

  /** Asks the current endpoint only. */
  async askOnce<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: Pick<AskOptions, 'timeoutMs' | 'signal'>,
  ): Promise<Response> {
    const connection = this.current
    try {
      const response =
        method.kind === 'unary'
          ? await connection.call(method, request as Partial<Request>, options)
          : await exchange(connection, method, request, options)
      this.answered(connection)
      return response
    } catch (thrown) {
      const error = toCometError(thrown)
      if (!isOurs(error, options)) this.failed(connection, error)
      throw error
    }
  }

  answered(connection: Connection): void {
    if (!this.#failing.delete(connection)) return
    this.#log.info({ endpoint: connection.address }, 'etcd endpoint answers again')
  }

  /** Moves on, unless somebody else's request has already. */
  failed(connection: Connection, error: CometError): void {
    if (connection === this.current) this.#current = (this.#current + 1) % this.count
    if (this.#failing.has(connection)) return
    this.#failing.add(connection)
    const { code, message } = error
    this.#log.warn({ endpoint: connection.address, code, message }, 'etcd endpoint failed')
  }

  close(): void {
    for (const connection of this.#connections) connection.close()
  }
}

/** Whether it says nothing of the endpoint. */
function isOurs(error: CometError, { signal }: Pick<AskOptions, 'signal'>): boolean {
  return error.code === 'CLOSED' || signal?.aborted === true
}

/**
 * One request and its answer on a stream of their own: so no late answer to an earlier request is
 * taken for the answer to this one.
 */
function exchange<Request, Response>(
  connection: Connection,
  method: Method<Request, Response>,
  request: Request,
  options: Pick<AskOptions, 'timeoutMs' | 'signal'>,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const stream = connection.open(method, options)
    stream.receive({
      message: resolve,
      ended: () => {
        reject(new CometError('UNAVAILABLE', `${connection.address} ended the call unanswered`))
      },
      failed: reject,
    })
    stream.send(request)
    stream.end()
  })
}
