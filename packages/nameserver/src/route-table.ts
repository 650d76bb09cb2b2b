import {
  type BrokerAddress,
  CometError,
  checkBrokerName,
  type ListenerAddress,
  limits,
  type RegisteredBroker,
  type RegisteredTopic,
  type Registration,
  type TopicChanges,
  type TopicRoute,
  toCometError,
} from '@cometmq/protocol'
import { CLIENTS_LISTENER } from '@cometmq/runtime'
import { DepartedBrokers } from './departed-brokers.ts'

export interface RouteTableOptions {
  readonly cluster: string
  /** A broker that was not heard for so long leaves the routes. */
  readonly silenceMs: number
  /** For so long the queues of a broker group that has left stay in the lists of queues, closed. */
  readonly rememberMs: number
  /** Until then a topic without a broker is unknown rather than missing. */
  readonly warmupMs: number
  /** `tick` is called this often. */
  readonly tickMs: number
  readonly maxBrokers: number
  readonly maxTopicsPerBroker: number
}

/** Ways to reach one broker. */
const LISTENERS_MAX = 16

/** One `Register` stream; numbers are never used again. */
export type ConnectionNumber = number

/** What an event changed, for those who watch. */
export interface RouteChange {
  /** Topics whose route is another one now, or that are gone. */
  readonly topics: ReadonlySet<string>
  /** Whether the brokers that are heard or forgotten, or whether topics are made on first send, are others now. */
  readonly brokers: boolean
}

export type RegisterAnswer =
  | {
      readonly kind: 'registered'
      readonly change: RouteChange
      /** The stream this broker spoke on before, if that was still known. */
      readonly replaced: ConnectionNumber | undefined
    }
  | { readonly kind: 'refused'; readonly error: CometError }

export interface TickAnswer {
  readonly change: RouteChange
  readonly silent: readonly SilentBroker[]
}

/** A broker that has left the routes because it was not heard; it has to register anew. */
export interface SilentBroker {
  readonly brokerName: string
  readonly brokerId: number
  readonly connection: ConnectionNumber
}

interface BrokerEntry {
  readonly brokerName: string
  readonly brokerId: number
  readonly epoch: number
  readonly storeId: string
  readonly address: string
  readonly listeners: readonly ListenerAddress[]
  readonly autoCreateTopics: boolean
  readonly version: string
  readonly topics: Map<string, RegisteredTopic>
  readonly registeredAtMs: number
  readonly connection: ConnectionNumber
  /** Whether that stream still stands. Without it the broker stays until it counts as silent. */
  linked: boolean
  writable: boolean
  heardAtMs: number
}

interface Named {
  readonly brokerName: string
  readonly brokerId?: number
}

const nothing: RouteChange = { topics: new Set(), brokers: false }

/**
 * Who serves what: registrations and elapsed time in, routes and what changed out. Does no I/O.
 *
 * Time is observed time: the sum of the ticks, of which each counts for two intervals at most. So a
 * name server that was itself stopped for a while does not take every broker for silent when it
 * wakes up with their beats still unread.
 *
 * Invariants: a broker serves its queues exactly while it has an entry; of one broker name the
 * highest epoch ever registered is remembered and no entry of a lower one is taken.
 */
export class RouteTable {
  readonly #options: RouteTableOptions
  readonly #entries = new Map<string, BrokerEntry>()
  readonly #byConnection = new Map<ConnectionNumber, BrokerEntry>()
  /** Those broker groups of which no broker has an entry. */
  readonly #departed: DepartedBrokers
  /** Per broker name. Bounded: the name that was registered longest ago is forgotten. */
  readonly #highestEpochs = new Map<string, number>()
  /** By listener. */
  readonly #brokers = new Map<string, BrokerAddress[]>()
  #tickedAtMs: number
  #observedMs = 0

