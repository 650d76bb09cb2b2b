import type { CometError, StateChange, TopicDefinition } from '@cometmq/protocol'
import type { Clock, Logger } from '@cometmq/runtime'
import type { AppendGroup, AppendLevel, MessageStore } from '@cometmq/store'

/** What the delivery engine needs of the store. */
export interface DeliveryStore
  extends Pick<
    MessageStore,
    'bounds' | 'offsetAtTime' | 'read' | 'recordBytesAt' | 'status' | 'subscribe' | 'table'
  > {
  append(group: AppendGroup, level: AppendLevel): Promise<Appended>

  /** Why such changes are never taken; of a store that does not take all. */
  refusalOf?(changes: readonly StateChange[]): CometError | undefined
}

/** Where appended batches lie: one for each record of the group, in its order. */
export interface Appended {
  readonly records: readonly { readonly baseQueueOffset: number | undefined }[]
}

/** What the delivery engine needs to know of topics; the topic registry answers. */
export interface DeliveryTopics {
  get(topic: string): TopicDefinition | undefined

  /**
   * The changes that define one of the broker's own topics (retry, dead letters) with one queue;
   * none if it is defined. They are appended together with the topic's first message.
   */
  defineInternal(topic: string): readonly StateChange[]

  /** The topic is as good as gone, until its deletion is applied or the answer is called. */
  hide(topic: string): () => void
}

export interface DeliveryPorts {
  readonly clock: Clock
  readonly log: Logger
  readonly store: DeliveryStore
  readonly topics: DeliveryTopics
}

/** How the engine behaves. The defaults are right outside of tests. */
export interface DeliveryConfig {
  /** A group that does not exist is made when its first member opens. */
  readonly autoCreateGroups: boolean
  /** A session whose stream broke keeps its leases so long, for it may come back. */
  readonly sessionGraceMs: number
  /**
   * After a start nothing of before is granted to known groups for so long: members that held messages
   * come back first and keep them, instead of seeing them twice. What is appended since goes out at
   * once; in a FIFO group unless something before it in its queue still waits.
   */
  readonly startHoldMs: number
  /** Record bytes read, and sent to a member, at once; a single larger batch still passes. */
  readonly frameMaxBytes: number
  /** Reads under way over all groups. With `frameMaxBytes` it bounds what the engine has in hand. */
  readonly readsMax: number
  /** Messages of one queue leased at once, over all members of a group. */
  readonly inFlightMaxMessages: number
  /** Separate runs of states in one lease table; above it nothing is granted until acks close gaps. */
  readonly spansMax: number
  /**
   * Messages of one queue, looked at and not done, among which a FIFO group finds those whose message
   * group is not held up.
   */
  readonly fifoLookAheadMax: number
  /** Pending retries of one group and topic that are kept in memory; the others wait in the table. */
  readonly retryWindow: number
}

const KIB = 1024

export const deliveryDefaults: DeliveryConfig = {
  autoCreateGroups: true,
  sessionGraceMs: 2_000,
  startHoldMs: 500,
  // A backlog comes no faster in larger frames or with more reads, but whoever waits for a message of
  // now waits behind them: with 16 reads of 512 KiB four times as long.
  frameMaxBytes: 128 * KIB,
  readsMax: 4,
  inFlightMaxMessages: 1_000_000,
  spansMax: 16_384,
  fifoLookAheadMax: 8_192,
  retryWindow: 4_096,
}
