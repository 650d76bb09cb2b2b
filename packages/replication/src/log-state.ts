import {
  type CommitLogOffset,
  commitLogOffset,
  consistentPoint,
  type EpochHistory,
} from '@cometmq/protocol'

/** A member's commit log, in numbers. `min <= confirm <= max`, `flushed <= max`. */
export interface LogState {
  readonly history: EpochHistory
  /** The first byte still stored. */
  readonly minOffset: CommitLogOffset
  /** The end of the last whole record whose write has returned. */
  readonly maxOffset: CommitLogOffset
  readonly flushedOffset: CommitLogOffset
  /** Up to where it will never be cut. Never falls. */
  readonly confirmOffset: CommitLogOffset
}

/** What counts as held for good: what is on disk, or what is in the page cache of every member. */
export type ConfirmOn = 'flushed' | 'received'

export function durableOffset(
  log: Pick<LogState, 'maxOffset' | 'flushedOffset'>,
  on: ConfirmOn,
): CommitLogOffset {
  return on === 'flushed' ? log.flushedOffset : log.maxOffset
}

/** The epoch of the last record, by which logs are compared before their length; 0 if empty. */
export function lastRecordEpoch({
  history,
  maxOffset,
}: Pick<LogState, 'history' | 'maxOffset'>): number {
  return maxOffset === 0 ? 0 : (history.at(commitLogOffset(maxOffset - 1))?.epoch ?? 0)
}

/** Where consumers stop: a byte above may be cut and its offset given to another message. */
export function readableEnd({ confirmOffset }: LogState): CommitLogOffset {
  return confirmOffset
}

/** Where a slave has to cut its log before it may follow. */
export interface FollowPoint {
  /** Undefined: it lacks what the master has deleted already, and starts over with an empty log. */
  readonly cutTo: CommitLogOffset | undefined
  /** Confirmed bytes would go. Only somebody who knows why may let that happen. */
  readonly losesConfirmed: boolean
}

/** What both ends of a stream compute by themselves and then compare. */
export function followPoint(
  slave: Omit<LogState, 'flushedOffset'>,
  master: Omit<LogState, 'flushedOffset'>,
): FollowPoint {
  const common = slave.maxOffset < master.minOffset ? undefined : consistentPoint(slave, master)
  // Two whole logs agree before their first byte.
  const areWhole = slave.minOffset === 0 && master.minOffset === 0
  const cutTo = common ?? (areWhole ? commitLogOffset(0) : undefined)
  return {
    cutTo,
    // What lies below the master's first byte was confirmed, kept and deleted in due time.
    losesConfirmed: slave.confirmOffset > (cutTo ?? master.minOffset),
  }
}
