import type { GatewayConfig } from '@cometmq/gateway'
import { CometError } from '@cometmq/protocol'

export interface NameServerConfig {
  /** Brokers of another cluster are refused. */
  readonly cluster: string
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string
  /** More ways in: name → `host:port`. Whoever comes that way is told the brokers' addresses of that name. */
  readonly listeners: Readonly<Record<string, string>>
  /** After a start, a topic that no broker has registered yet is "unknown" for so long, then "missing". */
  readonly warmupMs: number
  /** A broker that was not heard for so long leaves the routes. */
  readonly silenceMs: number
  /** For so long producers keep counting with the queues of a broker that has left; 0: not at all. */
  readonly rememberMs: number
  readonly maxBrokers: number
  readonly maxTopicsPerBroker: number
  readonly maxWatchers: number
  readonly maxTopicsPerWatcher: number
  /** Whether clients may ask what services there are, and of what messages. */
  readonly reflection: boolean
  /** For official RocketMQ clients. */
  readonly gateway: Partial<GatewayConfig>
  /** What `describe` shows. */
  readonly version: string
}

export const nameServerDefaults: Omit<NameServerConfig, 'cluster'> = {
  listen: '0.0.0.0:9876',
  listeners: {},
  // Brokers that lost their name server come back within a second; twice that.
  warmupMs: 2_000,
  // Three beats: one may be late, one may be lost.
  silenceMs: 3_000,
  // Longer than replacing a machine takes; who takes a broker out for good says so.
  rememberMs: 3_600_000,
  // Each costs the beat answers of all others one line.
  maxBrokers: 1_000,
  // Some 100 bytes each.
  maxTopicsPerBroker: 200_000,
  // A connected client costs some 20 KiB, most of it the connection.
  maxWatchers: 20_000,
  maxTopicsPerWatcher: 10_000,
  reflection: false,
  gateway: {},
  version: 'development',
}

/** Throws `CONFIG_INVALID` with every mistake at once. */
export function checkNameServerConfig(config: NameServerConfig): void {
  const mistakes: string[] = []
  if (config.cluster.trim() === '') mistakes.push('cluster is empty; name the cluster')
  if (!/^\S+:\d+$/.test(config.listen)) {
    mistakes.push(`listen is "${config.listen}"; give host:port`)
  }
  for (const name of ['warmupMs', 'silenceMs', 'rememberMs'] as const) {
    const value = config[name]
    if (!Number.isFinite(value) || value < 0) mistakes.push(`${name} is ${value}; give 0 or more`)
  }
  if (config.silenceMs < 1_000) {
    mistakes.push(`silenceMs is ${config.silenceMs}; brokers beat each second, give 1000 or more`)
  }
  const bounds = ['maxBrokers', 'maxTopicsPerBroker', 'maxWatchers', 'maxTopicsPerWatcher'] as const
  for (const name of bounds) {
    const value = config[name]
    if (!Number.isSafeInteger(value) || value < 1)
      mistakes.push(`${name} is ${value}; give 1 or more`)
  }
  if (mistakes.length > 0) {
    throw new CometError('CONFIG_INVALID', `name server: ${mistakes.join('; ')}`)
  }
}
