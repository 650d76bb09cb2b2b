import type { CometError, LeasedRange } from '@cometmq/protocol'
import { retryDelayMs } from '../group-definition.ts'
import type { DeliveryContext } from './context.ts'
import { type Dispatched, Dispatcher } from './dispatcher.ts'
import type { Lease } from './message-state.ts'
import type { QueueProgress } from './queue-progress.ts'
import { RangeMap, type Span } from './range-map.ts'
import type { RetryEntry, RetryRow } from './retry-entry.ts'
import { Session } from './sessions.ts'
import type { Source } from './source.ts'
import type { StartHold } from './start-hold.ts'
import { TopicDelivery } from './topic-delivery.ts'

/** A part of what somebody named, in the one lease table that knows it. */
export interface SourcePart {
  readonly source: Source
  readonly from: number
  readonly to: number
}

/**
 * One group at work: its members, and the topics they read. In memory while the group has members,
 * or anything under way.
 */
export class GroupDelivery implements Dispatched {
  readonly name: string
  readonly #context: DeliveryContext
  readonly #topics = new Map<string, TopicDelivery>()
  readonly #loading = new Map<string, Promise<TopicDelivery>>()
  readonly #sessions = new Map<string, Session>()
  /** Retry entries by the offsets that members were told. */
  readonly #entries = new RangeMap<RetryEntry>()
  /** Topics whose new messages the engine tells us of. */
  readonly #heard = new Set<string>()
  readonly #dispatcher: Dispatcher
  /** Until it is over members of before may come back for what they have. */
  #hold: StartHold | undefined
  #wakesAtMs = Number.POSITIVE_INFINITY
  #isDraining = false

  constructor(context: DeliveryContext, name: string, hold: StartHold | undefined) {
    this.#context = context
    this.name = name
    this.#hold = hold
    this.#dispatcher = new Dispatcher(context, this)
    if (hold !== undefined) this.alarm(hold.endsAtMs)
  }

  get topics(): ReadonlyMap<string, TopicDelivery> {
    return this.#topics
  }

  get sessions(): ReadonlyMap<string, Session> {
    return this.#sessions
  }

  get invisibleMs(): number {
    return this.#context.groups.need(this.name).invisibleMs
  }

