import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import {
  CometError,
  encodeBrokerRecord,
  encodeChanges,
  RecordBatch,
  type StateChange,
  toCometError,
} from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { AppendGroup, AppendLevel, AppendReceipt, AppendRecord } from '../append-group.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Appender, DiskSpace } from '../disk-space.ts'
import type { QueueIndexes } from '../indexes/queue-indexes.ts'
import type { ProducerWindows } from '../producer-windows.ts'
import type { RecordReader } from '../record-reader.ts'
import type { CommitLog } from './commit-log.ts'
import { Placement, type RecordToPlace } from './placement.ts'

/** One cycle takes no more than this, so that its dispatch does not hold everything else up. */
const CYCLE_RECORDS = 4096
const CYCLE_BYTES = 16 * 1024 * 1024

const DISK_RETRY_AFTER_MS = 1_000
const BUSY_RETRY_AFTER_MS = 10

/** Publishes `{ records, bytes, writeMs, syncMs }` after each group commit. */
const committed = channel('cometmq:store:commit')

export interface GroupCommitParts {
  readonly clock: Clock
  readonly log: CommitLog
  readonly dispatcher: Dispatcher
  readonly queues: QueueIndexes
  readonly producers: ProducerWindows
  readonly reader: RecordReader
  readonly space: DiskSpace
  /** Called before each cycle; the writer waits for it. */
  readonly keepUp: () => Promise<void> | undefined
  /** Called once, when the writer has stopped itself. */
  readonly stopped: (error: CometError) => void
}

/** A group from its append to its answer. */
interface Waiting {
  readonly records: readonly RecordToPlace[]
  readonly bytes: number
  readonly level: AppendLevel
  readonly resolve: (receipt: AppendReceipt) => void
  readonly reject: (error: CometError) => void
  receipt: AppendReceipt | undefined
}

/** Rows to put again, read when a cycle begins. */
interface WaitingSnapshot {
  readonly read: () => StateChange[]
  readonly resolve: () => void
  readonly reject: (error: CometError) => void
}

