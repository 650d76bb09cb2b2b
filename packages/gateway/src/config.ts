/** How the gateway behaves; the defaults are right unless users are to be authenticated. */
export interface GatewayConfig {
  /** Access key → secret key. `undefined`: anybody may do anything. */
  readonly users: Readonly<Record<string, string>> | undefined
  /** A client without a sign of life for so long has gone. */
  readonly clientExpiryMs: number
  readonly clientsMax: number
  /** Calls under way, those that wait for messages apart. */
  readonly callsMax: number
  /** Receives that wait for messages. */
  readonly waitingMax: number
}

export const gatewayDefaults: GatewayConfig = {
  users: undefined,
  // Rust beats every 30 s; so it may miss three.
  clientExpiryMs: 120_000,
  clientsMax: 50_000,
  callsMax: 20_000,
  waitingMax: 50_000,
}

/** Times of the contract that nobody needs to change. */
export const times = {
  pollMinMs: 5_000,
  pollMaxMs: 20_000,
  /** A poll ends so much before its caller stops waiting. */
  pollMarginMs: 500,
  /** What a client is assumed to have set when nobody told. */
  requestTimeoutMs: 3_000,
  invisibleMinMs: 10_000,
  invisibleMaxMs: 12 * 3_600_000,
  /** A renewed lease does not last longer, however long its client lives. */
  renewedMaxMs: 3 * 3_600_000,
  /** A forwarded call ends so much before its caller stops waiting. */
  forwardMarginMs: 200,
  forwardTimeoutMs: 10_000,
  /** How long a send is held for a broker group without a master. */
  masterWaitMs: 2_000,
  /** How long a question about a topic waits for a process that has just started. */
  routeWaitMs: 2_500,
} as const

export const bounds = {
  receiveBatch: 32,
  pullBatch: 1_024,
  bodyMaxBytes: 4 * 1024 * 1024,
  /**
   * What clients are told, and keep to: clients of Node.js, C# and Rust take no more than 4 MiB at
   * once, and that is a message with its properties.
   */
  toldBodyMaxBytes: 4 * 1024 * 1024 - 64 * 1024,
  propertiesMaxBytes: 16 * 1024,
  propertiesMaxCount: 128,
  messageGroupMaxBytes: 63,
  topicMaxChars: 127,
  groupMaxChars: 120,
  clientIdMaxChars: 255,
  streamsPerClient: 16,
} as const
