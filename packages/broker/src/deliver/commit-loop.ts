import assert from 'node:assert/strict'
import {
  type CometError,
  type RecordBatch,
  type StateChange,
  toCometError,
} from '@cometmq/protocol'
import type { Clock, Logger } from '@cometmq/runtime'
import type { AppendRecord, QueueKey } from '@cometmq/store'
import type { Appended, DeliveryStore } from './ports.ts'

/** A row of a table whose owner changes it in memory first. */
export interface Row {
  /** The change that makes it durable as it is now; `undefined` if its owner has gone. */
  change(): StateChange | undefined
}

/** Something that has to be appended whole: records with the rows that belong to them. */
export interface Work {
  /** Roughly what it holds in memory until it is done. */
  readonly bytes: number
  /** No other work goes into its append: it takes away what they may add. */
  readonly isAlone?: boolean
  /** Called right before the append; `undefined`: it has become pointless. */
  prepare(offsets: NextOffsets): Parcel | undefined
  /** In the log, durable and applied. */
  committed(): void
  /** Nothing of it has happened, or the store has stopped. */
  failed(error: CometError): void
}

export interface Parcel {
  readonly batches: readonly RecordBatch[]
  readonly changes: readonly StateChange[]
  /** Rows that change with it; encoded when every work of the append is prepared. */
  readonly rows: readonly Row[]
}

/** Tells where the next batch of a queue will lie that nobody but the engine writes to. */
export interface NextOffsets {
  /** Reserves room for the messages and returns their first offset. */
  take(queue: QueueKey, messages: number): number
}

/** Bytes of works in one append: it should not delay the acknowledgements beside it for long. */
const APPEND_MAX_BYTES = 2 * 1024 * 1024

/** Bytes of works that may wait; beyond it, whoever makes more waits for `room`. */
const WAITING_MAX_BYTES = 8 * 1024 * 1024

/** Change records stay small, so that they fit into any segment. */
const CHANGE_RECORD_MAX_BYTES = 64 * 1024
const RETRY_MS = 100

/**
 * The engine's one writer: makes everything durable that has changed since its last append, in one
 * append at a time.
 *
 * The flush of one append collects what the next will carry, so a thousand acknowledgements cost one
 * record. That there is one at a time lets rows be encoded from what is true right now, and lets
 * queues that only the engine writes to be numbered beforehand.
 */
export class CommitLoop {
  readonly #store: DeliveryStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #dirty = new Set<Row>()
  #works: Work[] = []
  #waitingBytes = 0
  #roomWanted: (() => void)[] = []
  /** Settles with the append that is under way, and with the one after it. */
  #current: Promise<void> | undefined
  #next: PromiseWithResolvers<void> | undefined
  #isRunning = false
  /** After a failed append: resolves when the next try is due. */
  #retried: PromiseWithResolvers<void> | undefined
  #isFailing = false
  #stopped: CometError | undefined

  constructor(ports: {
    readonly store: DeliveryStore
    readonly clock: Clock
    readonly log: Logger
  }) {
    this.#store = ports.store
    this.#clock = ports.clock
    this.#log = ports.log
  }

  /** The row goes with the next append, whenever that is. */
  touch(row: Row): void {
    this.#dirty.add(row)
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0
  }

  /** Nothing waits, and nothing is under way. */
  get isIdle(): boolean {
    return !this.isDirty && !this.#isRunning
  }

