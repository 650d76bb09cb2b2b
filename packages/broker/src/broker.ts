import { loadDefinitions, loadServices, type Services } from '@cometmq/protocol'
import { Gateway } from '@cometmq/gateway'
import type { Elector, MemberEnding } from '@cometmq/replication'
import { CLIENTS_LISTENER, type Handler, ListenerSet, type Runtime } from '@cometmq/runtime'
import { MessageStore } from '@cometmq/store'
import { type BrokerCounters, newBrokerCounters } from './broker-counters.ts'
import { BrokerRole } from './broker-role.ts'
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
import { MessageIntake } from './produce/message-intake.ts'
import { positionsInEither, positionsInLog } from './read/positions.ts'
import { QueueWakeups } from './read/queue-wakeups.ts'
import { SlaveAdvice } from './read/slave-advice.ts'
import { Presence } from './presence.ts'
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
  readonly #role: BrokerRole
  readonly #intake: MessageIntake
  readonly #readers: ReadService
  readonly #routes: ClusterRoutes
  readonly #gateway: Gateway
  readonly #stopped = Promise.withResolvers<never>()
  readonly #startedAtMs: number
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
    this.#role = new BrokerRole({
      runtime,
      config,
      services: this.#services,
      store,
      topics,
      groups,
      counters,
      presence: () => this.#presence,
      isServing: () => this.#state === 'serving',
      failed: (error) => this.#stopped.reject(error),
    })
    const role = this.#role
    const { mastership } = role
    this.#intake = new MessageIntake(
      {
        clock: runtime.clock,
        store,
        topics,
        counters,
        log: runtime.log,
        copies: () => role.copies,
      },
      config.publish,
      () => mastership.refusal,
    )
    const wakeups = new QueueWakeups(store, topics)
    const standing = () => role.standing
    const positions = positionsInEither(
      positionsInLog(store, () => mastership.refusal),
      () => role.overlay,
    )
    const advice = new SlaveAdvice(config.readers, {
      clock: runtime.clock,
      brokerName: config.brokerName,
      logEnd: () => store.log.offsets.confirm,
      inSync: () => role.slavesInSync,
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
          delivering: role.delivering,
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
    const whyNotWritable =
      draining ?? this.#role.mastership.refusal?.message ?? store.whyNotWritable
    return {
      state: this.#state,
      writable: whyNotWritable === undefined,
      whyNotWritable,
      nameservers: this.#presence?.status ?? [],
      store,
      member: this.#role.member,
      standsIn: this.#role.public.standsIn,
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
    void this.#role.ended?.then((ending) => {
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
    await this.#role.leave()
    await this.#presence?.goodbye()
    const late = new AbortController()
    const isLate = new Promise((resolve) => late.signal.addEventListener('abort', resolve))
    const { drainTimeoutMs } = this.#config
    const timer = this.#runtime.clock.schedule(drainTimeoutMs, () => late.abort())
    const hasFailed = this.failed.catch(() => late.abort())
    await Promise.race([this.#drainStreams(late.signal), isLate, hasFailed])
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

  async #start(elector: Elector | undefined): Promise<void> {
    const { transport, log } = this.#runtime
    const { listen, listeners, reflection } = this.#config
    await this.#role.enter(elector)
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
      role: () => this.#role.public,
      addressFor: (listener) => this.addressFor(listener),
    })
    this.#role.start()
    this.#routes.start()
    this.#listeners.setServing(true)
    const { brokerName } = this.#config
    log.info({ brokerName, address: this.address, topics: this.#topics.size }, 'broker serves')
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
    const { mastership, delivering } = this.#role
    const groupsOf = (topic: string): readonly string[] => this.#groups.readersOf(topic)
    return [
      ...publishHandlers(this.#intake),
      ...subscribeHandlers(() => delivering.need().members),
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
        seen: () => delivering.need().delivery,
        epoch: () => this.#role.public.epoch,
      }),
      ...replicaHandlers(this.#services, () => this.#role.operated),
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
    const membersGone = this.#role.delivering.present?.members.drain(late)
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
    await this.#role.close()
    await this.#store.close()
    this.#runtime.log.info({}, 'broker closed')
  }

  #describeItself(): OwnBroker {
    const address = (): string => this.address
    const isSlave = (): boolean => this.#role.isSlave
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
