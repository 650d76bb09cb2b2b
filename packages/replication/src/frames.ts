import type { CommitLogOffset, EpochEntry, EpochHistory } from '@cometmq/protocol'
import type { Revision } from './elector.ts'

/** Records as they lie in the log. The core counts their bytes and never looks at them. */
export interface RawRecords {
  readonly byteLength: number
}

/** Which process speaks, and which data folder it holds. */
export interface Member {
  readonly brokerId: number
  readonly incarnation: number
  readonly storeId: string
}

/** What a slave's disk does that forbids to wait for it. */
export interface DiskHealth {
  readonly isFull: boolean
  readonly isStalled: boolean
}

/** The first frame of a slave: what it holds. */
export interface Hello {
  readonly kind: 'hello'
  readonly member: Member
  readonly lastSeenEpoch: number
  readonly history: EpochHistory
  readonly minOffset: CommitLogOffset
  readonly maxOffset: CommitLogOffset
  readonly confirmOffset: CommitLogOffset
  readonly isObserver: boolean
}

export type SlaveFrame =
  | Hello
  /** It was cut to what was agreed; data may come from `next` on. */
  | { readonly kind: 'ready'; readonly next: CommitLogOffset; readonly flushed: CommitLogOffset }
  | {
      readonly kind: 'ack'
      readonly epoch: number
      readonly received: CommitLogOffset
      readonly flushed: CommitLogOffset
      /** The last beat that it heard. */
      readonly beat: number
      readonly disk: DiskHealth
    }
  | { readonly kind: 'leaving' }
  /** The elector does not see the master, who is well: another one had better be. */
  | { readonly kind: 'hand-over-wanted' }
  | { readonly kind: 'hand-over-result'; readonly won: boolean }

/** What a master answers to a hello. The shell adds and compares the checksum of the tail. */
export interface Welcome {
  readonly kind: 'welcome'
  readonly history: EpochHistory
  readonly minOffset: CommitLogOffset
  /** Undefined: the slave has to start over. */
  readonly cutTo: CommitLogOffset | undefined
}

export type RefusalReason = 'not-master' | 'stale-epoch' | 'unknown-store'

/**
 * From here on the master confirms nothing, whatever happens. One whose `end` is said appends nothing
 * either; what one that has resigned is writing may still get there.
 */
export interface HandOver {
  readonly kind: 'hand-over'
  /** Where both logs end; undefined: the master has resigned, with whatever is confirmed. */
  readonly end: CommitLogOffset | undefined
  readonly stateRevision: Revision
  /** The master does not stay in the in-sync set, if enough remain. */
  readonly leaves: boolean
}

export type MasterMessage =
  | Welcome
  | { readonly kind: 'refusal'; readonly reason: RefusalReason }
  | {
      readonly kind: 'data'
      readonly offset: CommitLogOffset
      /** The reign that wrote the records: whole ones, all of one epoch. */
      readonly wroteIt: EpochEntry
      readonly records: RawRecords
    }
  | {
      readonly kind: 'beat'
      readonly number: number
      readonly lostElector: boolean
      /** The latest beat that this slave has echoed, as far as it came back; 0: not said. */
      readonly heard: number
    }
  | HandOver

/** Every frame of a master says which epoch speaks and how far it is. */
export interface MasterFrame {
  readonly epoch: number
  readonly confirmOffset: CommitLogOffset
  readonly maxOffset: CommitLogOffset
  readonly message: MasterMessage
}

/** What a member answers from memory, in whatever role it is. */
export interface Inspection {
  readonly brokerId: number
  readonly incarnation: number
  readonly trustedSince: number
  readonly isObserver: boolean
  /** Whether it would campaign, were it eligible. */
  readonly isElectable: boolean
  readonly priority: number
  /** The highest epoch it knows of. */
  readonly epoch: number
  readonly lastRecordEpoch: number
  readonly maxOffset: CommitLogOffset
  readonly confirmOffset: CommitLogOffset
  /** Undefined: not since it started. */
  readonly masterHeardAgoMs: number | undefined
}
