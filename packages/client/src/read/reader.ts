import { CometError, type FilterText, type Message, type ReadStart } from '@cometmq/protocol'
import type { Connection, Runtime } from '@cometmq/runtime'
import { Fifo } from '../fifo.ts'
import { MessageView } from '../message-view.ts'
import type { RouteCache } from '../route/route-cache.ts'
import { checkPositions, type Positions, positionKey, type ReadFrom } from './positions.ts'
import type { QueueCursor, ReadRun } from './queue-cursor.ts'
import { ReadLane } from './read-lane.ts'
import type { GroupPlaces } from './read-place.ts'

export interface ReaderSettings {
  readonly topic: string
  readonly filter: FilterText | undefined
  readonly from: ReadFrom
  /** Under which positions are committed; undefined: the caller keeps them. */
  readonly name: string | undefined
  /** Ends at what was the end of each queue when the reader began. */
  readonly untilEnd: boolean
  readonly bufferBytes: number
  /** Whether slaves may serve this reader. */
  readonly fromSlaves: boolean
  readonly signal: AbortSignal | undefined
}

export interface ReaderPorts<T> {
  readonly runtime: Runtime
  readonly routes: RouteCache
  connect(address: string): Connection
  /** The value of a body; throws or rejects with `SCHEMA_MISMATCH` and the like. */
  decode(body: Buffer): T | Promise<T>
  /** The reader has ended. */
  ended(reader: Reader<unknown>): void
}

/** A message as a reader sees it: it is nobody's to settle. */
export class ReadMessage<T = unknown> {
  readonly body: T
  readonly brokerName: string
  readonly #view: MessageView

  /** Messages are made by readers only. */
  constructor(body: T, brokerName: string, view: MessageView) {
    this.body = body
    this.brokerName = brokerName
    this.#view = view
  }

  get id(): string {
    return this.#view.id
  }

  get topic(): string {
    return this.#view.topic
  }

  get tag(): string | undefined {
    return this.#view.tag
  }

  get keys(): readonly string[] {
    return this.#view.keys
  }

  /** Its message group. */
  get key(): string | undefined {
    return this.#view.key
  }

  get properties(): Readonly<Record<string, string>> {
    return this.#view.properties
  }

  get queueId(): number {
    return this.#view.queueId
  }

  get queueOffset(): number {
    return this.#view.queueOffset
  }

  get bornAt(): Date {
    return this.#view.bornAt
  }

  get storedAt(): Date {
    return this.#view.storedAt
  }
}

/**
 * Reads a topic by offset, apart from all consumer groups: for broadcast (each instance reads
 * everything, under its own name), for replays, and for callers that keep positions themselves.
 *
 * Messages of one queue come in order; queues come as they are read.
 */
export class Reader<T> implements AsyncIterableIterator<ReadMessage<T>>, AsyncDisposable {
  readonly #ports: ReaderPorts<T>
  readonly #settings: ReaderSettings
  readonly #lanes = new Map<string, ReadLane>()
  /** Brokers in the topic's route. */
  #present: ReadonlySet<string> = new Set()
  /** Those of them that the user was told this reader waits for. */
  readonly #awaited = new Set<string>()
  readonly #ready = new Fifo<ReadRun>()
  readonly #unwatch: () => void
  readonly #unlisten: () => void
  readonly #onAbort = (): void => this.#close()
  #from: ReadFrom
  /** Every queue of the first route has been given its start; those that come later begin at their start. */
  #started = false
  #messages: { readonly run: ReadRun; readonly first: number; readonly all: Message[] } | undefined
  #arrived = Promise.withResolvers<void>()
  #refusal: CometError | undefined
  #skipped = 0
  #closed = false

  /** Readers are made by `topic.reader`. */
  constructor(ports: ReaderPorts<T>, settings: ReaderSettings) {
    this.#ports = ports
    this.#settings = settings
    this.#from = settings.from
    this.#unwatch = ports.routes.watch(settings.topic)
    this.#unlisten = ports.routes.onChange(() => this.#meetRoute())
    settings.signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#meetRoute()
    if (settings.signal?.aborted) this.#close()
  }

  /** For each queue, the offset after the last message that was handed out. */
  get positions(): Positions {
    const positions: Record<string, number> = {}
    for (const { brokerName, queueId, position } of this.#cursors()) {
      if (position !== undefined) positions[positionKey(brokerName, queueId)] = position
    }
    return positions
  }

