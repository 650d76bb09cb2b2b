import {
  isRetryTopic,
  loadDefinitions,
  loadServices,
  type RegisteredTopic,
  type Registration,
  type Services,
  type TopicDefinition,
} from '@cometmq/protocol'
import { Gateway } from '@cometmq/gateway'
import {
  CLIENTS_LISTENER,
  type Handler,
  ListenerSet,
  type Runtime,
  type Timer,
} from '@cometmq/runtime'
import { MessageStore } from '@cometmq/store'
import { type BrokerCounters, newBrokerCounters } from './broker-counters.ts'
import {
  type BrokerState,
  type BrokerStatus,
  describeBroker,
  type ProcessProbes,
} from './broker-status.ts'
import { advertisedAddress, type BrokerConfig, checkBrokerConfig } from './config.ts'
import { DeliveryEngine } from './deliver/delivery.ts'
import { Everywhere } from './everywhere.ts'
import { ClusterRoutes, type OwnBroker } from './gateway/cluster-routes.ts'
import { GatewayBroker } from './gateway/local-broker.ts'
import { PopDoor } from './pop/pop-door.ts'
import { MessageIntake } from './produce/message-intake.ts'
import { QueueWakeups } from './read/queue-wakeups.ts'
import { BrokerRegistration } from './registration.ts'
import { AdminEdge } from './rpc/admin-edge.ts'
import { brokerHandlers } from './rpc/broker-calls.ts'
import { groupHandlers } from './rpc/group-calls.ts'
import { publishHandlers } from './rpc/publish-service.ts'
import { ReadService } from './rpc/read-service.ts'
import { SubscribeService } from './rpc/subscribe-service.ts'
import { topicHandlers } from './rpc/topic-calls.ts'
import { TopicAdmin } from './topic-admin.ts'
import { type TopicChange, TopicRegistry } from './topic-registry.ts'

