import { type MessageFilter, retryTopicOf, TagFilter } from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import type { DeliveryContext } from './context.ts'
import { decodeProgressRow, type ProgressRow } from './progress-row.ts'
import { keysOf, PROGRESS_TABLE, QueueProgress, queueIdOfProgressKey } from './queue-progress.ts'
import { RETRIES_TABLE, type RetryEntry } from './retry-entry.ts'
import { RetryQueue } from './retry-queue.ts'
import type { Session } from './sessions.ts'
import type { Source } from './source.ts'

/** Above so many, a member that holds little is preferred to the one that has the queue. */
const BUSY_MESSAGES = 16

export interface TopicDeliveryParts {
  readonly group: string
  readonly topic: string
  /** For now nothing below is granted; see `StartHold`. */
  readonly heldBelow: (queue: QueueKey) => number
  readonly onQueueStirred: (queue: QueueProgress) => void
  readonly onEntryStirred: (entry: RetryEntry) => void
  readonly onRefilled: () => void
}

/**
 * One topic as one group reads it: its queues, its retries, and who takes its messages. In memory
 * while the group has members for it.
 */
export class TopicDelivery {
  readonly topic: string
  readonly retries: RetryQueue
  filter: MessageFilter = TagFilter.all
  /** Members being admitted: it must stay in memory for them. */
  pins = 0
  readonly #group: string
  readonly #context: DeliveryContext
  readonly #queues = new Map<number, QueueProgress>()
  readonly #hot: QueueProgress[] = []
  readonly #members: Session[] = []
  /** Where the search for a member starts, so that equals take turns. */
  #turn = 0
  readonly #onStirred: (queue: QueueProgress) => void
  readonly #heldBelow: TopicDeliveryParts['heldBelow']

  private constructor(context: DeliveryContext, parts: TopicDeliveryParts) {
    this.topic = parts.topic
    this.#group = parts.group
    this.#context = context
    this.#onStirred = parts.onQueueStirred
    this.#heldBelow = parts.heldBelow
    this.retries = new RetryQueue({
      group: parts.group,
      topic: parts.topic,
      stored: { topic: retryTopicOf(parts.group), queueId: 0 },
      table: context.store.table(RETRIES_TABLE),
      clock: context.clock,
      log: context.log,
      windowMax: context.config.retryWindow,
      onStirred: parts.onEntryStirred,
      onRefilled: parts.onRefilled,
    })
  }

  /** Reads the rows of the group and topic. Nothing may write them meanwhile. */
  static async load(context: DeliveryContext, parts: TopicDeliveryParts): Promise<TopicDelivery> {
    const topic = new TopicDelivery(context, parts)
    const table = context.store.table(PROGRESS_TABLE)
    for await (const [key, value] of table.entries(keysOf(parts.group, parts.topic))) {
      topic.#add(queueIdOfProgressKey(key), decodeProgressRow(value))
    }
    await topic.retries.load()
    return topic
  }

