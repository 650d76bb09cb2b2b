import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Broker, brokerDefaults } from '@cometmq/broker'
import { type CometClient, connect } from '@cometmq/client'
import type { GatewayConfig } from '@cometmq/gateway'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import { type NodeRuntime, openNodeRuntime } from '@cometmq/runtime/node'
import { storeConfig } from '@cometmq/store'

const MIB = 2 ** 20

/** Two name servers and two brokers in this process, on loopback, with data in a temporary folder. */
export class SmallCluster implements AsyncDisposable {
  readonly nameServers: NameServer[] = []
  readonly brokers = new Map<string, Broker>()
  readonly comet: CometClient
  readonly runtime: NodeRuntime
  readonly #directory: string
  readonly #runtimes: NodeRuntime[] = []
  readonly #gateway: Partial<GatewayConfig>
  readonly #autoCreateTopics: boolean

  private constructor(parts: {
    readonly directory: string
    readonly runtime: NodeRuntime
    readonly gateway: Partial<GatewayConfig>
    readonly comet: CometClient
    readonly nameServers: readonly NameServer[]
    readonly autoCreateTopics: boolean
  }) {
    this.#autoCreateTopics = parts.autoCreateTopics
    this.#directory = parts.directory
    this.#gateway = parts.gateway
    this.runtime = parts.runtime
    this.comet = parts.comet
    this.nameServers.push(...parts.nameServers)
  }

  static async start(
    gateway: Partial<GatewayConfig> = {},
    autoCreateTopics = false,
  ): Promise<SmallCluster> {
    const directory = await mkdtemp(path.join(tmpdir(), 'comet-conformance-'))
    const runtime = openNodeRuntime({ name: 'test', logLevel: 'silent' })
    const nameServers: NameServer[] = []
    for (let i = 0; i < 2; i++) {
      const config = { ...nameServerDefaults, cluster: 'test', listen: '127.0.0.1:0', gateway }
      nameServers.push(await NameServer.open({ ...config, warmupMs: 0 }, runtime))
    }
    const comet = await connect({ endpoints: nameServers.map(({ address }) => address) })
    const parts = { directory, runtime, gateway, comet, nameServers, autoCreateTopics }
    const cluster = new SmallCluster(parts)
    await cluster.startBroker('broker-a')
    await cluster.startBroker('broker-b')
    await cluster.untilRegistered(2)
    // Brokers hear of each other with their beats.
    await runtime.clock.sleep(1_200)
    return cluster
  }

  /** Starts a broker, or starts it again on its data and at its address. */
  async startBroker(brokerName: string): Promise<Broker> {
    const listen = this.brokers.get(brokerName)?.address ?? '127.0.0.1:0'
    const runtime = openNodeRuntime({ name: brokerName, logLevel: 'silent' })
    this.#runtimes.push(runtime)
    const broker = await Broker.open(
      {
        ...brokerDefaults,
        cluster: 'test',
        brokerName,
        listen,
        nameservers: this.nameServers.map(({ address }) => address),
        topicDefaults: { queueCount: 4 },
        autoCreateTopics: this.#autoCreateTopics,
        gateway: this.#gateway,
        drainTimeoutMs: 1_000,
        store: storeConfig(path.join(this.#directory, brokerName), {
          segmentMaxBytes: 16 * MIB,
          minFreeBytes: 0,
          hardFreeBytes: 0,
        }),
      },
      runtime,
    )
    this.brokers.set(brokerName, broker)
    return broker
  }

  broker(brokerName: string): Broker {
    const broker = this.brokers.get(brokerName)
    if (broker === undefined) throw new Error(`no broker ${brokerName}`)
    return broker
  }

  /** Addresses of all processes, name servers first. */
  get addresses(): string[] {
    return [...this.nameServers, ...this.brokers.values()].map(({ address }) => address)
  }

  get nameServer(): string {
    return this.nameServers[0]?.address ?? ''
  }

  async untilRegistered(brokers: number): Promise<void> {
    while (this.nameServers.some(({ status }) => status.brokers !== brokers)) {
      await this.runtime.clock.sleep(5)
    }
  }

  /** Makes a topic and waits until every process has heard of it. */
  async createTopic(topic: string, type = 'normal'): Promise<void> {
    await this.comet.admin.topics.create(topic, { type } as never)
    await this.runtime.clock.sleep(50)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.comet.close()
    for (const broker of this.brokers.values()) await broker.close()
    for (const nameServer of this.nameServers) await nameServer.close()
    for (const runtime of [...this.#runtimes, this.runtime]) await runtime[Symbol.asyncDispose]()
    await rm(this.#directory, { recursive: true, force: true })
  }
}
