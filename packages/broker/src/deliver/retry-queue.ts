import type { Clock, Logger } from '@cometmq/runtime'
import type { QueueKey, StateTable } from '@cometmq/store'
import { keysOf } from './queue-progress.ts'
import { backlogOf, decodeRetry, RetryEntry, type RetryRow, retryKey } from './retry-entry.ts'
import type { BacklogCounts } from './state-map.ts'

/**
 * The messages of one topic that one group has sent back, by the moment they are due.
 *
 * All of them are rows of the table; the soonest are in memory as well, up to the key `windowEnd`.
 * Waits run on the elapsed clock once a row is in memory, and never take longer than the row was to
 * wait at first: a wall clock that is set back delays nothing for long.
 */
export class RetryQueue {
  readonly #group: string
  readonly #topic: string
  readonly #stored: QueueKey
  readonly #table: StateTable
  readonly #clock: Clock
  readonly #log: Logger
  readonly #windowMax: number
  readonly #onStirred: (entry: RetryEntry) => void
  readonly #onRefilled: () => void
  /** By where it is stored. */
  readonly #entries = new Map<number, RetryEntry>()
  /** Those that wait, soonest first. */
  #waiting: RetryEntry[] = []
  #ready: RetryEntry[] = []
  /** Those that came with something parked, and were not asked for yet. */
  #parked: RetryEntry[] = []
  /** Rows above this key are not in memory; `undefined`: all are. */
  #windowEnd: Buffer | undefined
  /** Messages in rows that are not in memory. */
  #beyond = 0
  /** Rows that came while the window was being refilled. */
  #arrivals: RetryRow[] = []
  #refilling: Promise<void> | undefined
  /** Rows are being moved: the table must not be read. */
  #isFrozen = false
  #isDropped = false

  constructor(parts: {
    readonly group: string
    readonly topic: string
    readonly stored: QueueKey
    readonly table: StateTable
    readonly clock: Clock
    readonly log: Logger
    readonly windowMax: number
    /** Something of an entry became ready, or all of it done. */
    readonly onStirred: (entry: RetryEntry) => void
    /** More of the table has come into memory. */
    readonly onRefilled: () => void
  }) {
    this.#group = parts.group
    this.#topic = parts.topic
    this.#stored = parts.stored
    this.#table = parts.table
    this.#clock = parts.clock
    this.#log = parts.log
    this.#windowMax = parts.windowMax
    this.#onStirred = parts.onStirred
    this.#onRefilled = parts.onRefilled
  }

