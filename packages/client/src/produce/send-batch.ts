import assert from 'node:assert/strict'
import {
  type CometError,
  encodeBatch,
  encodedMessageBytes,
  limits,
  type Message,
  messageIdOf,
} from '@cometmq/protocol'

/** Where a message was stored. */
export class SendReceipt {
  readonly brokerName: string
  readonly queueId: number
  readonly queueOffset: number
  readonly #batch: BatchIdentity
  readonly #index: number

  constructor(batch: BatchIdentity, index: number, place: StoredPlace) {
    this.brokerName = place.brokerName
    this.queueId = place.queueId
    this.queueOffset = place.baseQueueOffset + index
    this.#batch = batch
    this.#index = index
  }

  /** The identity of the message, the same in every redelivery. */
  get id(): string {
    // Made when asked for: it costs more than the rest of a receipt, and few ask.
    const { producerId, baseMessageNumber, ownIds } = this.#batch
    return ownIds?.[this.#index] ?? messageIdOf(producerId, baseMessageNumber + this.#index)
  }

  toJSON(): object {
    const { id, brokerName, queueId, queueOffset } = this
    return { id, brokerName, queueId, queueOffset }
  }
}

/** What makes the ids of a batch's messages. Not the batch: a receipt must not keep the bodies alive. */
interface BatchIdentity {
  readonly producerId: string
  readonly baseMessageNumber: number
  /** Ids that the sender chose. */
  readonly ownIds: readonly (string | undefined)[] | undefined
}

export interface StoredPlace {
  readonly brokerName: string
  readonly queueId: number
  readonly baseQueueOffset: number
}

/** The numbers by which a broker recognises a batch that it has stored before. */
export interface SequenceNumber {
  readonly producerEpoch: number
  readonly sequence: number
}

/** Batches are sent when they reach it, however busy the broker is. */
const FULL_BYTES = 256 * 1024
/** No message is added that takes a batch beyond it. */
const MAX_BYTES = 512 * 1024
/** Of a message without tag, keys and the like: length and flags around the body. */
const BARE_MESSAGE_BYTES = 6

/** What a message takes in memory besides its bytes, in objects and promises, more or less. */
export const MESSAGE_OVERHEAD_BYTES = 256

/** What a message takes in a batch, or a little more. */
export function messageBytes(message: Message): number {
  const { tag, keys, properties, messageGroup, messageId } = message
  if (
    tag === undefined &&
    keys === undefined &&
    properties === undefined &&
    messageGroup === undefined &&
    messageId === undefined
  ) {
    return message.body.length + BARE_MESSAGE_BYTES
  }
  // The tag and the hashes of keys lie outside of the encoded messages.
  return (
    encodedMessageBytes(message) +
    (tag === undefined ? 0 : 8 + tag.length * 3) +
    6 * (keys?.length ?? 0)
  )
}

/** What messages must have in common to share a batch. */
export interface BatchKind {
  readonly compression: 'none' | 'zstd'
  readonly timeoutMs: number
}

export interface SendBatchOptions extends BatchKind {
  readonly topic: string
  /** `clock.elapsedMs()` at which the sends fail. */
  readonly deadlineMs: number
  readonly bornTimeMs: number
  readonly isKeyed: boolean
}

type Resolve = (receipt: SendReceipt) => void
type Reject = (error: CometError) => void

/** A call to `sendMany`, which has one promise for messages of several batches. */
export interface SendCall {
  /** Messages `[from, to)` of the batch have been settled. */
  settled(batch: SendBatch, range: { readonly from: number; readonly to: number }): void
}

interface CallRange {
  readonly call: SendCall
  readonly from: number
  to: number
}

/**
 * Messages that travel as one record batch, and the promises of those who sent them.
 *
 * Its numbers are given when it is sent for the first time. The message numbers stay; the sequence
 * number changes when the batch moves to another queue or its queue's sequence starts anew.
 */
export class SendBatch {
  readonly topic: string
  readonly timeoutMs: number
  readonly deadlineMs: number
  /** Its messages have a message group: no other queue will do. */
  readonly isKeyed: boolean
  readonly compression: 'none' | 'zstd'
  readonly #bornTimeMs: number
  #messages: Message[] = []
  /** Of each message, in order; of those sent by `sendMany`, undefined. */
  #resolves: (Resolve | undefined)[] = []
  #rejects: (Reject | undefined)[] = []
  #calls: CallRange[] = []
  #cancelled: Set<Message> | undefined
  #bytes = 0
  #heldBytes = 0
  #closed = false
  #producerId = ''
  #baseMessageNumber = -1
  #outcome: StoredPlace | CometError | undefined
  #encoded: Encoded | undefined

  /** An attempt has ended without an answer: elsewhere the batch might be stored a second time. */
  mayBeStored = false
  isInFlight = false
  /** It was sent before it was full; only one such is under way to a broker at a time. */
  isPartial = false
  number: SequenceNumber | undefined
  lastError: CometError | undefined

  constructor(options: SendBatchOptions) {
    this.topic = options.topic
    this.timeoutMs = options.timeoutMs
    this.deadlineMs = options.deadlineMs
    this.isKeyed = options.isKeyed
    this.compression = options.compression
    this.#bornTimeMs = options.bornTimeMs
  }

  get messageCount(): number {
    return this.#messages.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** What it takes of the buffer. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get isNumbered(): boolean {
    return this.#baseMessageNumber >= 0
  }

  /** Where it was stored, or why it failed. */
  get outcome(): StoredPlace | CometError | undefined {
    return this.#outcome
  }

