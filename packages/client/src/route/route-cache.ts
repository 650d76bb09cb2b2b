import {
  type BrokerAddress,
  type ClusterDescription,
  CometError,
  Masters,
  type RouteUpdate,
  type Services,
  Slaves,
} from '@cometmq/protocol'
import { backoffMs, type Connection, type Runtime, type Timer } from '@cometmq/runtime'
import { untilAborted } from '../until-aborted.ts'
import { MasterInquiry } from './master-inquiry.ts'
import { mergeRoute, type Route, withoutGone } from './topic-route.ts'
import { Watch } from './watch.ts'

/** What is known of a topic. */
export type TopicState =
  /** No name server has answered for it yet. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'routed'; readonly route: Route }
  /** A name server is sure that no broker serves it; `autoCreate`: sending to it would make it. */
  | { readonly kind: 'missing'; readonly autoCreate: boolean }

const UNKNOWN: TopicState = { kind: 'unknown' }

const RECONNECT = { baseMs: 100, maxMs: 500 } as const

/**
 * The routes of the topics that this client uses, and the masters of all broker groups.
 *
 * Watches one name server at a time and moves to the next when it falls silent; what was learned
 * stays valid while none answers. Listeners are called after each change, never during one.
 */
export class RouteCache {
  readonly #runtime: Runtime
  readonly #services: Services
  readonly #nameServers: readonly Connection[]
  readonly #topics = new Map<string, TopicState>()
  readonly #watchers = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  #attemptListener: ((error: CometError | undefined) => void) | undefined
  readonly #masters = new Masters()
  readonly #slaves = new Slaves()
  readonly #inquiry: MasterInquiry
  #cluster = ''
  /** The watch that answered last. While another topic is added, it goes on until its successor answers. */
  #current: Watch | undefined
  /** The watch that is to take over. */
  #next: Watch | undefined
  #nameServerIndex = 0
  #failures = 0
  /** What the name servers that have failed since the last pause asked for. */
  #waitAskedForMs = 0
  #retry: Timer | undefined
  #restartQueued = false
  #closed = false

