import {
  checkGroupName,
  checkTopicName,
  CometError,
  type FilterText,
  isInternalTopic,
  limits,
  type Message,
  SqlFilter,
} from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Codec, json } from './codec.ts'
import { type BatchHandler, BatchWork } from './consume/batch-work.ts'
import { Consumer, type ConsumerPorts } from './consume/consumer.ts'
import { type Handler, MessageWork } from './consume/message-work.ts'
import { Receiver } from './consume/receiver.ts'
import {
  type GroupSettings,
  Subscription,
  type SubscriptionEvents,
} from './consume/subscription.ts'
import type { WorkPorts } from './consume/work.ts'
import { type Duration, parseDuration } from './duration.ts'
import type { Producer, SendSettings } from './produce/producer.ts'
import type { SendReceipt } from './produce/send-batch.ts'
import type { ReadFrom } from './read/positions.ts'
import { checkFrom, Reader } from './read/reader.ts'
import { checkSchema, isPromise } from './schema.ts'

export interface TopicOptions<Out, In = Out> {
  /** JSON unless given. */
  readonly codec?: Codec<In, Out>
  /**
   * Checks values when they are sent and when they are received; what is received is the schema's
   * output. A message that does not fit goes to the dead letters.
   */
  readonly schema?: StandardSchemaV1<In, Out>
  /** How bodies travel and are stored; `none` unless given. */
  readonly compression?: 'none' | 'zstd'
  /** How long a send may take, with all its retries; 30 s unless given. */
  readonly timeout?: Duration
}

export interface SendOptions {
  /** One word that consumers can filter by. */
  readonly tag?: string
  /** Business keys to look the message up by. */
  readonly keys?: readonly string[]
  /** The message group: messages of one `key` go to one queue and keep their order. */
  readonly key?: string
  readonly properties?: Readonly<Record<string, string>>
  /** An identity of the sender's own, in place of the one that is made. */
  readonly id?: string
  /** Stops waiting. A message that has left already may be stored all the same. */
  readonly signal?: AbortSignal
  /** How long the send may take, with all its retries. */
  readonly timeout?: Duration
}

/** Options for each message of a `sendMany`, and for the call. */
export interface SendManyOptions<In> extends Pick<SendOptions, 'signal' | 'timeout'> {
  readonly each?: (value: In, index: number) => Omit<SendOptions, 'signal' | 'timeout'>
}

/**
 * Which messages of a topic are wanted: tags joined by `||`, or a condition on properties, tag (`TAGS`)
 * and keys (`KEYS`) in the part of SQL92 that RocketMQ has. The broker sends nothing else.
 */
export type Filter = string | { readonly sql: string }

/** What every way to consume as a member of a group has in common. */
export interface GroupOptions {
  readonly group: string
  /** What to receive; all unless given. The same for all members of the group. */
  readonly filter?: Filter
  /** Where the group starts that does not exist yet; the broker's default is `latest`. */
  readonly from?: 'earliest' | 'latest' | Date
  /** Deliveries of one message before it goes to the dead letters; for a group that does not exist yet. */
  readonly maxAttempts?: number
  /** Wait before the second, third, … attempt; for a group that does not exist yet. */
  readonly retryDelays?: readonly Duration[]
  /**
   * Messages of one `key` one after the other, in the order they were sent: the next one comes when
   * the one before is done, also if that takes several attempts. Messages without a `key` wait for
   * nobody. Makes such a group where it does not exist; a group that exists must be one.
   */
  readonly fifo?: boolean
  /** For how long the broker leases messages; the SDK extends leases of messages at work by itself. */
  readonly lease?: Duration
  /** Bytes of messages that may lie ready, for each broker; 8 MiB unless given, 64 MiB at most. */
  readonly bufferBytes?: number
  /** Ends consuming in order, like `drain`. */
  readonly signal?: AbortSignal
}

export interface ConsumeOptions extends GroupOptions {
  /** Handlers that may run at once; 16 unless given. */
  readonly concurrency?: number
  /** How long `drain` waits for running handlers; 30 s unless given. */
  readonly drainTimeout?: Duration
}

export interface ConsumeBatchesOptions extends ConsumeOptions {
  /** Messages for one call of the handler; 1 000 unless given. */
  readonly maxMessages?: number
}

export type ReceiveOptions = GroupOptions

export interface ReaderOptions {
  /** Where to begin; `latest` unless given. With a name: where to begin if nothing is committed. */
  readonly from?: ReadFrom
  /** Under which `commit` keeps the positions in the broker. */
  readonly name?: string
  /** What to read; all unless given. */
  readonly filter?: Filter
  /**
   * End at what is the end of the topic now, instead of waiting for more. A broker that is away has
   * messages, too: the reader warns in the log and waits until it is back or forgotten.
   */
  readonly untilEnd?: boolean
  /** Bytes that may be read ahead, for each broker; 4 MiB unless given. */
  readonly bufferBytes?: number
  /**
   * Whether slaves may serve this reader: while their master is away, and when it is far behind and its
   * master sends it there. They have all that is confirmed, and may be the last to hear of it. True
   * unless given.
   */
  readonly fromSlaves?: boolean
  /** Ends the reading. */
  readonly signal?: AbortSignal
}

