import {
  commitLogOffset,
  type RecordBatch,
  type StateChange,
  toCometError,
} from '@cometmq/protocol'
import type { Clock, Logger } from '@cometmq/runtime'
import type { Checkpointer } from '../dispatch/checkpointer.ts'
import type { DerivedState, Dispatcher } from '../dispatch/dispatcher.ts'
import { appendStateSnapshot } from '../dispatch/state-snapshot.ts'
import type { DiskSpace } from '../disk-space.ts'
import type { RetentionConfig } from '../store-config.ts'
import type { BeforeDelete } from '../store-listener.ts'
import { LOG_TABLE, minOffsetIn, putMinOffset } from '../state/store-tables.ts'
import type { EpochFile } from '../replication/epoch-file.ts'
import type { CommitLog } from './commit-log.ts'
import type { Segment } from './segment.ts'

export interface RetentionParts {
  readonly clock: Clock
  readonly log: Logger
  readonly commitLog: CommitLog
  readonly dispatcher: Dispatcher
  readonly state: DerivedState
  readonly checkpointer: Checkpointer
  readonly space: DiskSpace
  readonly epochs: EpochFile
  readonly appendSnapshot: (read: () => StateChange[]) => Promise<void>
  readonly hooks: ReadonlySet<BeforeDelete>
  /** A slave deletes what its master has let go, and carries nothing forward. */
  readonly isMaster: () => boolean
  /** Whether there are slaves that have to hear of it. */
  readonly isInGroup: boolean
  /** Reads the record at the begin of a segment. */
  readonly readAt: (logOffset: number) => Promise<RecordBatch>
}

/**
 * Deletes whole sealed segments, oldest first, by age, by size, and to keep space free.
 *
 * Before a segment goes, what is still owed from it is carried forward: rows of derived state by a
 * snapshot at the end of the log, everything else by the hooks of whoever owes it.
 */
export class Retention {
  readonly #parts: RetentionParts
  readonly #config: RetentionConfig
  /** All rows were put again from here on; 0: not since the store was opened. */
  #snapshotFrom = 0
  #retainFrom = Number.POSITIVE_INFINITY
  #running: Promise<void> | undefined

  constructor(parts: RetentionParts, config: RetentionConfig) {
    this.#parts = parts
    this.#config = config
  }

  /** Deletes what may go now. One at a time; a failure is logged and tried again the next time. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Nothing is deleted from there on: somebody else needs it. */
  retainFrom(offset: number): void {
    this.#retainFrom = offset
  }

  async #run(): Promise<void> {
    const { commitLog, log } = this.#parts
    const from = commitLog.minOffset
    try {
      if (!this.#parts.isMaster()) {
        const to = this.#letGo()
        if (to !== undefined) await this.#delete(to)
        return
      }
      const to = await this.#deletableTo()
      if (to === undefined) return
      await this.#carryForward({ from, to })
      if (this.#parts.isInGroup) await this.#tellSlaves(to)
      await this.#delete(to)
    } catch (error) {
      log.warn({ error: toCometError(error), from }, 'retention put off')
    }
  }

  /** The same for a slave: its master has said so, in a record that is confirmed and applied here. */
  #letGo(): number | undefined {
    const { commitLog, state } = this.#parts
    const letGo = minOffsetIn(state.tables.table(LOG_TABLE))
    const sealed = commitLog.segments.slice(0, -1)
    return sealed.findLast(({ end }) => end <= Math.min(letGo, this.#retainFrom))?.end
  }

  /**
   * Whoever applies this has the whole snapshot before it: also from its log alone everything can be
   * made anew.
   */
  async #tellSlaves(to: number): Promise<void> {
    const { appendSnapshot, state } = this.#parts
    if (minOffsetIn(state.tables.table(LOG_TABLE)) >= to) return
    await appendSnapshot(() => [putMinOffset(to)])
  }

  /** The end of the last segment that may go; `undefined` if none may. */
  async #deletableTo(): Promise<number | undefined> {
    const { commitLog, clock, space } = this.#parts
    const { maxBytes, maxAgeMs, minFreeBytes } = this.#config
    const sealed = commitLog.segments.slice(0, -1)
    let keptBytes = commitLog.maxOffset - commitLog.minOffset
    let freeBytes = space.freeBytes
    const oldestKeptMs = clock.nowMs() - maxAgeMs
    let to: number | undefined
    for (const segment of sealed) {
      // What is read or applied late must still be there.
      if (segment.end > Math.min(commitLog.confirmOffset, this.#retainFrom)) break
      const isTooMuch = keptBytes > maxBytes || freeBytes < minFreeBytes
      if (!isTooMuch && !(await this.#isOlder(segment, oldestKeptMs))) break
      to = segment.end
      keptBytes -= segment.bytes
      freeBytes += segment.bytes
    }
    return to
  }

  /** Whether all of its records were stored before. Store times never fall along the log. */
  async #isOlder(segment: Segment, timestampMs: number): Promise<boolean> {
    const { readAt, commitLog } = this.#parts
    if (!Number.isFinite(timestampMs) || segment.end >= commitLog.confirmOffset) return false
    const next = await readAt(segment.end)
    return next.storeTimeMs < timestampMs
  }

  async #carryForward(range: { readonly from: number; readonly to: number }): Promise<void> {
    const { hooks, commitLog, state, appendSnapshot, log } = this.#parts
    const from = commitLogOffset(range.from)
    const to = commitLogOffset(range.to)
    for (const hook of hooks) await hook({ from, to })
    if (this.#snapshotFrom >= range.to) return
    const snapshotFrom = commitLog.maxOffset
    await appendStateSnapshot(state, appendSnapshot)
    this.#snapshotFrom = snapshotFrom
    log.info({ from: snapshotFrom, to: commitLog.maxOffset }, 'state put again before deletion')
  }

  async #delete(to: number): Promise<void> {
    const { commitLog, state, checkpointer, clock, dispatcher, epochs, log } = this.#parts
    const pause = (): Promise<void> => clock.yieldTurn()
    // Readers learn that the messages are gone before they are. And the note beside the log comes
    // before the deletion, or a restart would take the missing segment for a lost one.
    await checkpointer.exclusively(() => state.queues.trim(to, pause))
    await checkpointer.writeSlot({ closedCleanly: false, minOffset: to })
    while (commitLog.minOffset < to) {
      const { path } = commitLog.segments[0] as Segment
      await commitLog.deleteOldest()
      log.info({ path }, 'segment deleted')
    }
    await epochs.retain(commitLogOffset(commitLog.minOffset))
    dispatcher.trimmed(to)
  }
}
