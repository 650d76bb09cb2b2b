import {
  CometError,
  type CommitLogOffset,
  commitLogOffset,
  type EpochHistory,
} from '@cometmq/protocol'
import type { Clock, Logger } from '@cometmq/runtime'
import type { AppendedRecord } from '../append-group.ts'
import type { ConfirmGate } from '../commit-log/confirm-gate.ts'
import type { GroupCommit } from '../commit-log/group-commit.ts'
import type { LogWriter } from '../commit-log/log-writer.ts'
import type { DamagedPlaces } from '../damage/damaged-places.ts'
import type { LogVerifier } from '../damage/log-verifier.ts'
import { mendLog } from '../damage/mend.ts'
import type { Checkpointer } from '../dispatch/checkpointer.ts'
import type { RecordReader } from '../record-reader.ts'
import type { Unsubscribe } from '../store-listener.ts'
import { keepCutBytes } from './cut-bytes.ts'
import { settleDoubt } from './doubt.ts'
import type { EpochFile } from './epoch-file.ts'
import { encodeEpochOpened, type Reign } from './epoch-opened.ts'
import type { LiveListener, LiveTail } from './live-tail.ts'
import { checksumOfRange, type LogRange, readRange, recordHolding } from './log-range.ts'
import type { RawCommit, RawOrigin } from './raw-commit.ts'
import { type ExportedState, exportState } from './state-export.ts'
import { truncateLog, type TruncationParts } from './truncation.ts'

export interface LogOffsets {
  /** The first byte still stored. */
  readonly min: CommitLogOffset
  /** End of what the system has been given. */
  readonly max: CommitLogOffset
  /** End of what is durable here. */
  readonly flushed: CommitLogOffset
  /** End of what is known to be confirmed, as far as it is durable here. */
  readonly confirm: CommitLogOffset
}

export interface ReplicatedLogParts extends TruncationParts {
  readonly clock: Clock
  readonly log: Logger
  readonly writer: LogWriter
  readonly commits: GroupCommit
  readonly raws: RawCommit
  readonly gate: ConfirmGate
  readonly epochs: EpochFile
  readonly liveTail: LiveTail
  readonly checkpointer: Checkpointer
  readonly reader: RecordReader
  readonly places: DamagedPlaces
  readonly verifier: LogVerifier
  /** Retention deletes nothing from there on. */
  readonly retainFrom: (offset: number) => void
}

/**
 * The log of a member of a broker group, as replication needs it: who leads, bytes in and out, lineage,
 * and what is confirmed. Everything else about a store is the same in a group and alone.
 *
 * It decides nothing: who leads which epoch, where to cut and what is confirmed is told from outside.
 * It refuses what would contradict what it has. The unit is the append group, so that every offset at
 * which members may part is one where a start would leave the log.
 */
export class ReplicatedLog {
  readonly #parts: ReplicatedLogParts
  readonly #keptBytes: number

  constructor(parts: ReplicatedLogParts, options: { readonly cutKeptBytes: number }) {
    this.#parts = parts
    this.#keptBytes = options.cutKeptBytes
  }

  get offsets(): LogOffsets {
    const { commitLog } = this.#parts
    return {
      min: commitLogOffset(commitLog.minOffset),
      max: commitLogOffset(commitLog.maxOffset),
      flushed: commitLogOffset(commitLog.flushedOffset),
      confirm: commitLogOffset(commitLog.confirmOffset),
    }
  }

  /** Which master wrote which part. */
  get epochs(): EpochHistory {
    return this.#parts.epochs.history
  }

