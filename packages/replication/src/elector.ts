import type { Command, LiveRecord, MemberRecord } from './group-records.ts'
import type { GroupState } from './group-state.ts'
import type { Revision } from './revision.ts'

export type { Revision } from './revision.ts'

/** A value and the revision that it was read at, by which a guard names it. */
export interface Versioned<T> {
  readonly revision: Revision
  readonly value: T
}

/** The keys of one broker group. `state` is the only one that decides anything. */
export type ElectorKey =
  | { readonly kind: 'state' }
  | { readonly kind: 'next-id' }
  | { readonly kind: 'command' }
  | { readonly kind: 'member'; readonly brokerId: number }
  | { readonly kind: 'live'; readonly brokerId: number }

/** What must be true of a key at the moment a transaction takes effect. */
export type Guard =
  | { readonly kind: 'unchanged'; readonly key: ElectorKey; readonly revision: Revision }
  | { readonly kind: 'absent'; readonly key: ElectorKey }

export type Write =
  | { readonly kind: 'put-state'; readonly value: GroupState }
  | { readonly kind: 'put-next-id'; readonly value: number }
  | { readonly kind: 'put-command'; readonly value: Command }
  | { readonly kind: 'put-member'; readonly brokerId: number; readonly value: MemberRecord }
  | {
      readonly kind: 'put-live'
      readonly brokerId: number
      readonly value: LiveRecord
      /** The key goes when this lease ends. */
      readonly leaseId: string
    }
  /** Nothing happens if the key is not there. */
  | { readonly kind: 'delete'; readonly key: ElectorKey }

/** The transactions of a group; `transactions.ts` makes them and says what each is for. */
export type TransactionKind =
  | 'take-id'
  | 'start'
  | 'bootstrap'
  | 'elect'
  | 'change-set'
  | 'take-over'
  | 'retake'
  | 'forget'
  | 'recover'
  | 'command'
  | 'withdraw'

/** All writes, at one revision, if every guard holds; else nothing. */
export interface Transaction {
  readonly kind: TransactionKind
  readonly guards: readonly Guard[]
  readonly writes: readonly Write[]
}

/** All keys of a group as they were at one moment. */
export interface GroupView {
  /** The elector's own count of writes then, of any group: at least that of every key in here. */
  readonly revision: Revision
  /** Which elector it is. Another one, or the same one emptied, must not be obeyed. */
  readonly clusterId: string
  readonly state: Versioned<GroupState> | undefined
  readonly nextId: Versioned<number> | undefined
  readonly command: Versioned<Command> | undefined
  /** By broker id. */
  readonly members: ReadonlyMap<number, Versioned<MemberRecord>>
  /** By broker id: those whose lease had not ended. */
  readonly live: ReadonlyMap<number, Versioned<LiveRecord>>
}

export type ReadOutcome =
  | { readonly kind: 'read'; readonly view: GroupView }
  /** No answer in time, from any endpoint. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'went-back'; readonly reason: string }

export type SwapOutcome =
  /** It took effect, at that revision; every key it put has it. */
  | { readonly kind: 'won'; readonly revision: Revision }
  /**
   * A guard did not hold; the view is what was there instead, read with the refusal. Definite for
   * every earlier copy of the same transaction too: a copy may have won before.
   */
  | { readonly kind: 'lost'; readonly view: GroupView }
  /** It may have taken effect, may still do so, or never will. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'went-back'; readonly reason: string }

/** Something of the group was written or ended. What it is now says only `read`. */
export interface GroupHint {
  readonly revision: Revision
}

/**
 * The lease that this process holds, kept alive for as long as the elector is open.
 *
 * When it is lost it is granted anew under another id; `live` keys that were put with the old one
 * are gone or soon will be, and are put again by whoever put them.
 */
export interface ElectorLease {
  /** Of the present grant; undefined while there is none. */
  id(): string | undefined
  /**
   * On the scale of `clock.elapsedMs()`: when the last answered keep-alive was *sent*, plus the
   * granted time, less a margin. 0 before the first grant and once the lease is known to be lost.
   *
   * Decides only whether calls are answered, never what is acknowledged or who is eligible.
   */
  validUntilMs(): number
}

/**
 * The memory that the members of one broker group share: who is master of which epoch, and who is
 * in sync. Everything in it changes by compare-and-swap, which is all that safety rests on.
 *
 * What an adapter keeps to:
 *
 * - `read` and `swap` are linearizable, and each ends within its deadline: an endpoint that does
 *   not answer is given up for the next one.
 * - `swap` sends a transaction once. Who hears `unknown` sends the *same* one again until the
 *   answer is definite; only the caller knows what may be assumed meanwhile.
 * - Time never runs backwards: it remembers cluster id, revision and raft term of what it has
 *   answered, and says `went-back` to a call that began later and was answered with less.
 * - A record that cannot be parsed rejects the call with the error of its codec.
 *
 * Closing gives the lease back, at which this process counts as gone. A crash does not close.
 */
export interface Elector extends AsyncDisposable {
  readonly lease: ElectorLease
  read(): Promise<ReadOutcome>
  swap(transaction: Transaction): Promise<SwapOutcome>
  /**
   * Calls `onChange` some time after changes past `from`, once for many if it likes. A hint and
   * never the truth: one that is lost costs only the time until the next read.
   */
  watch(from: Revision, onChange: (hint: GroupHint) => void): AsyncDisposable
}
