import type { Services } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import type { Elector } from '../elector.ts'
import type { Self } from '../replica.ts'
import type { Rules } from '../rules.ts'
import type { ReplicationSettings } from '../settings.ts'
import type { Appointment } from '../static/appointment.ts'

/** What the broker around a member does only in a role. Both must return soon and not throw. */
export interface Duties {
  /** Everything that earlier masters left is confirmed: clients are served. */
  begin(): void
  end(): void
  /** What name servers are to be told. */
  roleChanged(): void
}

/** How a member came to its end. */
export type MemberEnding =
  | { readonly kind: 'stopped' }
  /** Something of it failed; the process should end, and start again. */
  | { readonly kind: 'failed' }
  /** The store has to be made anew as a copy of the member's at that address. */
  | { readonly kind: 'starts-over'; readonly from: string }
  /** It is to lead by an operator's word, and looks first whether it has all that others have. */
  | { readonly kind: 'begins-anew' }

/** Of a group in static mode: an operator's word on who leads, on the disk of each member. */
export interface Appointments {
  readonly appointment: Appointment
  readonly inSyncAs: number
  readonly isAppointed: boolean
  /** Durable when it resolves. Throws `STALE_EPOCH`. */
  appoint(next: Appointment): Promise<void>
}

export interface MemberPorts extends Pick<Runtime, 'clock' | 'transport' | 'files' | 'log'> {
  readonly store: MessageStore
  readonly elector: Elector
  readonly methods: Services['replication']
  readonly duties: Duties
  /** Undefined: an elector decides. */
  readonly appointments?: Appointments | undefined
}

export interface MemberOptions {
  readonly cluster: string
  readonly brokerName: string
  /** Of the files that replication keeps beside the log. */
  readonly folder: string
  readonly self: Self
  readonly settings: ReplicationSettings
  readonly limits: StreamLimits
  /** Other than designed only where a test shows what they are for. */
  readonly rules?: Rules | undefined
}

export interface StreamLimits {
  /** So much is sent to a slave and not received by it at most. */
  readonly maxInFlightBytes: number
  /** So much of what was written last is kept for slaves that are a little behind. */
  readonly ringBytes: number
}

export const defaultStreamLimits: StreamLimits = {
  maxInFlightBytes: 8 * 1024 * 1024,
  ringBytes: 16 * 1024 * 1024,
}
