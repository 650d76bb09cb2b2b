import type { CommitLogOffset } from '@cometmq/protocol'
import type { MemberFile } from './actions.ts'
import type { GroupView, Revision, Transaction } from './elector.ts'
import type { LeaseReading } from './events.ts'
import type { DiskHealth, HandOver, Hello, Inspection, Member } from './frames.ts'
import type { GroupState, InSyncSet } from './group-state.ts'
import type { LogState } from './log-state.ts'
import type { Rules } from './rules.ts'
import type { ReplicationSettings } from './settings.ts'

/** What stays the same for the life of a process. */
export interface ReplicaContext {
  readonly settings: ReplicationSettings
  readonly rules: Rules
  readonly self: Self
}

export interface Self {
  /** The id that the configuration names; undefined: the elector gives one. */
  readonly configuredId: number | undefined
  readonly host: string
  readonly bootId: string
  readonly replicationAddress: string
  readonly isObserver: boolean
  readonly priority: number
}

/**
 * Everything that a member of a broker group decides by. A value: `step` makes the next one.
 *
 * Automatic mode only. Static mode, where an operator and not the elector opens the next epoch, will
 * share log, streams and confirm offset, and add roles of its own to the union.
 */
export interface ReplicaState {
  readonly nowMs: number
  readonly tickedAtMs: number
  readonly member: MemberFile
  readonly log: LogState
  readonly elector: ElectorKnowledge
  readonly seat: Seat
  /** At most one transaction is under way. */
  readonly pending: PendingSwap | undefined
  readonly lease: LeaseReading
  readonly disk: DiskHealth & { readonly stalledSinceMs: number | undefined }
  /** When this member lost an epoch to another. */
  readonly deposedAtMs: number | undefined
  /** When epochs began, as far as it was seen; the newest few. */
  readonly electionsAtMs: readonly number[]
  /** When an end was asked for. */
  readonly stopWantedAtMs: number | undefined
  /** Slaves that said hello before this member was their master, by stream. */
  readonly early: ReadonlyMap<number, Hello>
  /** What was last used to number attempts, streams, rounds and swaps. */
  readonly lastNumber: number
  readonly role: Role
}

export interface ElectorKnowledge {
  /** The newest view that was not older than what was known otherwise. */
  readonly view: GroupView | undefined
  /** The highest epoch that was known when the read under way began; undefined: none is. */
  readonly readKnowing: number | undefined
  /** A hint came while a read was under way that may not have seen it. */
  readonly readAgain: boolean
  readonly readAtMs: number
  /** When it was last found to be there. */
  readonly answeredAtMs: number
  /** When the command of the view was first seen; of no meaning without one. */
  readonly commandSinceMs: number
  readonly unreachableSinceMs: number | undefined
  /** It is another elector or went back in time: it is neither asked nor obeyed any more. */
  readonly isDistrusted: boolean
}

/** This process's place among the keys of the group. */
export type Seat =
  | { readonly kind: 'none'; readonly announced: boolean }
  | { readonly kind: 'taken'; readonly live: Revision; readonly leaseId: string }

/** A transaction whose answer is not definite yet. */
export interface PendingSwap {
  readonly number: number
  readonly transaction: Transaction
  readonly for: 'seat' | 'candidacy' | 'change-set' | 'retake' | 'command'
  /** The state it puts, in place of the one read at `replaces`. */
  readonly next: GroupState | undefined
  readonly replaces: Revision | undefined
  /** The lease that it puts a live key under. */
  readonly leaseId: string | undefined
  /** Its answer was lost: the same transaction is sent again. */
  readonly isUnknown: boolean
  /** The highest epoch that was known when it was last sent. */
  readonly knowing: number
}

export type Role =
  | { readonly kind: 'recovering' }
  | { readonly kind: 'joining'; readonly sinceMs: number }
  | Following
  | Candidate
  | Promoting
  | Mastering
  | Draining
  | { readonly kind: 'fenced'; readonly reign: Reign }
  /** It keeps every byte and serves nothing but questions about itself. */
  | { readonly kind: 'quarantined'; readonly why: string }
  | { readonly kind: 'stopped' }

export interface Following {
  readonly kind: 'following'
  /** The log is still being written by the reign that ended; nothing is said of it until it rests: the number of the action that stops it. */
  readonly settlesLog: number | undefined
  readonly stream: FollowStream | undefined
  readonly sinceMs: number
  /** The last frame of any master; undefined: none since this process started. */
  readonly heardAtMs: number | undefined
  /** Not sooner, unless another one is to be dialled than the last time. */
  readonly dialAtMs: number
  readonly dialled: number | undefined
  readonly inquiry: Inquiry | undefined
  /** The master's lease was first seen gone. */
  readonly leaseGoneAtMs: number | undefined
  /** A stream that stood has ended, and no master was heard since. */
  readonly broken: BrokenStream | undefined
  readonly offer: Offer | undefined
}

export interface BrokenStream {
  readonly masterId: number
  readonly atMs: number
}