  get isHeldBack(): boolean {
    if (this.#isDraining) return true
    // A group that has been deleted grants nothing.
    return this.#context.groups.get(this.name)?.paused !== false
  }

  get awaitsMembers(): boolean {
    return this.#hold !== undefined
  }

  get wakesAtMs(): number {
    return this.#wakesAtMs
  }

  /** Makes `sweep` run at that moment. */
  alarm(atMs: number): void {
    if (atMs >= this.#wakesAtMs) return
    this.#wakesAtMs = atMs
    this.#context.alarm(atMs)
  }

  /** Something may have become possible. */
  wake(): void {
    this.#dispatcher.schedule()
  }

  /** The topic with its rows. One call at a time for a group may change what it reads. */
  async load(topic: string): Promise<TopicDelivery> {
    const loaded = this.#topics.get(topic)
    if (loaded !== undefined) return loaded
    let loading = this.#loading.get(topic)
    if (loading === undefined) {
      loading = TopicDelivery.load(this.#context, {
        group: this.name,
        topic,
        heldBelow: (queue) => this.#hold?.newFrom(queue) ?? 0,
        onQueueStirred: (queue) => this.#queueStirred(queue),
        onEntryStirred: (entry) => this.#entryStirred(entry),
        onRefilled: () => this.#retriesChanged(topic),
      })
      this.#loading.set(topic, loading)
    }
    try {
      const delivery = await loading
      // Dropped while it was read: what was read may be gone.
      if (this.#loading.get(topic) !== loading) return await this.load(topic)
      if (this.#topics.get(topic) !== delivery) {
        this.#topics.set(topic, delivery)
        // What was appended while it was read has reached nobody.
        delivery.refresh()
        this.#retriesChanged(topic)
      }
      return delivery
    } finally {
      if (this.#loading.get(topic) === loading) this.#loading.delete(topic)
    }
  }

  /** New messages can be read. */
  appended(topic: string, queueId: number, maxOffset: number): void {
    const delivery = this.#topics.get(topic)
    if (delivery === undefined) {
      this.#reload(topic)
      return
    }
    const queue = delivery.queue(queueId)
    queue.table.raiseMax(maxOffset)
    if (this.#hold !== undefined) queue.table.holdBelow(this.#hold.newFrom(queue.stored))
    delivery.heat(queue)
    this.#dispatcher.schedule()
  }

  attach(session: Session): void {
    this.#sessions.set(session.id, session)
    for (const topic of session.attachment.topics.keys()) this.#hear(topic)
    for (const topic of this.#topics.values()) {
      if (session.reads(topic.topic)) topic.join(session)
      else topic.part(session)
    }
    this.#dispatcher.schedule()
  }

  /** Its connection broke: it has a grace to come back. */
  lose(session: Session): void {
    session.state = 'lost'
    session.lostAtMs = this.#context.clock.elapsedMs()
    this.alarm(session.lostAtMs + this.#context.config.sessionGraceMs)
  }

  /** It asks for nothing any more; what was renewed for it is delivered anew. */
  abandon(session: Session): void {
    session.state = 'leaving'
    for (const source of this.#allSources()) {
      const leases = source.table.leasesOf(session).filter(({ value }) => value.pop?.isRenewed)
      for (const part of leases) this.#returnLost(source, part, 'its consumer was lost')
      if (leases.length > 0) this.changed(source)
    }
    if (session.held === 0) this.end(session)
  }

  /** Whatever it holds is delivered anew, or given up on if that was its last attempt. */
  end(session: Session): void {
    if (session.state === 'gone') return
    session.state = 'gone'
    this.#sessions.delete(session.id)
    for (const source of this.#allSources()) {
      const leases = source.table.leasesOf(session)
      for (const part of leases) this.#returnLost(source, part, 'its consumer was lost')
      if (leases.length > 0) this.changed(source)
    }
    for (const topic of this.#topics.values()) topic.part(session)
  }

  /** What has to be done by now: ends leases and sessions, lets retries become ready. */
  sweep(): void {
    const nowMs = this.#context.clock.elapsedMs()
    const { sessionGraceMs } = this.#context.config
    this.#wakesAtMs = Number.POSITIVE_INFINITY
    this.#endHold()
    for (const session of this.#sessions.values()) {
      if (session.state !== 'lost') continue
      if (session.lostAtMs + sessionGraceMs <= nowMs) this.end(session)
      else this.alarm(session.lostAtMs + sessionGraceMs)
    }
    for (const topic of this.#topics.values()) {
      for (const queue of topic.queues) {
        if (queue.table.promote(nowMs)) topic.heat(queue)
        this.#expire(queue, nowMs)
        if (queue.retryAtMs === 0) continue
        if (queue.retryAtMs > nowMs) this.alarm(queue.retryAtMs)
        else {
          queue.retryAtMs = 0
          topic.heat(queue)
        }
      }
      for (const entry of topic.retries.entries) {
        if (entry.isPristine) continue
        if (entry.table.promote(nowMs)) entry.stirred()
        this.#expire(entry, nowMs)
      }
      topic.retries.promote()
      this.alarm(topic.retries.nextDueMs)
    }
    this.#dispatcher.schedule()
  }

  /** The parts of a named range that are known here; of a queue always the whole range. */
  partsOf({ topic, queueId, retry, from, to }: LeasedRange): SourcePart[] {
    if (retry) {
      return this.#entries.within(from, to).map((span) => ({ ...span, source: span.value }))
    }
    const queue = this.#topics.get(topic)?.known(queueId)
    return queue === undefined ? [] : [{ source: queue, from, to }]
  }

  /** Retry entries become findable by the offsets that members were told, for as long as they last. */
  leasedEntry(entry: RetryEntry): void {
    this.#entries.set(entry.from, entry.to, entry)
  }

  /** Makes all retry entries in memory findable: a member came back with some that wait here. */
  indexEntries(): void {
    for (const topic of this.#topics.values()) {
      for (const entry of topic.retries.entries) this.leasedEntry(entry)
    }
  }

  /** The source's table has changed: its row is written soon, and what is ready is delivered. */
  changed(source: Source): void {
    this.#context.loop.touch(source)
    source.stirred()
  }

  /**
   * Ends a lease without an acknowledgement. Resolves when the message is in its next place, which in
   * a FIFO group is where it is.
   */
  sendBack(
    source: Source,
    part: Span<Lease>,
    failure: {
      readonly reason: string
      readonly delayMs?: number | undefined
      readonly isFinal: boolean
    },
  ): Promise<void> {
    const group = this.#context.groups.need(this.name)
    const attempts = part.value.attempts + 1
    const isLast = failure.isFinal || attempts >= group.maxAttempts
    const delayMs = failure.delayMs ?? retryDelayMs(group, attempts)
    if (!isLast && source.order !== undefined) {
      this.#delayInPlace(source, part, { attempts, delayMs })
      this.changed(source)
      return this.#context.loop.durableInTheEnd()
    }
    return this.#context.redelivery.sendBack({
      group: this.name,
      source,
      part,
      attempts,
      to: isLast ? { kind: 'dead-letters' } : { kind: 'retry', delayMs },
      reason: failure.reason,
      onRetryStored: (row) => this.retryStored(source.topic, row),
      onDelayed: (untilMs) => this.alarm(untilMs),
    })
  }

  /**
   * In a FIFO group nothing overtakes a message that has failed: it waits where it is, and those of
   * its message group that its holder has not begun with go back.
   */
  #delayInPlace(
    { table, order }: Source,
    part: Span<Lease>,
    next: { readonly attempts: number; readonly delayMs: number },
  ): void {
    const { holder, pop } = part.value
    const deadlineMs = this.#context.clock.elapsedMs() + next.delayMs
    table.delay(part, next.attempts, deadlineMs)
    this.alarm(deadlineMs)
    if (pop !== undefined) return
    for (let offset = part.from; offset < part.to; offset++) {
      for (const later of order?.lineOf(offset)?.offsets ?? []) {
        if (later <= offset) continue
        const state = table.stateAt(later)
        if (state.kind !== 'leased' || state.holder !== holder) continue
        table.takeBack({ from: later, to: later + 1, value: state })
      }
    }
  }

  /** A retry's row has come into the table. */
  retryStored(topic: string, row: RetryRow): void {
    this.#topics.get(topic)?.retries.add(row)
    this.#retriesChanged(topic)
  }

  /** The topic is deleted, or its positions are about to be read anew: all that is known of it goes. */
  drop(topic: string): void {
    this.#loading.delete(topic)
    const delivery = this.#topics.get(topic)
    if (delivery === undefined) return
    for (const source of delivery.sources()) {
      for (const session of delivery.members) {
        for (const part of source.table.leasesOf(session)) source.table.giveBack(part, 0)
      }
    }
    for (const entry of delivery.retries.entries) this.#forgetEntry(entry)
    delivery.drop()
    this.#topics.delete(topic)
  }

  /** Ends all memberships from this side, and forgets everything. */
  dropAll(error: CometError): void {
    for (const session of this.#sessions.values()) {
      session.state = 'gone'
      session.attachment.sink.ended(error)
    }
    for (const topic of this.#heard) this.#hearNothingOf(topic)
    this.#sessions.clear()
    for (const topic of this.#topics.keys()) this.drop(topic)
  }

  /** Grants nothing from now on, and tells the members. */
  drain(): void {
    this.#isDraining = true
    for (const session of this.#sessions.values()) {
      if (session.state === 'open' || session.state === 'leaving')
        session.attachment.sink.draining()
    }
  }

  /** Whether a connected member still holds something. */
  get isHeld(): boolean {
    return [...this.#sessions.values()].some(
      (session) => session.held > 0 && (session.state === 'open' || session.state === 'leaving'),
    )
  }

  /** Forgets topics that nobody reads; their rows must be written. Returns whether none is left. */
  unload(): boolean {
    for (const [name, topic] of this.#topics) {
      if (!topic.isIdle) continue
      this.drop(name)
      this.#hearNothingOf(name)
    }
    if (this.#topics.size > 0 || this.#loading.size > 0 || this.#sessions.size > 0) return false
    for (const topic of this.#heard) this.#hearNothingOf(topic)
    return true
  }

  /** Topics of our members that are not in memory: deleted and made anew, or not deleted after all. */
  loadMissing(): void {
    for (const topic of this.#heard) if (!this.#topics.has(topic)) this.#reload(topic)
  }

  #endHold(): void {
    if (this.#hold === undefined) return
    if (!this.#hold.isOver) {
      this.alarm(this.#hold.endsAtMs)
      return
    }
    this.#hold = undefined
    for (const topic of this.#topics.values()) {
      for (const queue of topic.queues) {
        queue.table.holdBelow(0)
        topic.heat(queue)
      }
    }
  }

  #hear(topic: string): void {
    this.#heard.add(topic)
    this.#context.readers.add(topic, this)
  }

  #hearNothingOf(topic: string): void {
    this.#heard.delete(topic)
    this.#context.readers.remove(topic, this)
  }

  #allSources(): Source[] {
    return [...this.#topics.values()].flatMap((topic) => [...topic.sources()])
  }

  #expire(source: Source, nowMs: number): void {
    for (const part of source.table.expired(nowMs)) {
      const { holder } = part.value
      if (holder instanceof Session && holder.isWaiting) {
        // We are late, not its holder.
        source.table.extend(holder, part, nowMs + this.#context.config.sessionGraceMs)
        continue
      }
      if (part.value.pop !== undefined) {
        this.#returnLost(source, part, 'its lease expired')
        this.changed(source)
        continue
      }
      const failure = { reason: 'its lease expired', isFinal: false }
      this.#inBackground(this.sendBack(source, part, failure))
    }
    this.alarm(source.table.nextDeadlineMs)
  }

  #returnLost(source: Source, part: Span<Lease>, reason: string): void {
    const attempts = part.value.attempts + (part.value.pop?.isSuspended === true ? 0 : 1)
    if (attempts < this.#context.groups.need(this.name).maxAttempts) {
      source.table.giveBack(part, attempts)
      return
    }
    const failure = { reason, isFinal: true }
    this.#inBackground(this.sendBack(source, part, failure))
  }

  /** What fails is ready again, and its next end is tried the same way. */
  #inBackground(sent: Promise<unknown>): void {
    sent.catch((error: unknown) => {
      this.#context.log.warn({ group: this.name, error }, 'messages could not be moved')
    })
  }

  #queueStirred(queue: QueueProgress): void {
    this.#topics.get(queue.topic)?.heat(queue)
    this.#dispatcher.schedule()
  }

  #entryStirred(entry: RetryEntry): void {
    const retries = this.#topics.get(entry.topic)?.retries
    if (entry.isMisplaced) {
      this.#forgetEntry(entry)
      entry.renumber()
    }
    retries?.settle(entry)
    if (entry.table.counts.backlog === 0) this.#forgetEntry(entry)
    this.#dispatcher.schedule()
  }

  #forgetEntry(entry: RetryEntry): void {
    for (const span of this.#entries.within(entry.from, entry.to)) {
      if (span.value === entry) this.#entries.clear(span.from, span.to)
    }
  }

  #retriesChanged(topic: string): void {
    const retries = this.#topics.get(topic)?.retries
    if (retries === undefined) return
    retries.promote()
    for (const entry of retries.takeParked()) {
      this.#inBackground(this.#context.redelivery.bury(this.name, entry))
    }
    this.alarm(retries.nextDueMs)
    this.#dispatcher.schedule()
  }

  #reload(topic: string): void {
    if (this.#loading.has(topic) || this.#context.topics.get(topic) === undefined) return
    const members = [...this.#sessions.values()].filter((session) => session.reads(topic))
    if (members.length === 0) return
    const context = this.#context
    void context
      .inTurn(this.name, () => this.load(topic))
      .then(
        (delivery) => {
          for (const session of this.#sessions.values()) {
            const filter = session.attachment.topics.get(topic)
            if (filter === undefined) continue
            delivery.filter = filter
            delivery.join(session)
          }
          this.#dispatcher.schedule()
        },
        (error: unknown) => {
          this.#context.log.warn({ group: this.name, topic, error }, 'a topic cannot be read')
        },
      )
  }
}