  get isFull(): boolean {
    return this.#bytes >= FULL_BYTES || this.#messages.length >= limits.batchMaxMessages
  }

  /** Whether it may take more messages. */
  get isOpen(): boolean {
    return !this.isFull && !this.isNumbered && !this.#closed
  }

  /** Whether a message of so many bytes may be added that is to be sent like that. */
  takes(bytes: number, { timeoutMs, compression }: BatchKind): boolean {
    if (!this.isOpen || timeoutMs !== this.timeoutMs || compression !== this.compression) {
      return false
    }
    return this.#messages.length === 0 || this.#bytes + bytes <= MAX_BYTES
  }

  /** Takes no more messages. */
  close(): void {
    this.#closed = true
  }

  /** Adds a message with the two ends of its promise. */
  add(message: Message, bytes: number, resolve: Resolve, reject: Reject): void {
    this.#messages.push(message)
    this.#bytes += bytes
    this.#heldBytes += bytes + MESSAGE_OVERHEAD_BYTES
    this.#resolves.push(resolve)
    this.#rejects.push(reject)
  }

  /** Adds a message of a call that waits for many. */
  addOfCall(message: Message, bytes: number, call: SendCall): void {
    const index = this.#messages.push(message) - 1
    this.#bytes += bytes
    this.#heldBytes += bytes + MESSAGE_OVERHEAD_BYTES
    this.#resolves.push(undefined)
    this.#rejects.push(undefined)
    const last = this.#calls.at(-1)
    if (last?.call === call && last.to === index) last.to += 1
    else this.#calls.push({ call, from: index, to: index + 1 })
  }

  /** The sender has lost interest: unless it is too late, the message is not sent. */
  cancel(message: Message): void {
    if (this.isNumbered) return
    this.#cancelled ??= new Set()
    this.#cancelled.add(message)
  }

  /** Leaves out what was cancelled; maybe nothing is left. A call to `sendMany` cancels all or nothing. */
  dropCancelled(): void {
    const cancelled = this.#cancelled
    if (cancelled === undefined) return
    this.#cancelled = undefined
    const kept = [...this.#messages.keys()].filter(
      (i) => !cancelled.has(this.#messages[i] as Message),
    )
    const indexOf = new Map(kept.map((before, after) => [before, after]))
    this.#calls = this.#calls.flatMap(({ call, from, to }) => {
      const start = indexOf.get(from)
      return start === undefined ? [] : [{ call, from: start, to: start + to - from }]
    })
    this.#messages = kept.map((i) => this.#messages[i] as Message)
    this.#resolves = kept.map((i) => this.#resolves[i])
    this.#rejects = kept.map((i) => this.#rejects[i])
  }

  /** Gives the messages their numbers, once. */
  numberMessages(producerId: string, baseMessageNumber: number): void {
    this.#producerId = producerId
    this.#baseMessageNumber = baseMessageNumber
  }

  /** The record batch for that queue under its present number; encoded once for each of these. */
  encode(queueId: number): Buffer {
    const number = this.number
    assert.ok(number !== undefined && this.isNumbered, 'a batch is numbered before it is encoded')
    if (this.#encoded?.number === number && this.#encoded.queueId === queueId) {
      return this.#encoded.bytes
    }
    const bytes = encodeBatch({
      topic: this.topic,
      queueId,
      producer: {
        producerId: this.#producerId,
        producerEpoch: number.producerEpoch,
        sequence: number.sequence,
        baseMessageNumber: this.#baseMessageNumber,
      },
      bornTimeMs: this.#bornTimeMs,
      messages: this.#messages,
      compression: this.compression,
    })
    this.#encoded = { number, queueId, bytes }
    return bytes
  }

  resolve(place: StoredPlace): void {
    this.#settle(place)
    const resolves = this.#resolves
    const identity = this.#identity()
    for (let i = 0; i < resolves.length; i++) resolves[i]?.(new SendReceipt(identity, i, place))
    for (const { call, from, to } of this.#calls) call.settled(this, { from, to })
    this.#forget()
  }

  reject(error: CometError): void {
    this.#settle(error)
    for (const reject of this.#rejects) reject?.(error)
    for (const { call, from, to } of this.#calls) call.settled(this, { from, to })
    this.#forget()
  }

  /** Of messages `[from, to)` of a stored batch, while `settled` is called. */
  receipts(
    range: { readonly from: number; readonly to: number },
    place: StoredPlace,
  ): SendReceipt[] {
    const identity = this.#identity()
    const receipts: SendReceipt[] = []
    for (let i = range.from; i < range.to; i++) receipts.push(new SendReceipt(identity, i, place))
    return receipts
  }

  #identity(): BatchIdentity {
    const hasOwnIds = this.#messages.some(({ messageId }) => messageId !== undefined)
    return {
      producerId: this.#producerId,
      baseMessageNumber: this.#baseMessageNumber,
      ownIds: hasOwnIds ? this.#messages.map(({ messageId }) => messageId) : undefined,
    }
  }

  #settle(outcome: StoredPlace | CometError): void {
    assert.equal(this.#outcome, undefined, 'a batch is settled once')
    this.#outcome = outcome
  }

  /** It may stay in a window for a while; its messages need not. */
  #forget(): void {
    this.#encoded = undefined
    this.#resolves = []
    this.#rejects = []
    this.#calls = []
  }
}

interface Encoded {
  readonly number: SequenceNumber
  readonly queueId: number
  readonly bytes: Buffer
}
