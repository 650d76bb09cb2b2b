import { CometError, encodeBrokerRecord, RecordBatch, type StateChange } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { AppendGroup, AppendLevel, AppendReceipt } from '../append-group.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { TailView } from '../tail-view.ts'
import type { Admission } from './admission.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConfirmGate } from './confirm-gate.ts'
import type { LogWriter } from './log-writer.ts'
import { Placement } from './placement.ts'
import {
  answer,
  isFromProducer,
  recordsToPlace,
  snapshotGroup,
  type WaitingGroup,
  type WaitingSnapshot,
} from './waiting-group.ts'

/** One cycle takes no more than this, so that its dispatch does not hold everything else up. */
const CYCLE_RECORDS = 4096
const CYCLE_BYTES = 16 * 1024 * 1024

/** So long everything else waits for the log to be confirmed when rows are to be put again. */
const SNAPSHOT_WAIT_MS = 100

export interface GroupCommitParts {
  readonly clock: Clock
  readonly log: CommitLog
  readonly writer: LogWriter
  readonly gate: ConfirmGate
  readonly tail: TailView
  readonly dispatcher: Dispatcher
  readonly admission: Admission
  /** Called before each cycle; the cycle waits for it. */
  readonly keepUp: () => Promise<void> | undefined
}