  /** Messages that retention had deleted before this reader came to them, or that nobody can decode. */
  get skipped(): number {
    return this.#skipped
  }

  async next(): Promise<IteratorResult<ReadMessage<T>, undefined>> {
    while (!this.#closed) {
      if (this.#refusal !== undefined) {
        this.#close()
        throw this.#refusal
      }
      const run = this.#ready.first
      if (run !== undefined) {
        const message = await this.#take(run)
        if (message !== undefined) return { done: false, value: message }
      } else if (this.#settings.untilEnd && this.#isAtEnd) break
      else await this.#arrived.promise
    }
    this.#close()
    return { done: true, value: undefined }
  }

  /** Called by a loop that is left early. Positions can still be read, not committed. */
  async return(): Promise<IteratorResult<ReadMessage<T>, undefined>> {
    this.#close()
    return { done: true, value: undefined }
  }

  /** Makes the positions durable under the reader's name, in the broker. */
  async commit(): Promise<void> {
    const { name } = this.#settings
    if (name === undefined) {
      throw new CometError('ILLEGAL_ARGUMENT', 'a reader needs a name to commit positions')
    }
    const commits: Promise<void>[] = []
    for (const lane of this.#lanes.values()) {
      for (const cursor of lane.cursors) {
        const { position, committed } = cursor
        if (position === undefined || position === committed) continue
        commits.push(lane.commit(name, cursor, position))
      }
    }
    await Promise.all(commits)
  }

  /** Goes on elsewhere, forth or back. What was read ahead is dropped. */
  seek(from: ReadFrom): void {
    checkFrom(from)
    this.#from = from
    for (const run of this.#ready.removeUnless(() => false)) run.credit.lane.finished(run)
    this.#messages = undefined
    for (const lane of this.#lanes.values()) {
      for (const cursor of lane.cursors) {
        lane.seek(cursor, startOf(from, cursor.brokerName, cursor.queueId, undefined))
      }
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close()
  }

  async #take(run: ReadRun): Promise<ReadMessage<T> | undefined> {
    const offset = run.next
    const { batch, cursor } = run
    const raw = this.#rawMessage(run)
    if (raw === undefined) {
      // Nobody can ever read it, and behind it may lie much that can be read.
      this.#countSkipped(cursor, run.to - offset, 'messages that cannot be decoded were skipped')
      run.next = run.to
    } else run.next += 1
    cursor.handedTo = run.next
    if (run.next === run.to) this.#finish(run)
    if (raw === undefined) return undefined
    const value = await this.#ports.decode(raw.body as Buffer)
    const view = new MessageView(batch, offset - batch.baseQueueOffset, raw)
    return new ReadMessage(value, cursor.brokerName, view)
  }

  #rawMessage(run: ReadRun): Message | undefined {
    if (this.#messages?.run !== run) {
      const base = run.batch.baseQueueOffset
      try {
        const all = run.batch.messages(run.next - base, run.to - base)
        this.#messages = { run, first: run.next, all }
      } catch {
        return undefined
      }
    }
    return this.#messages.all[run.next - this.#messages.first]
  }

  #finish(run: ReadRun): void {
    const { cursor } = run
    this.#ready.shift()
    this.#messages = undefined
    cursor.openRuns -= 1
    // With a filter, the next run may begin later.
    const following = this.#followingRun(cursor)
    if (following !== undefined) cursor.handedTo = following.next
    run.credit.lane.finished(run)
  }