export interface FollowStream {
  readonly number: number
  readonly masterId: number
  /** 0 until the master has said which epoch speaks. */
  readonly epoch: number
  /** `greeting`: a hello is out. `checking`: cut, and the tail is compared. */
  readonly phase: 'greeting' | 'checking' | 'starting-over' | 'streaming'
  readonly beat: number
  /** The oldest echo of which no beat has shown yet that the master heard it, or a later one. */
  readonly echo: Echo | undefined
}

export interface Echo {
  readonly beat: number
  readonly sentAtMs: number
}

/** A hand-over that this slave was offered on its stream. */
export type Offer = Omit<HandOver, 'kind'> & { readonly stream: number }

/** Questions to other members, and what came back. */
export interface Inquiry {
  readonly round: number
  readonly askedAtMs: number
  readonly asked: readonly number[]
  readonly answers: ReadonlyMap<number, Inspection>
}

/** Why an epoch is to be ended, for the reason in the group's state. */
export type Trigger =
  | 'bootstrap'
  | 'process-gone'
  | 'silence'
  | 'unreachable'
  | 'lease-gone'
  | 'misnamed'
  /** By configuration or promotion. */
  | 'appointed'
  | 'hand-over'
  | 'recovery'
  | 'operator'

export interface Candidate {
  readonly kind: 'candidate'
  readonly trigger: Trigger
  /** The epoch that it wants to end; it gives up when another has begun. */
  readonly endsEpoch: number
  readonly stage:
    | { readonly kind: 'canvassing'; readonly inquiry: Inquiry }
    | { readonly kind: 'waiting'; readonly untilMs: number }
    | { readonly kind: 'swapping' }
  /** The old master's live key when it was found missing. */
  readonly oldLive: Revision | undefined
  readonly offer: Offer | undefined
  /** What the group may lose if this one is elected. */
  readonly survivors: readonly Inspection[]
  readonly heardAtMs: number | undefined
}

export interface Promoting {
  readonly kind: 'promoting'
  readonly epoch: number
  readonly epochStart: CommitLogOffset
  readonly inSync: InSyncSet
  readonly offer: Offer | undefined
  /** It goes on after a hand-over that came to nothing. */
  readonly drainedAtMs: number | undefined
}

export interface Mastering {
  readonly kind: 'master'
  readonly reign: Reign
}

export interface Draining {
  readonly kind: 'draining'
  readonly reign: Reign
  readonly target: number
  readonly sinceMs: number
  /** Of the action that holds writes. */
  readonly holds: number
  /** No write is under way any more. */
  readonly isStill: boolean
  /** Its own disk stands still: neither writes under way nor a level target are waited for. */
  readonly resigns: boolean
  /** The next master does without it at first. */
  readonly leaves: boolean
  /** From then on nothing is appended or confirmed here. */
  readonly offeredAtMs: number | undefined
}

/** What a master keeps for as long as its epoch lasts. */
export interface Reign {
  readonly epoch: number
  readonly epochStart: CommitLogOffset
  /** Everything below `epochStart` was confirmed, with enough members in sync: it serves. */
  readonly isSettled: boolean
  /** As the elector had it when it was last known; all that is in flight is in `inFlight`. */
  readonly inSync: InSyncSet
  readonly inFlight: InSyncSet | undefined
  /** By broker id: current streams only. */
  readonly peers: ReadonlyMap<number, Peer>
  /** A member that keeps up and is a little behind whenever it is looked at: confirming waits for it. */
  readonly awaited: Awaited | undefined
  /** Members that have said goodbye, or whose process is gone, and that have not been back. */
  readonly departed: ReadonlySet<number>
  /** By broker id, of members with and without a stream. */
  readonly heardAtMs: ReadonlyMap<number, number>
  readonly removals: ReadonlyMap<number, Removals>
  readonly beats: Beats
  /** The latest hand-over that came to nothing. */
  readonly drainedAtMs: number | undefined
  /** A member cannot be waited for and cannot be spared either. */
  readonly isAtFloor: boolean
}

export interface Awaited {
  readonly brokerId: number
  /** How often it was awaited in vain. */
  readonly tries: number
  /** Once passed, confirming goes on without it, and it is awaited no more before `againAtMs`. */
  readonly untilMs: number
  readonly againAtMs: number
}

export interface Removals {
  readonly count: number
  readonly lastAtMs: number
}

export interface Beats {
  readonly number: number
  readonly sentAtMs: number
  /** When the latest few were sent, by number. */
  readonly sent: ReadonlyMap<number, number>
}

/** A slave's current stream. */
export interface Peer {
  readonly stream: number
  readonly member: Member
  readonly isObserver: boolean
  /** Nothing counts before the slave was cut to what was agreed. */
  readonly isReady: boolean
  /** An acknowledgement never counts beyond what was sent. */
  readonly sent: CommitLogOffset
  readonly received: CommitLogOffset
  readonly flushed: CommitLogOffset
  readonly disk: DiskHealth
  readonly isLeaving: boolean
  /** Since when it was nearly level without a break. */
  readonly levelSinceMs: number | undefined
  /** It has to reach this to count as not falling behind. */
  readonly chases: CommitLogOffset
  readonly chasesSinceMs: number
  /** When the latest beat was sent that it echoed. */
  readonly echoedSentAtMs: number | undefined
  /** That beat. What made it ready came as far as an echo does. */
  readonly heardBeat: number
}
