import { CometError, loadServices, type Services, toCometError } from '@cometmq/protocol'
import type { Connection, Logger, Runtime } from '@cometmq/runtime'
import { Admin } from './admin/admin.ts'
import { type Duration, parseDuration } from './duration.ts'
import { parseEndpoints } from './endpoints.ts'
import { type BorrowedRuntime, borrowNodeRuntime } from './node-runtime.ts'
import { Producer } from './produce/producer.ts'
import { RouteCache } from './route/route-cache.ts'
import { Topic, type TopicOptions } from './topic.ts'
import { untilAborted } from './until-aborted.ts'

export interface ConnectOptions {
  /** Name servers as `host:port`: a list, or one text with commas. Any that can be reached will do. */
  readonly endpoints: string | readonly string[]
  /** Who this is, for people who look at the members of a group. */
  readonly clientId?: string
  /** Bytes of messages that may wait to be stored; beyond it `send` waits. 64 MiB unless given. */
  readonly maxBufferedBytes?: number
  /** How long `connect` may take; 10 s unless given. */
  readonly timeout?: Duration
  /** Gives up connecting. */
  readonly signal?: AbortSignal
  /** Where warnings go; a pino logger fits. The error stream, as text, unless given. */
  readonly log?: Logger
  /** Clock, transport, log and chance; those of Node unless given. The caller closes his own. */
  readonly runtime?: Runtime
}

const MAX_BUFFERED_BYTES = 64 * 1024 * 1024

/**
 * Connects to a cluster.
 *
 * Resolves when a name server has answered; from then on the client looks after itself. Throws
 * `CONNECT_FAILED`, with what each of them said, when none does, and `CONFIG_INVALID` on endpoints
 * that are no addresses.
 */
export async function connect(options: ConnectOptions): Promise<CometClient> {
  const endpoints = parseEndpoints(options.endpoints)
  const timeoutMs = parseDuration('timeout', options.timeout ?? '10s')
  const borrowed = await borrow(options)
  const { runtime } = borrowed
  const services = loadServices()
  const routes = new RouteCache(runtime, services, endpoints)
  const timeout = new AbortController()
  const timer = runtime.clock.schedule(timeoutMs, () => timeout.abort())
  const signals = options.signal === undefined ? [] : [options.signal]
  try {
    await routes.connect(AbortSignal.any([timeout.signal, ...signals]))
  } catch (thrown) {
    routes.close()
    await borrowed.release()
    if (!timeout.signal.aborted) throw thrown
    throw new CometError(
      'CONNECT_FAILED',
      `no name server answered within ${timeoutMs} ms: ${endpoints.join(', ')}`,
      { cause: thrown },
    )
  } finally {
    timer.cancel()
  }
  return new CometClient(
    { borrowed, services, routes },
    {
      clientId: options.clientId ?? `comet-${runtime.random.hex(4)}`,
      maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
    },
  )
}

async function borrow({ runtime: own, log }: ConnectOptions): Promise<BorrowedRuntime> {
  const { runtime, release } =
    own === undefined ? await borrowNodeRuntime() : { runtime: own, release: async () => {} }
  return { runtime: log === undefined ? runtime : { ...runtime, log }, release }
}

interface ClientParts {
  readonly borrowed: BorrowedRuntime
  readonly services: Services
  readonly routes: RouteCache
}

interface ClientSettings {
  readonly clientId: string
  readonly maxBufferedBytes: number
}

/** A connection to a cluster: where topics come from, and what ends with it. */
export class CometClient implements AsyncDisposable {
  readonly admin: Admin
  readonly clientId: string
  readonly #parts: ClientParts
  readonly #producer: Producer
  /** By address; what a broker gets over them shares one connection of the process. */
  readonly #connections = new Map<string, Connection>()
  readonly #running = new Set<AsyncDisposable>()
  readonly #creations = new Map<string, Promise<void>>()
  #closed: Promise<void> | undefined

