import { Gateway } from '@cometmq/gateway'
import { type ClusterDescription, loadDefinitions, loadServices } from '@cometmq/protocol'
import {
  CLIENTS_LISTENER,
  type Clock,
  ListenerSet,
  type Logger,
  type Runtime,
  type Timer,
} from '@cometmq/runtime'
import { checkNameServerConfig, type NameServerConfig } from './config.ts'
import { RouteTable } from './route-table.ts'
import { RouteWatchers } from './route-watchers.ts'
import { ClusterService } from './rpc/cluster-service.ts'
import { routesHandlers } from './rpc/routes-service.ts'
import { TableView } from './table-view.ts'

type NameServerPorts = Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'>

export interface NameServerStatus {
  readonly ready: boolean
  readonly brokers: number
  readonly watchers: number
  /** Official RocketMQ 5 clients that live, and the telemetry streams that they have open. */
  readonly officialClients: number
  readonly telemetryStreams: number
  readonly uptimeMs: number
}

/** How much later than `silenceMs` a silent broker may leave, as a fraction of it. */
const TICKS_PER_SILENCE = 12

/**
 * Knows which broker serves which queue, from what brokers tell it; owns nothing and keeps nothing.
 * Name servers do not know each other.
 */
export class NameServer implements AsyncDisposable {
  readonly #config: NameServerConfig
  readonly #clock: Clock
  readonly #log: Logger
  readonly #table: RouteTable
  readonly #watchers: RouteWatchers
  readonly #cluster: ClusterService
  readonly #gateway: Gateway
  readonly #listeners: ListenerSet
  readonly #startedAtMs: number
  readonly #tickMs: number
  #timer: Timer | undefined
  #closed = false

  private constructor(parts: {
    config: NameServerConfig
    ports: NameServerPorts
    table: RouteTable
    watchers: RouteWatchers
    cluster: ClusterService
    gateway: Gateway
    listeners: ListenerSet
    tickMs: number
  }) {
    this.#config = parts.config
    this.#clock = parts.ports.clock
    this.#log = parts.ports.log
    this.#table = parts.table
    this.#watchers = parts.watchers
    this.#cluster = parts.cluster
    this.#gateway = parts.gateway
    this.#listeners = parts.listeners
    this.#tickMs = parts.tickMs
    this.#startedAtMs = parts.ports.clock.elapsedMs()
    this.#scheduleTick()
  }

  /** Listens and takes registrations. Throws `CONFIG_INVALID`. */
  static async open(config: NameServerConfig, ports: NameServerPorts): Promise<NameServer> {
    checkNameServerConfig(config)
    const tickMs = config.silenceMs / TICKS_PER_SILENCE
    const startedAtMs = ports.clock.elapsedMs()
    const table = new RouteTable({ ...config, tickMs }, startedAtMs)
    const watchers = new RouteWatchers(table, ports.clock, config)
    const view = new TableView(table)
    const cluster = new ClusterService(table, ports.log, (change) => {
      watchers.announce(change)
      if (change.topics.size > 0 || change.brokers) view.changed()
    })
    const services = loadServices()
    const describe = (): ClusterDescription => ({
      cluster: config.cluster,
      brokers: table.describeBrokers(),
      version: config.version,
      uptimeMs: Math.round(ports.clock.elapsedMs() - startedAtMs),
      ready: table.isReady,
      highestEpochs: table.highestEpochs,
    })
    const forgetBroker = (brokerName: string): boolean => {
      const { change, wasKnown } = table.forget(brokerName)
      cluster.announce(change)
      ports.log.info({ brokerName, wasKnown }, 'broker forgotten')
      return wasKnown
    }
    const gateway = new Gateway(
      { ...ports, cluster: view, broker: undefined, topics: services.admin },
      config.gateway,
    )
    const addresses = [
      { name: CLIENTS_LISTENER, listen: config.listen },
      ...Object.entries(config.listeners).map(([name, listen]) => ({ name, listen })),
    ]
    const listeners = await ListenerSet.open(ports.transport, addresses, {
      handlers: [
        ...cluster.handlers(services),
        ...routesHandlers(services, watchers, { describe, forgetBroker }),
        ...gateway.handlers(),
      ],
      reflection: config.reflection ? loadDefinitions() : undefined,
    })
    // Before, it would say of topics that are there that it does not know them.
    listeners.setServing(table.isReady)
    const address = listeners.address(CLIENTS_LISTENER)
    ports.log.info({ cluster: config.cluster, address }, 'name server listens')
    return new NameServer({ config, ports, table, watchers, cluster, gateway, listeners, tickMs })
  }

  /** `host:port` it listens on. */
  get address(): string {
    return this.#listeners.address(CLIENTS_LISTENER)
  }

  /** Of one of its other listeners. */
  addressOf(listener: string): string {
    return this.#listeners.address(listener)
  }

  get status(): NameServerStatus {
    return {
      ready: this.#table.isReady,
      brokers: this.#table.brokers().length,
      watchers: this.#watchers.count,
      officialClients: this.#gateway.clientCount,
      telemetryStreams: this.#gateway.telemetryStreamCount,
      uptimeMs: Math.round(this.#clock.elapsedMs() - this.#startedAtMs),
    }
  }

  /** Resolves when `signal` is aborted and the name server has closed. */
  async serve(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
    await this.close()
  }

  /** Breaks every stream: clients go on from their caches and turn to another name server. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.#gateway.close()
    await this.#listeners.close()
    this.#log.info({ cluster: this.#config.cluster }, 'name server closed')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #scheduleTick(): void {
    this.#timer = this.#clock.schedule(this.#tickMs, () => this.#tick())
  }

  #tick(): void {
    if (this.#closed) return
    this.#scheduleTick()
    const wasReady = this.#table.isReady
    const { change, silent } = this.#table.tick(this.#clock.elapsedMs())
    for (const { brokerName, brokerId, connection } of silent) {
      const { silenceMs } = this.#config
      this.#log.warn({ brokerName, brokerId, silenceMs }, 'broker fell silent')
      this.#cluster.breakOff(connection, 'UNAVAILABLE', 'not heard for too long; register again')
    }
    this.#cluster.announce(change)
    if (wasReady || !this.#table.isReady) return
    this.#watchers.announceReady()
    this.#listeners.setServing(true)
  }
}
