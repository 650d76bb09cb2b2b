import type { Inspection } from './frames.ts'
import { lastRecordEpoch } from './log-state.ts'
import type { Following, ReplicaContext, ReplicaState } from './replica.ts'

/**
 * When the master was last heard that seems to hear this member as well. Whoever asks wants to know
 * whether it can still lead.
 */
export function masterSignAtMs({ heardAtMs, stream }: Following): number | undefined {
  if (heardAtMs === undefined || stream?.echo === undefined) return heardAtMs
  return Math.min(heardAtMs, stream.echo.sentAtMs)
}

/** What a member says of itself to whoever asks. */
export function inspectionOf(context: ReplicaContext, state: ReplicaState): Inspection {
  const { log, member, disk, role } = state
  const { isObserver, priority } = context.self
  const heardAtMs = role.kind === 'following' ? masterSignAtMs(role) : undefined
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
