import type { CommitLogOffset, EpochEntry, EpochHistory } from '@cometmq/protocol'
import { nextConfirmOffset } from './confirm-offset.ts'
import type { Revision, SwapOutcome } from './elector.ts'
import { isEligible, recoveryWinner } from './eligibility.ts'
import { holdsEverything, maximalSet } from './in-sync-set.ts'
import { followPoint, readableEnd } from './log-state.ts'

export type SwapResult = 'won' | 'lost' | 'open'

/**
 * The rules that an acknowledged message survives by. None of them knows of time: clocks decide
 * only when something is tried.
 *
 * They are gathered here so that a test can leave one out and see that messages are lost.
 */
export interface Rules {
  readonly maximalSet: typeof maximalSet
  readonly nextConfirmOffset: typeof nextConfirmOffset
  readonly holdsEverything: typeof holdsEverything
  readonly isEligible: typeof isEligible
  readonly recoveryWinner: typeof recoveryWinner
  readonly followPoint: typeof followPoint
  readonly readableEnd: typeof readableEnd
  readonly appendEpoch: (history: EpochHistory, entry: EpochEntry) => EpochHistory
  readonly truncateEpochs: (history: EpochHistory, to: CommitLogOffset) => EpochHistory
  /** Whether an epoch is over, as far as somebody has seen who knows of `seen`. */
  readonly isOver: (epoch: number, seen: number) => boolean
  /** Whether the state is still the one that an operator looked at who took a loss. */
  readonly isAsSeen: (seen: Revision, present: Revision) => boolean
  /** What a transaction came to. One without an answer stays open: it may still take effect. */
  readonly resultOf: (answer: SwapOutcome['kind']) => SwapResult
}

export const designedRules: Rules = {
  maximalSet,
  nextConfirmOffset,
  holdsEverything,
  isEligible,
  recoveryWinner,
  followPoint,
  readableEnd,
  appendEpoch: (history, entry) => history.append(entry),
  truncateEpochs: (history, to) => history.truncate(to),
  isOver: (epoch, seen) => epoch < seen,
  isAsSeen: (seen, present) => seen === present,
  resultOf: (answer) => (answer === 'won' || answer === 'lost' ? answer : 'open'),
}