  /** Takes in what the queues hold by now, and what is held back. A queue without a row was empty when the group came. */
  refresh(): void {
    const queueCount = this.#context.topics.get(this.topic)?.queueCount ?? 0
    for (let queueId = 0; queueId < queueCount; queueId++) {
      const bounds = this.#context.store.bounds({ topic: this.topic, queueId })
      if (bounds === undefined || bounds.maxOffset === 0) continue
      const queue = this.queue(queueId)
      queue.table.raiseMax(bounds.maxOffset)
      this.heat(queue)
    }
    for (const queue of this.#queues.values()) queue.table.holdBelow(this.#heldBelow(queue.stored))
  }

  get queues(): IterableIterator<QueueProgress> {
    return this.#queues.values()
  }

  /** Everything of it that may be leased or moving. */
  *sources(): Generator<Source> {
    yield* this.#queues.values()
    for (const entry of this.retries.entries) if (!entry.isPristine) yield entry
  }

  get members(): readonly Session[] {
    return this.#members
  }

  /** Whether the topic may be read now; the engine wakes its readers when that changes. */
  get isReadable(): boolean {
    return this.#context.topics.get(this.topic)?.readable === true
  }

  /** Nobody reads it, and nothing of it is under way. */
  get isIdle(): boolean {
    if (this.#members.length > 0 || this.pins > 0 || this.retries.counts.inFlight > 0) return false
    return [...this.#queues.values()].every(
      (queue) => !queue.isReading && queue.table.counts.inFlight === 0,
    )
  }

  /** The queue, if it is known. */
  known(queueId: number): QueueProgress | undefined {
    return this.#queues.get(queueId)
  }

  /** The queue; one that appears later is read from its start. */
  queue(queueId: number): QueueProgress {
    return (
      this.#queues.get(queueId) ?? this.#add(queueId, { doneBelow: 0, done: [], attempted: [] })
    )
  }

  join(session: Session): void {
    if (!this.#members.includes(session)) this.#members.push(session)
  }

  part(session: Session): void {
    const index = this.#members.indexOf(session)
    if (index >= 0) this.#members.splice(index, 1)
    for (const queue of this.#queues.values()) {
      if (queue.owner !== session) continue
      queue.owner = undefined
      session.ownedQueues--
    }
  }

  /** The queue may have something to deliver. */
  heat(queue: QueueProgress): void {
    if (queue.isHot || queue.isReading || queue.isDropped) return
    queue.isHot = true
    this.#hot.push(queue)
  }

  get hotCount(): number {
    return this.#hot.length
  }

  takeHot(): QueueProgress | undefined {
    const queue = this.#hot.shift()
    if (queue !== undefined) queue.isHot = false
    return queue
  }

  /** How many members could be sent something. */
  get takers(): number {
    let takers = 0
    for (const session of this.#members) if (session.canTake(1)) takers++
    return takers
  }

  /**
   * Who gets the next `bytes` of the queue: whoever had it last, unless somebody else has clearly
   * less to do, or no queue while that one has several.
   */
  choose(bytes: number, queue?: QueueProgress): Session | undefined {
    let [idlest, poorest]: (Session | undefined)[] = []
    const count = this.#members.length
    const start = this.#turn
    for (let i = 0; i < count; i++) {
      const session = this.#members[(start + i) % count] as Session
      if (!session.canTake(bytes)) continue
      if (idlest === undefined || isLess(session, idlest)) idlest = session
      if (poorest === undefined || session.ownedQueues < poorest.ownedQueues) poorest = session
    }
    const owner = queue?.owner
    if (idlest === undefined || poorest === undefined || owner === undefined) return idlest
    if (!owner.canTake(bytes)) return idlest
    if (owner.ownedQueues > poorest.ownedQueues + 1) return poorest
    const isBusier =
      (idlest.held === 0 && owner.held > 0) || owner.held > 2 * idlest.held + BUSY_MESSAGES
    return isBusier ? idlest : owner
  }

  /** Somebody got something: among equals it is another one's turn. */
  served(): void {
    this.#turn++
  }

  own(queue: QueueProgress, session: Session): void {
    if (queue.owner === session) return
    if (queue.owner !== undefined) queue.owner.ownedQueues--
    queue.owner = session
    session.ownedQueues++
  }

  drop(): void {
    for (const queue of this.#queues.values()) {
      queue.isDropped = true
      if (queue.owner !== undefined) queue.owner.ownedQueues--
    }
    this.#members.length = 0
    this.retries.drop()
    this.#hot.length = 0
  }

  #add(queueId: number, row: ProgressRow): QueueProgress {
    const key = { topic: this.topic, queueId }
    const bounds = this.#context.store.bounds(key)
    const fifo = this.#context.groups.get(this.#group)?.fifo === true
    const queue = new QueueProgress({
      group: this.#group,
      queue: key,
      row,
      maxOffset: bounds?.maxOffset ?? 0,
      lookAheadMax: fifo ? this.#context.config.fifoLookAheadMax : undefined,
      onStirred: this.#onStirred,
    })
    queue.table.holdBelow(this.#heldBelow(key))
    const lost = queue.table.raiseMin(bounds?.minOffset ?? 0)
    if (lost > 0) this.noteLoss(queue, lost)
    this.#queues.set(queueId, queue)
    this.heat(queue)
    return queue
  }

  /** Messages that the group had not done have been deleted: they count as done, and we say so. */
  noteLoss(queue: QueueProgress, messages: number): void {
    const fields = { group: this.#group, ...queue.stored, messages }
    this.#context.log.warn(fields, 'retention deleted messages that the group had not done')
    this.#context.loop.touch(queue)
  }
}

function isLess(left: Session, right: Session): boolean {
  return (
    left.held < right.held || (left.held === right.held && left.ownedQueues < right.ownedQueues)
  )
}
