import type { CommitLogOffset, EpochEntry } from '@cometmq/protocol'
import type { Transaction } from './elector.ts'
import type { Hello, MasterFrame, RawRecords, SlaveFrame } from './frames.ts'

/** What a member knows about itself and keeps on disk beside the log. */
export interface MemberFile {
  /** Undefined until the elector gave one. */
  readonly brokerId: number | undefined
  readonly storeId: string
  /** One more at each start of the process. */
  readonly incarnation: number
  /** Since this incarnation nothing was lost that this member had acknowledged. */
  readonly trustedSince: number
  /** The highest epoch that this member has followed, led or heard of. */
  readonly lastSeenEpoch: number
  /** The elector's own id, so that another one is not obeyed. */
  readonly electorId: string | undefined
}

export type AlarmName =
  | 'member_untrusted'
  | 'quarantined'
  | 'elector_down'
  | 'elector_went_back'
  | 'in_sync_at_floor'
  | 'possible_loss'
  | 'disk_full'
  | 'flush_stalled'
  | 'log_damaged'

/**
 * What a step wants done.
 *
 * The shell carries actions out in order. One that touches the disk (`keep-member`,
 * `append-epoch`, `truncate`, `forget-confirmed`, `append-raw`, `complete-tail`, `append-opening`) is done
 * and durable, as far as it says so, before the next action begins, be it one of a later step; one
 * that fails stops the process. A crash may fall between any two. The state of a step is what holds
 * once its actions are done.
 *
 * The others are begun in order and not waited for; what comes of them is an event.
 */
export type Action =
  /** Durable, before anything else happens. */
  | { readonly kind: 'keep-member'; readonly member: MemberFile }
  /** Durable, before the first byte of that epoch is written. */
  | { readonly kind: 'append-epoch'; readonly entry: EpochEntry }
  /** Cuts log and epoch history so that no crash brings the tail back. */
  | { readonly kind: 'truncate'; readonly to: CommitLogOffset }
  /** Consumers have seen what is lost: what is derived from above `to` is built again. */
  | { readonly kind: 'forget-confirmed'; readonly to: CommitLogOffset }
  /** Empties the log and fetches a checkpoint; answered by `started-over`. */
  | { readonly kind: 'start-over'; readonly stream: number }
  /** Written at exactly the end of the log; `flushed` follows by itself. */
  | {
      readonly kind: 'append-raw'
      readonly offset: CommitLogOffset
      /** The reign that wrote them. */
      readonly wroteIt: EpochEntry
      readonly records: RawRecords
    }
  /** Queue offsets and idempotence windows over everything that was not applied. */
  | { readonly kind: 'complete-tail' }
  /** The first record of an epoch; answered by `epoch-opened`. */
  | { readonly kind: 'append-opening'; readonly epoch: number }
  /** Compares the end of the log with the checksum of the welcome; answered by `tail-checked`. */
  | { readonly kind: 'check-tail'; readonly stream: number; readonly to: CommitLogOffset }

  /** Opens the gate for readers and derivation, and answers producers that waited for it. */
  | { readonly kind: 'confirm'; readonly offset: CommitLogOffset }
  | { readonly kind: 'accept-writes'; readonly epoch: number }
  /** New writes wait, those begun end; answered by `appending-stopped`. */
  | { readonly kind: 'hold-writes'; readonly number: number }
  /** All writes are answered `NOT_MASTER`, waiting ones too; answered by `appending-stopped`. */
  | { readonly kind: 'refuse-writes'; readonly number: number }
  /** Timers, check-backs, expiry of leases and retention begin; positions are answered. */
  | { readonly kind: 'start-services' }
  | { readonly kind: 'stop-services' }
  /** Tells every name server. */
  | { readonly kind: 'register'; readonly role: 'master' | 'slave'; readonly epoch: number }

  /** Connects to a member; `stream-frame` and `stream-ended` tell what comes of it. */
  | {
      readonly kind: 'follow'
      readonly stream: number
      readonly brokerId: number
      readonly hello: Hello
    }
  | { readonly kind: 'send-to-master'; readonly stream: number; readonly frame: SlaveFrame }
  | { readonly kind: 'leave-stream'; readonly stream: number }
  | { readonly kind: 'send-to-slave'; readonly stream: number; readonly frame: MasterFrame }
  /** Sends the log from there on, and says so by `pushed`. */
  | { readonly kind: 'push'; readonly stream: number; readonly from: CommitLogOffset }
  | { readonly kind: 'close-slave'; readonly stream: number }

  /** Answered by `swap-answered`. */
  | { readonly kind: 'swap'; readonly number: number; readonly transaction: Transaction }
  /** Answered by `viewed` or `not-viewed`. */
  | { readonly kind: 'read' }
  /** Each is answered by `inspected` in due time, by `member-gone`, or not at all. */
  | { readonly kind: 'inspect'; readonly round: number; readonly brokerIds: readonly number[] }
  | { readonly kind: 'alarm'; readonly name: AlarmName; readonly why: string }
  /** Ends the process. `cleanly`: flush, give the lease back and say goodbye. */
  | { readonly kind: 'stop'; readonly cleanly: boolean }