  /** `startedAtMs` and the argument of `tick` are readings of one steady clock. */
  constructor(options: RouteTableOptions, startedAtMs: number) {
    this.#options = options
    this.#departed = new DepartedBrokers({
      rememberMs: options.rememberMs,
      max: options.maxBrokers,
    })
    this.#tickedAtMs = startedAtMs
  }

  /** Whether every broker had the time to register, so that an unknown topic is a missing one. */
  get isReady(): boolean {
    return this.#observedMs >= this.#options.warmupMs
  }

  /**
   * Takes a broker in, in place of what it said before.
   *
   * Refusals: `WRONG_CLUSTER`, `STALE_EPOCH`, `NAME_TAKEN`, `TOO_MANY`, `ILLEGAL_NAME`,
   * `ILLEGAL_ARGUMENT`.
   */
  register(registration: Registration, connection: ConnectionNumber): RegisterAnswer {
    const error = this.#refusal(registration)
    if (error !== undefined) return { kind: 'refused', error }
    const key = keyOf(registration)
    const before = this.#entries.get(key)
    if (before !== undefined) this.#byConnection.delete(before.connection)
    const entry: BrokerEntry = {
      brokerName: registration.brokerName,
      brokerId: registration.brokerId,
      epoch: registration.epoch,
      storeId: registration.storeId,
      address: addressOf(registration),
      listeners: registration.listeners,
      autoCreateTopics: registration.autoCreateTopics,
      version: registration.version,
      topics: new Map(registration.topics.map((topic) => [topic.topic, topic])),
      registeredAtMs: this.#observedMs,
      connection,
      linked: true,
      writable: true,
      heardAtMs: this.#heardNowMs,
    }
    this.#entries.set(key, entry)
    this.#brokers.clear()
    this.#byConnection.set(connection, entry)
    this.#rememberEpoch(entry)
    // With other data it is another broker, which has deleted nothing.
    if (before?.storeId === entry.storeId) {
      for (const topic of before.topics.keys()) {
        if (!entry.topics.has(topic)) this.#closedQueuesEndWith(topic)
      }
    }
    const { topics, brokers } = changeBetween(before, entry)
    const hadBefore = this.#departed.returned(entry.brokerName)
    const change = { topics: new Set([...topics, ...hadBefore]), brokers }
    return { kind: 'registered', change, replaced: before?.connection }
  }

  /**
   * `undefined`: nobody is registered on this connection. Throws `ILLEGAL_ARGUMENT` or `TOO_MANY`,
   * and has then changed nothing.
   */
  change(connection: ConnectionNumber, changes: TopicChanges): RouteChange | undefined {
    const entry = this.#heard(connection)
    if (entry === undefined) return undefined
    const mistake = this.#mistakeInTopics(changes.changed, entry.topics.size)
    if (mistake !== undefined) throw mistake
    const topics = new Set<string>()
    for (const topic of changes.changed) {
      if (!sameTopic(entry.topics.get(topic.topic), topic)) topics.add(topic.topic)
      entry.topics.set(topic.topic, topic)
    }
    for (const topic of changes.removed) {
      if (!entry.topics.delete(topic)) continue
      topics.add(topic)
      this.#closedQueuesEndWith(topic)
    }
    if (changes.hasWritable && changes.writable !== entry.writable) {
      entry.writable = changes.writable
      for (const topic of entry.topics.keys()) topics.add(topic)
    }
    return { topics, brokers: false }
  }

  /** `false`: nobody is registered on this connection. */
  beat(connection: ConnectionNumber): boolean {
    return this.#heard(connection) !== undefined
  }

  /** The broker leaves of its own will: out at once. */
  goodbye(connection: ConnectionNumber): RouteChange {
    const entry = this.#byConnection.get(connection)
    return entry === undefined ? nothing : this.#remove([entry])
  }

  /** The stream broke. The broker stays: it may be back before it counts as silent. */
  lost(connection: ConnectionNumber): void {
    const entry = this.#byConnection.get(connection)
    if (entry !== undefined) entry.linked = false
  }

  /** Lets time pass. `nowMs`: a reading of the steady clock. */
  tick(nowMs: number): TickAnswer {
    const { tickMs, silenceMs } = this.#options
    this.#observedMs += Math.min(Math.max(0, nowMs - this.#tickedAtMs), 2 * tickMs)
    this.#tickedAtMs = nowMs
    const silent: BrokerEntry[] = []
    for (const entry of this.#entries.values()) {
      if (this.#observedMs - entry.heardAtMs >= silenceMs) silent.push(entry)
    }
    const forgotten = this.#departed.expire(this.#observedMs)
    if (silent.length === 0 && forgotten.length === 0) return { change: nothing, silent: [] }
    const { topics, brokers } = this.#remove(silent)
    const change = {
      topics: new Set([...topics, ...forgotten]),
      brokers: brokers || forgotten.length > 0,
    }
    return { change, silent }
  }

  /**
   * The broker group will not come back: its queues leave the lists. Clients are told even if
   * nothing is known of it here, for they may know it. Throws `BROKER_ACTIVE` while one of its
   * brokers is heard, and `ILLEGAL_NAME`.
   */
  forget(brokerName: string): { readonly change: RouteChange; readonly wasKnown: boolean } {
    checkBrokerName(brokerName)
    if (this.#isHeard(brokerName)) {
      throw new CometError(
        'BROKER_ACTIVE',
        `"${brokerName}" is heard; stop it before it is forgotten`,
      )
    }
    const wasKnown = this.#departed.has(brokerName)
    const topics = new Set(this.#departed.forget(brokerName))
    return { change: { topics, brokers: true }, wasKnown }
  }

  /** Broker groups that clients shall not count with any more. */
  forgotten(): string[] {
    return this.#departed.forgotten
  }

  /**
   * `undefined`: no broker has it. Broker groups are in the order of their names; those that are
   * away are closed.
   */
  route(topic: string): TopicRoute | undefined {
    const chosen = new Map<string, BrokerEntry>()
    for (const entry of this.#entries.values()) {
      if (!entry.topics.has(topic)) continue
      const other = chosen.get(entry.brokerName)
      if (other === undefined || entry.brokerId < other.brokerId) {
        chosen.set(entry.brokerName, entry)
      }
    }
    const departed = [...this.#departed.queueGroupsOf(topic)]
    if (chosen.size + departed.length === 0) return undefined
    const entries = [...chosen.values()].toSorted(byName)
    const heard = entries.map((entry) => {
      const registered = entry.topics.get(topic) as RegisteredTopic
      return {
        brokerName: entry.brokerName,
        queueCount: registered.queueCount,
        readable: registered.readable,
        // Only the master takes writes.
        writable: entry.brokerId === 0 && entry.writable && registered.writable,
      }
    })
    return {
      topic,
      type: entries[0]?.topics.get(topic)?.type ?? departed[0]?.type ?? '',
      queueGroups: [...heard, ...departed.map(({ group }) => group)].toSorted(byName),
    }
  }

  /** Names of all topics that have a route. */
  topics(): Set<string> {
    const topics = new Set(this.#departed.topics())
    for (const entry of this.#entries.values()) {
      for (const topic of entry.topics.keys()) topics.add(topic)
    }
    return topics
  }

  /** The same list until it changes: each beat and each update carries it. */
  brokers(listener = CLIENTS_LISTENER): BrokerAddress[] {
    let brokers = this.#brokers.get(listener)
    if (brokers === undefined) {
      const entries = [...this.#entries.values()].toSorted(byName)
      brokers = entries.map((entry) => brokerAddress(entry, listener))
      this.#brokers.set(listener, brokers)
    }
    return brokers
  }

  masterOf(brokerName: string, listener = CLIENTS_LISTENER): BrokerAddress | undefined {
    const entry = this.#entries.get(keyOf({ brokerName, brokerId: 0 }))
    return entry === undefined ? undefined : brokerAddress(entry, listener)
  }

  describeBrokers(): RegisteredBroker[] {
    return [...this.#entries.values()].toSorted(byName).map((entry) => ({
      broker: brokerAddress(entry, CLIENTS_LISTENER),
      registeredAgoMs: Math.round(this.#observedMs - entry.registeredAtMs),
      lastBeatAgoMs: Math.max(0, Math.round(this.#observedMs - entry.heardAtMs)),
      topicCount: entry.topics.size,
      version: entry.version,
    }))
  }

  /** Whether sending to a topic that is missing may make it. */
  get autoCreateTopics(): boolean {
    for (const entry of this.#entries.values()) if (entry.autoCreateTopics) return true
    return false
  }

  /** Who is registered on a connection, for the log. */
  brokerOf(connection: ConnectionNumber): { brokerName?: string; brokerId?: number } {
    const entry = this.#byConnection.get(connection)
    return entry === undefined ? {} : { brokerName: entry.brokerName, brokerId: entry.brokerId }
  }

  /** What a broker learns about its own broker group with each beat. */
  groupOf(connection: ConnectionNumber): { masterPresent: boolean; highestEpoch: number } {
    const brokerName = this.#byConnection.get(connection)?.brokerName ?? ''
    return {
      masterPresent: this.#entries.has(keyOf({ brokerName, brokerId: 0 })),
      highestEpoch: this.#highestEpochs.get(brokerName) ?? 0,
    }
  }

  #refusal(registration: Registration): CometError | undefined {
    const { cluster, maxBrokers } = this.#options
    if (registration.cluster !== cluster) {
      return new CometError(
        'WRONG_CLUSTER',
        `this name server serves cluster "${cluster}", the broker belongs to "${registration.cluster}"; correct "cluster" or "nameservers" of one of them`,
      )
    }
    const mistake = mistakeIn(registration) ?? this.#mistakeInTopics(registration.topics, 0)
    if (mistake !== undefined) return mistake
    const { brokerName, brokerId, epoch, storeId } = registration
    const highest = this.#highestEpochs.get(brokerName) ?? 0
    if (epoch < highest) {
      return new CometError(
        'STALE_EPOCH',
        `"${brokerName}" has been registered with epoch ${highest}, epoch ${epoch} is over`,
      )
    }
    const holder = this.#entries.get(keyOf(registration))
    if (holder === undefined) {
      if (this.#entries.size < maxBrokers) return undefined
      return new CometError('TOO_MANY', `this name server takes ${maxBrokers} brokers`)
    }
    // A new reign replaces the old master, wherever it is.
    if (epoch > holder.epoch) return undefined
    if (holder.storeId !== storeId) {
      return new CometError(
        'NAME_TAKEN',
        `a broker with other data is registered as "${brokerName}", id ${brokerId}, at ${holder.address}; give this one another brokerName`,
      )
    }
    // Its stream stands and its beats arrive, so this is not the same process on its way back.
    if (holder.linked && holder.address !== addressOf(registration)) {
      return new CometError(
        'NAME_TAKEN',
        `"${brokerName}" is registered at ${holder.address} with a copy of the same data; two brokers may not share one`,
      )
    }
    return undefined
  }

  #mistakeInTopics(
    topics: readonly RegisteredTopic[],
    alreadyThere: number,
  ): CometError | undefined {
    const { maxTopicsPerBroker } = this.#options
    if (topics.length + alreadyThere > maxTopicsPerBroker) {
      return new CometError('TOO_MANY', `a broker may register ${maxTopicsPerBroker} topics`)
    }
    for (const topic of topics) {
      const mistake = mistakeInTopic(topic)
      if (mistake !== undefined) return mistake
    }
    return undefined
  }

  #heard(connection: ConnectionNumber): BrokerEntry | undefined {
    const entry = this.#byConnection.get(connection)
    if (entry !== undefined) entry.heardAtMs = this.#heardNowMs
    return entry
  }

  /** The next tick: what arrives between two ticks is never taken for older than it is. */
  get #heardNowMs(): number {
    return this.#observedMs + this.#options.tickMs
  }

  #rememberEpoch({ brokerName, epoch }: BrokerEntry): void {
    this.#highestEpochs.delete(brokerName)
    this.#highestEpochs.set(brokerName, epoch)
    if (this.#highestEpochs.size <= 2 * this.#options.maxBrokers) return
    const oldest = this.#highestEpochs.keys().next()
    if (!oldest.done) this.#highestEpochs.delete(oldest.value)
  }

  #remove(entries: readonly BrokerEntry[]): RouteChange {
    const topics = new Set<string>()
    for (const entry of entries) {
      this.#entries.delete(keyOf(entry))
      this.#brokers.clear()
      this.#byConnection.delete(entry.connection)
      for (const topic of entry.topics.keys()) topics.add(topic)
      if (this.#isHeard(entry.brokerName)) continue
      const lost = this.#departed.left(entry.brokerName, entry.topics, this.#observedMs)
      for (const topic of lost) topics.add(topic)
    }
    return { topics, brokers: entries.length > 0 }
  }

  /**
   * When the last broker that is heard has deleted a topic, the topic is gone: producers would wait
   * for one that is away and still has it. That one brings the topic back with it.
   */
  #closedQueuesEndWith(topic: string): void {
    for (const entry of this.#entries.values()) if (entry.topics.has(topic)) return
    this.#departed.topicDeleted(topic)
  }

  #isHeard(brokerName: string): boolean {
    for (const entry of this.#entries.values()) if (entry.brokerName === brokerName) return true
    return false
  }
}

function keyOf(broker: { readonly brokerName: string; readonly brokerId: number }): string {
  return `${broker.brokerName}/${broker.brokerId}`
}

function addressOf(registration: Registration): string {
  return registration.listeners[0]?.address ?? ''
}

function brokerAddress(entry: BrokerEntry, listener: string): BrokerAddress {
  const { brokerName, brokerId, epoch, listeners } = entry
  const named = listeners.find((each) => each.listener === listener)
  const address = named?.address ?? entry.address
  return {
    brokerName,
    brokerId,
    epoch,
    address,
    listeners: listeners.length > 1 ? [...listeners] : [],
  }
}

function byName(a: Named, b: Named): number {
  if (a.brokerName !== b.brokerName) return a.brokerName < b.brokerName ? -1 : 1
  return (a.brokerId ?? 0) - (b.brokerId ?? 0)
}

function changeBetween(before: BrokerEntry | undefined, now: BrokerEntry): RouteChange {
  const topics = new Set<string>()
  for (const [name, topic] of now.topics) {
    if (before?.writable === false || !sameTopic(before?.topics.get(name), topic)) topics.add(name)
  }
  for (const name of before?.topics.keys() ?? []) if (!now.topics.has(name)) topics.add(name)
  const brokers =
    before === undefined ||
    !sameAddresses(before.listeners, now.listeners) ||
    before.epoch !== now.epoch ||
    before.autoCreateTopics !== now.autoCreateTopics
  return { topics, brokers }
}

function sameAddresses(
  before: readonly ListenerAddress[],
  now: readonly ListenerAddress[],
): boolean {
  const name = ({ listener, address }: ListenerAddress): string => `${listener} ${address}`
  return before.map(name).join() === now.map(name).join()
}

function sameTopic(before: RegisteredTopic | undefined, now: RegisteredTopic): boolean {
  return (
    before !== undefined &&
    before.type === now.type &&
    before.queueCount === now.queueCount &&
    before.readable === now.readable &&
    before.writable === now.writable
  )
}

function mistakeIn(registration: Registration): CometError | undefined {
  try {
    checkBrokerName(registration.brokerName)
  } catch (thrown) {
    return toCometError(thrown)
  }
  const { listeners } = registration
  const isEach = listeners.every(({ address }) => /^\S+:\d+$/.test(address))
  if (listeners.length === 0 || listeners.length > LISTENERS_MAX || !isEach) {
    return new CometError(
      'ILLEGAL_ARGUMENT',
      `a registration names ${LISTENERS_MAX} addresses of form host:port at most, and one at least`,
    )
  }
  return undefined
}

function mistakeInTopic({ topic, queueCount }: RegisteredTopic): CometError | undefined {
  if (topic.length === 0 || topic.length > limits.topicNameMaxChars) {
    return new CometError('ILLEGAL_ARGUMENT', `a registered topic name has ${topic.length} chars`)
  }
  if (queueCount > limits.queuesPerTopicMax) {
    return new CometError('ILLEGAL_ARGUMENT', `"${topic}" is registered with ${queueCount} queues`)
  }
  return undefined
}