/**
 * The one writer of the log. Takes all groups that wait, places them, writes them at once, syncs
 * once, applies them, and answers all of them.
 *
 * Groups are judged and placed in the order of the calls, so batches sent one behind the other see
 * each other. Between two cycles everything written is flushed, confirmed and applied.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts
  readonly #placement: Placement
  readonly #maxPendingBytes: number
  readonly #epoch: number
  #waiting: Waiting[] = []
  #snapshots: WaitingSnapshot[] = []
  #pendingBytes = 0
  #storeTimeMs: number
  #running: Promise<void> | undefined
  #refusal: CometError | undefined

  constructor(
    parts: GroupCommitParts,
    options: {
      readonly epoch: number
      readonly storeTimeMs: number
      readonly maxPendingBytes: number
    },
  ) {
    this.#parts = parts
    this.#epoch = options.epoch
    this.#storeTimeMs = options.storeTimeMs
    this.#maxPendingBytes = options.maxPendingBytes
    const begin = { plan: parts.log.plan(), stamp: this.#stamp }
    this.#placement = new Placement(parts, begin)
  }

  get epoch(): number {
    return this.#epoch
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** The last one given out. Never falls, even when the clock does. */
  get storeTimeMs(): number {
    return this.#storeTimeMs
  }

  /** Why no append is accepted any more. */
  get refusal(): CometError | undefined {
    return this.#refusal
  }

  append(group: AppendGroup, level: AppendLevel): Promise<AppendReceipt> {
    assert.ok(group.records.length > 0, 'a group of no records is appended')
    const appender = group.records.some(isFromProducer) ? 'producer' : 'broker'
    return this.#enqueue(group.records.map(toPlace), level, appender)
  }

  /** The first record of a log: which epoch begins. */
  openEpoch(body: Buffer): Promise<AppendReceipt> {
    const record = RecordBatch.parse(encodeBrokerRecord('epochOpened', body))
    return this.#enqueue([{ kind: 'epochOpened', record }], 'confirmed', 'store')
  }

  /**
   * Puts the rows that `read` answers at the head of a cycle. It is called when everything written
   * has been applied, so what it reads there cannot overtake anything newer.
   */
  appendSnapshot(read: () => StateChange[]): Promise<void> {
    const refusal = this.#refusal ?? this.#refuseForSpace('store')
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      this.#snapshots.push({ read, resolve, reject })
      this.#start()
    })
  }

  /** Takes no more groups; resolves when the waiting ones are answered. */
  async close(): Promise<void> {
    this.#refusal ??= new CometError('CLOSED', 'the store is closed')
    while (this.#running !== undefined) await this.#running
  }

  /**
   * Stops for good: a write or a sync failed, or work beside this one did. What is on disk is for
   * recovery to find out.
   */
  stop(cause: CometError): void {
    this.#stop(cause, [])
  }

  get hasFailed(): boolean {
    return this.#refusal !== undefined && this.#refusal.code !== 'CLOSED'
  }

  #enqueue(
    records: readonly RecordToPlace[],
    level: AppendLevel,
    appender: Appender,
  ): Promise<AppendReceipt> {
    let bytes = 0
    for (const { record } of records) bytes += record.totalBytes
    const refusal =
      this.#refusal ?? this.#refuseForSpace(appender) ?? this.#refuseForSize(records, bytes)
    if (refusal !== undefined) return Promise.reject(refusal)
    this.#pendingBytes += bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, level, resolve, reject, receipt: undefined })
      this.#start()
    })
  }

  #refuseForSpace(appender: Appender): CometError | undefined {
    const why = this.#parts.space.refusal(appender)
    if (why === undefined) return undefined
    return new CometError('DISK_FULL', why, { retryAfterMs: DISK_RETRY_AFTER_MS })
  }

  #refuseForSize(records: readonly RecordToPlace[], bytes: number): CometError | undefined {
    for (const { record } of records) {
      if (this.#parts.log.fits(record.totalBytes)) continue
      return new CometError(
        'BATCH_TOO_LARGE',
        `a record of ${record.totalBytes} bytes does not fit a segment of the log; send smaller batches, or raise segmentMaxBytes`,
      )
    }
    if (this.#pendingBytes === 0 || this.#pendingBytes + bytes <= this.#maxPendingBytes) {
      return undefined
    }
    return new CometError(
      'STORE_BUSY',
      `${this.#pendingBytes} bytes wait for the disk, ${this.#maxPendingBytes} may`,
      { retryAfterMs: BUSY_RETRY_AFTER_MS },
    )
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // A group may have come between the last look and here.
      if (this.#hasWork) this.#start()
    })
  }

  get #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#snapshots.length > 0
  }

  get #stamp(): {
    readonly epoch: number
    readonly confirmedBefore: number
    readonly storeTimeMs: number
  } {
    const confirmedBefore = this.#parts.log.confirmOffset
    return { epoch: this.#epoch, confirmedBefore, storeTimeMs: this.#storeTimeMs }
  }

  async #run(): Promise<void> {
    // What else is appended in this turn shares the first write.
    await Promise.resolve()
    let taken: readonly Waiting[] = []
    try {
      while (this.#hasWork) {
        const behind = this.#parts.keepUp()
        if (behind !== undefined) await behind
        taken = this.#take()
        await this.#cycle(taken)
      }
    } catch (error) {
      this.#stop(toCometError(error), taken)
    }
  }

  #take(): Waiting[] {
    const taken = this.#snapshots.map(snapshotGroup)
    this.#snapshots = []
    for (const { bytes } of taken) this.#pendingBytes += bytes
    let records = 0
    let bytes = 0
    let count = 0
    for (const group of this.#waiting) {
      if (count > 0 && (records >= CYCLE_RECORDS || bytes >= CYCLE_BYTES)) break
      records += group.records.length
      bytes += group.bytes
      taken.push(group)
      count++
    }
    this.#waiting = this.#waiting.slice(count)
    return taken
  }

  async #cycle(groups: readonly Waiting[]): Promise<void> {
    const { log, clock, space, reader, dispatcher } = this.#parts
    this.#storeTimeMs = Math.max(this.#storeTimeMs, clock.nowMs())
    const plan = log.plan()
    this.#placement.begin(plan, this.#stamp)
    for (const group of groups) this.#place(group)
    const bytes = plan.position - log.maxOffset

    const beganMs = clock.elapsedMs()
    if (bytes > 0) {
      try {
        await log.write(plan)
      } catch (error) {
        if (!isDiskFull(error)) throw error
        await this.#rollBack(groups, bytes)
        return
      }
      space.wrote(bytes)
    }
    const writtenMs = clock.elapsedMs()
    for (const group of groups) if (group.level === 'written') answer(group)
    if (bytes > 0) await log.sync()
    const syncedMs = clock.elapsedMs()

    log.confirm(log.flushedOffset)
    const { placed } = this.#placement
    for (const record of placed) {
      if (record.kind === 'messages') reader.remember(record.at, record.record)
      dispatcher.dispatch(record)
    }
    dispatcher.advance(log.confirmOffset)
    for (const group of groups) {
      this.#pendingBytes -= group.bytes
      answer(group)
    }
    if (committed.hasSubscribers) {
      const times = { writeMs: writtenMs - beganMs, syncMs: syncedMs - writtenMs }
      committed.publish({ records: placed.length, bytes, ...times })
    }
  }

  #place(group: Waiting): void {
    try {
      group.receipt = { epoch: this.#epoch, records: this.#placement.place(group.records) }
    } catch (error) {
      if (!(error instanceof CometError)) throw error
      group.reject(error)
    }
  }

  /** The disk is full: nothing of these groups stays, and the log ends where it did. */
  async #rollBack(groups: readonly Waiting[], bytes: number): Promise<void> {
    const { log, space } = this.#parts
    await log.truncate(log.maxOffset)
    space.ranOut(bytes)
    const error =
      this.#refuseForSpace('store') ?? new CometError('DISK_FULL', 'a write found no space')
    for (const group of groups) {
      this.#pendingBytes -= group.bytes
      group.reject(error)
    }
  }

  #stop(cause: CometError, taken: readonly Waiting[]): void {
    if (this.hasFailed) return
    const message = `the store has stopped, ${cause.message}; start the broker again, which recovers`
    const error = new CometError('STORE_UNUSABLE', message, { cause })
    this.#refusal = error
    for (const group of [...taken, ...this.#waiting, ...this.#snapshots]) group.reject(error)
    this.#waiting = []
    this.#snapshots = []
    this.#parts.stopped(error)
  }
}

