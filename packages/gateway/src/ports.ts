import type {
  FilterText,
  GroupDefinition,
  RecordBatch,
  Services,
  TopicDefinition,
  TopicRoute,
} from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'

/** The operator's call by which topics are made. */
export type TopicMethods = Pick<Services['admin'], 'CreateTopic'>

/** What a gateway needs of the process it is mounted on. */
export interface GatewayPorts extends Pick<Runtime, 'clock' | 'random' | 'log' | 'transport'> {
  readonly cluster: ClusterView
  /** A name server has none: it owns nothing, and forwards. */
  readonly broker: LocalBroker | undefined
  readonly topics: TopicMethods
}

/**
 * Where the master of a broker group is: in this process, in another one, nowhere although the group
 * is known, or it cannot be said of a name that nobody has heard of.
 */
export type MasterPlace = 'here' | 'there' | 'nowhere' | 'unknown'

/** The cluster as this process sees it. What was learned stays valid while nobody tells more. */
export interface ClusterView {
  /** Whether a topic without a route is missing; before, it may only not be known yet. */
  readonly isReady: boolean

  /**
   * The queues of the topic, in the order of their brokers' names. Those of a broker that is away are
   * neither readable nor writable, those of a broker group without a master not writable.
   */
  route(topic: string): TopicRoute | undefined

  placeOfMaster(brokerName: string): MasterPlace

  /** Where consumer groups are served: at the master, or at the slave that stands in for a dead one. */
  placeOfConsumers(brokerName: string): MasterPlace

  /**
   * `host:port` of the master of a broker group, or of the slave that stands in for it, for this
   * process. Never a master of a lower epoch than before.
   */
  addressOf(brokerName: string): string | undefined

  /** The same for a client that came in on that listener. */
  addressFor(brokerName: string, listener: string): string | undefined

  /** Every broker group of which a master is heard, or a slave that stands in for one. */
  brokerNames(): readonly string[]

  /** Whether asking for a topic that is missing makes it. */
  readonly autoCreateTopics: boolean

  /** The listener is called after each change, until the function returned is called. */
  onChange(listener: () => void): () => void
}

/** The broker that this gateway is mounted on. Its calls throw `CometError`. */
export interface LocalBroker {
  readonly brokerName: string

  topic(name: string): TopicDefinition | undefined
  group(name: string): GroupDefinition | undefined

  /**
   * Stores batches of one topic, all or none of them. Resolves, when they are as safe as the topic
   * demands, to the queue offset of the first message of each.
   */
  append(batches: readonly RecordBatch[]): Promise<readonly number[]>

  /** Lets the client's group read the topics, from now on if they are new to it. */
  subscribe(consumer: Consumer, topics: readonly TopicSubscription[]): Promise<void>

  /** Waits for messages and leases them; `undefined` when there were none in time. */
  receive(request: ReceiveRequest): Promise<Received | undefined>

  settle(receipt: Receipt, action: ReceiptAction): Promise<ReceiptOutcome>

  /** The receipt of a message that the client holds; `undefined` if it does not hold it here. */
  receiptOf(held: HeldMessage): Promise<Receipt | undefined>

  /** The client has gone: what is renewed for it is delivered to others. */
  clientGone(clientId: string): void

  /** Reads a queue by offset, without group state. */
  read(request: ReadRequest): Promise<ReadOutcome>

  bounds(queue: Queue): { readonly minOffset: number; readonly maxOffset: number }
  offsetAtTime(queue: Queue, timestampMs: number): Promise<number>
  position(group: string, queue: Queue): number | undefined
  setPosition(group: string, queue: Queue, offset: number): Promise<void>
}

export interface Queue {
  readonly topic: string
  readonly queueId: number
}

/** A client as a member of a group. */
export interface Consumer {
  readonly group: string
  readonly clientId: string
  /** `host:port`. */
  readonly peer: string
}

/** A message that a client holds, as it names it without a receipt. */
export interface HeldMessage {
  readonly clientId: string
  readonly group: string
  readonly topic: string
  readonly messageId: string
}

export interface TopicSubscription extends FilterText {
  readonly topic: string
}

export interface ReceiveRequest extends Consumer, TopicSubscription {
  readonly maxMessages: number
  /** How long leases last, unless they are renewed. */
  readonly invisibleMs: number
  /** Leases last as long as the client, up to a bound. */
  readonly isRenewed: boolean
  readonly waitMs: number
  /** The same in a request that is made again because its answer was lost; may be empty. */
  readonly attemptId: string
  readonly signal: AbortSignal
}

/** Messages leased to a client. */
export interface Received {
  readonly generation: string
  readonly parts: readonly ReceivedPart[]
  /** The client has not seen them: ready at once, without another attempt. */
  release(): void
}

/** Messages of one queue that were delivered as often. */
export interface ReceivedPart {
  readonly retry: boolean
  /** Where they are stored: a queue of the topic, or of the group's retry topic. */
  readonly queueId: number
  /** From 1. */
  readonly attempt: number
  readonly segments: readonly Segment[]
}

/** Messages `[from, to)` of a batch, by their index in it. */
export interface Segment {
  readonly batch: RecordBatch
  readonly from: number
  readonly to: number
  /** Where the first of them is stored. */
  readonly offset: number
}

/** One delivery of one message. */
export interface Receipt {
  readonly group: string
  readonly topic: string
  readonly retry: boolean
  readonly queueId: number
  readonly offset: number
  readonly attempt: number
  /** Made anew by each delivery and each change of its lease; unique over restarts. */
  readonly generation: string
}

export type ReceiptAction =
  | { readonly kind: 'acknowledge' }
  /** Its handler failed. Without a delay the group's own wait counts. */
  | { readonly kind: 'dead-letter'; readonly reason: string }
  | {
      readonly kind: 'change'
      readonly invisibleMs: number
      /** Wait at least as long as the group's delay for this attempt. */
      readonly atLeastGroupDelay: boolean
      /** The next delivery is no further attempt. */
      readonly suspend: boolean
    }

export type ReceiptOutcome =
  /** It is so now, or was so before. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'changed'; readonly generation: string }
  /** The message was delivered anew since, and belongs to that delivery. */
  | { readonly kind: 'lost' }

export interface ReadRequest extends Queue, FilterText {
  readonly offset: number
  readonly maxMessages: number
  readonly waitMs: number
  readonly signal: AbortSignal
}

export type ReadOutcome =
  | {
      readonly kind: 'messages'
      readonly segments: readonly Segment[]
      /** Where reading goes on: behind them, and behind what the filter has kept back. */
      readonly next: number
    }
  /** The queue begins, or ends, there. */
  | { readonly kind: 'out-of-range'; readonly nearest: number }
