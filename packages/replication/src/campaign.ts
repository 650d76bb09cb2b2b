import { compareLogs, electedState } from './eligibility.ts'
import type { Revision } from './elector.ts'
import { leaveStream } from './follow-stream.ts'
import type { Inspection } from './frames.ts'
import type { GroupState } from './group-state.ts'
import { inspectionOf, masterSignAtMs } from './inspection.ts'
import { ask, isAnswered } from './inquiry.ts'
import type { Candidate, Following, Role, Trigger } from './replica.ts'
import { beginSwap } from './swaps.ts'
import { bootstrapTransaction, electTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'

/**
 * Whether this member may ask for the next epoch now: it is eligible by the newest state it knows
 * of, nothing of its own is undecided, and it would make a good master.
 */
export function mayCampaign(turn: Turn): boolean {
  const { group } = turn
  return (
    group !== undefined &&
    group.epoch >= turn.member.lastSeenEpoch &&
    turn.rules.isEligible(group, { brokerId: turn.me, trustedSince: turn.member.trustedSince }) &&
    mayStand(turn)
  )
}

/** What has nothing to do with what its log holds. */
export function mayStand(turn: Turn): boolean {
  const { state } = turn
  return (
    state.pending === undefined &&
    state.seat.kind === 'taken' &&
    state.stopWantedAtMs === undefined &&
    !state.elector.isDistrusted &&
    isElectable(turn)
  )
}

/**
 * Ends the epoch of a master that seems gone: asks the other in-sync members first, so that the one
 * with the best log goes first and the others need not depose it.
 *
 * Nothing more is acknowledged in that epoch from here on.
 */
export function campaign(
  turn: Turn,
  role: Following,
  trigger: Trigger,
  group: GroupState,
): Candidate {
  leaveStream(turn, role)
  const voters = [...group.inSync.keys()].filter((id) => id !== turn.me && id !== group.master)
  const candidate: Candidate = {
    kind: 'candidate',
    trigger,
    endsEpoch: group.epoch,
    stage: { kind: 'canvassing', inquiry: ask(turn, voters) },
    oldLive: liveOf(turn, group.master),
    offer: undefined,
    survivors: [],
    heardAtMs: masterSignAtMs(role),
  }
  return campaignOn(turn, candidate) ?? candidate
}

/** The first epoch of a group that has never had one. */
export function bootstrap(turn: Turn): Role {
  const { settings, member, me } = turn
  const next: GroupState = {
    epoch: 1,
    master: me,
    masterIncarnation: member.incarnation,
    inSync: new Map([[me, member.incarnation]]),
    minInSync: settings.minInSync,
    memberCount: settings.memberCount,
    attempt: nextAttempt(turn),
    reason: 'bootstrap',
    previous: undefined,
    possibleLoss: undefined,
  }
  beginSwap(turn, { transaction: bootstrapTransaction(next), for: 'candidacy', next })
  return {
    kind: 'candidate',
    trigger: 'bootstrap',
    endsEpoch: 0,
    stage: { kind: 'swapping' },
    oldLive: undefined,
    offer: undefined,
    survivors: [],
    heardAtMs: undefined,
  }
}

/**
 * Goes as far as time and answers allow. Undefined: there is no point in it any more, for the epoch
 * is over or this member has left the in-sync set.
 */
export function campaignOn(turn: Turn, role: Candidate): Candidate | undefined {
  const { stage } = role
  const { group, state } = turn
  const isVain =
    group?.epoch !== role.endsEpoch || (state.pending === undefined && !mayCampaign(turn))
  if (stage.kind !== 'swapping' && isVain) return undefined
  switch (stage.kind) {
    case 'canvassing': {
      const isOver = turn.nowMs - stage.inquiry.askedAtMs >= turn.settings.canvassMs
      if (!isOver && !isAnswered(stage.inquiry)) return role
      const rank = rankAmong(turn, [...stage.inquiry.answers.values()])
      const untilMs = turn.nowMs + rank * turn.settings.rankDelayMs
      return campaignOn(turn, { ...role, stage: { kind: 'waiting', untilMs } })
    }
    case 'waiting':
      return turn.nowMs >= stage.untilMs ? elect(turn, role) : role
    case 'swapping':
      return role
  }
}

export function nextAttempt(turn: Turn): string {
  return `${turn.me}.${turn.member.incarnation}.${turn.nextNumber()}`
}

export function ownLive(turn: Turn): { brokerId: number; revision: Revision } | undefined {
  const { seat } = turn.state
  return seat.kind === 'taken' ? { brokerId: turn.me, revision: seat.live } : undefined
}

/** Whether it would make a good master, were it eligible. */
function isElectable(turn: Turn): boolean {
  return inspectionOf(turn.context, turn.state).isElectable
}

function elect(turn: Turn, role: Candidate): Candidate {
  const read = turn.state.elector.view?.state
  const me = ownLive(turn)
  // Its seat is on the way; another try comes with the next tick.
  if (read === undefined || me === undefined || !mayCampaign(turn)) return role
  const { incarnation, trustedSince } = turn.member
  const next = electedState(read.value, {
    me: { brokerId: turn.me, incarnation, trustedSince },
    attempt: nextAttempt(turn),
    reason: role.trigger,
  })
  const old =
    read.value.master === turn.me ? undefined : { brokerId: read.value.master, live: role.oldLive }
  beginSwap(turn, {
    transaction: electTransaction({ replaces: read.revision, state: next }, me, old),
    for: 'candidacy',
    next,
    replaces: read.revision,
  })
  return { ...role, stage: { kind: 'swapping' } }
}

/** How many others should go first. Who lost an epoch a moment ago lets everybody pass. */
function rankAmong(turn: Turn, answers: readonly Inspection[]): number {
  const { group, state, settings } = turn
  const own = inspectionOf(turn.context, state)
  const isDeposed =
    state.deposedAtMs !== undefined && turn.nowMs - state.deposedAtMs < settings.deposedMs
  return answers.filter(
    (other) =>
      other.isElectable &&
      group !== undefined &&
      turn.rules.isEligible(group, other) &&
      (isDeposed || compareLogs(other, own) < 0),
  ).length
}

function liveOf(turn: Turn, brokerId: number): Revision | undefined {
  return turn.state.elector.view?.live.get(brokerId)?.revision
}