  /** Counts all rows and takes the soonest into memory. Before it, nothing else may be called. */
  async load(): Promise<void> {
    let rows = 0
    for await (const [key, value] of this.#table.entries(keysOf(this.#group, this.#topic))) {
      const row = decodeRetry(key, value)
      if (rows < this.#windowMax) this.#insert(row)
      else {
        if (rows === this.#windowMax) this.#windowEnd = this.#lastKey()
        this.#beyond += backlogOf(row)
      }
      rows++
    }
  }

  get entries(): IterableIterator<RetryEntry> {
    return this.#entries.values()
  }

  get hasReady(): boolean {
    return this.#ready.length > 0
  }

  /** When the next one is due, by the elapsed clock. */
  get nextDueMs(): number {
    return this.#waiting[0]?.dueElapsedMs ?? Number.POSITIVE_INFINITY
  }

  get counts(): BacklogCounts {
    let [ready, inFlight, delayed] = [0, 0, this.#beyond]
    for (const entry of this.#entries.values()) {
      if (entry.place === 'waiting') delayed += entry.backlog
      else {
        ready += entry.table.counts.ready
        inFlight += entry.table.counts.inFlight
        delayed += entry.table.counts.delayed
      }
    }
    return { ready, inFlight, delayed, backlog: ready + inFlight + delayed }
  }

  /** A row that is in the table by now. */
  add(row: RetryRow): void {
    const end = this.#windowEnd
    const isWithin = end === undefined || retryKey(this.#group, this.#topic, row).compare(end) <= 0
    if (isWithin) this.#insert(row)
    else {
      this.#beyond += row.messageCount
      if (this.#refilling !== undefined) this.#arrivals.push(row)
    }
    if (this.#entries.size > 2 * this.#windowMax) this.#evict()
  }

  /** Moves what is due to the ready ones. */
  promote(): void {
    const elapsedMs = this.#clock.elapsedMs()
    let due = 0
    for (const entry of this.#waiting) {
      if (entry.dueElapsedMs > elapsedMs) break
      due++
    }
    for (const entry of this.#waiting.splice(0, due)) this.#makeReady(entry)
    this.#refillIfLow()
  }

  /** Entries with something parked that have come into memory since the last call. */
  takeParked(): RetryEntry[] {
    return this.#parked.splice(0)
  }

  /** The next one that may be delivered, if somebody takes its bytes; hand it back with `settle`. */
  takeReady(isTaken: (bytes: number) => boolean): RetryEntry | undefined {
    let [entry] = this.#ready
    for (; entry !== undefined && entry.place !== 'ready'; entry = this.#ready[0]) {
      this.#ready.shift()
    }
    if (entry === undefined || !isTaken(Math.max(1, entry.neededBytes))) return undefined
    this.#ready.shift()
    entry.place = 'reading'
    return entry
  }

  /** It cannot be delivered now; it waits, without another attempt being counted. */
  postpone(entry: RetryEntry, delayMs: number): void {
    if (entry.isDropped) return
    entry.place = 'waiting'
    entry.dueElapsedMs = this.#clock.elapsedMs() + delayMs
    this.#addWaiting(entry)
  }

  /** Puts an entry where its lease table says; call it after each change of the table. */
  settle(entry: RetryEntry): void {
    if (entry.isDropped) return
    if (entry.table.counts.backlog === 0) {
      entry.place = 'idle'
      this.#entries.delete(entry.storedFrom)
      this.#refillIfLow()
    } else if (entry.shift !== 0 || entry.table.nextReady() === undefined) {
      // A misplaced batch is not delivered under the numbers that some of it still has elsewhere.
      if (entry.place !== 'waiting') entry.place = 'idle'
    } else if (entry.place === 'idle' || entry.place === 'reading') this.#makeReady(entry)
  }

  /** An entry that was leased although it waited: a member came back with it. */
  recall(entry: RetryEntry): void {
    if (entry.place === 'waiting') this.#waiting = this.#waiting.filter((other) => other !== entry)
    entry.place = 'idle'
    this.settle(entry)
  }

  at(storedFrom: number): RetryEntry | undefined {
    return this.#entries.get(storedFrom)
  }

  /** Resolves when no row comes into memory any more, until `thaw`. */
  async freeze(): Promise<void> {
    this.#isFrozen = true
    await this.#refilling
  }

  thaw(): void {
    this.#isFrozen = false
    this.#refillIfLow()
  }

  /** The batch of an entry has been appended anew. */
  carried(entry: RetryEntry, storedFrom: number): void {
    const isKnown = this.#entries.delete(entry.storedFrom)
    entry.carried(storedFrom)
    if (isKnown) this.#entries.set(storedFrom, entry)
  }

  drop(): void {
    this.#isDropped = true
    for (const entry of this.#entries.values()) entry.isDropped = true
    this.#entries.clear()
    this.#waiting = []
    this.#ready = []
  }

  #insert(row: RetryRow): void {
    if (this.#entries.has(row.storedFrom)) return
    const leftMs = Math.min(Math.max(0, row.dueAtMs - this.#clock.nowMs()), row.delayMs + 1)
    const entry = new RetryEntry({
      group: this.#group,
      topic: this.#topic,
      stored: this.#stored,
      row,
      dueElapsedMs: this.#clock.elapsedMs() + leftMs,
      onStirred: this.#onStirred,
    })
    this.#entries.set(row.storedFrom, entry)
    if (row.progress.parked !== undefined) this.#parked.push(entry)
    this.#addWaiting(entry)
  }

  #addWaiting(entry: RetryEntry): void {
    let low = 0
    let high = this.#waiting.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#waiting[middle] as RetryEntry).dueElapsedMs > entry.dueElapsedMs) high = middle
      else low = middle + 1
    }
    this.#waiting.splice(low, 0, entry)
  }

  #makeReady(entry: RetryEntry): void {
    entry.place = 'ready'
    this.#ready.push(entry)
  }

  /** Forgets those with the greatest keys that nothing has happened to; the table keeps them. */
  #evict(): void {
    const byKey = [...this.#entries.values()]
      .filter((entry) => entry.isPristine)
      .toSorted((left, right) => left.key.compare(right.key))
    const last = byKey[this.#windowMax - 1]
    if (last === undefined) return
    const evicted = new Set(byKey.slice(this.#windowMax))
    for (const entry of evicted) {
      this.#entries.delete(entry.storedFrom)
      this.#beyond += entry.backlog
    }
    this.#waiting = this.#waiting.filter((entry) => !evicted.has(entry))
    this.#ready = this.#ready.filter((entry) => !evicted.has(entry))
    this.#windowEnd = last.key
  }

  #lastKey(): Buffer | undefined {
    let last: Buffer | undefined
    for (const { key } of this.#entries.values()) {
      if (last === undefined || key.compare(last) > 0) last = key
    }
    return last
  }

  #refillIfLow(): void {
    const soon = this.#waiting.length + this.#ready.length
    if (this.#windowEnd === undefined || soon > this.#windowMax / 4) return
    if (this.#refilling !== undefined || this.#isFrozen || this.#isDropped) return
    this.#refilling = this.#refill(this.#windowEnd)
  }

  async #refill(after: Buffer): Promise<void> {
    const { to } = keysOf(this.#group, this.#topic)
    const from = Buffer.concat([after, Buffer.alloc(1)])
    const rows: RetryRow[] = []
    try {
      for await (const [key, value] of this.#table.entries({ from, to, limit: this.#windowMax })) {
        rows.push(decodeRetry(key, value))
      }
    } catch (thrown) {
      // The table cannot be read when the store has stopped; whoever appends next is told why.
      this.#log.warn({ error: thrown, group: this.#group }, 'pending retries cannot be read')
      this.#refilling = undefined
      return
    }
    const arrivals = this.#arrivals
    this.#arrivals = []
    this.#refilling = undefined
    if (!this.#isDropped) this.#takeIn(rows, arrivals)
  }

  /** `arrivals` may be among the rows, as the scan may or may not have seen them. */
  #takeIn(rows: readonly RetryRow[], arrivals: readonly RetryRow[]): void {
    const isComplete = rows.length < this.#windowMax
    const last = rows.at(-1)
    const end = last === undefined ? undefined : retryKey(this.#group, this.#topic, last)
    this.#windowEnd = isComplete ? undefined : end
    const isWithin = (row: RetryRow): boolean =>
      isComplete || (end !== undefined && retryKey(this.#group, this.#topic, row).compare(end) <= 0)
    for (const row of [...rows, ...arrivals.filter(isWithin)]) {
      if (this.#entries.has(row.storedFrom)) continue
      this.#insert(row)
      this.#beyond -= backlogOf(row)
    }
    this.promote()
    this.#onRefilled()
  }
}
