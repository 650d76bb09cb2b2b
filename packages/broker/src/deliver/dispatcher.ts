import { CometError, type Delivery, type RecordBatch } from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import type { GrantedPart, Lease } from './lease-table.ts'
import type { QueueProgress } from './queue-progress.ts'
import type { RetryEntry } from './retry-entry.ts'
import type { Session } from './sessions.ts'
import type { TagFilter } from './tag-filter.ts'
import type { TopicDelivery } from './topic-delivery.ts'

/** After a failed read the queue rests so long; the message is corrupt here, or the store stops. */
const READ_RETRY_MS = 1_000

/** What the dispatcher needs of its group. */
export interface Dispatched {
  readonly name: string
  readonly topics: ReadonlyMap<string, TopicDelivery>
  /** Nothing may be granted now: paused, just started, or leaving. */
  readonly isHeldBack: boolean
  /** By default; a member may ask for another time. */
  readonly invisibleMs: number
  alarm(atMs: number): void
  /** Something of the entry has been leased. */
  leasedEntry(entry: RetryEntry): void
}

/**
 * Matches a group's ready messages with its members' credit.
 *
 * Reads ahead of nobody: a read is started for a member that can take what comes, is as large as
 * its credit allows, and what it brings is leased and sent in the turn in which it arrives.
 */
export class Dispatcher {
  readonly #context: DeliveryContext
  readonly #group: Dispatched
  #isScheduled = false
  readonly #wake = (): void => this.schedule()

  constructor(context: DeliveryContext, group: Dispatched) {
    this.#context = context
    this.#group = group
  }