export interface TopicPorts {
  readonly runtime: Runtime
  readonly producer: Producer
  readonly clientId: string
  readonly reading: Omit<ConstructorParameters<typeof Reader>[0], 'decode' | 'ended' | 'runtime'>
  readonly consuming: Omit<ConstructorParameters<typeof Subscription>[0], 'runtime'>
  /** Whatever runs is ended with the client. */
  started(running: AsyncDisposable): void
  ended(running: AsyncDisposable): void
}

const SEND_TIMEOUT_MS = 30_000
const BUFFER_BYTES = 8 * 1024 * 1024
const READ_BUFFER_BYTES = 4 * 1024 * 1024

/** A topic, with the type of its values. Cheap: make one wherever it is needed. */
export class Topic<Out, In = Out> {
  readonly name: string
  readonly #ports: TopicPorts
  readonly #codec: Codec<In, Out>
  readonly #schema: StandardSchemaV1<In, Out> | undefined
  readonly #settings: SendSettings

  /** Topics are made by `comet.topic`. */
  constructor(ports: TopicPorts, name: string, options: TopicOptions<Out, In>) {
    // Dead letters can be read, like any topic.
    if (!isInternalTopic(name)) checkTopicName(name)
    this.name = name
    this.#ports = ports
    this.#codec = options.codec ?? json<Out, In>()
    this.#schema = options.schema
    this.#settings = {
      topic: name,
      compression: options.compression ?? 'none',
      timeoutMs: parseDuration('timeout', options.timeout ?? SEND_TIMEOUT_MS),
      signal: undefined,
    }
  }

  /**
   * Resolves when the message is stored as safely as the topic promises.
   *
   * Retries by itself until the timeout, without storing twice. Rejects with a `CometError`:
   * `TIMEOUT` (which says whether the outcome is unknown), `TOPIC_NOT_FOUND`, `SCHEMA_MISMATCH`, …
   */
  send(value: In, options?: SendOptions): Promise<SendReceipt> {
    try {
      const checked = this.#check(value)
      if (checked !== undefined) return checked.then(() => this.#send(value, options))
      return this.#send(value, options)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /**
   * Like `send` for each value, at the price of one promise for all.
   *
   * Rejects with the error that all have in common, or with `PARTIAL_FAILURE` whose `cause` is a
   * `SendManyOutcome`: what became of each.
   */
  async sendMany(values: readonly In[], options: SendManyOptions<In> = {}): Promise<SendReceipt[]> {
    if (this.#schema !== undefined) {
      await Promise.all(values.map(async (value) => this.#check(value)))
    }
    const { each } = options
    const messages = values.map((value, index) => this.#message(value, each?.(value, index)))
    return this.#ports.producer.sendMany(messages, this.#settingsFor(options))
  }

  /**
   * Runs `handler` for each message, as a member of a group: returning acknowledges the message,
   * throwing sends it back (`RetryLater`: after that delay; `Reject`: to the dead letters).
   */
  consume(options: ConsumeOptions, handler: Handler<Out>): Consumer {
    const work = new MessageWork(this.#workPorts(options), handler)
    return this.#consume(options, work)
  }

  /** Like `consume`, with all messages that lie ready at once: for high rates. */
  consumeBatches(options: ConsumeBatchesOptions, handler: BatchHandler<Out>): Consumer {
    const maxMessages = positive('maxMessages', options.maxMessages ?? 1_000)
    const work = new BatchWork(this.#workPorts(options), maxMessages, handler)
    return this.#consume({ concurrency: 4, ...options }, work)
  }

  /** The messages of a group for a loop that settles each of them itself. */
  receive(options: ReceiveOptions): Receiver<Out> {
    const receiver = new Receiver<Out>(
      {
        runtime: this.#ports.runtime,
        subscribe: (events) => this.#subscribe(options, events),
        ended: (ended) => this.#ports.ended(ended),
      },
      this.#workPorts(options),
      options.signal,
    )
    this.#ports.started(receiver)
    return receiver
  }

  /** Reads the topic by offset, without a group. */
  reader(options: ReaderOptions = {}): Reader<Out> {
    const { name, from = 'latest', untilEnd = false, signal } = options
    checkFrom(from)
    if (name !== undefined && typeof from === 'object') {
      throw new CometError(
        'ILLEGAL_ARGUMENT',
        `the reader "${name}" begins at its committed positions; without some, at "earliest" or "latest" only`,
      )
    }
    const reader = new Reader<Out>(
      {
        ...this.#ports.reading,
        runtime: this.#ports.runtime,
        decode: (body) => this.#decode(body),
        ended: (ended) => this.#ports.ended(ended),
      },
      {
        topic: this.name,
        filter: filterOf(options.filter),
        from,
        name,
        untilEnd,
        bufferBytes: bufferBytesOf(options.bufferBytes ?? READ_BUFFER_BYTES),
        fromSlaves: options.fromSlaves ?? true,
        signal,
      },
    )
    this.#ports.started(reader)
    return reader
  }

  #send(value: In, options: SendOptions | undefined): Promise<SendReceipt> {
    const message = this.#message(value, options)
    const settings = options === undefined ? this.#settings : this.#settingsFor(options)
    return this.#ports.producer.send(message, settings)
  }

  #message(value: In, options: SendOptions | undefined): Message {
    // Always the same fields, so that the code that handles messages meets one shape.
    return {
      body: this.#codec.encode(value),
      tag: options?.tag,
      keys: options?.keys,
      properties: options?.properties,
      messageGroup: options?.key,
      messageId: options?.id,
    }
  }

  #settingsFor({ signal, timeout }: Pick<SendOptions, 'signal' | 'timeout'>): SendSettings {
    if (signal === undefined && timeout === undefined) return this.#settings
    const timeoutMs =
      timeout === undefined ? this.#settings.timeoutMs : parseDuration('timeout', timeout)
    return { ...this.#settings, signal, timeoutMs }
  }

  /**
   * Sent is the value as it was given, not the schema's output: whoever receives it puts it through
   * the schema again, which need not accept its own output.
   */
  #check(value: In): Promise<unknown> | undefined {
    if (this.#schema === undefined) return undefined
    const checked = checkSchema(this.#schema, value)
    return isPromise(checked) ? checked : undefined
  }

  #decode(body: Buffer): Out | Promise<Out> {
    const value = this.#codec.decode(body)
    return this.#schema === undefined ? value : checkSchema(this.#schema, value)
  }

  #consume(options: ConsumeOptions, work: MessageWork<Out> | BatchWork<Out>): Consumer {
    const concurrency = positive('concurrency', options.concurrency ?? 16)
    const drainTimeoutMs = parseDuration('drainTimeout', options.drainTimeout ?? '30s')
    const ports: ConsumerPorts = {
      runtime: this.#ports.runtime,
      subscribe: (events) => this.#subscribe(options, events),
      ended: (ended) => this.#ports.ended(ended),
    }
    const consumer = new Consumer(
      ports,
      { concurrency, drainTimeoutMs, signal: options.signal },
      work,
    )
    this.#ports.started(consumer)
    return consumer
  }

  #subscribe(options: GroupOptions, events: SubscriptionEvents): Subscription {
    const { lease, bufferBytes = BUFFER_BYTES } = options
    return new Subscription(
      { ...this.#ports.consuming, runtime: this.#ports.runtime },
      {
        group: options.group,
        topic: this.name,
        filter: filterOf(options.filter) ?? { filter: '' },
        fifo: options.fifo === true,
        sessionId: this.#ports.runtime.random.hex(8),
        clientId: this.#ports.clientId,
        invisibleMs: lease === undefined ? 0 : parseDuration('lease', lease),
        bufferBytes: bufferBytesOf(bufferBytes),
      },
      groupSettings(options),
      events,
    )
  }

  #workPorts({ group }: GroupOptions): WorkPorts<Out> {
    checkGroupName(group)
    return {
      runtime: this.#ports.runtime,
      group,
      topic: this.name,
      decode: (body) => this.#decode(body),
    }
  }
}

function groupSettings(options: GroupOptions): GroupSettings | undefined {
  const { from, maxAttempts, retryDelays, fifo } = options
  const isAsked = [from, maxAttempts, retryDelays, fifo].some((option) => option !== undefined)
  if (!isAsked) return undefined
  return {
    start: typeof from === 'object' ? 'timestamp' : (from ?? 'latest'),
    startTimestampMs: typeof from === 'object' ? from.getTime() : 0,
    maxAttempts: maxAttempts === undefined ? 0 : positive('maxAttempts', maxAttempts),
    retryDelaysMs: retryDelays?.map((delay) => parseDuration('a retry delay', delay)) ?? [],
    fifo: fifo ?? false,
  }
}

function filterOf(filter: Filter | undefined): FilterText | undefined {
  if (filter === undefined || filter === '' || filter === '*') return undefined
  if (typeof filter === 'string') return { filter }
  // What is wrong with it is known before any broker is asked. Empty SQL is wrong, and not all.
  return SqlFilter.parse(filter.sql).expression
}

function bufferBytesOf(bytes: number): number {
  if (positive('bufferBytes', bytes) <= limits.creditMaxBytes) return bytes
  throw new CometError(
    'ILLEGAL_ARGUMENT',
    `bufferBytes is ${bytes}; a broker sends at most ${limits.creditMaxBytes} ahead`,
  )
}

function positive(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new CometError('ILLEGAL_ARGUMENT', `${what} is ${value}; give a whole number above 0`)
}
