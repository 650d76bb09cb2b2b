import { CometError, type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import type { Clock, Logger } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { LogWriter } from '../commit-log/log-writer.ts'
import { walkRecords } from '../commit-log/log-walker.ts'
import type { DamagedPlaces } from './damaged-places.ts'
import { nextRecord } from './next-record.ts'
import { bodyFault } from './record-fault.ts'

/** Read at once, and at least. */
const WINDOW = { maxBytes: 1024 * 1024, minBytes: 4 * 1024 }

export interface LogVerifierParts {
  readonly clock: Clock
  readonly log: Logger
  readonly commitLog: CommitLog
  readonly writer: LogWriter
  readonly places: DamagedPlaces
}

export interface Verified {
  /** Where the next record begins. */
  readonly end: number
  /** The first record that is damaged. */
  readonly damaged: CommitLogOffset | undefined
}

interface Candidate {
  readonly at: number
  readonly why: string
}

/** Reads records for nothing but their checksums, and tells `DamagedPlaces` what it finds. */
export class LogVerifier {
  readonly #parts: LogVerifierParts
  /** By the begin of their segments: up to where somebody found something damaged. */
  readonly #suspected = new Map<number, number>()
  readonly #paused = new Set<() => void>()
  readonly #running = new Set<Promise<unknown>>()
  #isLooking = false
  #isClosed = false

  constructor(parts: LogVerifierParts) {
    this.#parts = parts
    parts.places.onSuspected((at) => this.#suspect(at))
  }

  /**
   * Verifies all records that begin in `[from, to)`; one begins at `from`. Behind one that cannot be
   * made out it goes on with the next that can.
   *
   * Rejects with `OFFSET_OUT_OF_RANGE` if retention was faster, with `CLOSED`, and as reading does.
   */
  verify(range: { readonly from: number; readonly to: number }): Promise<Verified> {
    const running = this.#verify(range)
    this.#running.add(running)
    const ended = (): void => void this.#running.delete(running)
    running.then(ended, ended)
    return running
  }

  /** Resolves when nothing is being read any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    // Whoever closes the store need not wait for turns of others.
    for (const goOn of this.#paused) goOn()
    await Promise.allSettled(this.#running)
  }

  async #verify({ from, to }: { readonly from: number; readonly to: number }): Promise<Verified> {
    const { commitLog, places } = this.#parts
    const { cuts } = commitLog
    const end = Math.min(to, commitLog.maxOffset)
    let damaged: number | undefined
    let at = from
    while (at < end) {
      const candidates: Candidate[] = []
      const walked = await walkRecords(commitLog, {
        from: at,
        to: end,
        bodies: 'all',
        windowBytes: Math.min(WINDOW.maxBytes, Math.max(WINDOW.minBytes, end - at)),
        visit: (_, visited) => places.forget(visited, visited + 1),
        filler: (record, visited) => {
          const why = bodyFault(record)
          if (why === undefined) places.forget(visited, visited + 1)
          else candidates.push({ at: visited, why })
        },
        damagedBody: (record, visited) => {
          candidates.push({ at: visited, why: bodyFault(record) ?? '' })
        },
        pause: () => this.#pause(),
      })
      at = walked.end
      if (walked.why !== undefined) {
        candidates.push({ at, why: walked.why })
        at = await nextRecord(commitLog, { from: at + 1, to: end }, () => this.#pause())
      }
      for (const candidate of candidates) {
        const isDamaged = await this.#judge(candidate.at, cuts)
        if (isDamaged) places.found(candidate.at, candidate.why)
        if (isDamaged) damaged ??= candidate.at
      }
      // What is left to do is of another log.
      if (commitLog.cuts !== cuts) break
    }
    return { end: at, damaged: damaged === undefined ? undefined : commitLogOffset(damaged) }
  }

  /** Once more, while nobody cuts or mends: what was read before may be of another log. */
  #judge(at: number, cuts: number): Promise<boolean> {
    const { commitLog, writer } = this.#parts
    return writer.turn(async () => {
      if (commitLog.cuts !== cuts || commitLog.segmentAt(at) === undefined) return false
      let isDamaged = false
      const walked = await walkRecords(commitLog, {
        from: at,
        to: at + 1,
        bodies: 'all',
        windowBytes: WINDOW.minBytes,
        visit() {},
        filler: (record) => {
          isDamaged = bodyFault(record) !== undefined
        },
        damagedBody: () => {
          isDamaged = true
        },
      })
      return isDamaged || walked.why !== undefined
    })
  }

  #suspect(at: number): void {
    const segment = this.#parts.commitLog.segmentAt(at)
    if (segment === undefined || this.#isClosed) return
    const to = Math.max(at + 1, this.#suspected.get(segment.start) ?? 0)
    this.#suspected.set(segment.start, to)
    if (!this.#isLooking) void this.#look()
  }

  /** One segment after the other: whoever asks for what is no record often costs no more than one walk. */
  async #look(): Promise<void> {
    this.#isLooking = true
    for (const [from, to] of this.#suspected) {
      this.#suspected.delete(from)
      try {
        await this.verify({ from, to })
      } catch (error) {
        if (this.#isClosed) break
        this.#parts.log.warn({ from, to, error }, 'log could not be verified')
      }
    }
    this.#isLooking = false
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#paused.add(resolve)
      const goOn = (): void => {
        this.#paused.delete(resolve)
        resolve()
      }
      this.#parts.clock.yieldTurn().then(goOn, goOn)
    })
    if (this.#isClosed) throw closed()
  }
}

function closed(): CometError {
  return new CometError('CLOSED', 'the store is closed')
}