function answer(group: Waiting): void {
  // Refused groups have no receipt; answering twice does nothing.
  if (group.receipt !== undefined) group.resolve(group.receipt)
}

function isFromProducer(record: AppendRecord): boolean {
  return record.kind === 'batch' && !record.batch.isBrokerMade
}

function isDiskFull(error: unknown): boolean {
  return error instanceof CometError && error.code === 'DISK_FULL'
}

function toPlace(record: AppendRecord): RecordToPlace {
  if (record.kind === 'change') return { kind: 'change', record: changeRecord(record.changes) }
  assert.ok(!(record.idempotent && record.batch.isBrokerMade), 'a broker batch has no sequence')
  return { kind: 'batch', record: record.batch }
}

function changeRecord(changes: readonly StateChange[]): RecordBatch {
  return RecordBatch.parse(encodeBrokerRecord('change', encodeChanges(changes)))
}

function snapshotGroup(snapshot: WaitingSnapshot): Waiting {
  const changes = snapshot.read()
  const records: RecordToPlace[] =
    changes.length === 0
      ? []
      : [{ kind: 'change', record: changeRecord(changes), isSnapshot: true }]
  return {
    records,
    bytes: records[0]?.record.totalBytes ?? 0,
    level: 'confirmed',
    resolve: () => snapshot.resolve(),
    reject: snapshot.reject,
    receipt: undefined,
  }
}