/** How soon name servers hear that the disk is full, or has space again. */
const WRITABLE_CHECK_MS = 250

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
  readonly #delivery: DeliveryEngine
  readonly #intake: MessageIntake
  readonly #readers: ReadService
  readonly #members: SubscribeService
  readonly #routes: ClusterRoutes
  readonly #door: PopDoor
  readonly #gateway: Gateway
  readonly #startedAtMs: number
  #listeners: ListenerSet | undefined
  #registration: BrokerRegistration | undefined
  #writableTimer: Timer | undefined
  #announcedWritable = true
  #state: BrokerState = 'serving'
  #closing: Promise<void> | undefined

  private constructor(
    config: BrokerConfig,
    runtime: Runtime,
    parts: {
      readonly probes: ProcessProbes
      readonly store: MessageStore
      readonly topics: TopicRegistry
      readonly delivery: DeliveryEngine
    },
  ) {
    const { store, topics } = parts
    const counters = this.#counters
    this.#config = config
    this.#runtime = runtime
    this.#probes = parts.probes
    this.#services = loadServices()
    this.#store = store
    this.#topics = topics
    this.#delivery = parts.delivery
    this.#intake = new MessageIntake({ store, topics, counters, log: runtime.log }, config.publish)
    const wakeups = new QueueWakeups(store, topics)
    this.#readers = new ReadService({ store, topics, wakeups, counters })
    const { delivery } = parts
    this.#members = new SubscribeService({ delivery, counters, log: runtime.log })
    const { clock, random } = runtime
    this.#routes = new ClusterRoutes(runtime, {
      services: this.#services,
      nameservers: config.nameservers,
      own: this.#describeItself(),
    })
    this.#door = new PopDoor({ delivery, counters, clock, random })
    this.#gateway = new Gateway(
      {
        ...runtime,
        cluster: this.#routes,
        topics: this.#services.admin,
        broker: new GatewayBroker({
          brokerName: config.brokerName,
          clock,
          store,
          topics,
          delivery,
          intake: this.#intake,
          wakeups,
          door: this.#door,
        }),
      },
      config.gateway,
    )
    this.#startedAtMs = runtime.clock.elapsedMs()
  }

  /**
   * Opens the store, replays what has to be, listens and begins to register; waits for no name
   * server.
   *
   * Throws `CONFIG_INVALID`, and what `MessageStore.open` throws.
   */
  static async open(
    config: BrokerConfig,
    runtime: Runtime,
    probes: ProcessProbes = { rssBytes: () => 0 },
  ): Promise<Broker> {
    checkBrokerConfig(config)
    const { clock, log } = runtime
    const store = await MessageStore.open(runtime, config.store)
    let delivery: DeliveryEngine | undefined
    try {
      const topics = await TopicRegistry.open(store, clock)
      delivery = await DeliveryEngine.open({ clock, log, store, topics }, config.delivery)
      const broker = new Broker(config, runtime, { probes, store, topics, delivery })
      await broker.#start()
      return broker
    } catch (thrown) {
      await delivery?.close()
      await store.close()
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

  /** Rejects when the store has stopped itself; the process should end, and start again. */
  get failed(): Promise<never> {
    return this.#store.failed
  }

  get status(): BrokerStatus {
    const store = this.#store.status
    const draining = this.#state === 'serving' ? undefined : 'the broker shuts down'
    return {
      state: this.#state,
      writable: store.writable && draining === undefined,
      whyNotWritable: draining ?? store.whyNotWritable,
      nameservers: this.#registration?.status ?? [],
      store,
      counters: { ...this.#counters },
      pendingPublishBytes: this.#intake.pendingBytes,
    }
  }

  /**
   * Serves until `signal` is aborted, then drains and closes. Rejects, without closing, when the
   * store has failed.
   */
  async serve(signal: AbortSignal): Promise<void> {
    const stopped = Promise.withResolvers<void>()
    const stop = (): void => stopped.resolve()
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    try {
      await Promise.race([stopped.promise, this.failed])
    } finally {
      signal.removeEventListener('abort', stop)
    }
    await this.drain()
    await this.close()
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
    this.#writableTimer?.cancel()
    await this.#registration?.goodbye()
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

  async #start(): Promise<void> {
    const { transport, log } = this.#runtime
    const { listen, listeners, nameservers, reflection } = this.#config
    const addresses = [
      { name: CLIENTS_LISTENER, listen },
      ...Object.entries(listeners).map(([name, other]) => ({ name, listen: other.listen })),
    ]
    this.#listeners = await ListenerSet.open(transport, addresses, {
      handlers: this.#handlers(),
      reflection: reflection ? loadDefinitions() : undefined,
    })
    this.#registration = new BrokerRegistration(this.#runtime, {
      nameservers,
      services: this.#services,
      source: {
        registration: () => this.#describeToNameServers(),
        isWritable: () => this.#store.status.writable,
      },
    })
    this.#store.beforeDelete((range) => this.#delivery.carryForward(range))
    this.#topics.onChange((change) => this.#announceTopic(change))
    this.#announcedWritable = this.#store.status.writable
    this.#watchWritable()
    this.#registration.start()
    this.#routes.start()
    this.#listeners.setServing(true)
    const { brokerName } = this.#config
    log.info({ brokerName, address: this.address, topics: this.#topics.size }, 'broker serves')
  }

  #handlers(): Handler[] {
    const { brokerName, nameservers, autoCreateTopics, topicDefaults } = this.#config
    const [store, topics] = [this.#store, this.#topics]
    const everywhere = new Everywhere(this.#runtime.transport, {
      brokerName,
      // Without name servers this broker is the whole cluster.
      brokers: () => (nameservers.length === 0 ? [] : this.#registration?.brokers()),
    })
    const edge = new AdminEdge(brokerName, everywhere)
    const topicAdmin = new TopicAdmin({
      store,
      topics,
      clock: this.#runtime.clock,
      defaults: topicDefaults,
      delivery: this.#delivery,
    })
    const groupsOf = (topic: string): readonly string[] => this.#delivery.groups.readersOf(topic)
    return [
      ...publishHandlers(this.#intake),
      ...this.#members.handlers(),
      ...this.#readers.handlers(),
      ...this.#gateway.handlers(),
      ...topicHandlers(this.#services, {
        edge,
        store,
        topics,
        topicAdmin,
        autoCreateTopics,
        groupsOf,
      }),
      ...groupHandlers(this.#services, edge, this.#delivery),
      ...brokerHandlers(this.#services, () =>
        describeBroker({
          config: this.#config,
          status: this.status,
          store,
          address: this.address,
          uptimeMs: this.#runtime.clock.elapsedMs() - this.#startedAtMs,
          rssBytes: this.#probes.rssBytes(),
          topics: topics.size,
          groups: this.#delivery.groups.size,
        }),
      ),
    ]
  }

  async #drainStreams(late: AbortSignal): Promise<void> {
    const membersGone = this.#members.drain(late)
    const readersGone = this.#readers.drain()
    await this.#intake.drain()
    this.#intake.end()
    await Promise.all([membersGone, readersGone])
    await this.#listeners?.drain()
  }

  async #close(): Promise<void> {
    this.#state = 'closed'
    this.#writableTimer?.cancel()
    this.#registration?.close()
    this.#routes.close()
    this.#gateway.close()
    this.#door.close()
    await this.#listeners?.close()
    await this.#delivery.close()
    await this.#store.close()
    this.#runtime.log.info({}, 'broker closed')
  }

  #describeItself(): OwnBroker {
    const address = (): string => this.address
    return {
      brokerName: this.#config.brokerName,
      // Its port is known when it listens.
      get address() {
        return address()
      },
      addressFor: (listener) => this.addressFor(listener),
      topic: (name) => this.#topics.get(name),
    }
  }

  #describeToNameServers(): Registration {
    const { cluster, brokerName, brokerId, autoCreateTopics, version } = this.#config
    return {
      cluster,
      brokerName,
      brokerId,
      epoch: this.#store.status.epoch,
      storeId: this.#store.storeId,
      listeners: [CLIENTS_LISTENER, ...Object.keys(this.#config.listeners)].map((listener) => ({
        listener,
        address: this.addressFor(listener),
      })),
      topics: [...this.#topics.all()].filter(isRouted).map(registeredTopic),
      autoCreateTopics,
      version,
    }
  }

  #announceTopic({ topic, now }: TopicChange): void {
    if (isRetryTopic(topic)) return
    if (now === undefined) this.#registration?.topicRemoved(topic)
    else this.#registration?.topicChanged(registeredTopic(now))
  }

  #watchWritable(): void {
    const { writable, whyNotWritable } = this.#store.status
    if (writable !== this.#announcedWritable) {
      this.#announcedWritable = writable
      this.#registration?.writableChanged(writable)
      if (writable) this.#runtime.log.info({}, 'broker takes writes again')
      else this.#runtime.log.warn({ whyNotWritable }, 'broker takes no writes')
    }
    const { clock } = this.#runtime
    this.#writableTimer = clock.schedule(WRITABLE_CHECK_MS, () => this.#watchWritable())
  }
}

/** A group's retry queue is its own business: nobody asks for a route to it. */
function isRouted({ topic }: TopicDefinition): boolean {
  return !isRetryTopic(topic)
}

function registeredTopic(definition: TopicDefinition): RegisteredTopic {
  const { topic, type, queueCount, readable, writable } = definition
  return { topic, type, queueCount, readable, writable }
}
