import { channel } from 'node:diagnostics_channel'
import { CometError, toCometError } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { DiskSpace } from '../disk-space.ts'
import type { PlacedRecord } from '../placed-record.ts'
import type { LiveTail } from '../replication/live-tail.ts'
import type { Unsubscribe } from '../store-listener.ts'
import type { AppendPlan } from './append-plan.ts'
import type { CommitLog } from './commit-log.ts'
import type { ConfirmGate } from './confirm-gate.ts'

/** Publishes `{ records, bytes, writeMs, syncMs }` after each group commit. */
const committed = channel('cometmq:store:commit')

export interface LogWriterParts {
  readonly clock: Clock
  readonly log: CommitLog
  readonly gate: ConfirmGate
  readonly space: DiskSpace
  readonly liveTail: LiveTail
}

export interface PlannedWrite {
  readonly plan: AppendPlan
  /** All records of the plan but fillers. */
  readonly records: readonly PlacedRecord[]
  /** Called when the system has all of it, before it is flushed. */
  readonly written: () => void
}

/**
 * The one writer of the log: whoever changes the log takes turns here. Each turn ends with everything
 * written being flushed.
 */
export class LogWriter {
  readonly #parts: LogWriterParts
  readonly #flushListeners = new Set<(flushedOffset: number) => void>()
  readonly #stopListeners = new Set<(error: CometError) => void>()
  #last: Promise<void> = Promise.resolve()
  #refusal: CometError | undefined

  constructor(parts: LogWriterParts) {
    this.#parts = parts
  }

  /** Why nothing is written any more. */
  get refusal(): CometError | undefined {
    return this.#refusal
  }

  get hasFailed(): boolean {
    return this.#refusal !== undefined && this.#refusal.code !== 'CLOSED'
  }

  /** Told after each sync. Must return soon and must not throw. */
  onFlushed(listener: (flushedOffset: number) => void): Unsubscribe {
    this.#flushListeners.add(listener)
    return () => {
      this.#flushListeners.delete(listener)
    }
  }

  /** Told once, when the writer has stopped itself. */
  onStopped(listener: (error: CometError) => void): void {
    this.#stopListeners.add(listener)
  }

  /** Runs `work` while nobody else changes the log. Those who ask are served in turn. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.hasFailed) throw this.#refusal as CometError
      return work()
    })
    this.#last = result.then(ignore, ignore)
    return result
  }

  /**
   * Writes what was planned, then flushes. Only within a turn.
   *
   * Answers `disk-full` if there was no space: nothing of it stays, and the log ends where it did.
   */
  async commit({ plan, records, written }: PlannedWrite): Promise<'flushed' | 'disk-full'> {
    const { log, clock, gate, space, liveTail } = this.#parts
    const from = log.maxOffset
    const bytes = plan.position - from
    const beganMs = clock.elapsedMs()
    // Before they are written: what is placed and not held would be forgotten by the tail view when
    // everything before is confirmed meanwhile.
    gate.hold(records)
    if (bytes > 0) {
      try {
        await log.write(plan)
      } catch (error) {
        if (!isDiskFull(error)) throw error
        await log.truncate(from)
        gate.drop(from)
        space.ranOut(bytes)
        return 'disk-full'
      }
      space.wrote(bytes)
    }
    written()
    // After the write and not before: what did not fit is cut off again, and a slave would keep it.
    if (bytes > 0) liveTail.written(plan, from)
    const writtenMs = clock.elapsedMs()
    if (bytes > 0) await log.sync()
    const syncedMs = clock.elapsedMs()
    gate.flushed()
    if (bytes > 0) for (const listener of this.#flushListeners) listener(log.flushedOffset)
    if (committed.hasSubscribers) {
      const times = { writeMs: writtenMs - beganMs, syncMs: syncedMs - writtenMs }
      committed.publish({ records: records.length, bytes, ...times })
    }
    return 'flushed'
  }

  /** Takes no more; resolves when the turns that were asked for have ended. */
  async close(): Promise<void> {
    this.#refusal ??= new CometError('CLOSED', 'the store is closed')
    await this.#last
  }

  /**
   * Stops for good: a write or a sync failed, or work beside this one did. What is on disk is for
   * recovery to find out.
   */
  stop(cause: unknown): void {
    if (this.hasFailed) return
    const { message } = toCometError(cause)
    const why = `the store has stopped, ${message}; start the broker again, which recovers`
    const error = new CometError('STORE_UNUSABLE', why, { cause })
    this.#refusal = error
    for (const listener of this.#stopListeners) listener(error)
    this.#parts.gate.stop(error)
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof CometError && error.code === 'DISK_FULL'
}

function ignore(): void {}
