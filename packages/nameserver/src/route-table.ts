import {
  type BrokerAddress,
  CometError,
  checkBrokerName,
  type RegisteredBroker,
  type RegisteredTopic,
  type Registration,
  type TopicChanges,
  type TopicRoute,
} from '@cometmq/protocol'
import { CLIENTS_LISTENER } from '@cometmq/runtime'
import {
  type BrokerEntry,
  brokerAddress,
  byName,
  type ConnectionNumber,
  entryOf,
  looksTheSame,
} from './broker-entry.ts'
import { BrokerGroup } from './broker-group.ts'
import { DepartedBrokers } from './departed-brokers.ts'
import { type BrokerGroupEpoch, HighestEpochs } from './highest-epochs.ts'
import { mistakeInTopics } from './registration-mistakes.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { differences, type Standing, type Standings } from './standings.ts'

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
      /** Other streams, on which nobody is registered any more. */
      readonly replaced: readonly ConnectionNumber[]
    }
  | Refusal

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

/** What an event may have an effect on. */
interface Scope {
  readonly brokerNames: Iterable<string>
  /** Absent: every topic of those broker groups. */
  readonly topics?: readonly string[]
  /** Topics that a broker had and has no more. */
  readonly deleted?: Iterable<string>
}

const nothing: RouteChange = { topics: new Set(), brokers: false }

/**
 * Who serves what: registrations and elapsed time in, routes and what changed out. Does no I/O.
 *
 * Time is observed time: the sum of the ticks, of which each counts for two intervals at most. So a
 * name server that was itself stopped for a while does not take every broker for silent when it
 * wakes up with their beats still unread.
 *
 * Invariants: a broker serves its queues exactly while it has an entry; a store has one entry at
 * most, whatever roles it had before; of one broker name the highest epoch ever registered is
 * remembered, and no master of a lower one is taken. Without a master nothing leaves a broker
 * group's lists of queues: it closes.
 */
export class RouteTable {
  readonly #options: RouteTableOptions
  /** By broker name; never empty ones. */
  readonly #groups = new Map<string, BrokerGroup>()
  readonly #byConnection = new Map<ConnectionNumber, BrokerEntry>()
  /** Those broker groups that have no master. */
  readonly #departed: DepartedBrokers
  readonly #epochs: HighestEpochs
  /** By listener. */
  readonly #brokers = new Map<string, BrokerAddress[]>()
  #tickedAtMs: number
  #observedMs = 0

  /** `startedAtMs` and the argument of `tick` are readings of one steady clock. */
  constructor(options: RouteTableOptions, startedAtMs: number) {
    const { rememberMs, maxBrokers } = options
    this.#options = options
    this.#departed = new DepartedBrokers({ rememberMs, max: maxBrokers })
    this.#epochs = new HighestEpochs(2 * maxBrokers, (name) => this.#groups.has(name))
    this.#tickedAtMs = startedAtMs
  }

  /** Whether every broker had the time to register, so that an unknown topic is a missing one. */
  get isReady(): boolean {
    return this.#observedMs >= this.#options.warmupMs
  }

