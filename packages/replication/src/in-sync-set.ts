import type { CommitLogOffset } from '@cometmq/protocol'
import type { InSyncSet } from './group-state.ts'

/**
 * The brokers that must hold a byte before it is confirmed: those that the elector has in sync, and
 * those that a change still in flight would leave or put there.
 *
 * So whatever becomes of the change, the set in the elector is a subset of this one. RocketMQ lost
 * messages by counting a new member only when the answer was back (its issue 5663).
 */
export function maximalSet(
  inSync: InSyncSet,
  inFlight: InSyncSet | undefined,
): ReadonlySet<number> {
  return new Set([...inSync.keys(), ...(inFlight?.keys() ?? [])])
}

/** What the master knows of a member, in sync or not. */
export interface MemberObservation {
  readonly brokerId: number
  readonly incarnation: number
  /** How far it holds the log for good; undefined without a current stream. */
  readonly durable: CommitLogOffset | undefined
  /** It copies and never joins, or its disk is full or stalls. */
  readonly isUnfit: boolean
  /** It kept up for so long that it may be waited for. */
  readonly isLevel: boolean
  /** It is silent, too far behind, leaving, or cannot write. */
  readonly wantsOut: boolean
}

/** What a member must hold before it may be waited for. */
export interface JoinBounds {
  readonly confirm: CommitLogOffset
  /** Where the present epoch starts: everything below was acknowledged by others. */
  readonly epochStart: CommitLogOffset
}

/**
 * Whether a member holds everything that was acknowledged, in this epoch and in those before. With
 * less it could be elected and lack an acknowledged message.
 */
export function holdsEverything(
  durable: CommitLogOffset,
  { confirm, epochStart }: JoinBounds,
): boolean {
  return durable >= confirm && durable >= epochStart
}

export interface SetToKeep {
  readonly me: number
  readonly inSync: InSyncSet
  readonly minInSync: number
  readonly bounds: JoinBounds
  readonly holdsEverything: typeof holdsEverything
}

/**
 * The set that the one in the elector should become: one member added, or added anew after it
 * started again, and those removed that cannot be waited for. Undefined if it is good as it is.
 *
 * Never fewer than `minInSync` remain (the hole that KIP-966 closes). A member that cannot be
 * spared stays until another joins in the same change.
 */
export function nextInSyncSet(
  set: SetToKeep,
  members: readonly MemberObservation[],
): InSyncSet | undefined {
  const joining = members.find((member) => joins(set, member))
  const next = new Map(set.inSync)
  if (joining !== undefined) next.set(joining.brokerId, joining.incarnation)
  for (const member of members) {
    const leaves = next.has(member.brokerId) && member !== joining && isLost(set, member)
    if (leaves && next.size > set.minInSync) next.delete(member.brokerId)
  }
  return joining === undefined && next.size === set.inSync.size ? undefined : next
}

/** Whether a member in sync should be removed, were there enough others. */
export function isLost({ me, bounds }: SetToKeep, member: MemberObservation): boolean {
  if (member.brokerId === me) return false
  // It came back with less than it had acknowledged.
  const hasLess = member.durable !== undefined && member.durable < bounds.confirm
  return member.wantsOut || hasLess
}

function joins(set: SetToKeep, member: MemberObservation): boolean {
  return (
    mightJoin(set, member) &&
    member.durable !== undefined &&
    set.holdsEverything(member.durable, set.bounds)
  )
}

/** Whether a member would join, if only it held everything at the moment. */
export function mightJoin({ inSync }: SetToKeep, member: MemberObservation): boolean {
  return (
    inSync.get(member.brokerId) !== member.incarnation &&
    member.durable !== undefined &&
    member.isLevel &&
    !member.isUnfit &&
    !member.wantsOut
  )
}
