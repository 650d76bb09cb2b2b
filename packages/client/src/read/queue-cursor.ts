import type { ReadStart, RecordBatch } from '@cometmq/protocol'

/** Messages `[next, to)` of one batch that a reader wants; a filter leaves holes between runs. */
export interface ReadRun {
  readonly cursor: QueueCursor
  readonly batch: RecordBatch
  next: number
  readonly to: number
  readonly credit: ReadCredit
}

/** Bytes of one batch, and what to do when all of its runs have been read. */
export interface ReadCredit {
  openRuns: number
  readonly bytes: number
  readonly lane: { finished(run: ReadRun): void }
}

/** How far the reading of one queue has got. */
export class QueueCursor {
  readonly brokerName: string
  readonly queueId: number
  start: ReadStart
  /** Of the running assignment; what carries another number is from before a seek. */
  assignmentId = 0
  /** What the broker will send next; undefined before it has said where it begins. */
  readTo: number | undefined
  /** The next message to hand out, while there are runs. */
  handedTo: number | undefined
  openRuns = 0
  /** Where the queue ended when it was assigned first. */
  endOffset: number | undefined
  /** The furthest end of the queue that any member has named. */
  newest = 0
  /** Whether a slave that serves it has little more of it than was read. */
  isNearEnd = false
  committed: number | undefined
  /** Answers in a row that the broker is not ready to read it. */
  unreadyCount = 0

  constructor(brokerName: string, queueId: number, start: ReadStart) {
    this.brokerName = brokerName
    this.queueId = queueId
    this.start = start
  }

  /** The next message that the reader's user has not seen. */
  get position(): number | undefined {
    return this.openRuns > 0 ? this.handedTo : this.readTo
  }

  get isAtEnd(): boolean {
    const { position, endOffset } = this
    return position !== undefined && endOffset !== undefined && position >= endOffset
  }

  seek(start: ReadStart): void {
    this.start = start
    this.readTo = undefined
    this.handedTo = undefined
    this.openRuns = 0
    this.endOffset = undefined
  }

  /**
   * A member says where reading begins. Returns whether it may: a slave whose end is older than one
   * that was named before would begin at messages that are not new.
   */
  begins(from: number, maxOffset: number): boolean {
    const isBehind = this.start.kind === 'latest' && this.readTo === undefined && from < this.newest
    this.readTo = isBehind ? this.newest : from
    this.newest = Math.max(this.newest, maxOffset)
    this.endOffset ??= this.newest
    this.isNearEnd = from >= maxOffset
    return !isBehind
  }
}