  /**
   * Takes a broker in, in place of what it said before, on whichever stream and in whichever role,
   * and in place of the master that it succeeds.
   *
   * Refusals: `WRONG_CLUSTER`, `STALE_EPOCH`, `NAME_TAKEN`, `TOO_MANY`, `ILLEGAL_NAME`,
   * `ILLEGAL_ARGUMENT`.
   */
  register(registration: Registration, connection: ConnectionNumber): RegisterAnswer {
    const before = this.#replacedBy(registration, connection)
    const refusal = refusalOf(registration, {
      ...this.#options,
      replaced: before,
      brokerCount: this.#size,
      highestEpoch: this.#epochs.of(registration.brokerName),
    })
    if (refusal !== undefined) return refusal
    const entry = entryOf(registration, {
      connection,
      registeredAtMs: this.#observedMs,
      heardAtMs: this.#heardNowMs,
    })
    // With other data it is another broker, which has deleted nothing.
    const own = before.filter(({ storeId }) => storeId === entry.storeId)
    const topics = this.#changedBy(
      {
        brokerNames: new Set([entry, ...before].map(({ brokerName }) => brokerName)),
        deleted: own.flatMap((each) => [...each.topics.keys()].filter((t) => !entry.topics.has(t))),
      },
      () => {
        for (const each of before) this.#takeOut(each)
        this.#putIn(entry)
      },
    )
    const [first, ...rest] = before
    const brokers = first === undefined || rest.length > 0 || !looksTheSame(first, entry)
    const streams = before.map((each) => each.connection)
    const replaced = streams.filter((each) => each !== connection)
    return { kind: 'registered', change: { topics, brokers }, replaced }
  }

  /**
   * `undefined`: nobody is registered on this connection. Throws `ILLEGAL_ARGUMENT` or `TOO_MANY`,
   * and has then changed nothing.
   */
  change(connection: ConnectionNumber, changes: TopicChanges): RouteChange | undefined {
    const entry = this.#heard(connection)
    if (entry === undefined) return undefined
    const { changed, removed, hasWritable, writable } = changes
    const { maxTopicsPerBroker } = this.#options
    const alreadyThere = entry.topics.size
    const mistake = mistakeInTopics(changed, { alreadyThere, maxTopicsPerBroker })
    if (mistake !== undefined) throw mistake
    const scope = {
      brokerNames: [entry.brokerName],
      deleted: removed.filter((topic) => entry.topics.has(topic)),
      topics: [...changed.map(({ topic }) => topic), ...removed],
    }
    if (hasWritable) scope.topics.push(...entry.topics.keys())
    const topics = this.#changedBy(scope, () => {
      for (const topic of changed) entry.topics.set(topic.topic, topic)
      for (const topic of removed) entry.topics.delete(topic)
      if (hasWritable) entry.writable = writable
    })
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
    for (const entry of this.#entries()) {
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
    if (this.#groups.has(brokerName)) {
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
   * away are closed, those without a master can be read.
   */
  route(topic: string): TopicRoute | undefined {
    const queueGroups = []
    let type: string | undefined
    for (const brokerName of this.#groups.keys()) {
      const standing = this.#servedTopic(brokerName, topic)
      if (standing === undefined) continue
      const { registered, readable, writable } = standing
      queueGroups.push({ brokerName, queueCount: registered.queueCount, readable, writable })
      type ??= registered.type
    }
    const served = new Set(queueGroups.map(({ brokerName }) => brokerName))
    for (const departed of this.#departed.queueGroupsOf(topic)) {
      if (served.has(departed.group.brokerName)) continue
      queueGroups.push(departed.group)
      type ??= departed.type
    }
    if (type === undefined) return undefined
    return { topic, type, queueGroups: queueGroups.toSorted(byName) }
  }

  /** Names of all topics that have a route. */
  topics(): Set<string> {
    const topics = new Set(this.#departed.topics())
    for (const group of this.#groups.values()) for (const topic of group.topics()) topics.add(topic)
    return topics
  }

  /** The same list until it changes: each beat and each update carries it. */
  brokers(listener = CLIENTS_LISTENER): BrokerAddress[] {
    let brokers = this.#brokers.get(listener)
    if (brokers === undefined) {
      const entries = [...this.#entries()].toSorted(byName)
      brokers = entries.map((entry) => brokerAddress(entry, listener))
      this.#brokers.set(listener, brokers)
    }
    return brokers
  }

  /** Whether a broker of that name is heard, or was. */
  knows(brokerName: string): boolean {
    return this.#epochs.of(brokerName) > 0
  }

  /** `undefined`: the group has none, or one of which is known that its reign is over. */
  masterOf(brokerName: string, listener = CLIENTS_LISTENER): BrokerAddress | undefined {
    const entry = this.#groups.get(brokerName)?.master
    return entry !== undefined && this.#reigns(entry) ? brokerAddress(entry, listener) : undefined
  }

  /** The slave that serves consumer groups while a broker group has no master; the smallest id of several. */
  standInOf(brokerName: string, listener = CLIENTS_LISTENER): BrokerAddress | undefined {
    if (this.masterOf(brokerName) !== undefined) return undefined
    const entry = this.#groups.get(brokerName)?.members.find(({ standsIn }) => standsIn)
    return entry && brokerAddress(entry, listener)
  }

  describeBrokers(): RegisteredBroker[] {
    return [...this.#entries()].toSorted(byName).map((entry) => ({
      broker: brokerAddress(entry, CLIENTS_LISTENER),
      registeredAgoMs: Math.round(this.#observedMs - entry.registeredAtMs),
      lastBeatAgoMs: Math.max(0, Math.round(this.#observedMs - entry.heardAtMs)),
      topicCount: entry.topics.size,
      version: entry.version,
    }))
  }

  /** Whether sending to a topic that is missing may make it. */
  get autoCreateTopics(): boolean {
    for (const entry of this.#entries()) if (entry.autoCreateTopics) return true
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
      masterPresent: this.masterOf(brokerName) !== undefined,
      highestEpoch: this.#epochs.of(brokerName),
    }
  }

  /**
   * The entries whose place a registration takes: that of its id, that of its store, which may have
   * had another role, and that of its stream.
   */
  #replacedBy(
    { brokerName, brokerId, storeId }: Registration,
    connection: ConnectionNumber,
  ): BrokerEntry[] {
    const group = this.#groups.get(brokerName)
    const places = [
      group?.member(brokerId),
      group?.memberWith(storeId),
      this.#byConnection.get(connection),
    ]
    return [...new Set(places)].filter((entry) => entry !== undefined)
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

  get #size(): number {
    let size = 0
    for (const { members } of this.#groups.values()) size += members.length
    return size
  }

  *#entries(): Generator<BrokerEntry> {
    for (const { members } of this.#groups.values()) yield* members
  }

  #remove(entries: readonly BrokerEntry[]): RouteChange {
    const brokerNames = new Set(entries.map(({ brokerName }) => brokerName))
    const topics = this.#changedBy({ brokerNames }, () => {
      for (const entry of entries) this.#takeOut(entry)
    })
    return { topics, brokers: entries.length > 0 }
  }

  #putIn(entry: BrokerEntry): void {
    const { brokerName, connection, epoch } = entry
    const group = this.#groups.get(brokerName) ?? new BrokerGroup()
    this.#groups.set(brokerName, group)
    group.put(entry)
    this.#byConnection.set(connection, entry)
    this.#brokers.clear()
    this.#epochs.raise(brokerName, epoch)
  }

  #takeOut(entry: BrokerEntry): void {
    const group = this.#groups.get(entry.brokerName)
    group?.remove(entry)
    if (group?.isEmpty) this.#groups.delete(entry.brokerName)
    this.#byConnection.delete(entry.connection)
    this.#brokers.clear()
  }

  /** Carries an event out. Returns the topics whose route is another one because of it. */
  #changedBy(scope: Scope, act: () => void): Set<string> {
    const names = [...scope.brokerNames]
    const before = names.map((name) => this.#standings(name, scope.topics))
    act()
    const topics = new Set<string>()
    for (const [i, name] of names.entries()) {
      for (const topic of this.#closeWhatNobodyServes(name, before[i] as Standings)) {
        topics.add(topic)
      }
    }
    for (const topic of scope.deleted ?? []) {
      if (this.#closedQueuesEndWith(topic)) topics.add(topic)
    }
    for (const [i, name] of names.entries()) {
      const after = this.#standings(name, scope.topics)
      for (const topic of differences(before[i] as Standings, after)) topics.add(topic)
    }
    return topics
  }

  #standings(brokerName: string, topics: readonly string[] | undefined): Standings {
    const standings = new Map<string, Standing>()
    const names = topics ?? [
      ...(this.#groups.get(brokerName)?.topics() ?? []),
      ...this.#departed.topicsOf(brokerName),
    ]
    for (const topic of names) {
      const standing = this.#standing(brokerName, topic)
      if (standing !== undefined) standings.set(topic, standing)
    }
    return standings
  }

  #standing(brokerName: string, topic: string): Standing | undefined {
    const served = this.#servedTopic(brokerName, topic)
    if (served !== undefined) return served
    const registered = this.#departed.topic(brokerName, topic)
    return registered && { registered, readable: false, writable: false }
  }

  #servedTopic(brokerName: string, topic: string): Standing | undefined {
    const group = this.#groups.get(brokerName)
    const said = group?.topic(topic)
    if (group === undefined || said === undefined) return undefined
    const { registered } = said
    const isReigning = group.master !== undefined && this.#reigns(group.master)
    return { registered, readable: registered.readable, writable: said.writable && isReigning }
  }

  /** Of every broker group that was ever registered here, as long as it is remembered. */
  get highestEpochs(): BrokerGroupEpoch[] {
    return this.#epochs.all
  }

  /** A slave that follows a higher epoch tells of a master that has not registered here yet. */
  #reigns({ brokerName, epoch }: BrokerEntry): boolean {
    return epoch === this.#epochs.of(brokerName)
  }

  /** Returns the topics of broker groups that are forgotten because of it. */
  #closeWhatNobodyServes(brokerName: string, before: Standings): Iterable<string> {
    const group = this.#groups.get(brokerName)
    if (group?.master !== undefined) {
      this.#departed.hasMaster(brokerName)
      return []
    }
    const closed: RegisteredTopic[] = []
    for (const [topic, { registered }] of before) {
      if (group?.topic(topic) === undefined) closed.push(registered)
    }
    if (group === undefined) return this.#departed.left(brokerName, closed, this.#observedMs)
    this.#departed.hasNoMaster(brokerName, closed)
    return []
  }

  /**
   * When the last broker that is heard has deleted a topic, the topic is gone: producers would wait
   * for one that is away and still has it. That one brings the topic back with it.
   */
  #closedQueuesEndWith(topic: string): boolean {
    for (const group of this.#groups.values()) if (group.topic(topic) !== undefined) return false
    return this.#departed.topicDeleted(topic)
  }
}
