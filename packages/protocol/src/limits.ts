/** Every fixed bound, with its unit. Those an operator may change are defaults in the configuration. */
export const limits = {
  topicNameMaxChars: 127,
  groupNameMaxChars: 120,
  brokerNameMaxChars: 64,
  clientIdMaxChars: 255,
  queuesPerTopicMax: 4096,
  /** One message's body, before compression. */
  messageBodyMaxBytes: 4 * 1024 * 1024,
  /** Keys and values of all properties, with tag and keys. */
  propertiesMaxBytes: 16 * 1024,
  propertiesMaxCount: 128,
  keysMaxCount: 128,
  messageGroupMaxBytes: 63,
  messageIdMaxBytes: 255,
  /** Messages in one record batch; also keeps a message's index in a batch within 16 bits. */
  batchMaxMessages: 16_384,
  /**
   * A whole encoded record batch, and its body before compression: one largest message with its
   * properties and header fits.
   */
  batchMaxBytes: 4 * 1024 * 1024 + 64 * 1024,
  /** One gRPC message in either direction. */
  rpcMessageMaxBytes: 16 * 1024 * 1024,
  /** A producer may have this many unanswered batches for one queue; the broker remembers as many results. */
  producerWindowBatches: 8,
  /** Record batches in one request of a producer; an SDK sends far fewer. */
  batchesPerRequestMax: 4_096,
  /** In one request of a consumer; whoever settles more at once sends several. */
  settlementsMax: 16_384,
  /** Bytes that a consumer or reader may allow one broker to send ahead; more counts as this much. */
  creditMaxBytes: 64 * 1024 * 1024,
  /** What a consumer names when it opens its subscription: topics, and ranges that it still holds. */
  topicsPerMemberMax: 1_024,
  heldRangesMax: 65_536,
  /** A filter expression. */
  filterMaxBytes: 1024,
  /** A SQL filter, as it is given and in its normal form. */
  sqlFilterMaxBytes: 4096,
  /** Brackets and NOTs of a SQL filter within each other; deeper ones would end the stack. */
  sqlFilterMaxDepth: 64,
  /** Why a message was sent back, as kept with it. Longer reasons are cut. */
  reasonMaxBytes: 1024,
  invisibleMinMs: 1_000,
  invisibleMaxMs: 12 * 3_600_000,
  retryDelayMaxMs: 7 * 24 * 3_600_000,
} as const