  /** Clients are made by `connect`. */
  constructor(parts: ClientParts, settings: ClientSettings) {
    this.#parts = parts
    this.clientId = settings.clientId
    const { routes, services } = parts
    const connectionTo = (brokerName: string): Connection | undefined =>
      this.#connectionTo(brokerName)
    this.admin = new Admin({
      services,
      routes,
      connectionTo,
      connectionForLookUpsTo: (brokerName) => this.#connectionForLookUpsTo(brokerName),
    })
    this.#producer = new Producer(
      {
        runtime: parts.borrowed.runtime,
        routes,
        connectionTo,
        createTopic: (topic) => this.#createTopic(topic),
      },
      settings,
    )
  }

  /** The cluster's name. */
  get cluster(): string {
    return this.#parts.routes.cluster
  }

  /**
   * A topic with values of type `Out`: `comet.topic<Order>('orders')`. With a `schema` the type
   * comes from there. Throws `ILLEGAL_NAME`.
   */
  topic<Out = unknown, In = Out>(
    name: string,
    options: TopicOptions<Out, In> = {},
  ): Topic<Out, In> {
    this.#checkOpen()
    const { borrowed, routes, services } = this.#parts
    return new Topic(
      {
        runtime: borrowed.runtime,
        producer: this.#producer,
        clientId: this.clientId,
        reading: { routes, connect: (address: string) => this.#connect(address) },
        consuming: {
          services,
          routes,
          connectionTo: (brokerName) => this.#connectionForGroupsTo(brokerName),
          createTopic: (topic) => this.#createTopic(topic),
        },
        started: (running) => {
          this.#checkOpen()
          this.#running.add(running)
        },
        ended: (running) => this.#running.delete(running),
      },
      name,
      options,
    )
  }

  /**
   * Ends in order: consumers finish what they hold, then everything that was sent is settled.
   * The client can be used again afterwards. Rejects with `CANCELLED` when the signal is aborted
   * before that; consumers end all the same.
   */
  async drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const ended = Promise.all([...this.#running].map((running) => running[Symbol.asyncDispose]()))
    await untilAborted(ended, options.signal)
    await this.#producer.drain(options.signal)
  }

  /** Drains, then closes every connection. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    await this.drain()
    this.#producer.close()
    for (const connection of this.#connections.values()) connection.close()
    this.#parts.routes.close()
    await this.#parts.borrowed.release()
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new CometError('CLOSED', 'the client was closed')
  }

  #connectionTo(brokerName: string): Connection | undefined {
    const address = this.#parts.routes.masterOf(brokerName)?.address
    return address === undefined ? undefined : this.#connect(address)
  }

  /** Consumer groups are served by a slave only if it stands in for a master that is dead. */
  #connectionForGroupsTo(brokerName: string): Connection | undefined {
    const { routes } = this.#parts
    const standIn = routes.brokers.has(brokerName) ? undefined : routes.standInOf(brokerName)
    return standIn === undefined ? this.#connectionTo(brokerName) : this.#connect(standIn.address)
  }

  #connectionForLookUpsTo(brokerName: string): Connection | undefined {
    const { routes } = this.#parts
    const [slave] = routes.brokers.has(brokerName) ? [] : routes.slavesOf(brokerName)
    return slave === undefined ? this.#connectionTo(brokerName) : this.#connect(slave.address)
  }

  #connect(address: string): Connection {
    let connection = this.#connections.get(address)
    if (connection === undefined) {
      connection = this.#parts.borrowed.runtime.transport.connect(address)
      this.#connections.set(address, connection)
    }
    return connection
  }

  /** Several may want it at once: a producer and a consumer of one process. */
  #createTopic(topic: string): Promise<void> {
    const running = this.#creations.get(topic)
    if (running !== undefined) return running
    const creation = this.#create(topic).finally(() => this.#creations.delete(topic))
    this.#creations.set(topic, creation)
    return creation
  }

  async #create(topic: string): Promise<void> {
    try {
      await this.admin.topics.create(topic, { onFirstSend: true })
    } catch (thrown) {
      const error = toCometError(thrown)
      // With some brokers it can be used.
      if (error.code === 'PARTIAL_FAILURE' || error.code === 'TOPIC_EXISTS') return
      throw new CometError(error.code, `cannot make the topic "${topic}": ${error.message}`, {
        cause: error,
      })
    }
  }
}
