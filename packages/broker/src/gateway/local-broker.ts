import {
  CometError,
  type GroupDefinition,
  parseFilter,
  type TopicDefinition,
} from '@cometmq/protocol'
import type {
  Consumer,
  HeldMessage,
  LocalBroker,
  Queue,
  ReadOutcome,
  ReadRequest,
  Receipt,
  ReceiptAction,
  ReceiptOutcome,
  Received,
  ReceiveRequest,
  Segment,
  TopicSubscription,
} from '@cometmq/gateway'
import type { RecordBatch } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import type { GroupRegistry } from '../group-registry.ts'
import type { Delivering } from '../stand-in/stand-in-duties.ts'
import type { PopDoor } from '../pop/pop-door.ts'
import type { MessageIntake } from '../produce/message-intake.ts'
import type { PositionStore } from '../read/positions.ts'
import type { QueueWakeups } from '../read/queue-wakeups.ts'
import { checkOffset, checkSettled, type Extent, type Standing } from '../read/standing.ts'
import { wantedBatches } from '../read/wanted-batches.ts'
import type { TopicRegistry } from '../topic-registry.ts'

export interface LocalBrokerParts {
  readonly brokerName: string
  readonly clock: Clock
  readonly store: MessageStore
  readonly topics: TopicRegistry
  readonly groups: GroupRegistry
  readonly delivering: Delivering
  readonly intake: MessageIntake
  readonly wakeups: QueueWakeups
  readonly positions: PositionStore
  readonly standing: () => Standing
}

const READ_BYTES = 512 * 1024

/** This broker, as the gateway on its port uses it. */
export class GatewayBroker implements LocalBroker {
  readonly #parts: LocalBrokerParts

  constructor(parts: LocalBrokerParts) {
    this.#parts = parts
  }

  get brokerName(): string {
    return this.#parts.brokerName
  }

  get #door(): PopDoor {
    return this.#parts.delivering.need().door
  }

  topic(name: string): TopicDefinition | undefined {
    return this.#parts.topics.get(name)
  }

  group(name: string): GroupDefinition | undefined {
    return this.#parts.groups.get(name)
  }

  append(batches: readonly RecordBatch[]): Promise<readonly number[]> {
    return this.#parts.intake.append(batches)
  }

  async subscribe(consumer: Consumer, topics: readonly TopicSubscription[]): Promise<void> {
    return this.#door.subscribe(consumer, topics)
  }

  async receive(request: ReceiveRequest): Promise<Received | undefined> {
    return this.#door.receive(request)
  }

  async settle(receipt: Receipt, action: ReceiptAction): Promise<ReceiptOutcome> {
    return this.#door.settle(receipt, action)
  }

  async receiptOf(held: HeldMessage): Promise<Receipt | undefined> {
    return this.#door.receiptOf(held)
  }

  clientGone(clientId: string): void {
    this.#parts.delivering.present?.door.clientGone(clientId)
  }

  async read(request: ReadRequest): Promise<ReadOutcome> {
    const { clock } = this.#parts
    const untilMs = clock.elapsedMs() + request.waitMs
    let from = request.offset
    for (;;) {
      const outcome = await this.#readOnce(request, from)
      if (outcome.kind === 'out-of-range') return outcome
      from = outcome.next
      const waitMs = untilMs - clock.elapsedMs()
      if (outcome.segments.length > 0 || waitMs <= 0 || request.signal.aborted) return outcome
      if (this.#extentOf(request).maxOffset <= from) await this.#news(request, from, waitMs)
    }
  }

  bounds(queue: Queue): Extent {
    checkSettled(this.#parts.standing())
    return this.#extentOf(queue)
  }

  async offsetAtTime({ topic, queueId }: Queue, timestampMs: number): Promise<number> {
    this.#parts.topics.needQueue(topic, queueId)
    checkSettled(this.#parts.standing())
    return this.#parts.store.offsetAtTime({ topic, queueId }, timestampMs)
  }

  position(group: string, { topic, queueId }: Queue): number | undefined {
    return this.#parts.positions.read({ name: group, topic, queueId })
  }

  async setPosition(group: string, queue: Queue, offset: number): Promise<void> {
    const { topic, queueId } = queue
    const { positions } = this.#parts
    if (positions.refusal !== undefined) throw positions.refusal
    const { maxOffset } = this.#extentOf(queue)
    if (offset > maxOffset) {
      throw new CometError('OFFSET_OUT_OF_RANGE', `the queue ends at ${maxOffset}`)
    }
    await positions.keep([{ name: group, topic, queueId, offset }])
  }

  #extentOf({ topic, queueId }: Queue): Extent {
    this.#parts.topics.needQueue(topic, queueId)
    return this.#parts.store.bounds({ topic, queueId }) ?? { minOffset: 0, maxOffset: 0 }
  }

  async #readOnce(request: ReadRequest, from: number): Promise<ReadOutcome> {
    const { store } = this.#parts
    const { topic, queueId } = request
    const extent = this.#extentOf(request)
    const { minOffset, maxOffset } = extent
    if (from < minOffset) return { kind: 'out-of-range', nearest: minOffset }
    const standing = this.#parts.standing()
    // What a slave has not heard of may be there all the same.
    if (standing !== 'master') checkOffset(standing, request, { offset: from, ...extent })
    else if (from > maxOffset) return { kind: 'out-of-range', nearest: maxOffset }
    const read = await store.read({ topic, queueId }, { from, maxBytes: READ_BYTES })
    if (read.kind === 'too-old') return { kind: 'out-of-range', nearest: read.minOffset }
    if (read.kind === 'caught-up') return { kind: 'messages', segments: [], next: from }
    const filter = parseFilter(request)
    const segments: Segment[] = []
    let left = request.maxMessages
    let next: number = read.next
    for (const batch of read.batches) {
      const { ranges } = wantedBatches(filter, { batches: [batch], from })
      const base = batch.baseQueueOffset
      for (let i = 0; i < ranges.length; i += 2) {
        const [first, end] = [ranges[i] as number, ranges[i + 1] as number]
        if (left === 0) return { kind: 'messages', segments, next: Math.min(next, first) }
        const to = Math.min(end, first + left)
        segments.push({ batch, from: first - base, to: to - base, offset: first })
        left -= to - first
        if (to < end) next = Math.min(next, to)
      }
      if (next < read.next) break
    }
    return { kind: 'messages', segments, next }
  }

  /** Resolves when the queue has more, or the time is up. */
  #news(request: ReadRequest, from: number, waitMs: number): Promise<void> {
    const { clock, wakeups } = this.#parts
    const { topic, queueId, signal } = request
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', done)
        wakeups.cancel({ topic, queueId }, done)
        resolve()
      }
      const timer = clock.schedule(waitMs, done)
      signal.addEventListener('abort', done, { once: true })
      wakeups.wait({ topic, queueId }, done)
      if (this.#extentOf(request).maxOffset > from) done()
    })
  }
}