  /**
   * Begins a reign: notes where it begins, durably, then appends its `epochOpened` record. Appends are
   * accepted from then on. Resolves to the place of that record when it is flushed; when it is
   * confirmed, so is everything that earlier masters left.
   *
   * Rejects with `STALE_EPOCH` if the log knows that epoch or a later one, or with `DISK_FULL`; the
   * store then leads nothing that it did not lead before.
   */
  async lead(reign: Reign): Promise<AppendedRecord> {
    const { commits, epochs, commitLog } = this.#parts
    const { epoch } = reign
    const { opened } = await this.#turn(async () => {
      const { last } = epochs.history
      const start = commitLogOffset(commitLog.maxOffset)
      // An epoch of which the log holds nothing was opened before, in vain.
      const isEmpty = last?.epoch === epoch && last.start === start
      if (!isEmpty && epoch <= (last?.epoch ?? 0)) {
        throw new CometError('STALE_EPOCH', `epoch ${last?.epoch} was opened before ${epoch}`)
      }
      await epochs.append({ epoch, start })
      return { opened: commits.beginReign(epoch, encodeEpochOpened(reign)) }
    })
    const { records } = await opened
    return records[0] as AppendedRecord
  }

  /**
   * Ends a reign, or goes on without one: appends are refused with `NOT_MASTER`, bytes of another
   * master are taken. Appends that are written and wait for their confirmation are rejected with
   * `NOT_CONFIRMED`: what becomes of them is up to the next master.
   */
  async follow(): Promise<void> {
    const { commits, gate } = this.#parts
    commits.endReign()
    await this.#turn(() => Promise.resolve(gate.abandon(notConfirmed())))
  }

  /**
   * Appends wait from here on instead of being written: the reign is to be handed over. Resolves when
   * none is being written any more.
   */
  hold(): Promise<void> {
    return this.#parts.commits.hold()
  }

  /** Writes what waited, as the reign goes on here. After `follow` there is nothing left. */
  release(): void {
    this.#parts.commits.release()
  }

  /**
   * Appends bytes that a master wrote, unchanged, where they lie in its log: whole append groups of one
   * epoch. Resolves when the system has them; `onFlushed` tells when they are durable.
   *
   * Rejects, and nothing was appended, with `OFFSET_OUT_OF_RANGE` unless the log ends at `offset`,
   * `STALE_EPOCH`, `MALFORMED_BATCH`, `CHECKSUM_MISMATCH`, `CONFIG_INVALID` if segments differ from the
   * master's, or `DISK_FULL`.
   */
  appendRaw(offset: number, bytes: Buffer, origin: RawOrigin): Promise<void> {
    return this.#parts.raws.append(offset, bytes, origin)
  }

  /** Told the flushed offset after each sync. Must return soon and must not throw. */
  onFlushed(listener: (flushed: CommitLogOffset) => void): Unsubscribe {
    return this.#parts.writer.onFlushed((flushed) => listener(commitLogOffset(flushed)))
  }

  /** Told what is written, as it is written; what was before is for `readRange`. */
  tap(listener: LiveListener): Unsubscribe {
    return this.#parts.liveTail.subscribe(listener)
  }

  /**
   * Reads whole append groups of one epoch from `from` on, up to `maxBytes` yet at least one group.
   * `undefined` at the end of the log.
   *
   * Rejects with `OFFSET_OUT_OF_RANGE` below the begin or beyond the end, with `RECORD_CORRUPT` if a
   * checksum fails.
   */
  readRange(from: number, maxBytes: number): Promise<LogRange | undefined> {
    const { commitLog, places } = this.#parts
    return readRange(commitLog, this.epochs, places, { from, maxBytes })
  }

  /** The CRC-32 of the bytes `[from, to)`. Rejects with `OFFSET_OUT_OF_RANGE` unless all are there. */
  checksum(from: number, to: number): Promise<number> {
    const { commitLog, clock } = this.#parts
    return checksumOfRange(commitLog, clock, { from, to })
  }

  /**
   * Verifies every record of `[from, to)`, from the begin of its segment on. Resolves to the first one
   * that is damaged, if any, after `onDamaged` was told of all.
   */
  async verify(from: number, to: number): Promise<CommitLogOffset | undefined> {
    const { commitLog, verifier } = this.#parts
    const begin = commitLog.segmentAt(from)?.start ?? commitLog.minOffset
    const { damaged } = await verifier.verify({ from: begin, to })
    return damaged
  }

  /** Where the record begins that holds the byte `at`. Rejects with `RECORD_CORRUPT` below damage. */
  recordHolding(at: CommitLogOffset): Promise<CommitLogOffset> {
    const { commitLog, clock } = this.#parts
    return recordHolding(commitLog, clock, at)
  }

  /** Whether a record that is stored at `at`, and was damaged, still is. */
  async isDamaged(at: CommitLogOffset): Promise<boolean> {
    const { places, verifier } = this.#parts
    if (!this.damaged.includes(at)) return false
    await verifier.verify({ from: at, to: at + 1 })
    return places.has(at)
  }

  /** Where stored records are damaged, as far as is known, ascending. */
  get damaged(): readonly CommitLogOffset[] {
    return this.#parts.places.stored
  }

  /** Told where a record begins that was found to be damaged. Must return soon and must not throw. */
  onDamaged(listener: (at: CommitLogOffset) => void): Unsubscribe {
    return this.#parts.places.onFound(listener)
  }

  /**
   * Puts whole append groups, or what is left of one from a record on, back where they were stored, as
   * another member has them. Durable when it resolves, to where they end: what this log does not have
   * is left out. A crash leaves damage where there was some.
   *
   * Rejects, and nothing was changed, with `OFFSET_OUT_OF_RANGE`, with `LOG_DIVERGED` unless the same
   * reign wrote those bytes here, with `MALFORMED_BATCH` or `CHECKSUM_MISMATCH` if they are damaged
   * themselves. With `DISK_FULL` some of it may be as it should be.
   */
  async mend(at: number, bytes: Buffer, origin: RawOrigin): Promise<CommitLogOffset> {
    const { commitLog, reader, places } = this.#parts
    const damaged = places.stored
    const to = await this.#turn(() => mendLog(commitLog, this.epochs, { at, bytes, origin }))
    reader.forget(at, to)
    places.mended(at, to, damaged)
    return to
  }

  /**
   * Everything below is confirmed by the group. What of it is flushed here is dispatched, readable and
   * answered before this returns; the rest as soon as it is flushed. A lower offset tells nothing new.
   */
  confirm(offset: number): void {
    this.#parts.gate.confirm(offset)
  }

  /**
   * Cuts everything from `to` on: another master has written, or will write, something else there. A
   * crash on the way leaves all of it or nothing. The cut bytes are kept in a file.
   *
   * Rejects, and nothing was cut, with `LOG_DIVERGED` below the confirm offset or within an append
   * group, with `OFFSET_OUT_OF_RANGE` beyond the end, with `NOT_ALLOWED` while this store leads.
   */
  async truncateTo(to: number): Promise<void> {
    await this.#turn(() => this.#truncate(to))
  }

  /** Copies everything from `from` on to a file beside the log, before it is lost. */
  keepFrom(from: number): Promise<void> {
    return this.#turn(() => this.#keep(from, 'confirmed bytes are given up'))
  }

  /** What `recovery.isInDoubt` has told is noted, and need not be told by the next start. */
  settleDoubt(): Promise<void> {
    const { files, folder } = this.#parts
    return settleDoubt(files, folder)
  }

  /**
   * Derived state as of an applied offset, for a member that starts over from there; it needs the log
   * from `baseOffset` on. Rejects with `OFFSET_OUT_OF_RANGE` while nothing is applied.
   */
  exportState(): Promise<ExportedState> {
    const { commitLog, checkpointer } = this.#parts
    return exportState(commitLog, checkpointer, this.epochs)
  }

  /** Retention leaves everything from there on, for slaves that need it; `Infinity`: it need not. */
  retainFrom(offset: number): void {
    this.#parts.retainFrom(offset)
  }

  async #truncate(to: number): Promise<void> {
    const { commitLog, commits, gate, epochs, checkpointer, places } = this.#parts
    const max = commitLog.maxOffset
    if (commits.epoch !== undefined) {
      throw new CometError('NOT_ALLOWED', 'a master does not cut its log')
    }
    if (to > max) {
      throw new CometError('OFFSET_OUT_OF_RANGE', `the log ends at ${max}, and not after ${to}`)
    }
    if (to < commitLog.confirmOffset) {
      throw diverged(to, `everything below ${commitLog.confirmOffset} is confirmed`)
    }
    if (to === max) {
      await epochs.truncate(commitLogOffset(to))
      return
    }
    if (!gate.isBoundary(to)) throw diverged(to, 'no append group ends there')
    await this.#keep(to, 'unconfirmed tail is cut')
    await truncateLog(this.#parts, to, {
      epochs,
      note: () => checkpointer.writeSlot({ closedCleanly: false }),
    })
    gate.cut(to, notConfirmed())
    places.forget(to, Number.POSITIVE_INFINITY)
  }

  #keep(to: number, what: string): Promise<void> {
    const { commitLog, folder, epochs, gate } = this.#parts
    const epoch = epochs.history.last?.epoch ?? 0
    const cut = { from: to, to: commitLog.maxOffset, epoch }
    const fields = { records: gate.held.filter(({ at }) => at >= to).length }
    const keptBytes = this.#keptBytes
    return keepCutBytes(this.#parts, commitLog, folder, { cut, keptBytes, what, fields })
  }

  /** Runs `work` while nobody writes. What it refuses has changed nothing; after a failure all stops. */
  async #turn<T>(work: () => Promise<T>): Promise<T> {
    const { writer } = this.#parts
    if (writer.refusal !== undefined) throw writer.refusal
    return writer.turn(async () => {
      try {
        return await work()
      } catch (error) {
        if (error instanceof CometError && error.code !== 'STORE_UNUSABLE') throw error
        writer.stop(error)
        throw writer.refusal
      }
    })
  }
}

function notConfirmed(): CometError {
  const why = 'the batch was written, and this broker lost its reign before the in-sync set had it'
  return new CometError('NOT_CONFIRMED', why)
}

function diverged(to: number, why: string): CometError {
  return new CometError('LOG_DIVERGED', `the log is not cut at ${to}: ${why}`)
}
