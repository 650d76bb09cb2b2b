import {
  type BrokerAddress,
  type BrokerOutcome,
  type ClusterDescription,
  CometError,
  type ErrorCode,
  errorCodeOfId,
  loadServices,
  type Method,
  type RouteUpdate,
  type Services,
} from '@cometmq/protocol'
import type { Connection, Transport } from '@cometmq/runtime'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-codes.ts'

export interface ClusterOptions {
  /** Name servers, in the order in which they are asked. */
  readonly endpoints: readonly string[]
  /** Of each call. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** What one broker answered. */
export interface BrokerAnswer<T> {
  readonly brokerName: string
  readonly answer: T
}

/**
 * The operator's view of a cluster: each broker and what it says itself. The SDK answers for the
 * cluster as a whole; who operates it wants to see where two brokers differ.
 */
export class Cluster implements Disposable {
  readonly admin: Services['admin']
  readonly #routes: Services['routes']
  readonly #transport: Transport
  readonly #options: ClusterOptions
  readonly #connections = new Map<string, Connection>()

  constructor(transport: Transport, options: ClusterOptions) {
    const services = loadServices()
    this.admin = services.admin
    this.#routes = services.routes
    this.#transport = transport
    this.#options = options
  }

  /** What the first name server that answers says. */
  describe(): Promise<ClusterDescription> {
    return this.#askNameServer((endpoint) => this.#call(endpoint, this.#routes.DescribeCluster, {}))
  }

  /** The brokers that take changes, by name. Throws if there is none. */
  async masters(): Promise<readonly BrokerAddress[]> {
    const { brokers } = await this.describe()
    const masters = brokers
      .flatMap(({ broker }) => (broker !== null && broker.brokerId === 0 ? [broker] : []))
      .toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
    if (masters.length > 0) return masters
    throw new CommandError(
      exitCodes.cannotConnect,
      `no broker is registered with ${this.#options.endpoints.join(', ')}`,
      'start one, or `comet cluster health --wait` for it',
    )
  }

  /**
   * Asks every broker. Those that answer `missing` are left out, unless all do: a topic need not be
   * on every broker.
   */
  async askAll<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    missing?: ErrorCode,
  ): Promise<readonly BrokerAnswer<Response>[]> {
    const masters = await this.masters()
    const settled = await Promise.allSettled(
      masters.map(({ address }) => this.#call(address, method, request)),
    )
    const answers: BrokerAnswer<Response>[] = []
    let lastMissing: unknown
    for (const [index, result] of settled.entries()) {
      const brokerName = masters[index]?.brokerName ?? ''
      if (result.status === 'fulfilled') answers.push({ brokerName, answer: result.value })
      else if (isCode(result.reason, missing)) lastMissing = result.reason
      else throw named(brokerName, result.reason)
    }
    if (answers.length === 0 && lastMissing !== undefined) throw lastMissing
    return answers
  }

  /** Asks one broker by its name. */
  async ask<Request, Response>(
    brokerName: string,
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    const masters = await this.masters()
    const broker = masters.find((candidate) => candidate.brokerName === brokerName)
    if (broker !== undefined) return this.#call(broker.address, method, request)
    const known = masters.map((candidate) => candidate.brokerName).join(', ')
    throw new CometError(
      'BROKER_NOT_FOUND',
      `no broker "${brokerName}" is registered; there is ${known}`,
    )
  }

  /** Asks one broker, whichever can be reached, for something that it does on all of them. */
  async askAny<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    const masters = await this.masters()
    return firstReachable(
      masters.map(({ address }) => address),
      (address) => this.#call(address, method, request),
    )
  }

  /** The route of a topic as clients get it. Throws `TOPIC_NOT_FOUND`. */
  route(topic: string): Promise<RouteUpdate> {
    return this.#askNameServer((endpoint) => this.#firstUpdate(endpoint, topic))
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  /** Asks the broker at that address. */
  askAddress<Request, Response>(
    address: string,
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    return this.#call(address, method, request)
  }

  #askNameServer<T>(ask: (endpoint: string) => Promise<T>): Promise<T> {
    return firstReachable(this.#options.endpoints, ask)
  }

  #call<Request, Response>(
    address: string,
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    const { timeoutMs, signal } = this.#options
    return this.#connectionTo(address).call(method, request, { timeoutMs, signal })
  }

  async #firstUpdate(endpoint: string, topic: string): Promise<RouteUpdate> {
    const { timeoutMs, signal } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<RouteUpdate>()
    const stream = this.#connectionTo(endpoint).open(this.#routes.Watch, { signal })
    stream.receive({
      message: resolve,
      ended: () => reject(new CometError('UNAVAILABLE', `${endpoint} ended the stream`)),
      failed: reject,
    })
    stream.send({ topics: [topic], allTopics: false })
    const timer = setTimeout(() => {
      reject(new CometError('TIMEOUT', `${endpoint} did not say whether topic "${topic}" exists`))
    }, timeoutMs)
    try {
      const update = await promise
      if (!update.missing.includes(topic)) return update
      throw new CometError('TOPIC_NOT_FOUND', `topic "${topic}" does not exist`)
    } finally {
      clearTimeout(timer)
      stream.cancel()
    }
  }

  #connectionTo(address: string): Connection {
    let connection = this.#connections.get(address)
    if (connection === undefined) {
      connection = this.#transport.connect(address)
      this.#connections.set(address, connection)
    }
    return connection
  }
}

/** Throws unless the change was made on every broker. */
export function checkOutcomes(outcomes: readonly BrokerOutcome[]): void {
  const failed = outcomes.filter(({ error }) => error !== 0)
  const [first] = failed
  if (first === undefined) return
  const code = errorCodeOfId(first.error)
  if (failed.length === outcomes.length && failed.every(({ error }) => error === first.error)) {
    throw new CometError(code, first.message)
  }
  const each = failed.map(
    ({ brokerName, error, message }) => `${brokerName}: ${message} [${errorCodeOfId(error)}]`,
  )
  throw new CometError(
    'PARTIAL_FAILURE',
    `done on ${outcomes.length - failed.length} of ${outcomes.length} brokers; ${each.join('; ')}`,
  )
}

/** Goes on to the next address only where nothing was sent. */
async function firstReachable<T>(
  addresses: readonly string[],
  ask: (address: string) => Promise<T>,
): Promise<T> {
  let failure: unknown
  for (const address of addresses) {
    try {
      return await ask(address)
    } catch (error) {
      if (!isCode(error, 'CONNECT_FAILED')) throw error
      failure ??= error
    }
  }
  const where = addresses.join(', ')
  throw new CometError('CONNECT_FAILED', `cannot connect to ${where}`, { cause: failure })
}

export function isCode(error: unknown, code: ErrorCode | undefined): boolean {
  return error instanceof CometError && error.code === code
}

function named(brokerName: string, error: unknown): unknown {
  if (!(error instanceof CometError)) return error
  return new CometError(error.code, `${brokerName}: ${error.message}`, { cause: error })
}
