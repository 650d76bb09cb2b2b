import type { CommitLogOffset } from '@cometmq/protocol'
import type { GroupState, InSyncSet, PossibleLoss } from './group-state.ts'

/** A process that may become master. */
export interface Aspirant {
  readonly brokerId: number
  readonly incarnation: number
  /** Since this incarnation it has lost nothing that it had acknowledged. */
  readonly trustedSince: number
}

/**
 * Whether a member holds every acknowledged message, as far as this very state tells: it is in
 * sync under an incarnation since which it has lost nothing.
 */
export function isEligible(
  { inSync }: Pick<GroupState, 'inSync'>,
  { brokerId, trustedSince }: Pick<Aspirant, 'brokerId' | 'trustedSince'>,
): boolean {
  const incarnation = inSync.get(brokerId)
  return incarnation !== undefined && incarnation >= trustedSince
}

/**
 * Whether a member has lost nothing that it had acknowledged since it was let into the set, as
 * incarnation `inSyncAs`; one that is not in it: since it began.
 */
export function isTrusted(
  { incarnation, trustedSince }: Pick<Aspirant, 'incarnation' | 'trustedSince'>,
  inSyncAs: number | undefined,
): boolean {
  if (inSyncAs !== undefined) return inSyncAs >= trustedSince
  return trustedSince < incarnation || incarnation === 1
}

export interface Election {
  readonly me: Aspirant
  readonly attempt: string
  readonly reason: string
}

/**
 * The state after `me` ended the present epoch. The old master leaves the in-sync set if enough
 * remain; else it stays, and blocks the confirm offset until another takes its place.
 */
export function electedState(state: GroupState, election: Election): GroupState {
  const { me } = election
  const inSync = new Map(state.inSync).set(me.brokerId, me.incarnation)
  const oldMasterLeaves = state.master !== me.brokerId && inSync.size > state.minInSync
  if (oldMasterLeaves) inSync.delete(state.master)
  return reignOf(state, election, inSync)
}

/** The state after a hand-over; a master that others need not wait for asks to be left out of it. */
export function takenOverState(
  state: GroupState,
  election: Election,
  { leaves }: { readonly leaves: boolean },
): GroupState {
  return leaves ? electedState(state, election) : keptState(state, election)
}

/** The state after the target of a hand-over failed, and the old master goes on. */
export function keptState(state: GroupState, election: Election): GroupState {
  const { me } = election
  return reignOf(state, election, new Map(state.inSync).set(me.brokerId, me.incarnation))
}

/** The state after `me` was elected although others may hold messages that it does not. */
export function recoveredState(
  state: GroupState,
  election: Election,
  loss: Omit<PossibleLoss, 'epoch'>,
): GroupState {
  const { me } = election
  return {
    ...reignOf(state, election, new Map([[me.brokerId, me.incarnation]])),
    possibleLoss: { ...loss, epoch: state.epoch + 1 },
  }
}

function reignOf(
  state: GroupState,
  { me, attempt, reason }: Election,
  inSync: InSyncSet,
): GroupState {
  return {
    ...state,
    epoch: state.epoch + 1,
    master: me.brokerId,
    masterIncarnation: me.incarnation,
    inSync,
    attempt,
    reason,
    previous: { epoch: state.epoch, master: state.master },
  }
}

/** What a member says of its log when it is asked who should be master. */
export interface LogRank {
  readonly brokerId: number
  readonly lastRecordEpoch: number
  readonly maxOffset: CommitLogOffset
  readonly priority: number
}

/**
 * Negative if `a` is to be preferred. The later epoch comes before the longer log: bytes of an
 * older epoch beyond it are a tail that nobody confirmed.
 */
export function compareLogs(a: LogRank, b: LogRank): number {
  return (
    b.lastRecordEpoch - a.lastRecordEpoch ||
    b.maxOffset - a.maxOffset ||
    b.priority - a.priority ||
    a.brokerId - b.brokerId
  )
}

/** What a member answers when a group without an eligible member looks for its best log. */
export interface Survivor extends LogRank {
  readonly trustedSince: number
  readonly isObserver: boolean
}

/**
 * Who becomes master when every in-sync member is back and none of them is trusted: whoever holds
 * the best log of *all* that answered. The best log of those in sync may be the worse one: who was
 * removed from the set before may still have all that they lost.
 *
 * Undefined while one of them has not answered, or is trusted: then an ordinary election loses
 * nothing.
 */
export function recoveryWinner(
  state: Pick<GroupState, 'inSync'>,
  answers: readonly Survivor[],
): Survivor | undefined {
  const allAreUntrusted = [...state.inSync.keys()].every((brokerId) => {
    const survivor = answers.find((each) => each.brokerId === brokerId)
    return survivor !== undefined && !isEligible(state, survivor)
  })
  if (!allAreUntrusted) return undefined
  return answers.filter(({ isObserver }) => !isObserver).toSorted(compareLogs)[0]
}
