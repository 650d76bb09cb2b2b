import {
  CometError,
  checkProducerBatch,
  errorTable,
  type PublishRequest,
  type PublishResponse,
  type PublishResult,
  RecordBatch,
  type TopicDefinition,
  toCometError,
} from '@cometmq/protocol'
import type { Clock, Logger, MessageStream, Timer } from '@cometmq/runtime'
import type { AppendLevel, AppendReceipt, MessageStore } from '@cometmq/store'
import type { BrokerCounters } from '../broker-counters.ts'
import type { TopicRegistry } from '../topic-registry.ts'
import { appendLevelOf, type CopiesAwaited, replicationTimeout } from './ack-level.ts'
import type { PublishBudget } from './publish-budget.ts'

export interface IntakePorts {
  readonly clock: Pick<Clock, 'elapsedMs' | 'schedule'>
  readonly store: Pick<MessageStore, 'append'>
  readonly topics: Pick<TopicRegistry, 'needQueue'>
  readonly counters: BrokerCounters
  readonly log: Logger
  /** Of a broker group of several members. */
  readonly copies?: () => CopiesAwaited | undefined
}

/** What a batch costs beside its bytes, so that millions of empty ones count as well. */
const SLOT_BYTES = 512

/** A batch that was taken, and its result once that is known. */
interface Slot {
  readonly costBytes: number
  readonly messageCount: number
  /** By the elapsed clock: then it is answered that it is not confirmed yet. */
  deadlineMs: number
  result: PublishResult | undefined
}

/**
 * One `Publish` stream: batches in, results out in the same order.
 *
 * Results that become known in one turn travel in one message. The stream is paused while it holds
 * too much, while all streams together do, and while its peer does not read the results.
 */
export class PublishStream {
  readonly #ports: IntakePorts
  readonly #budget: PublishBudget
  readonly #stream: MessageStream<PublishResponse, PublishRequest>
  /** Invariant: the oldest comes first; slots leave from the front, in order, with their result. */
  readonly #slots: Slot[] = []
  readonly #regulate = (): void => this.#pauseOrResume()
  #closed: () => void = () => {}
  #pendingBytes = 0
  #answering = false
  /** For the first slot with a deadline. */
  #timer: Timer | undefined
  #paused = false
  /** The peer does not take results for now. */
  #blocked = false
  #peerEnded = false
  #over = false

  constructor(
    ports: IntakePorts,
    budget: PublishBudget,
    stream: MessageStream<PublishResponse, PublishRequest>,
  ) {
    this.#ports = ports
    this.#budget = budget
    this.#stream = stream
  }

