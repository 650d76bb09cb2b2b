import type { GatewayConfig } from '@cometmq/gateway'
import { CometError, checkBrokerName, limits, toCometError } from '@cometmq/protocol'
import type { StoreConfig } from '@cometmq/store'
import { type DeliveryConfig, deliveryDefaults } from './deliver/ports.ts'
import type { IntakeLimits } from './produce/publish-budget.ts'
import type { ReadersConfig } from './read/slave-advice.ts'
import { mistakesInReplication, type ReplicationConfig } from './replication-config.ts'
import type { TopicDefaults } from './topic-definition.ts'

export interface BrokerConfig {
  readonly cluster: string
  /** The broker group this broker belongs to; unique in the cluster. */
  readonly brokerName: string
  /** Undefined: this broker is the only member of its group, and always its master. */
  readonly replication: ReplicationConfig | undefined
  /** `host:port` to listen on; port 0 takes a free one. */
  readonly listen: string
  /**
   * `host:port`, or `host` with the port that was taken, under which clients and other brokers reach
   * this one. Needed where it listens on every address of the machine.
   */
  readonly advertise: string | undefined
  /**
   * More ways in, by name, each with the address that whoever comes that way is told. Name servers with
   * a listener of the same name tell it.
   */
  readonly listeners: Readonly<Record<string, BrokerListener>>
  /** `host:port` of every name server. None: clients have to know this broker's address. */
  readonly nameservers: readonly string[]
  readonly store: StoreConfig
  readonly topicDefaults: TopicDefaults
  /** Whether sending to a topic that is missing makes it. */
  readonly autoCreateTopics: boolean
  readonly delivery: DeliveryConfig
  readonly publish: IntakeLimits
  readonly readers: ReadersConfig
  /** Whether clients may ask what services there are, and of what messages. */
  readonly reflection: boolean
  /** For official RocketMQ clients. */
  readonly gateway: Partial<GatewayConfig>
  /** How long a broker that shuts down waits for what is under way. */
  readonly drainTimeoutMs: number
  /** What `describe` and the name servers show. */
  readonly version: string
}

/** `advertise`: as in `BrokerConfig`. */
export interface BrokerListener {
  readonly listen: string
  readonly advertise: string | undefined
}

const MIB = 1024 * 1024

/** Everything but names, place and data folder. */
export const brokerDefaults = {
  replication: undefined,
  listen: '0.0.0.0:8081',
  advertise: undefined,
  listeners: {},
  nameservers: [],
  // Two consumers for each core of a small machine, and few enough to look at.
  topicDefaults: { queueCount: 8 },
  // A misspelt name should be an error in production, not a topic nobody reads.
  autoCreateTopics: false,
  delivery: deliveryDefaults,
  publish: {
    // As large as the largest gRPC message, so that one always fits.
    maxPendingBytesPerStream: limits.rpcMessageMaxBytes,
    // Far more than the disk takes in the time of one fsync, and less than the store itself holds, so
    // that producers are slowed down before they are refused.
    maxPendingBytes: 32 * MIB,
    // A member that does not answer is out of the in-sync set after one second, if it can be spared.
    syncTimeoutMs: 3_000,
  },
  readers: {
    // What was written last is in the memory of the system, on any machine that is fit for a broker;
    // before that reads come from the disk, which the master needs for producers.
    toSlaveBeyondBytes: 1024 * MIB,
    // All readers of one queue at one slave share what it reads; who has several slaves to spare spreads them.
    slave: 'first',
  },
  reflection: false,
  gateway: {},
  // Below the 30 s after which Kubernetes kills, above the longest invisible time of a quick handler.
  drainTimeoutMs: 20_000,
  version: 'development',
} as const satisfies Partial<BrokerConfig>

/** Throws `CONFIG_INVALID` with every mistake at once. */
export function checkBrokerConfig(config: BrokerConfig): void {
  const mistakes: string[] = []
  const check = (holds: boolean, mistake: string): void => {
    if (!holds) mistakes.push(mistake)
  }
  check(config.cluster.trim() !== '', 'cluster is empty; name the cluster')
  try {
    checkBrokerName(config.brokerName)
  } catch (thrown) {
    mistakes.push(`brokerName: ${toCometError(thrown).message}`)
  }
  if (config.replication !== undefined) {
    mistakes.push(...mistakesInReplication(config.replication))
    checkListener(config.replication, 'replication.', check)
  }
  checkNameServers(config, check)
  checkListener(config, '', check)
  for (const [name, listener] of Object.entries(config.listeners)) {
    checkListener(listener, `listeners.${name}.`, check)
  }
  const { queueCount } = config.topicDefaults
  check(
    Number.isSafeInteger(queueCount) && queueCount >= 1 && queueCount <= limits.queuesPerTopicMax,
    `topicDefaults.queueCount is ${queueCount}; give 1 to ${limits.queuesPerTopicMax}`,
  )
  check(
    config.drainTimeoutMs >= 0 && Number.isFinite(config.drainTimeoutMs),
    `drainTimeoutMs is ${config.drainTimeoutMs}; give 0 or more`,
  )
  for (const name of ['maxPendingBytesPerStream', 'maxPendingBytes'] as const) {
    const value = config.publish[name]
    check(
      Number.isSafeInteger(value) && value >= limits.batchMaxBytes,
      `publish.${name} is ${value}; one batch may have ${limits.batchMaxBytes} bytes, give as much at least`,
    )
  }
  const { syncTimeoutMs } = config.publish
  check(
    syncTimeoutMs > 0 && Number.isFinite(syncTimeoutMs),
    `publish.syncTimeoutMs is ${syncTimeoutMs}; give more than 0`,
  )
  checkStore(config.store, check)
  if (mistakes.length > 0) {
    throw new CometError('CONFIG_INVALID', `broker: ${mistakes.join('; ')}`)
  }
}

/** The address clients are told, once the port is known. */
export function advertisedAddress(
  { advertise }: Pick<BrokerListener, 'advertise'>,
  listening: string,
): string {
  if (advertise === undefined) return listening
  return /:\d+$/.test(advertise) ? advertise : `${advertise}:${portOf(listening)}`
}

type Check = (holds: boolean, mistake: string) => void

function checkListener({ listen, advertise }: BrokerListener, where: string, check: Check): void {
  check(/^\S+:\d+$/.test(listen), `${where}listen is "${listen}"; give host:port`)
  check(
    advertise !== undefined || !isEveryAddress(listen),
    `${where}listen is "${listen}", which no client can connect to; say in ${where}advertise under which name this broker is reached`,
  )
  if (advertise === undefined) return
  check(
    /^\S+$/.test(advertise) && !isEveryAddress(`${advertise}:0`) && !isEveryAddress(advertise),
    `${where}advertise is "${advertise}"; give a host that clients can reach, with or without a port`,
  )
}

function checkNameServers({ nameservers }: BrokerConfig, check: Check): void {
  for (const address of nameservers) {
    check(/^\S+:\d+$/.test(address), `nameservers has "${address}"; give host:port`)
  }
  check(new Set(nameservers).size === nameservers.length, 'nameservers names one of them twice')
}

function checkStore(store: StoreConfig, check: Check): void {
  check(store.directory !== '', 'store.directory is empty; name the data folder')
  check(
    store.hardFreeBytes <= store.minFreeBytes,
    `store.hardFreeBytes (${store.hardFreeBytes}) is above store.minFreeBytes (${store.minFreeBytes}), where producers are refused first`,
  )
}

function isEveryAddress(address: string): boolean {
  return /^(0\.0\.0\.0|\[?::\]?|\*):\d+$/.test(address)
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}
