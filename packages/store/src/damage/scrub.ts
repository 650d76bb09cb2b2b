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
  /** What is confirmed later is for the next round: one that ran after the head would never end. */
  #roundEnd = 0
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
    if (this.#at >= this.#roundEnd) {
      this.#at = commitLog.minOffset
      this.#roundEnd = commitLog.confirmOffset
    }
    const from = Math.max(this.#at, commitLog.minOffset)
    const to = Math.min(from + this.#leftBytes, this.#roundEnd)
    if (from >= to) return
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
