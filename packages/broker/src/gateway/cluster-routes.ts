import type { ClusterView, MasterPlace } from '@cometmq/gateway'
import {
  type BrokerAddress,
  CometError,
  Masters,
  queueGroupsAfter,
  type RouteUpdate,
  type Services,
  Slaves,
  type TopicDefinition,
  type TopicRoute,
  type WatchRequest,
} from '@cometmq/protocol'
import {
  backoffMs,
  type Connection,
  type MessageStream,
  type Runtime,
  type Timer,
} from '@cometmq/runtime'

/** What the broker knows of itself, which no name server can know better. */
export interface OwnBroker {
  readonly brokerName: string
  readonly address: string
  /** It is a member of a broker group, and not the master now. */
  readonly isSlave: boolean
  addressFor(listener: string): string
  topic(name: string): TopicDefinition | undefined
}

/** A name server that says nothing for so long after it was asked may be hanging. */
const FIRST_UPDATE_TIMEOUT_MS = 2_000
const RECONNECT = { baseMs: 100, maxMs: 500 } as const

/**
 * After so long on a new watch, a topic that was not named on it is gone: it was deleted while no
 * name server was heard.
 */
const SETTLED_MS = 5_000

interface KnownTopic {
  readonly route: TopicRoute
  /** The watch that named it last. */
  readonly watch: number
}

/**
 * The routes of the whole cluster, as one name server after the other tells them. While none
 * answers, what was learned stays: clients that were told less would stop consuming. So do, closed,
 * the queues of a broker that is away and not forgotten: message groups wait for it. A master is
 * never replaced by one of a lower epoch, whichever name server still lists it.
 */
export class ClusterRoutes implements ClusterView {
  readonly #runtime: Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'>
  readonly #services: Services
  readonly #own: OwnBroker
  readonly #nameServers: readonly Connection[]
  readonly #topics = new Map<string, KnownTopic>()
  readonly #masters = new Masters()
  readonly #slaves = new Slaves()
  /** Of which any member is heard. */
  #heardNames: ReadonlySet<string> = new Set()
  readonly #listeners = new Set<() => void>()
  #forgotten: ReadonlySet<string> = new Set()
  #autoCreateTopics = false
  #hasHeard = false
  #watch = 0
  #watchSinceMs = 0
  #isWatching = false
  #attempt = 0
  #stream: MessageStream<WatchRequest, RouteUpdate> | undefined
  #timer: Timer | undefined
  /** By name server: ends what is open, or planned, to learn of masters from it. */
  readonly #stopLearning = new Map<Connection, () => void>()
  #isClosed = false

  constructor(
    runtime: Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'>,
    options: {
      readonly services: Services
      readonly nameservers: readonly string[]
      readonly own: OwnBroker
    },
  ) {
    this.#runtime = runtime
    this.#services = options.services
    this.#own = options.own
    this.#nameServers = options.nameservers.map((address) => runtime.transport.connect(address))
  }

