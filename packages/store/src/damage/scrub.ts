import { CometError } from '@cometmq/protocol'
import type { Logger } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { LogVerifier } from './log-verifier.ts'

export interface ScrubParts {
  readonly log: Logger
  readonly commitLog: CommitLog
  readonly verifier: LogVerifier
}

export const SCRUB_INTERVAL_MS = 1_000

/**
 * Reads everything that is confirmed again and again, a little each second: a disk does not say what it
 * has lost before it is asked, and while others still have it.
 */
export class Scrub {
  readonly #parts: ScrubParts
  readonly #bytesPerSecond: number
  /** Where a record begins; what is confirmed is never cut. */
  #at = 0
  /** Below 0 after a record longer than a second's share. */
  #leftBytes = 0
  #readBytes = 0

  constructor(parts: ScrubParts, bytesPerSecond: number) {
    this.#parts = parts
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Bytes of the log that were verified. */
  get readBytes(): number {
    return this.#readBytes
  }

  /** Does the work of one second. Never rejects. */
  async step(): Promise<void> {
    const { log, commitLog, verifier } = this.#parts
    this.#leftBytes = Math.min(this.#bytesPerSecond, this.#leftBytes + this.#bytesPerSecond)
    if (this.#leftBytes <= 0) return
    const from = Math.max(this.#at, commitLog.minOffset)
    const to = Math.min(from + this.#leftBytes, commitLog.confirmOffset)
    if (from >= to) {
      // From the begin again; with nothing confirmed that is where it stands.
      this.#at = commitLog.minOffset
      return
    }
    try {
      const { end } = await verifier.verify({ from, to })
      this.#leftBytes -= end - from
      this.#readBytes += end - from
      this.#at = end
    } catch (error) {
      this.#at = commitLog.segmentAt(from)?.end ?? commitLog.minOffset
      // It was deleted meanwhile, or the store is being closed.
      const isExpected =
        error instanceof CometError && ['OFFSET_OUT_OF_RANGE', 'CLOSED'].includes(error.code)
      if (!isExpected) log.warn({ from, error }, 'log could not be verified')
    }
  }
}