  /** Runs in this turn, once, after whatever else happens in it. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#pump()
    })
  }

  /** Starts reads until there is nothing to read, nobody to take it, or no slot. Topics take turns. */
  #pump(): void {
    let isBusy = true
    while (isBusy && !this.#group.isHeldBack) {
      isBusy = false
      for (const topic of this.#group.topics.values()) {
        const started = this.#startOne(topic)
        if (started === 'no-slot') return
        isBusy ||= started === 'started'
      }
    }
    this.#context.slots.offer()
  }

  #startOne(topic: TopicDelivery): 'started' | 'nothing' | 'no-slot' {
    if (topic.hotCount === 0 && !topic.retries.hasReady) return 'nothing'
    if (topic.takers === 0 || !topic.isReadable) return 'nothing'
    if (!this.#context.slots.take(this.#wake)) return 'no-slot'
    if (this.#startRetry(topic) || this.#startQueue(topic)) return 'started'
    this.#context.slots.release()
    return 'nothing'
  }

  #startQueue(topic: TopicDelivery): boolean {
    const { config } = this.#context
    const unfit: QueueProgress[] = []
    let session: Session | undefined
    let queue = topic.takeHot()
    for (; queue !== undefined; queue = topic.takeHot()) {
      if (this.#mayRead(queue)) {
        session = topic.choose(this.#neededBytes(queue), queue)
        if (session !== undefined) break
        unfit.push(queue)
      }
    }
    for (const other of unfit) topic.heat(other)
    const run = queue?.table.nextReady()
    if (queue === undefined || session === undefined || run === undefined) return false
    const budget = session.readBytes(config.frameMaxBytes)
    session.reservedBytes += budget
    queue.isReading = true
    void this.#readQueue(topic, queue, { session, from: run.from, budget })
    return true
  }

  /** So much credit the next delivery of the queue takes: with less, reading it would be in vain. */
  #neededBytes(queue: QueueProgress): number {
    const next = queue.table.nextReady()
    const known = next && this.#context.store.recordBytesAt(queue.stored, next.from)
    return Math.max(1, known ?? queue.neededBytes)
  }

  /** What stops a queue here makes it hot again when it is over. */
  #mayRead(queue: QueueProgress): boolean {
    const { config, clock } = this.#context
    const { table } = queue
    if (queue.retryAtMs > clock.elapsedMs()) return false
    if (table.spanCount >= config.spansMax) return false
    if (table.counts.inFlight >= config.inFlightMaxMessages) return false
    return table.nextReady() !== undefined
  }

  async #readQueue(
    topic: TopicDelivery,
    queue: QueueProgress,
    plan: { readonly session: Session; readonly from: number; readonly budget: number },
  ): Promise<void> {
    const { store, slots } = this.#context
    const { session, from, budget } = plan
    try {
      const result = await store.read(queue.stored, { from, maxBytes: budget })
      session.reservedBytes -= budget
      queue.isReading = false
      if (!queue.isDropped) this.#takeQueue(topic, queue, { session, result })
    } catch (thrown) {
      session.reservedBytes -= budget
      queue.isReading = false
      this.#rest(queue, thrown)
    } finally {
      slots.release()
      if (queue.table.nextReady() !== undefined) topic.heat(queue)
      this.schedule()
    }
  }

  #takeQueue(
    topic: TopicDelivery,
    queue: QueueProgress,
    read: {
      readonly session: Session
      readonly result: Awaited<ReturnType<DeliveryContext['store']['read']>>
    },
  ): void {
    const { session, result } = read
    switch (result.kind) {
      case 'too-old': {
        const lost = queue.table.raiseMin(result.minOffset)
        if (lost > 0) topic.noteLoss(queue, lost)
        return
      }
      case 'caught-up':
        this.#rest(queue, 'the queue ends before its bounds')
        return
      case 'batches':
        this.#handOut(topic, queue, { session, batches: result.batches })
        return
    }
  }

  /** State may have changed since the read began: who is there and what is ready is asked anew. */
  #handOut(
    topic: TopicDelivery,
    queue: QueueProgress,
    read: { readonly session: Session; readonly batches: readonly RecordBatch[] },
  ): void {
    const { batches } = read
    const ready = queue.table.nextReady()
    const first = batches.find(
      (batch) => ready !== undefined && batch.baseQueueOffset + batch.messageCount > ready.from,
    )
    if (ready === undefined || first === undefined || this.#group.isHeldBack) return
    // Read for a member that is blocked by now, it is sent all the same: it is within its credit, and
    // several reads for one member end while the first of them fills its connection.
    const { totalBytes } = first
    const reader = read.session.canFinish(totalBytes) ? read.session : undefined
    const session = topic.choose(totalBytes, queue) ?? reader
    if (session === undefined) {
      queue.neededBytes = first.totalBytes
      return
    }
    queue.neededBytes = 0
    const lease = this.#leaseFor(session, ready.attempts)
    const grant = new Grant(queue, topic.filter, lease, session.creditMessages)
    // Little is shared out fairly; much goes by frames.
    const share = Math.ceil(queue.table.counts.ready / Math.max(1, topic.takers))
    for (const batch of batches) {
      const isFull = grant.bytes + batch.totalBytes > session.freeBytes || grant.messages >= share
      if (grant.bytes > 0 && (isFull || grant.isComplete)) break
      grant.add(batch)
    }
    if (grant.skipped > 0) this.#context.loop.touch(queue)
    if (grant.bytes === 0) return
    topic.own(queue, session)
    topic.served()
    this.#send(session, grant.bytes, {
      topic: queue.topic,
      queueId: queue.stored.queueId,
      retry: false,
      attempt: ready.attempts + 1,
      invisibleMs: this.#invisibleMs(session),
      ranges: grant.ranges,
      batches: grant.batches,
    })
    this.#group.alarm(lease.deadlineMs)
  }

  #startRetry(topic: TopicDelivery): boolean {
    const entry = topic.retries.takeReady((bytes) => topic.choose(bytes) !== undefined)
    if (entry === undefined) return false
    void this.#readRetry(topic, entry)
    return true
  }

  async #readRetry(topic: TopicDelivery, entry: RetryEntry): Promise<void> {
    const { store, slots } = this.#context
    try {
      const result = await store.read(entry.stored, { from: entry.storedFrom, maxBytes: 1 })
      const batch = result.kind === 'batches' ? result.batches[0] : undefined
      if (batch !== undefined) this.#handOutRetry(topic, entry, batch)
      else if (result.kind === 'too-old') this.#loseRetry(entry)
      else throw new CometError('INTERNAL', 'a retry is not in its queue')
      topic.retries.settle(entry)
    } catch (thrown) {
      this.#logFailedRead(entry, thrown)
      topic.retries.postpone(entry, READ_RETRY_MS)
      this.#group.alarm(topic.retries.nextDueMs)
    } finally {
      slots.release()
      this.schedule()
    }
  }

  #handOutRetry(topic: TopicDelivery, entry: RetryEntry, batch: RecordBatch): void {
    const ready = entry.table.nextReady()
    if (entry.isDropped || ready === undefined || this.#group.isHeldBack) return
    // It was appended anew while it was read.
    if (batch.baseQueueOffset !== entry.from) return
    const session = topic.choose(batch.totalBytes)
    if (session === undefined) {
      entry.neededBytes = batch.totalBytes
      return
    }
    topic.served()
    const lease = this.#leaseFor(session, ready.attempts)
    const ranges: number[] = []
    let left = session.creditMessages
    for (const run of entry.table.readyWithin(entry.from, entry.to, ready.attempts)) {
      const { from } = run
      const to = Math.min(run.to, from + left)
      if (to === from) break
      entry.table.lease([{ from, to, isSkipped: false }], lease)
      ranges.push(from, to)
      left -= to - from
    }
    this.#group.leasedEntry(entry)
    this.#send(session, batch.totalBytes, {
      topic: entry.topic,
      queueId: entry.stored.queueId,
      retry: true,
      attempt: ready.attempts + 1,
      invisibleMs: this.#invisibleMs(session),
      ranges,
      batches: [batch.bytes],
    })
    this.#group.alarm(lease.deadlineMs)
  }

  #loseRetry(entry: RetryEntry): void {
    const fields = { group: this.#group.name, topic: entry.topic, messages: entry.backlog }
    this.#context.log.warn(fields, 'retention deleted messages that waited for redelivery')
    entry.table.raiseMin(entry.to)
    this.#context.loop.touch(entry)
  }

  #leaseFor(session: Session, attempts: number): Lease {
    const deadlineMs = this.#context.clock.elapsedMs() + this.#invisibleMs(session)
    const lease: Lease = { kind: 'leased', holder: session, attempts, deadlineMs }
    return session.terms === undefined ? lease : { ...lease, pop: session.terms.lease }
  }

  #invisibleMs(session: Session): number {
    return session.terms?.invisibleMs || session.attachment.invisibleMs || this.#group.invisibleMs
  }

  #send(session: Session, bytes: number, delivery: Delivery): void {
    const { sink } = session.attachment
    session.creditBytes -= bytes
    if (sink.deliver(delivery)) return
    session.isBlocked = true
    void sink.writable().then(() => {
      if (session.attachment.sink !== sink) return
      session.isBlocked = false
      this.schedule()
    })
  }

  #rest(queue: QueueProgress, why: unknown): void {
    this.#logFailedRead(queue, why)
    queue.retryAtMs = this.#context.clock.elapsedMs() + READ_RETRY_MS
    this.#group.alarm(queue.retryAtMs)
  }

  #logFailedRead(of: { readonly stored: QueueProgress['stored'] }, why: unknown): void {
    const fields = { group: this.#group.name, ...of.stored, error: why }
    this.#context.log.error(fields, 'messages cannot be read; trying again')
  }
}

