import type { Inspection } from './frames.ts'
import { lastRecordEpoch } from './log-state.ts'
import type { ReplicaContext, ReplicaState } from './replica.ts'

/** What a member says of itself to whoever asks. */
export function inspectionOf(context: ReplicaContext, state: ReplicaState): Inspection {
  const { log, member, disk, role } = state
  const { isObserver, priority } = context.self
  const heardAtMs = role.kind === 'following' ? role.heardAtMs : undefined
  return {
    brokerId: member.brokerId ?? 0,
    incarnation: member.incarnation,
    trustedSince: member.trustedSince,
    isObserver,
    isElectable:
      !isObserver &&
      !disk.isFull &&
      !disk.isStalled &&
      role.kind !== 'quarantined' &&
      role.kind !== 'stopped',
    priority,
    epoch: member.lastSeenEpoch,
    lastRecordEpoch: lastRecordEpoch(log),
    maxOffset: log.maxOffset,
    confirmOffset: log.confirmOffset,
    masterHeardAgoMs: heardAtMs === undefined ? undefined : state.nowMs - heardAtMs,
  }
}
