import { CometError, loadDefinitions, loadServices, type Services } from '@cometmq/protocol'
import { Gateway } from '@cometmq/gateway'
import type { Elector, MemberEnding } from '@cometmq/replication'
import { CLIENTS_LISTENER, type Handler, ListenerSet, type Runtime } from '@cometmq/runtime'
import { MessageStore } from '@cometmq/store'
import { type BrokerCounters, newBrokerCounters } from './broker-counters.ts'
import {
  type BrokerState,
  type BrokerStatus,
  describeBroker,
  type ProcessProbes,
} from './broker-status.ts'
import { advertisedAddress, type BrokerConfig, checkBrokerConfig } from './config.ts'
import { Everywhere } from './everywhere.ts'
import { ClusterRoutes, type OwnBroker } from './gateway/cluster-routes.ts'
import { GatewayBroker } from './gateway/local-broker.ts'
import { GroupRegistry } from './group-registry.ts'
import { GroupMembership } from './master/group-membership.ts'
import { MasterDuties } from './master/master-duties.ts'
import { Mastership } from './master/mastership.ts'
import { MessageIntake } from './produce/message-intake.ts'
import { positionsInEither, positionsInLog } from './read/positions.ts'
import { QueueWakeups } from './read/queue-wakeups.ts'
import { SlaveAdvice } from './read/slave-advice.ts'
import type { Standing } from './read/standing.ts'
import type { Deliverer, Delivering } from './stand-in/stand-in-duties.ts'
import { StandInDuties } from './stand-in/stand-in-duties.ts'
import { StandIn } from './stand-in/stand-in.ts'
import { standsIn } from './stand-in/stands-in.ts'
import { takeOverlays } from './stand-in/take-overlays.ts'
import { Presence, type PublicRole } from './presence.ts'
import { AdminEdge } from './rpc/admin-edge.ts'
import { brokerHandlers } from './rpc/broker-calls.ts'
import { groupHandlers } from './rpc/group-calls.ts'
import { replicaHandlers } from './rpc/replica-calls.ts'
import { publishHandlers } from './rpc/publish-service.ts'
import { ReadService } from './rpc/read-service.ts'
import { subscribeHandlers } from './rpc/subscribe-service.ts'
import { topicHandlers } from './rpc/topic-calls.ts'
import { TopicRegistry } from './topic-registry.ts'

/** What came of serving. */
export type ServeEnding = Exclude<MemberEnding, { kind: 'failed' }>

/**
 * One broker: opens its store, serves clients, keeps itself registered with the name servers, and
 * shuts down so that nothing that was accepted is lost.
 */
export class Broker implements AsyncDisposable {
  readonly #config: BrokerConfig
  readonly #runtime: Runtime
  readonly #probes: ProcessProbes
  readonly #services: Services
  readonly #counters: BrokerCounters = newBrokerCounters()
  readonly #store: MessageStore
  readonly #topics: TopicRegistry
  readonly #groups: GroupRegistry
  readonly #mastership: Mastership
  readonly #intake: MessageIntake
  readonly #readers: ReadService
  readonly #routes: ClusterRoutes
  readonly #gateway: Gateway
  readonly #stopped = Promise.withResolvers<never>()
  readonly #startedAtMs: number
  /** Undefined: the only member of its group. */
  #membership: GroupMembership | undefined
  /** Of a member that may stand in for its master. */
  #standIn: StandIn | undefined
  #listeners: ListenerSet | undefined
  #presence: Presence | undefined
  #state: BrokerState = 'serving'
  #closing: Promise<void> | undefined