  /**
   * Resolves when every row touched so far is durable. Rejects if that failed: the rows stay
   * touched and are tried again.
   */
  durable(): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped)
    if (this.#dirty.size === 0 && this.#works.length === 0) {
      return this.#current ?? Promise.resolve()
    }
    this.#kick()
    return this.#waitForNext()
  }

  /**
   * As `durable`, for what is done in memory and is not taken back: waits until the store takes it,
   * however long that is. Rejects only when the store, or the loop, has stopped.
   */
  async durableInTheEnd(): Promise<void> {
    for (;;) {
      try {
        return await this.durable()
      } catch (thrown) {
        if (this.#stopped !== undefined) throw thrown
        await this.#retried?.promise
      }
    }
  }

  submit(work: Work): void {
    if (this.#stopped !== undefined) {
      work.failed(this.#stopped)
      return
    }
    this.#works.push(work)
    this.#waitingBytes += work.bytes
    this.#kick()
  }

  /**
   * Appends the batches with the changes that `prepare` answers right before that. Resolves when
   * they are durable and applied. Rejects with what `prepare` throws, or the store: then nothing of
   * it has happened, unless the store has stopped.
   */
  append(parts: {
    readonly batches?: readonly RecordBatch[]
    readonly isAlone?: boolean
    readonly prepare: (offsets: NextOffsets) => readonly StateChange[]
  }): Promise<void> {
    const { batches = [], isAlone = false } = parts
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.submit({
      bytes: batches.reduce((sum, batch) => sum + batch.totalBytes, 0),
      isAlone,
      prepare: (offsets) => {
        try {
          const changes = parts.prepare(offsets)
          // Everything else that waits would fail with it.
          const refusal = this.#store.refusalOf?.(changes)
          if (refusal !== undefined) throw refusal
          return { batches, changes, rows: [] }
        } catch (thrown) {
          reject(thrown)
          return undefined
        }
      },
      committed: resolve,
      failed: reject,
    })
    return promise
  }

  /** Resolves when more works may be made. */
  async room(): Promise<void> {
    while (this.#waitingBytes > WAITING_MAX_BYTES && this.#stopped === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#roomWanted.push(resolve)
      await promise
    }
  }

  /** Takes no more, and resolves when what is under way has ended. */
  async stop(error: CometError): Promise<void> {
    this.#stopped ??= error
    this.#retried?.resolve()
    await this.#current?.catch(() => {})
    this.#failWorks(this.#stopped)
  }

  #kick(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    // What else comes in this turn goes along.
    queueMicrotask(() => void this.#run())
  }

  #waitForNext(): Promise<void> {
    if (this.#next === undefined) {
      this.#next = Promise.withResolvers<void>()
      // Whether anybody waits is not known here; a failure is not theirs alone to notice.
      this.#next.promise.catch(() => {})
    }
    return this.#next.promise
  }

  async #run(): Promise<void> {
    try {
      while (this.#stopped === undefined && (this.#next !== undefined || this.#works.length > 0)) {
        const waiting = this.#next
        this.#next = undefined
        this.#current = this.#append()
        if (waiting === undefined) this.#current.catch(() => {})
        else this.#current.then(waiting.resolve, waiting.reject)
        await this.#current.catch(() => {})
        this.#current = undefined
      }
    } finally {
      this.#isRunning = false
      if (this.#stopped !== undefined) {
        this.#next?.reject(this.#stopped)
        this.#next = undefined
        this.#failWorks(this.#stopped)
      }
    }
  }

  /** Never rejects with anything but a CometError. */
  async #append(): Promise<void> {
    const offsets = new OffsetsAhead(this.#store)
    const taken: { readonly work: Work; readonly parcel: Parcel }[] = []
    for (const work of this.#takeWorks()) {
      const parcel = work.prepare(offsets)
      if (parcel === undefined) continue
      taken.push({ work, parcel })
      for (const row of parcel.rows) this.#dirty.add(row)
    }
    const rows = [...this.#dirty]
    this.#dirty.clear()
    const changes: StateChange[] = []
    for (const row of rows) {
      const change = row.change()
      if (change !== undefined) changes.push(change)
    }
    const batches = taken.flatMap(({ parcel }) => parcel.batches)
    for (const { parcel } of taken) changes.push(...parcel.changes)
    if (batches.length + changes.length === 0) {
      for (const { work } of taken) work.committed()
      return
    }
    const records: AppendRecord[] = batches.map((batch) => ({
      kind: 'batch',
      batch,
      idempotent: false,
    }))
    records.push(...changeRecords(changes))
    let receipt: Appended
    try {
      receipt = await this.#store.append({ records }, 'confirmed')
    } catch (thrown) {
      const error = toCometError(thrown)
      for (const row of rows) this.#dirty.add(row)
      for (const { work } of taken) work.failed(error)
      this.#onFailure(error)
      throw error
    }
    if (this.#isFailing) this.#log.info({}, 'progress is stored again')
    this.#isFailing = false
    offsets.check(batches, receipt)
    for (const { work } of taken) work.committed()
  }

  #takeWorks(): Work[] {
    let bytes = 0
    let count = 0
    for (const work of this.#works) {
      if (count > 0 && (work.isAlone === true || bytes >= APPEND_MAX_BYTES)) break
      bytes += work.bytes
      count++
      if (work.isAlone === true) break
    }
    const works = this.#works.splice(0, count)
    this.#waitingBytes -= bytes
    this.#letWaitersIn()
    return works
  }

  #onFailure(error: CometError): void {
    if (error.code === 'STORE_UNUSABLE' || error.code === 'CLOSED') {
      this.#stopped ??= error
      this.#retried?.resolve()
      return
    }
    // A reign that ends is told otherwise, and so is this.
    if (!this.#isFailing && error.code !== 'NOT_MASTER') {
      const fields = { error: error.code, message: error.message }
      this.#log.warn(fields, 'progress cannot be stored; trying on')
    }
    this.#isFailing = true
    if (this.#retried !== undefined) return
    this.#retried = Promise.withResolvers<void>()
    this.#clock.schedule(RETRY_MS, () => {
      this.#retried?.resolve()
      this.#retried = undefined
      if (this.#stopped === undefined) this.durable().catch(() => {})
    })
  }

  #failWorks(error: CometError): void {
    const works = this.#works
    this.#works = []
    this.#waitingBytes = 0
    for (const work of works) work.failed(error)
    this.#letWaitersIn()
  }

  #letWaitersIn(): void {
    const wanted = this.#roomWanted
    this.#roomWanted = []
    for (const resolve of wanted) resolve()
  }
}

