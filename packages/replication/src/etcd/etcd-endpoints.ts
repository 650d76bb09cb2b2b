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
  readonly #endpoints: readonly EtcdEndpoint[]
  readonly #log: Logger
  #current: number

  constructor(
    ports: { readonly transport: Transport; readonly random: Random; readonly log: Logger },
    addresses: readonly string[],
  ) {
    assert(addresses.length > 0, 'etcd has an endpoint')
    this.#endpoints = addresses.map((address) => new EtcdEndpoint(address, ports.transport))
    this.#log = ports.log
    // Members of many broker groups share one etcd, and spread over it.
    this.#current = Math.floor(ports.random.fraction() * addresses.length)
  }

  get count(): number {
    return this.#endpoints.length
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
        if (left === 0 || isOurs(error, options) || (wasSent && options.repeat === 'unless-sent')) {
          throw error
        }
      }
    }
  }

  /** Asks the current endpoint only. */
  async askOnce<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: Pick<AskOptions, 'timeoutMs' | 'signal'>,
  ): Promise<Response> {
    const endpoint = this.take()
    const { connection } = endpoint
    try {
      const response =
        method.kind === 'unary'
          ? await connection.call(method, request as Partial<Request>, options)
          : await exchange(connection, method, request, options)
      this.answered(endpoint)
      return response
    } catch (thrown) {
      const error = toCometError(thrown)
      if (!isOurs(error, options)) this.failed(endpoint, error)
      throw error
    } finally {
      this.release(endpoint)
    }
  }

  /** The current endpoint, to be released after use. */
  take(): EtcdEndpoint {
    const endpoint = this.#endpoints[this.#current]
    assert(endpoint !== undefined, 'the current endpoint is one of them')
    endpoint.userCount += 1
    return endpoint
  }

  /**
   * etcd breaks a connection on which there is nothing but keep-alive, and grpc-js complains of it
   * on the console. So one that nobody uses any more is closed.
   */
  release(endpoint: EtcdEndpoint): void {
    endpoint.userCount -= 1
    if (endpoint.userCount === 0 && endpoint !== this.#endpoints[this.#current]) endpoint.close()
  }

  answered(endpoint: EtcdEndpoint): void {
    if (!endpoint.isFailing) return
    endpoint.isFailing = false
    this.#log.info({ endpoint: endpoint.address }, 'etcd endpoint answers again')
  }

  /** Moves on, unless somebody else's request has already. Each failure is logged once. */
  failed(endpoint: EtcdEndpoint, { code, message: reason }: CometError): void {
    const isCurrent = endpoint === this.#endpoints[this.#current]
    if (isCurrent) this.#current = (this.#current + 1) % this.count
    if (endpoint.isFailing) return
    endpoint.isFailing = true
    this.#log.warn({ endpoint: endpoint.address, code, reason }, 'etcd endpoint failed')
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close()
  }
}

/** One member of etcd, and what `EtcdEndpoints` knows of it. */
export class EtcdEndpoint {
  readonly address: string
  readonly #transport: Transport
  #connection: Connection | undefined
  /** How many requests and watches are under way. */
  userCount = 0
  /** It failed when it was last asked. */
  isFailing = false

  constructor(address: string, transport: Transport) {
    this.address = address
    this.#transport = transport
  }

  get connection(): Connection {
    this.#connection ??= this.#transport.connect(this.address)
    return this.#connection
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
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