  #countSkipped({ brokerName, queueId }: QueueCursor, count: number, sentence: string): void {
    this.#skipped += count
    this.#ports.runtime.log.warn(
      { topic: this.#settings.topic, broker: brokerName, queue: queueId, count },
      sentence,
    )
  }

  #followingRun(cursor: QueueCursor): ReadRun | undefined {
    if (cursor.openRuns === 0 || this.#settings.filter === undefined) return undefined
    for (const run of this.#ready) if (run.cursor === cursor) return run
    return undefined
  }

  get #isAtEnd(): boolean {
    return this.#present.size > 0 && [...this.#present].every((name) => this.#hasRead(name))
  }

  #hasRead(brokerName: string): boolean {
    for (const cursor of this.#lane(brokerName).cursors) if (!cursor.isAtEnd) return false
    return true
  }

  *#cursors(): Generator<QueueCursor> {
    for (const lane of this.#lanes.values()) yield* lane.cursors
  }

  #meetRoute(): void {
    const { topic } = this.#settings
    const state = this.#ports.routes.state(topic)
    if (state.kind === 'missing') {
      this.#refusal = new CometError(
        'TOPIC_NOT_FOUND',
        `there is no topic "${topic}"; make it with: comet topic create ${topic}`,
      )
      this.#wake()
    }
    if (state.kind !== 'routed') return
    this.#present = new Set(state.route.groups.map(({ brokerName }) => brokerName))
    for (const { brokerName, queueId } of state.route.queues) {
      // A queue that comes later is read whole: nobody can have seen any of it.
      const from = this.#started ? 'earliest' : this.#from
      const start = startOf(from, brokerName, queueId, this.#settings.name)
      this.#lane(brokerName).add(queueId, start)
    }
    this.#started = true
    for (const lane of this.#lanes.values()) lane.routeChanged()
    if (!this.#settings.untilEnd) return
    this.#warnOfAway()
    // Without a broker that is forgotten, this may be the end.
    this.#wake()
  }

  /** It cannot end without them, and nothing else tells its user why it stands still. */
  #warnOfAway(): void {
    const { topic } = this.#settings
    for (const brokerName of this.#present) {
      if (this.#isServed(brokerName)) this.#awaited.delete(brokerName)
      else if (!this.#awaited.has(brokerName) && !this.#hasRead(brokerName)) {
        this.#awaited.add(brokerName)
        this.#ports.runtime.log.warn(
          { topic, broker: brokerName },
          'a broker is away; the reader ends when that one is back and read as well',
        )
      }
    }
  }

  #isServed(brokerName: string): boolean {
    const { master, slaves } = this.#placesOf(brokerName)
    return master !== undefined || (this.#settings.fromSlaves && slaves.length > 0)
  }

  #placesOf(brokerName: string): GroupPlaces {
    const { routes } = this.#ports
    return {
      master: routes.brokers.get(brokerName),
      lastMaster: routes.masterOf(brokerName),
      slaves: routes.slavesOf(brokerName),
      standIn: routes.standInOf(brokerName),
    }
  }

  #lane(brokerName: string): ReadLane {
    const known = this.#lanes.get(brokerName)
    if (known !== undefined) return known
    const lane = new ReadLane(
      {
        runtime: this.#ports.runtime,
        places: () => this.#placesOf(brokerName),
        connect: (address) => this.#ports.connect(address),
        arrived: (run) => this.#ready.push(run),
        changed: () => this.#wake(),
        skipped: (cursor, count) =>
          this.#countSkipped(
            cursor,
            count,
            'messages were deleted before this reader came to them',
          ),
        refused: (error) => {
          this.#refusal = error
          this.#wake()
        },
        doubt: () => this.#ports.routes.doubt(),
      },
      brokerName,
      this.#settings,
    )
    this.#lanes.set(brokerName, lane)
    return lane
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    this.#unlisten()
    this.#unwatch()
    for (const lane of this.#lanes.values()) lane.close()
    this.#wake()
    this.#ports.ended(this as Reader<unknown>)
  }

  #wake(): void {
    const arrived = this.#arrived
    this.#arrived = Promise.withResolvers()
    arrived.resolve()
  }
}

/** Throws `ILLEGAL_ARGUMENT` unless a reader may begin there. */
export function checkFrom(from: ReadFrom): void {
  if (typeof from === 'string' || isDate(from)) return
  checkPositions(from)
}

function startOf(
  from: ReadFrom,
  brokerName: string,
  queueId: number,
  name: string | undefined,
): ReadStart {
  if (isDate(from)) return { kind: 'timestamp', timestampMs: from.getTime() }
  if (typeof from === 'object') {
    const offset = from[positionKey(brokerName, queueId)]
    return offset === undefined ? { kind: 'earliest' } : { kind: 'offset', offset }
  }
  if (name !== undefined) return { kind: 'named', name, otherwiseLatest: from === 'latest' }
  return { kind: from }
}

function isDate(from: ReadFrom): from is Date {
  return typeof from === 'object' && typeof from.getTime === 'function'
}