/** Numbers queues that have one writer: the loop, which has no other append under way. */
class OffsetsAhead implements NextOffsets {
  readonly #store: DeliveryStore
  readonly #next = new Map<string, number>()

  constructor(store: DeliveryStore) {
    this.#store = store
  }

  take(queue: QueueKey, messages: number): number {
    const name = `${queue.topic}\0${queue.queueId}`
    const offset = this.#next.get(name) ?? this.#store.bounds(queue)?.maxOffset ?? 0
    this.#next.set(name, offset + messages)
    return offset
  }

  /** Rows name these offsets: a wrong one would deliver another message in a retry's place. */
  check(batches: readonly RecordBatch[], receipt: Appended): void {
    const ends = new Map<string, number>()
    for (const [index, batch] of batches.entries()) {
      const base = receipt.records[index]?.baseQueueOffset ?? 0
      ends.set(`${batch.topic}\0${batch.queueId}`, base + batch.messageCount)
    }
    for (const [name, next] of this.#next) {
      if (ends.has(name))
        assert.equal(ends.get(name), next, 'another writer wrote to a retry topic')
    }
  }
}

/** The changes as records that each fit into any segment. */
export function changeRecords(changes: readonly StateChange[]): AppendRecord[] {
  const records: AppendRecord[] = []
  let part: StateChange[] = []
  let bytes = 0
  for (const change of changes) {
    const size = change.kind === 'put' ? change.key.length + change.value.length + 32 : 128
    if (bytes + size > CHANGE_RECORD_MAX_BYTES && part.length > 0) {
      records.push({ kind: 'change', changes: part })
      part = []
      bytes = 0
    }
    part.push(change)
    bytes += size
  }
  if (part.length > 0) records.push({ kind: 'change', changes: part })
  return records
}