  /** `closed` is called when the stream has ended, however it did. */
  start(closed: () => void): void {
    this.#closed = closed
    this.#stream.receive({
      message: (request) => this.#take(request),
      ended: () => {
        this.#peerEnded = true
        this.#endWhenAnswered()
      },
      failed: () => this.#finish(),
    })
    this.#pauseOrResume()
  }

  /** Sends what is known and ends. */
  end(): void {
    this.#peerEnded = true
    this.#answer()
  }

  #pauseOrResume(): void {
    const { limits, isFull } = this.#budget
    if (this.#over) return
    if (isFull) this.#budget.wait(this.#regulate)
    const pause = isFull || this.#blocked || this.#pendingBytes > limits.maxPendingBytesPerStream
    if (pause === this.#paused) return
    this.#paused = pause
    if (pause) this.#stream.pause()
    else this.#stream.resume()
  }

  #take(request: PublishRequest): void {
    if (this.#over) return
    for (const bytes of request.batches) this.#takeBatch(bytes)
    this.#pauseOrResume()
  }

  #takeBatch(bytes: Buffer): void {
    const { refusal } = this.#budget
    const copies = this.#ports.copies?.()
    let batch: RecordBatch
    let level: AppendLevel
    try {
      if (refusal !== undefined) throw refusal
      batch = parseBatch(bytes)
      level = appendLevelOf(this.#topicOf(batch), copies)
    } catch (thrown) {
      this.#refuse(this.#openSlot(bytes.length, 0), thrown)
      return
    }
    const slot = this.#openSlot(bytes.length, batch.messageCount)
    if (copies !== undefined && level === 'confirmed') this.#limit(slot)
    this.#ports.store.append({ records: [{ kind: 'batch', batch, idempotent: true }] }, level).then(
      (receipt) => this.#stored(slot, receipt),
      (thrown: unknown) => this.#refuse(slot, thrown),
    )
  }

  #topicOf(batch: RecordBatch): TopicDefinition {
    const topic = this.#ports.topics.needQueue(batch.topic, batch.queueId)
    if (topic.writable) return topic
    throw new CometError(
      'NOT_ALLOWED',
      `topic "${topic.topic}" takes no messages: it is not writable`,
    )
  }

  #openSlot(bytes: number, messageCount: number): Slot {
    const slot: Slot = {
      costBytes: bytes + SLOT_BYTES,
      messageCount,
      deadlineMs: Number.POSITIVE_INFINITY,
      result: undefined,
    }
    this.#slots.push(slot)
    this.#pendingBytes += slot.costBytes
    this.#budget.took(slot.costBytes)
    return slot
  }

  /** Deadlines come in the order of the slots. */
  #limit(slot: Slot): void {
    const { syncTimeoutMs } = this.#budget.limits
    slot.deadlineMs = this.#ports.clock.elapsedMs() + syncTimeoutMs
    this.#timer ??= this.#ports.clock.schedule(syncTimeoutMs, () => this.#timeOut())
  }

  #timeOut(): void {
    this.#timer = undefined
    if (this.#over) return
    const { clock } = this.#ports
    const nowMs = clock.elapsedMs()
    for (const slot of this.#slots) {
      if (slot.result !== undefined || slot.deadlineMs === Number.POSITIVE_INFINITY) continue
      if (slot.deadlineMs > nowMs) {
        this.#timer = clock.schedule(slot.deadlineMs - nowMs, () => this.#timeOut())
        return
      }
      this.#refuse(slot, replicationTimeout(this.#budget.limits.syncTimeoutMs))
    }
  }

  #stored(slot: Slot, receipt: AppendReceipt): void {
    const { counters } = this.#ports
    const [record] = receipt.records
    const duplicate = record?.duplicate ?? false
    if (duplicate) counters.batchesRepeated++
    else {
      counters.messagesIn += slot.messageCount
      counters.bytesIn += slot.costBytes - SLOT_BYTES
    }
    // Its time was up before.
    if (slot.result !== undefined) return
    slot.result = {
      error: 0,
      message: '',
      baseQueueOffset: record?.baseQueueOffset ?? 0,
      epoch: receipt.epoch,
      duplicate,
      retryAfterMs: 0,
    }
    this.#answerSoon()
  }

  #refuse(slot: Slot, thrown: unknown): void {
    if (slot.result !== undefined) return
    const error = toCometError(thrown)
    if (error.code === 'INTERNAL') {
      this.#ports.log.error({ error: error.cause ?? error }, 'a batch failed unexpectedly')
    }
    this.#ports.counters.batchesRefused++
    slot.result = {
      error: errorTable[error.code].id,
      message: error.message,
      baseQueueOffset: 0,
      epoch: 0,
      duplicate: false,
      retryAfterMs: error.retryAfterMs ?? 0,
    }
    this.#answerSoon()
  }

  /** The store answers all appends of a group commit in one turn; this runs after the last of them. */
  #answerSoon(): void {
    if (this.#answering) return
    this.#answering = true
    queueMicrotask(() => {
      this.#answering = false
      this.#answer()
    })
  }

  #answer(): void {
    const results: PublishResult[] = []
    let bytes = 0
    for (const slot of this.#slots) {
      if (slot.result === undefined) break
      results.push(slot.result)
      bytes += slot.costBytes
    }
    if (results.length > 0) {
      this.#slots.splice(0, results.length)
      this.#pendingBytes -= bytes
      if (!this.#over && !this.#stream.send({ results })) void this.#waitForReader()
      this.#budget.answered(bytes, results.length)
      this.#pauseOrResume()
    }
    this.#endWhenAnswered()
  }

  async #waitForReader(): Promise<void> {
    if (this.#blocked) return
    this.#blocked = true
    await this.#stream.writable()
    this.#blocked = false
    this.#pauseOrResume()
  }

  #endWhenAnswered(): void {
    if (!this.#peerEnded || this.#slots.length > 0 || this.#over) return
    this.#stream.end()
    this.#finish()
  }

  /** Batches on their way to the disk go on; their results are dropped. */
  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#timer?.cancel()
    this.#budget.stopWaiting(this.#regulate)
    this.#closed()
  }
}

/** Everything a broker checks of a batch before it trusts it. */
function parseBatch(bytes: Buffer): RecordBatch {
  const batch = RecordBatch.parse(bytes)
  if (batch.totalBytes !== bytes.length) {
    throw new CometError(
      'MALFORMED_BATCH',
      `a batch says it has ${batch.totalBytes} bytes, ${bytes.length} arrived`,
    )
  }
  checkProducerBatch(batch)
  return batch
}
