import { bootstrap, mayStand } from './campaign.ts'
import type { GroupView, SwapOutcome } from './elector.ts'
import { pursueMaster, startFollowing } from './following.ts'
import { settleRetake } from './hand-over.ts'
import { pressOn, settleCandidacy } from './promotion.ts'
import { seekRecovery } from './recovery-election.ts'
import type { Following, PendingSwap } from './replica.ts'
import { isReigning } from './reign.ts'
import { keepSeat, settleSeat } from './seat.ts'
import { adoptSet, settleChange } from './set-keeping.ts'
import { stepDown } from './step-down.ts'
import { suspect } from './suspicion.ts'
import { type Settled, settleSwap, settledBy } from './swaps.ts'
import { considerOffer } from './take-over.ts'
import type { Turn } from './turn.ts'
import { distrustElector, know, readElector, takeOwnState, takeView } from './views.ts'

export function onViewed(turn: Turn, view: GroupView): void {
  const { readKnowing = 0, readAgain } = turn.state.elector
  know(turn, { readKnowing: undefined, readAgain: false, answeredAtMs: turn.nowMs })
  if (readAgain) readElector(turn)
  if (!takeView(turn, view, readKnowing)) return
  const { pending } = turn.state
  const settled = pending === undefined ? undefined : settledBy(view, pending)
  if (pending !== undefined && settled !== undefined) {
    turn.update({ pending: undefined })
    settle(turn, pending, settled)
  }
  afterView(turn)
}

export function onNotViewed(turn: Turn, reason: 'unreachable' | 'went-back'): void {
  const { unreachableSinceMs } = turn.state.elector
  know(turn, { readKnowing: undefined, readAgain: false })
  if (reason === 'went-back')
    return distrustElector(turn, 'its answers are older than earlier ones')
  if (unreachableSinceMs !== undefined) return
  know(turn, { unreachableSinceMs: turn.nowMs })
  turn.alarm('elector_down', 'it does not answer')
}

export function onSwapAnswered(turn: Turn, number: number, outcome: SwapOutcome): void {
  const { pending } = turn.state
  if (pending?.number !== number) return
  if (outcome.kind === 'went-back') return distrustElector(turn, outcome.reason)
  const isNews = outcome.kind === 'lost' && takeView(turn, outcome.view, pending.knowing)
  const settled = settleSwap(turn, pending, outcome)
  if (settled.kind === 'open') return
  settle(turn, pending, settled)
  if (isNews) afterView(turn)
  else if (settled.kind === 'lost') readElector(turn)
}

/** Somebody knows of that epoch. A master of an earlier one is none any more. */
export function onEpochSeen(turn: Turn, epoch: number): void {
  if (!turn.rules.isOver(turn.member.lastSeenEpoch, epoch)) return
  turn.see(epoch)
  const { role } = turn.state
  if (isReigning(role) && turn.rules.isOver(role.reign.epoch, epoch)) stepDown(turn)
  else readElector(turn)
}

/** Keeps the place among the keys of the group, unless that must not be. */
export function keepPlace(turn: Turn): void {
  const why = keepSeat(turn)
  if (why === undefined || turn.state.role.kind === 'quarantined') return
  turn.alarm('quarantined', why)
  turn.become({ kind: 'quarantined', why })
}

/** What a slave does about the group as it is now known. */
export function followOn(turn: Turn, role: Following, isRefused = false): void {
  const steps = [
    (following: Following) => considerOffer(turn, following),
    (following: Following) => suspect(turn, following, isRefused),
    (following: Following) => seekRecovery(turn, following),
    (following: Following) => pursueMaster(turn, following),
  ]
  turn.become(role)
  for (const next of steps) {
    const { role: now } = turn.state
    if (now.kind !== 'following') return
    turn.become(next(now))
  }
}

function afterView(turn: Turn): void {
  keepPlace(turn)
  const { role } = turn.state
  switch (role.kind) {
    case 'joining':
      return enterGroup(turn)
    case 'following':
      return followOn(turn, role)
    case 'candidate':
      return pressOn(turn, role)
    case 'master':
    case 'draining':
    case 'fenced':
      if (turn.group !== undefined && turn.group.epoch > role.reign.epoch) return stepDown(turn)
      return adoptSet(turn)
    case 'recovering':
    case 'promoting':
    case 'quarantined':
    case 'stopped':
      return
  }
}

/** Takes a part in the group, or begins it if it has never been. */
export function enterGroup(turn: Turn): void {
  const { state, group, log, member } = turn
  if (state.role.kind !== 'joining' || state.seat.kind !== 'taken') return
  if (group !== undefined) {
    startFollowing(turn)
    if (turn.state.role.kind === 'following') followOn(turn, turn.state.role)
    return
  }
  const isNew = log.maxOffset === 0 && member.lastSeenEpoch === 0
  if (isNew && mayStand(turn)) turn.become(bootstrap(turn))
}

function settle(turn: Turn, pending: PendingSwap, settled: Settled): void {
  const { next } = pending
  if (settled.kind === 'won' && next !== undefined) takeOwnState(turn, next, settled.revision)
  const { role } = turn.state
  switch (pending.for) {
    case 'seat':
      settleSeat(turn, pending, settled)
      return readElector(turn)
    case 'candidacy':
      if (role.kind === 'candidate' && next !== undefined) {
        settleCandidacy(turn, role, settled, next)
      }
      return
    case 'change-set':
      return settleChange(turn, pending, settled)
    case 'retake':
      if (role.kind === 'draining' && next !== undefined) settleRetake(turn, role, settled, next)
      return
    case 'command':
      return readElector(turn)
  }
}