  constructor(runtime: Runtime, services: Services, endpoints: readonly string[]) {
    this.#runtime = runtime
    this.#services = services
    this.#nameServers = endpoints.map((endpoint) => runtime.transport.connect(endpoint))
    this.#inquiry = new MasterInquiry(runtime.clock, {
      watch: (nameServer, events) => new Watch(runtime, services, nameServer, [], events),
      learn: (brokers) => {
        if (!this.#masters.learn(brokers)) return false
        this.#notify()
        return true
      },
    })
  }

  /**
   * Resolves when a name server has answered. Rejects with `CONNECT_FAILED` when each has failed
   * once, and with `CANCELLED` when the signal is aborted.
   */
  async connect(signal?: AbortSignal): Promise<void> {
    const connected = Promise.withResolvers<void>()
    const whys: string[] = []
    const stop = this.#onAttempt((error) => {
      if (error === undefined) {
        connected.resolve()
        return
      }
      whys.push(error.message)
      if (whys.length === this.#nameServers.length) {
        connected.reject(
          new CometError('CONNECT_FAILED', `no name server answers: ${whys.join('; ')}`, {
            cause: error,
          }),
        )
      }
    })
    this.#restart()
    try {
      await untilAborted(connected.promise, signal)
    } finally {
      stop()
    }
  }

  get cluster(): string {
    return this.#cluster
  }

  /** The masters of all broker groups of which a name server hears one, by broker name. */
  get brokers(): ReadonlyMap<string, BrokerAddress> {
    return this.#masters.heard
  }

  /** The cluster as the name server sees it that is in use now. */
  describeCluster(): Promise<ClusterDescription> {
    const nameServer = this.#nameServers[this.#nameServerIndex] as Connection
    return nameServer.call(this.#services.routes.DescribeCluster, {}, { timeoutMs: 5_000 })
  }

  /**
   * The master of a broker group, also of one that no name server hears any more. The same object
   * until it has another epoch or address; epochs only rise.
   */
  masterOf(brokerName: string): BrokerAddress | undefined {
    return this.#masters.of(brokerName)
  }

  /** The slaves of a broker group that a name server hears; the smallest member id comes first. */
  slavesOf(brokerName: string): readonly BrokerAddress[] {
    return this.#slaves.of(brokerName)
  }

  /** The slave that serves consumer groups in place of a dead master, if there is one. */
  standInOf(brokerName: string): BrokerAddress | undefined {
    return this.#slaves.standInOf(brokerName)
  }

  /**
   * A broker has failed, or does not answer. If it has a successor, the name server in use tells;
   * unless it was on the same host, which is why the others are asked, too.
   */
  doubt(): void {
    if (this.#closed) return
    this.#inquiry.begin(() => {
      const inUse = this.#nameServers[this.#nameServerIndex]
      return this.#nameServers.filter((nameServer) => nameServer !== inUse)
    })
  }

  state(topic: string): TopicState {
    return this.#topics.get(topic) ?? UNKNOWN
  }

  /** Keeps the route of a topic up to date until the function returned is called. */
  watch(topic: string): () => void {
    const count = this.#watchers.get(topic) ?? 0
    this.#watchers.set(topic, count + 1)
    if (count === 0) this.#restartSoon()
    let watching = true
    return () => {
      if (!watching) return
      watching = false
      const left = (this.#watchers.get(topic) ?? 1) - 1
      if (left > 0) this.#watchers.set(topic, left)
      else {
        // The stream goes on telling about it until the next one; that costs nothing.
        this.#watchers.delete(topic)
        this.#topics.delete(topic)
      }
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#current?.stop()
    this.#next?.stop()
    this.#inquiry.close()
    for (const connection of this.#nameServers) connection.close()
    this.#listeners.clear()
  }

  #onAttempt(listener: (error: CometError | undefined) => void): () => void {
    this.#attemptListener = listener
    return () => {
      this.#attemptListener = undefined
    }
  }

  /** Topics that are asked for in one turn are asked for together. */
  #restartSoon(): void {
    if (this.#restartQueued || this.#closed) return
    this.#restartQueued = true
    queueMicrotask(() => {
      this.#restartQueued = false
      // While all name servers are away, the retry will ask for the new topic as well.
      if (this.#retry === undefined) this.#restart()
    })
  }

  #restart(): void {
    if (this.#closed) return
    this.#retry?.cancel()
    this.#retry = undefined
    this.#next?.stop()
    const nameServer = this.#nameServers[this.#nameServerIndex] as Connection
    const watch = new Watch(this.#runtime, this.#services, nameServer, [...this.#watchers.keys()], {
      update: (update) => this.#take(watch, update),
      failed: (error) => this.#failed(watch, error),
    })
    this.#next = watch
  }

  #take(watch: Watch, update: RouteUpdate): void {
    if (watch === this.#next) {
      this.#current?.stop()
      this.#current = watch
      this.#next = undefined
      this.#failures = 0
      this.#waitAskedForMs = 0
      this.#attemptListener?.(undefined)
    }
    this.#apply(update)
    this.#notify()
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }

  #failed(watch: Watch, error: CometError): void {
    if (this.#closed) return
    if (watch === this.#current) {
      this.#current = undefined
      if (this.#next !== undefined) return
    } else this.#next = undefined
    this.#runtime.log.debug({ nameServer: watch.address, error }, 'lost a name server')
    this.#nameServerIndex = (this.#nameServerIndex + 1) % this.#nameServers.length
    this.#failures += 1
    this.#waitAskedForMs = Math.max(this.#waitAskedForMs, error.retryAfterMs ?? 0)
    this.#attemptListener?.(error)
    // Each of them once at once, then with pauses.
    const round = Math.floor(this.#failures / this.#nameServers.length)
    if (round === 0) this.#restart()
    else {
      const pauseMs = this.#waitAskedForMs + backoffMs(round - 1, RECONNECT, this.#runtime.random)
      this.#waitAskedForMs = 0
      this.#retry = this.#runtime.clock.schedule(pauseMs, () => this.#restart())
    }
  }

  #apply(update: RouteUpdate): void {
    this.#cluster = update.cluster
    if (this.#masters.take(update.brokers)) this.#inquiry.answered()
    this.#slaves.take(update.brokers)
    const forgotten = new Set(update.forgotten)
    if (forgotten.size > 0) this.#forget(forgotten, update.autoCreateTopics)
    for (const topic of update.missing) {
      if (this.#watchers.has(topic) && this.#isGone(topic)) {
        this.#topics.set(topic, { kind: 'missing', autoCreate: update.autoCreateTopics })
      }
    }
    for (const topic of update.topics) {
      if (!this.#watchers.has(topic.topic)) continue
      const before = this.state(topic.topic)
      const previous = before.kind === 'routed' ? before.route : undefined
      const isGone = (name: string): boolean => this.brokers.has(name) || forgotten.has(name)
      const route = mergeRoute(previous, topic, isGone)
      this.#topics.set(topic.topic, { kind: 'routed', route })
    }
  }

  /** No message group waits for these brokers any more, and nobody tries to reach them. */
  #forget(brokerNames: ReadonlySet<string>, autoCreate: boolean): void {
    for (const brokerName of brokerNames) this.#masters.forget(brokerName)
    for (const [topic, state] of this.#topics) {
      if (state.kind !== 'routed') continue
      const route = withoutGone(state.route, (name) => brokerNames.has(name))
      if (route === state.route) continue
      this.#topics.set(topic, route ? { kind: 'routed', route } : { kind: 'missing', autoCreate })
    }
  }

  /**
   * Whether a topic that a name server calls missing is. If all its brokers are away, the name server
   * may have been started after they had left, and the topic comes back with them.
   */
  #isGone(topic: string): boolean {
    if (this.brokers.size === 0) return false
    const state = this.state(topic)
    if (state.kind !== 'routed') return true
    return state.route.groups.some(({ brokerName }) => this.brokers.has(brokerName))
  }
}
