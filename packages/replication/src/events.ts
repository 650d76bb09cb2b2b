import type { CommitLogOffset } from '@cometmq/protocol'
import type { MemberFile } from './actions.ts'
import type { GroupView, SwapOutcome } from './elector.ts'
import type { DiskHealth, Inspection, MasterFrame, SlaveFrame } from './frames.ts'
import type { LogState } from './log-state.ts'

/**
 * What happened to a member, and when by `clock.elapsedMs()`.
 *
 * Events come in the order in which things happened: a sync that ended before the log was cut is told
 * before anything that follows from the cut.
 *
 * Streams, swaps and rounds of inspection are numbered by the core, the streams of slaves by the
 * shell; what comes late from one that is over is ignored.
 */
export type ReplicaEvent = { readonly atMs: number } & Happening

export type Happening =
  /** The log is open, torn tail and pending truncation are dealt with, one sync is done. */
  | { readonly kind: 'recovered'; readonly member: MemberFile; readonly log: LogState }
  /** Every `tickMs`. */
  | { readonly kind: 'tick'; readonly lease: LeaseReading; readonly disk: DiskHealth }
  /** An operator or the system asks for an end. */
  | { readonly kind: 'stop-wanted' }
  /** A write or sync failed; it is never tried again. */
  | { readonly kind: 'write-failed' }
  /** Somebody knows of that epoch: a name server that refused, a member that asked. */
  | { readonly kind: 'epoch-seen'; readonly epoch: number }
  | { readonly kind: 'viewed'; readonly view: GroupView }
  | { readonly kind: 'not-viewed'; readonly reason: 'unreachable' | 'went-back' }
  /** The elector changed; a hint. */
  | { readonly kind: 'hinted' }
  | { readonly kind: 'swap-answered'; readonly number: number; readonly outcome: SwapOutcome }
  | { readonly kind: 'inspected'; readonly round: number; readonly inspection: Inspection }
  /** Nothing listens at a member's address: its process is gone. */
  | { readonly kind: 'member-gone'; readonly brokerId: number }

  /** Records of this member's own, as master. */
  | { readonly kind: 'appended'; readonly maxOffset: CommitLogOffset }
  | { readonly kind: 'flushed'; readonly offset: CommitLogOffset }
  /** Retention has deleted everything below. */
  | { readonly kind: 'trimmed'; readonly minOffset: CommitLogOffset }
  | { readonly kind: 'epoch-opened'; readonly epoch: number; readonly end: CommitLogOffset }
  /** No write of this member's own is under way any more. */
  | {
      readonly kind: 'appending-stopped'
      /** Of the action that asked for it. */
      readonly number: number
      readonly maxOffset: CommitLogOffset
    }
  | { readonly kind: 'tail-checked'; readonly stream: number; readonly matches: boolean }
  | { readonly kind: 'started-over'; readonly stream: number; readonly log: LogState }

  /** As slave. */
  | { readonly kind: 'stream-frame'; readonly stream: number; readonly frame: MasterFrame }
  /** `refused`: nothing listens at the master's address, so its process is gone. */
  | { readonly kind: 'stream-ended'; readonly stream: number; readonly why: 'closed' | 'refused' }

  /** As master, or as one that somebody takes for the master. */
  | { readonly kind: 'slave-frame'; readonly stream: number; readonly frame: SlaveFrame }
  | { readonly kind: 'slave-ended'; readonly stream: number }
  | { readonly kind: 'pushed'; readonly stream: number; readonly to: CommitLogOffset }

/** What `elector.lease` says. */
export interface LeaseReading {
  readonly id: string | undefined
  readonly validUntilMs: number
}