  start(): void {
    if (this.#nameServers.length > 0) this.#open()
    if (this.#nameServers.length < 2) return
    for (const nameServer of this.#nameServers) this.#learnFrom(nameServer, 0)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#stream?.cancel()
    for (const stop of this.#stopLearning.values()) stop()
    for (const connection of this.#nameServers) connection.close()
    this.#listeners.clear()
  }

  get isReady(): boolean {
    return this.#hasHeard || this.#nameServers.length === 0
  }

  get autoCreateTopics(): boolean {
    return this.#autoCreateTopics
  }

  route(topic: string): TopicRoute | undefined {
    const known = this.#topics.get(topic)
    if (known !== undefined && !this.#isGone(known)) return known.route
    return this.#ownRoute(topic)
  }

  /**
   * Of its own group this broker takes itself for the master unless a name server names another one:
   * it refuses what it may not do, and need not be registered to serve what it has.
   */
  placeOfMaster(brokerName: string): MasterPlace {
    const master = this.#masters.heard.get(brokerName)
    const isOwnName = brokerName === this.#own.brokerName
    // A slave knows that it is none; whoever leads may not have registered yet.
    const mayBeHere = master !== undefined || !this.#own.isSlave
    if (isOwnName && mayBeHere && (master === undefined || this.#isOwn(master))) return 'here'
    if (master !== undefined) return 'there'
    const isKnown = this.#heardNames.has(brokerName) || this.#masters.of(brokerName) !== undefined
    return isOwnName || isKnown ? 'nowhere' : 'unknown'
  }

  placeOfConsumers(brokerName: string): MasterPlace {
    const place = this.placeOfMaster(brokerName)
    const standIn = this.#slaves.standInOf(brokerName)
    if (place !== 'nowhere' || standIn === undefined) return place
    return brokerName === this.#own.brokerName && this.#isOwn(standIn) ? 'here' : 'there'
  }

  addressOf(brokerName: string): string | undefined {
    if (this.placeOfConsumers(brokerName) === 'here') return this.#own.address
    return this.#servingOther(brokerName)?.address
  }

  addressFor(brokerName: string, listener: string): string | undefined {
    if (this.placeOfConsumers(brokerName) === 'here') return this.#own.addressFor(listener)
    const broker = this.#servingOther(brokerName)
    const named = broker?.listeners.find((each) => each.listener === listener)
    return named?.address ?? broker?.address
  }

  brokerNames(): readonly string[] {
    const standIns = [...this.#heardNames].filter((name) => this.#slaves.standInOf(name))
    return [...new Set([...this.#masters.heard.keys(), ...standIns, this.#own.brokerName])]
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #servingOther(brokerName: string): BrokerAddress | undefined {
    return this.#masters.heard.get(brokerName) ?? this.#slaves.standInOf(brokerName)
  }

  #isOwn(broker: BrokerAddress): boolean {
    if (broker.address === this.#own.address) return true
    return broker.listeners.some((each) => each.address === this.#own.addressFor(each.listener))
  }

  /** This broker serves its topic, whether or not a name server has heard of it yet. */
  #ownRoute(topic: string): TopicRoute | undefined {
    const definition = this.#own.topic(topic)
    if (definition === undefined) return undefined
    const { type, queueCount, readable, writable } = definition
    const { brokerName } = this.#own
    return { topic, type, queueGroups: [{ brokerName, queueCount, readable, writable }] }
  }

  #isGone({ watch }: KnownTopic): boolean {
    if (watch === this.#watch || !this.#isWatching) return false
    return this.#runtime.clock.elapsedMs() - this.#watchSinceMs > SETTLED_MS
  }

  #open(): void {
    const { clock, log } = this.#runtime
    const connection = this.#nameServers[this.#attempt % this.#nameServers.length] as Connection
    const watch = ++this.#watch
    this.#isWatching = false
    const stream = connection.open(this.#services.routes.Watch)
    this.#stream = stream
    const silence = clock.schedule(FIRST_UPDATE_TIMEOUT_MS, () => stream.cancel())
    const lost = (error: CometError): void => {
      silence.cancel()
      if (this.#isClosed || watch !== this.#watch) return
      log.debug({ nameServer: connection.address, error }, 'routes are not watched')
      this.#isWatching = false
      const round = Math.floor(this.#attempt++ / this.#nameServers.length)
      const waitMs = (error.retryAfterMs ?? 0) + backoffMs(round, RECONNECT, this.#runtime.random)
      this.#timer = clock.schedule(waitMs, () => this.#open())
    }
    stream.receive({
      message: (update) => {
        silence.cancel()
        if (!this.#isWatching) {
          this.#isWatching = true
          this.#watchSinceMs = clock.elapsedMs()
          // The same one next time, if it can be had.
          this.#attempt %= this.#nameServers.length
        }
        this.#apply(update, watch)
      },
      ended: () => lost(new CometError('UNAVAILABLE', 'the name server ended the watch')),
      failed: lost,
    })
    stream.send({ topics: [], allTopics: true })
    stream.end()
  }

  /**
   * The one that routes are watched at may be lost together with a master, and nothing breaks for
   * seconds. So all tell of masters, and of that only new reigns count.
   */
  #learnFrom(nameServer: Connection, attempt: number): void {
    const { clock, random } = this.#runtime
    const stream = nameServer.open(this.#services.routes.Watch)
    let attempts = attempt
    const again = (): void => {
      if (this.#isClosed) return
      const waitMs = backoffMs(attempts, RECONNECT, random)
      const timer = clock.schedule(waitMs, () => this.#learnFrom(nameServer, attempts + 1))
      this.#stopLearning.set(nameServer, () => timer.cancel())
    }
    stream.receive({
      message: ({ brokers }) => {
        attempts = 0
        if (this.#masters.learn(brokers)) this.#tellListeners()
      },
      ended: again,
      failed: again,
    })
    this.#stopLearning.set(nameServer, () => stream.cancel())
    stream.send({ topics: [], allTopics: false })
    stream.end()
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener()
  }

  #apply(update: RouteUpdate, watch: number): void {
    this.#hasHeard = true
    this.#autoCreateTopics = update.autoCreateTopics
    this.#masters.take(update.brokers)
    this.#slaves.take(update.brokers)
    this.#heardNames = new Set(update.brokers.map(({ brokerName }) => brokerName))
    for (const topic of update.missing) this.#topics.delete(topic)
    const forgotten = new Set(update.forgotten)
    this.#forget(forgotten)
    const { heard } = this.#masters
    const isGone = (name: string): boolean => heard.has(name) || forgotten.has(name)
    for (const { topic, type, queueGroups } of update.topics) {
      const before = this.#topics.get(topic)?.route.queueGroups ?? []
      const route = { topic, type, queueGroups: queueGroupsAfter(before, queueGroups, isGone) }
      this.#topics.set(topic, { route, watch })
    }
    this.#tellListeners()
  }

  #forget(forgotten: ReadonlySet<string>): void {
    // Most updates name the same ones as the update before.
    const isNew = forgotten.difference(this.#forgotten).size > 0
    this.#forgotten = forgotten
    if (!isNew) return
    for (const brokerName of forgotten) this.#masters.forget(brokerName)
    for (const [topic, { route, watch }] of this.#topics) {
      const queueGroups = route.queueGroups.filter(({ brokerName }) => !forgotten.has(brokerName))
      if (queueGroups.length === 0) this.#topics.delete(topic)
      else this.#topics.set(topic, { route: { ...route, queueGroups }, watch })
    }
  }
}