  private constructor(
    config: BrokerConfig,
    runtime: Runtime,
    parts: {
      readonly probes: ProcessProbes
      readonly store: MessageStore
      readonly topics: TopicRegistry
      readonly groups: GroupRegistry
    },
  ) {
    const { store, topics, groups } = parts
    const counters = this.#counters
    // Whoever does not look at it must not bring the process down by that.
    this.#stopped.promise.catch(() => {})
    this.#config = config
    this.#runtime = runtime
    this.#probes = parts.probes
    this.#services = loadServices()
    this.#store = store
    this.#topics = topics
    this.#groups = groups
    this.#mastership = new Mastership({
      begin: () => {
        const beforeDelivery = (): Promise<void> => this.#takeOverlays()
        const duties = { runtime, config, store, topics, groups, counters, beforeDelivery }
        return MasterDuties.begin(duties)
      },
      refusal: () => this.#membership?.refusal,
      failed: (error) => this.#stopped.reject(error),
    })
    const mayTake = (): CometError | undefined => this.#mastership.refusal
    this.#intake = new MessageIntake(
      { store, topics, counters, log: runtime.log },
      config.publish,
      mayTake,
    )
    const wakeups = new QueueWakeups(store, topics)
    const standing = (): Standing => this.#standing
    const positions = positionsInEither(
      positionsInLog(store, () => this.#mastership.refusal),
      () => this.#standIn?.present?.store,
    )
    const advice = new SlaveAdvice(config.readers, {
      clock: runtime.clock,
      brokerName: config.brokerName,
      logEnd: () => store.log.offsets.confirm,
      inSync: () => this.#membership?.slavesInSync ?? [],
      brokers: () => this.#presence?.brokers ?? [],
    })
    const reading = { store, topics, wakeups, counters }
    this.#readers = new ReadService({ ...reading, positions, standing, advice })
    this.#routes = new ClusterRoutes(runtime, {
      services: this.#services,
      nameservers: config.nameservers,
      own: this.#describeItself(),
    })
    this.#gateway = new Gateway(
      {
        ...runtime,
        cluster: this.#routes,
        topics: this.#services.admin,
        broker: new GatewayBroker({
          brokerName: config.brokerName,
          clock: runtime.clock,
          store,
          topics,
          groups,
          delivering: this.#delivering,
          intake: this.#intake,
          wakeups,
          positions,
          standing,
        }),
      },
      config.gateway,
    )
    this.#startedAtMs = runtime.clock.elapsedMs()
  }

  /**
   * Opens the store, replays what has to be, listens and begins to register; waits for no name
   * server, nor for a role in its broker group.
   *
   * `elector`: of a member of a group of several, which closes it.
   *
   * Throws `CONFIG_INVALID`, and what `MessageStore.open` throws.
   */
  static async open(
    config: BrokerConfig,
    runtime: Runtime,
    probes: ProcessProbes = { rssBytes: () => 0 },
    elector?: Elector,
  ): Promise<Broker> {
    checkBrokerConfig(config)
    const confirm = config.replication === undefined ? 'self' : 'external'
    const store = await MessageStore.open(runtime, { ...config.store, confirm })
    let broker: Broker | undefined
    try {
      const topics = await TopicRegistry.open(store, runtime.clock)
      const groups = await GroupRegistry.open(store)
      broker = new Broker(config, runtime, { probes, store, topics, groups })
      await broker.#start(elector)
      return broker
    } catch (thrown) {
      await (broker ?? store).close()
      throw thrown
    }
  }

  /** The address clients are told. */
  get address(): string {
    return this.addressFor(CLIENTS_LISTENER)
  }

  /** The address that clients are told who come in on that listener. */
  addressFor(listener: string): string {
    const named = this.#config.listeners[listener]
    const { listen, advertise } = named ?? this.#config
    const listening = this.#listeners?.address(named === undefined ? CLIENTS_LISTENER : listener)
    return advertisedAddress({ advertise }, listening ?? listen)
  }

  /** `host:port` of one of its listeners as the machine has it, whatever clients are told. */
  listeningAt(listener: string): string {
    return this.#listeners?.address(listener) ?? ''
  }

  /** Rejects when the broker cannot go on; the process should end, and start again. */
  get failed(): Promise<never> {
    return Promise.race([this.#store.failed, this.#stopped.promise])
  }

  get status(): BrokerStatus {
    const store = this.#store.status
    const draining = this.#state === 'serving' ? undefined : 'the broker shuts down'
    const whyNotWritable = draining ?? this.#mastership.refusal?.message ?? store.whyNotWritable
    return {
      state: this.#state,
      writable: whyNotWritable === undefined,
      whyNotWritable,
      nameservers: this.#presence?.status ?? [],
      store,
      member: this.#membership?.status,
      counters: { ...this.#counters },
      pendingPublishBytes: this.#intake.pendingBytes,
    }
  }

  /**
   * Serves until `signal` is aborted, then drains and closes; or until the store has to be made anew,
   * then only closes. Rejects, without closing, when the broker cannot go on.
   */
  async serve(signal: AbortSignal): Promise<ServeEnding> {
    const ended = Promise.withResolvers<ServeEnding>()
    const stop = (): void => ended.resolve({ kind: 'stopped' })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    void this.#membership?.ended.then((ending) => {
      if (ending.kind === 'starts-over' || ending.kind === 'begins-anew') ended.resolve(ending)
    })
    let ending: ServeEnding
    try {
      ending = await Promise.race([ended.promise, this.failed])
    } finally {
      signal.removeEventListener('abort', stop)
    }
    if (ending.kind === 'stopped') await this.drain()
    await this.close()
    return ending
  }

  /**
   * Leaves the routes, tells every client to go elsewhere, refuses new batches and waits for what is
   * under way, up to `drainTimeoutMs`.
   */
  async drain(): Promise<void> {
    if (this.#state !== 'serving') return
    this.#state = 'draining'
    this.#runtime.log.info({}, 'broker drains')
    this.#listeners?.setServing(false)
    // Before name servers hear a goodbye, they hear of the next master.
    await this.#membership?.leave()
    await this.#presence?.goodbye()
    const late = new AbortController()
    const isLate = new Promise((resolve) => late.signal.addEventListener('abort', resolve))
    const { drainTimeoutMs } = this.#config
    const timer = this.#runtime.clock.schedule(drainTimeoutMs, () => late.abort())
    await Promise.race([this.#drainStreams(late.signal), isLate])
    timer.cancel()
    if (!late.signal.aborted) return
    const { pendingBytes } = this.#intake
    this.#runtime.log.warn({ pendingBytes, drainTimeoutMs }, 'broker drained in part')
  }

  /** Breaks every connection and closes the store. What was acknowledged is on disk. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A slave that stands in, or else a master. */
  get #delivering(): Delivering {
    const standIn = (): Deliverer | undefined => this.#standIn?.present
    const mastership = this.#mastership
    return {
      get present() {
        return standIn() ?? mastership.present
      },
      need: () => standIn() ?? mastership.need(),
    }
  }

  async #start(elector: Elector | undefined): Promise<void> {
    const { transport, log } = this.#runtime
    const { listen, listeners, reflection } = this.#config
    const membership = await this.#enterGroup(elector)
    const addresses = [
      { name: CLIENTS_LISTENER, listen },
      ...Object.entries(listeners).map(([name, other]) => ({ name, listen: other.listen })),
    ]
    this.#listeners = await ListenerSet.open(transport, addresses, {
      handlers: this.#handlers(),
      reflection: reflection ? loadDefinitions() : undefined,
    })
    this.#presence = new Presence(this.#runtime, {
      config: this.#config,
      services: this.#services,
      store: this.#store,
      topics: this.#topics,
      role: () => this.#publicRole,
      addressFor: (listener) => this.addressFor(listener),
    })
    // A member has something to say when it knows its number in the group.
    if (membership === undefined) this.#presence.start()
    else membership.start()
    this.#standIn?.start()
    this.#routes.start()
    this.#listeners.setServing(true)
    const { brokerName } = this.#config
    log.info({ brokerName, address: this.address, topics: this.#topics.size }, 'broker serves')
  }

  /** A broker that is alone is master from the beginning on; any other one when it is told so. */
  async #enterGroup(elector: Elector | undefined): Promise<GroupMembership | undefined> {
    const { replication, cluster, brokerName, store } = this.#config
    if (replication === undefined) {
      await this.#mastership.begin()
      return undefined
    }
    // Where masters are elected, there is another one before anybody would stand in.
    if (replication.static !== undefined) await this.#openStandIn()
    const membership = await GroupMembership.open(
      this.#runtime,
      { cluster, brokerName, directory: store.directory, replication },
      {
        store: this.#store,
        elector,
        services: this.#services,
        nameServers: this.#config.nameservers,
        overlays: this.#standIn,
        role: {
          // Name servers hear of a master that answers.
          begin: () => void this.#mastership.begin().then(() => this.#presence?.again()),
          end: () => void this.#mastership.end(reignOver()),
          roleChanged: () => {
            const isSettling =
              this.#membership?.isMaster === true && this.#mastership.present === undefined
            if (!isSettling) this.#presence?.again()
          },
        },
      },
    )
    this.#membership = membership
    void membership.ended.then(({ kind }) => {
      if (kind !== 'failed') return
      const why = 'the member of the broker group has failed; start the broker again'
      this.#stopped.reject(new CometError('STORE_UNUSABLE', why))
    })
    return membership
  }

  async #openStandIn(): Promise<void> {
    const [runtime, config, counters] = [this.#runtime, this.#config, this.#counters]
    const [store, topics, groups] = [this.#store, this.#topics, this.#groups]
    this.#standIn = await StandIn.open(
      { ...runtime, store },
      {
        folder: `${config.store.directory}/replication`,
        isCalledFor: () => this.#isStandInCalledFor(),
        begin: (overlay) =>
          StandInDuties.begin({ runtime, config, topics, groups, counters }, overlay),
        changed: () => this.#presence?.again(),
        failed: (error) => this.#stopped.reject(error),
      },
    )
  }

  #isStandInCalledFor(): boolean {
    const membership = this.#membership
    if (membership === undefined || !membership.isSlave || this.#state !== 'serving') return false
    const { brokerName } = this.#config
    const answers = (this.#presence?.heardOfGroup ?? []).map(
      ({ masterPresent, brokers, ageMs }) => {
        const slaves = brokers.filter((each) => each.brokerName === brokerName && each.brokerId > 0)
        return { masterPresent, memberIds: slaves.map(({ brokerId }) => brokerId), ageMs }
      },
    )
    const me = membership.status.memberId
    return me > 0 && standsIn({ streamUp: membership.hearsMaster, answers, me })
  }

  /** What slaves were told in the absence of a master, and what this one was told as a slave. */
  async #takeOverlays(): Promise<void> {
    const [standIn, membership] = [this.#standIn, this.#membership]
    if (standIn === undefined || membership === undefined) return
    const { clock, log } = this.#runtime
    const [store, topics, groups] = [this.#store, this.#topics, this.#groups]
    const own = { name: 'itself', take: () => standIn.giveOverlay() }
    await takeOverlays({ clock, log, store, topics, groups }, [own, ...membership.overlayPeers])
  }

  #handlers(): Handler[] {
    const { brokerName, nameservers, autoCreateTopics } = this.#config
    const [store, topics] = [this.#store, this.#topics]
    const everywhere = new Everywhere(this.#runtime.transport, {
      brokerName,
      // Without name servers this broker is the whole cluster.
      brokers: () => (nameservers.length === 0 ? [] : this.#presence?.brokers),
    })
    const edge = new AdminEdge(brokerName, everywhere)
    const mastership = this.#mastership
    const groupsOf = (topic: string): readonly string[] => this.#groups.readersOf(topic)
    return [
      ...publishHandlers(this.#intake),
      ...subscribeHandlers(() => this.#delivering.need().members),
      ...this.#readers.handlers(),
      ...this.#gateway.handlers(),
      ...topicHandlers(this.#services, {
        edge,
        store,
        topics,
        topicAdmin: () => mastership.need().topicAdmin,
        autoCreateTopics,
        groupsOf,
      }),
      ...groupHandlers(this.#services, edge, {
        groups: this.#groups,
        delivery: () => mastership.need().delivery,
        seen: () => this.#delivering.need().delivery,
      }),
      ...replicaHandlers(this.#services, () => this.#membership),
      ...brokerHandlers(this.#services, () =>
        describeBroker({
          config: this.#config,
          status: this.status,
          store,
          address: this.address,
          uptimeMs: this.#runtime.clock.elapsedMs() - this.#startedAtMs,
          rssBytes: this.#probes.rssBytes(),
          topics: topics.size,
          groups: this.#groups.size,
        }),
      ),
    ]
  }

  async #drainStreams(late: AbortSignal): Promise<void> {
    const membersGone = this.#delivering.present?.members.drain(late)
    const readersGone = this.#readers.drain()
    await this.#intake.drain()
    this.#intake.end()
    await Promise.all([membersGone, readersGone])
    await this.#listeners?.drain()
  }

  async #close(): Promise<void> {
    this.#state = 'closed'
    this.#presence?.close()
    this.#routes.close()
    this.#gateway.close()
    await this.#listeners?.close()
    await this.#mastership.end(new CometError('CLOSED', 'the broker has stopped'))
    await this.#standIn?.close()
    await this.#membership?.close()
    await this.#store.close()
    this.#runtime.log.info({}, 'broker closed')
  }

  get #publicRole(): PublicRole {
    const membership = this.#membership
    if (membership === undefined) {
      return { isMaster: true, memberId: 0, epoch: this.#store.status.epoch, standsIn: false }
    }
    const { memberId, epoch } = membership.status
    const isStandIn = this.#standIn?.present !== undefined
    return { isMaster: membership.isMaster, memberId, epoch, standsIn: isStandIn }
  }

  get #standing(): Standing {
    if (this.#mastership.refusal === undefined) return 'master'
    return this.#membership === undefined || this.#membership.isMaster ? 'settling' : 'slave'
  }

  #describeItself(): OwnBroker {
    const address = (): string => this.address
    const isSlave = (): boolean => this.#membership?.isMaster === false
    return {
      brokerName: this.#config.brokerName,
      // Its port is known when it listens.
      get address() {
        return address()
      },
      get isSlave() {
        return isSlave()
      },
      addressFor: (listener) => this.addressFor(listener),
      topic: (name) => this.#topics.get(name),
    }
  }
}

function reignOver(): CometError {
  return new CometError('NOT_MASTER', 'this broker is master no longer; ask the next one')
}