/** What one delivery leases, gathered batch by batch. Without a filter no message is looked at. */
class Grant {
  readonly ranges: number[] = []
  readonly batches: Buffer[] = []
  bytes = 0
  messages = 0
  skipped = 0
  readonly #queue: QueueProgress
  readonly #filter: TagFilter
  readonly #lease: Lease
  readonly #maxMessages: number

  constructor(queue: QueueProgress, filter: TagFilter, lease: Lease, maxMessages: number) {
    this.#queue = queue
    this.#filter = filter
    this.#lease = lease
    this.#maxMessages = maxMessages
  }

  get isComplete(): boolean {
    return this.messages >= this.#maxMessages
  }

  add(batch: RecordBatch): void {
    const base = batch.baseQueueOffset
    const end = base + batch.messageCount
    const runs = this.#queue.table.readyWithin(base, end, this.#lease.attempts)
    if (runs.length === 0) return
    const matches = this.#filter.matchesOf(batch)
    const messagesBefore = this.messages
    for (const { from, to } of runs) {
      if (this.isComplete) break
      const parts =
        typeof matches === 'string'
          ? [{ from, to, isSkipped: matches === 'none' }]
          : divide({ from, to }, (offset) => matches(offset - base))
      const granted = firstOf(parts, this.#maxMessages - this.messages)
      this.#queue.table.lease(granted, this.#lease)
      for (const part of granted) this.#note(part)
    }
    if (this.messages === messagesBefore) return
    this.batches.push(batch.bytes)
    this.bytes += batch.totalBytes
  }

  #note({ from, to, isSkipped }: GrantedPart): void {
    if (isSkipped) {
      this.skipped += to - from
      return
    }
    this.messages += to - from
    if (this.ranges.at(-1) === from) this.ranges[this.ranges.length - 1] = to
    else this.ranges.push(from, to)
  }
}

/** Cuts a run where wanted and unwanted messages meet. */
function divide(
  { from, to }: { readonly from: number; readonly to: number },
  isWanted: (offset: number) => boolean,
): GrantedPart[] {
  const parts: GrantedPart[] = []
  let start = from
  let wanted = isWanted(from)
  for (let offset = from + 1; offset < to; offset++) {
    if (isWanted(offset) === wanted) continue
    parts.push({ from: start, to: offset, isSkipped: !wanted })
    start = offset
    wanted = !wanted
  }
  parts.push({ from: start, to, isSkipped: !wanted })
  return parts
}

/** The parts up to the last wanted message that is within the number, with the unwanted before it. */
function firstOf(parts: readonly GrantedPart[], maxMessages: number): readonly GrantedPart[] {
  if (maxMessages === Number.POSITIVE_INFINITY) return parts
  let left = maxMessages
  const first: GrantedPart[] = []
  for (const part of parts) {
    if (part.isSkipped) {
      first.push(part)
      continue
    }
    if (left === 0) break
    const to = Math.min(part.to, part.from + left)
    left -= to - part.from
    first.push({ ...part, to })
    if (to < part.to) break
  }
  return first
}