/**
 * Appends of a master. Takes all groups that wait, places them, writes them at once, syncs once, and
 * answers all of them as they asked for.
 *
 * Groups are judged and placed in the order of the calls, so batches sent one behind the other see
 * each other, confirmed or not.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts
  #waiting: WaitingGroup[] = []
  #snapshots: WaitingSnapshot[] = []
  /** `undefined`: this is no master, and only a master appends. */
  #epoch: number | undefined
  /** The last one given out. Never falls, even when the clock does. */
  #storeTimeMs = 0
  #running: Promise<void> | undefined
  /** Groups are taken and not written. */
  #isHeld = false

  constructor(parts: GroupCommitParts) {
    this.#parts = parts
    parts.writer.onStopped((error) => this.#rejectWaiting(error))
  }

  /** The reign in which groups are appended; `undefined` while they are refused. */
  get epoch(): number | undefined {
    return this.#epoch
  }

  append(group: AppendGroup, level: AppendLevel): Promise<AppendReceipt> {
    const records = recordsToPlace(group)
    let bytes = 0
    for (const { record } of records) bytes += record.totalBytes
    const appender = isFromProducer(group) ? 'producer' : 'broker'
    const refusal = this.refusal ?? this.#parts.admission.refusal(appender, records, bytes)
    if (refusal !== undefined) return Promise.reject(refusal)
    this.#parts.admission.take(bytes)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ records, bytes, level, resolve, reject, receipt: undefined })
      this.#start()
    })
  }

  /**
   * Puts the rows that `read` answers at the head of a cycle. It is called when everything written
   * has been applied, so what it reads there cannot overtake anything newer.
   */
  appendSnapshot(read: () => StateChange[]): Promise<void> {
    const refusal = this.refusal ?? this.#parts.admission.refusalForSpace('store')
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      this.#snapshots.push({ read, resolve, reject })
      this.#start()
    })
  }

  /**
   * From here on groups are appended, as of that epoch; its `epochOpened` record, with that body, goes
   * first. Only within a turn of the writer. Resolves when the record is flushed.
   */
  beginReign(epoch: number, body: Buffer): Promise<AppendReceipt> {
    // It may have stopped in the middle of the turn.
    const { refusal } = this.#parts.writer
    if (refusal !== undefined) return Promise.reject(refusal)
    const record = RecordBatch.parse(encodeBrokerRecord('epochOpened', body))
    const bytes = record.totalBytes
    this.goOn(epoch)
    this.#parts.admission.take(bytes)
    return new Promise((resolve, reject) => {
      const records = [{ kind: 'epochOpened' as const, record }]
      const level = 'flushed' as const
      this.#waiting.unshift({ records, bytes, level, resolve, reject, receipt: undefined })
      this.#start()
    })
  }

  /** Appends again as of an epoch that was opened before. */
  goOn(epoch: number): void {
    const { gate, tail, dispatcher } = this.#parts
    const { held } = gate
    tail.rebuild(held)
    const times = [dispatcher.applied, ...held]
    for (const { storeTimeMs } of times) {
      this.#storeTimeMs = Math.max(this.#storeTimeMs, storeTimeMs)
    }
    this.#epoch = epoch
    this.#isHeld = false
  }

  /** Groups that come from here on wait; resolves when none is being written any more. */
  async hold(): Promise<void> {
    this.#isHeld = true
    while (this.#isHeld && this.#running !== undefined) await this.#running
  }

  /** Writes what waits. */
  release(): void {
    this.#isHeld = false
    if (this.#hasWork) this.#start()
  }

  /** Refuses groups from here on, and those that have not been written yet. */
  endReign(): void {
    this.#epoch = undefined
    this.#isHeld = false
    this.#rejectWaiting(notMaster())
  }

  /** Resolves when the groups that wait have been written, or refused. */
  async finish(): Promise<void> {
    this.release()
    while (this.#running !== undefined) await this.#running
  }

  /** Why no group is taken now, whatever it is. */
  get refusal(): CometError | undefined {
    return this.#parts.writer.refusal ?? (this.#epoch === undefined ? notMaster() : undefined)
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      // A group may have come between the last look and here.
      if (this.#hasWork) this.#start()
    })
  }

  get #hasWork(): boolean {
    return !this.#isHeld && (this.#waiting.length > 0 || this.#snapshots.length > 0)
  }

  async #run(): Promise<void> {
    const { writer, keepUp } = this.#parts
    // What else is appended in this turn shares the first write.
    await Promise.resolve()
    while (this.#hasWork) {
      const behind = keepUp()
      if (behind !== undefined) await behind
      if (this.#snapshots.length > 0) await this.#awaitConfirmed()
      let taken: readonly WaitingGroup[] = []
      try {
        await writer.turn(async () => {
          taken = this.#take()
          await this.#cycle(taken)
        })
      } catch (error) {
        writer.stop(error)
        const refusal = writer.refusal as CometError
        for (const group of taken) group.reject(refusal)
        // Whatever has come since it stopped: nobody would take it, and this loop would never end.
        this.#rejectWaiting(refusal)
      }
    }
  }

  /** Rows are read when everything written is confirmed and applied. Not for long: others wait. */
  async #awaitConfirmed(): Promise<void> {
    const { gate, clock } = this.#parts
    if (gate.isEmpty) return
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = clock.schedule(SNAPSHOT_WAIT_MS, resolve)
    await Promise.race([gate.whenEmpty(), late])
    timer.cancel()
    if (gate.isEmpty) return
    const why = 'the in-sync set has not confirmed what is to be put again'
    const snapshots = this.#snapshots
    this.#snapshots = []
    for (const snapshot of snapshots) snapshot.reject(new CometError('STORE_BUSY', why))
  }

  #take(): WaitingGroup[] {
    const taken: WaitingGroup[] = []
    // Something may have been written since the wait. Then they are read in another cycle.
    if (this.#parts.gate.isEmpty) {
      taken.push(...this.#snapshots.map(snapshotGroup))
      this.#snapshots = []
    }
    for (const { bytes } of taken) this.#parts.admission.take(bytes)
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

  async #cycle(groups: readonly WaitingGroup[]): Promise<void> {
    const { clock, log, writer, gate, tail } = this.#parts
    const epoch = this.#epoch
    if (groups.length === 0 || epoch === undefined) return
    this.#storeTimeMs = Math.max(this.#storeTimeMs, clock.nowMs())
    const plan = log.plan()
    const stamp = { epoch, confirmedBefore: log.confirmOffset, storeTimeMs: this.#storeTimeMs }
    const placement = new Placement(tail, plan, stamp)
    for (const group of groups) this.#place(group, placement, epoch)
    const written = (): void => {
      gate.wait(groups)
      for (const group of groups) if (group.level === 'written') answer(group)
    }
    const outcome = await writer.commit({ plan, records: placement.placed, written })
    if (outcome === 'disk-full') this.#rejectForSpace(groups)
    else for (const group of groups) if (group.level === 'flushed') answer(group)
  }

  #place(group: WaitingGroup, placement: Placement, epoch: number): void {
    try {
      group.receipt = { epoch, records: placement.place(group.records) }
    } catch (error) {
      if (!(error instanceof CometError)) throw error
      this.#parts.admission.give(group.bytes)
      group.reject(error)
    }
  }

  /** The disk is full: nothing of these groups stays, and the log ends where it did. */
  #rejectForSpace(groups: readonly WaitingGroup[]): void {
    const { admission, gate, tail } = this.#parts
    tail.rebuild(gate.held)
    // An epoch begins with its own record, or does not begin.
    if (groups.some(({ records }) => records[0]?.kind === 'epochOpened')) this.endReign()
    const error =
      admission.refusalForSpace('store') ?? new CometError('DISK_FULL', 'a write found no space')
    for (const group of groups) {
      if (group.receipt === undefined) continue
      admission.give(group.bytes)
      group.reject(error)
    }
  }

  #rejectWaiting(why: CometError): void {
    const [groups, snapshots] = [this.#waiting, this.#snapshots]
    this.#waiting = []
    this.#snapshots = []
    for (const group of groups) {
      this.#parts.admission.give(group.bytes)
      group.reject(why)
    }
    for (const snapshot of snapshots) snapshot.reject(why)
  }
}

function notMaster(): CometError {
  const why = 'this member of the broker group is no master, and only a master appends'
  return new CometError('NOT_MASTER', why)
}
