import { CometError, type Delivery, type RecordBatch } from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import { Grant } from './grant.ts'
import type { Lease } from './message-state.ts'
import { OrderedGrant } from './ordered-grant.ts'
import type { QueueProgress } from './queue-progress.ts'
import type { RetryEntry } from './retry-entry.ts'
import type { Session } from './sessions.ts'
import type { TopicDelivery } from './topic-delivery.ts'

/** After a failed read the queue rests so long; the message is corrupt here, or the store stops. */
const READ_RETRY_MS = 1_000

/** What the dispatcher needs of its group. */
export interface Dispatched {
  readonly name: string
  readonly topics: ReadonlyMap<string, TopicDelivery>
  /** Nothing may be granted now: paused, or leaving. */
  readonly isHeldBack: boolean
  /** Just started: retries wait, for members of before may have them. */
  readonly awaitsMembers: boolean
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
    const from = queue?.nextRead()
    if (queue === undefined || session === undefined || from === undefined) return false
    const budget = session.readBytes(config.frameMaxBytes)
    session.reservedBytes += budget
    queue.isReading = true
    void this.#readQueue(topic, queue, { session, from, budget })
    return true
  }

  /** So much credit the next delivery of the queue takes: with less, reading it would be in vain. */
  #neededBytes(queue: QueueProgress): number {
    const next = queue.nextRead()
    const known = next === undefined ? next : this.#context.store.recordBytesAt(queue.stored, next)
    return Math.max(1, known ?? queue.neededBytes)
  }

  /** What stops a queue here makes it hot again when it is over. */
  #mayRead(queue: QueueProgress): boolean {
    const { config, clock } = this.#context
    const { table } = queue
    if (queue.retryAtMs > clock.elapsedMs()) return false
    if (table.spanCount >= config.spansMax) return false
    if (table.counts.inFlight >= config.inFlightMaxMessages) return false
    return queue.nextRead() !== undefined
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
      if (queue.nextRead() !== undefined) topic.heat(queue)
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
    const from = queue.nextRead()
    const first = batches.find(
      (batch) => from !== undefined && batch.baseQueueOffset + batch.messageCount > from,
    )
    if (first === undefined || this.#group.isHeldBack) return
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
    const grant = this.#grantFor(topic, queue, session)
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
      attempt: grant.lease.attempts + 1,
      invisibleMs: this.#invisibleMs(session),
      ranges: grant.ranges,
      batches: grant.batches,
    })
    this.#group.alarm(grant.lease.deadlineMs)
  }

  #grantFor(topic: TopicDelivery, queue: QueueProgress, session: Session): Grant | OrderedGrant {
    const wanted = {
      filter: topic.filter,
      leaseFor: (attempts: number) => this.#leaseFor(session, attempts),
      maxMessages: session.creditMessages,
    }
    const { table, order } = queue
    if (order !== undefined) return new OrderedGrant(table, order, wanted)
    return new Grant(table, wanted)
  }

  #startRetry(topic: TopicDelivery): boolean {
    if (this.#group.awaitsMembers) return false
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
