import { nextAttempt } from './campaign.ts'
import { keptState, takenOverState } from './eligibility.ts'
import type { SlaveFrame } from './frames.ts'
import type { GroupState } from './group-state.ts'
import { promote } from './promotion.ts'
import { confirmMore, durableOf, frameOf, isReigning } from './reign.ts'
import type { Draining, Mastering, Peer, Reign } from './replica.ts'
import { stepDown } from './step-down.ts'
import { beginSwap, type Settled } from './swaps.ts'
import { retakeTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'
import { know, readElector } from './views.ts'

/** Begins a hand-over if something asks for one and there is somebody to take it. */
export function seekHandOver(turn: Turn, role: Mastering): void {
  const { reign } = role
  const { drainedAtMs } = reign
  const triedLately =
    drainedAtMs !== undefined && turn.nowMs - drainedAtMs < turn.settings.handOverAgainMs
  const mayTry = turn.settings.handsOver && !triedLately && isWanted(turn)
  const target = mayTry ? targetOf(turn, reign) : undefined
  if (target !== undefined) drain(turn, reign, target.member.brokerId)
}

/** A slave that sees the master's lease gone asks it to go, for others may be cut off from it. */
export function onHandOverFrame(turn: Turn, brokerId: number, frame: SlaveFrame): void {
  const { role } = turn.state
  if (frame.kind === 'hand-over-wanted' && role.kind === 'master') {
    const isCutOff = turn.nowMs >= turn.state.lease.validUntilMs
    const target = isCutOff ? targetOf(turn, role.reign, brokerId) : undefined
    if (target !== undefined) drain(turn, role.reign, brokerId)
  }
  if (frame.kind !== 'hand-over-result' || role.kind !== 'draining') return
  if (role.target !== brokerId || role.offeredAtMs === undefined) return
  if (frame.won) followTarget(turn, role)
  else if (!mustResign(turn, role)) retake(turn, role)
}

/**
 * The target has won: what the elector has now is known but for its revision, with which nothing could
 * be swapped. So the next master is followed at once, also by one that is cut off from the elector.
 */
function followTarget(turn: Turn, { reign, target, leaves }: Draining): void {
  const { view } = turn.state.elector
  const peer = reign.peers.get(target)
  if (view?.state?.value.epoch === reign.epoch && peer !== undefined) {
    const { brokerId, incarnation } = peer.member
    const me = { brokerId, incarnation, trustedSince: incarnation }
    const election = { me, attempt: '', reason: 'hand-over' }
    const value = takenOverState(view.state.value, election, { leaves })
    know(turn, { view: { ...view, state: { ...view.state, value } } })
    turn.see(value.epoch)
    stepDown(turn)
  }
  readElector(turn)
}

/** Offers the epoch once both logs are equal and confirmed; takes it back when nobody wants it. */
export function drainOn(turn: Turn, role: Draining): void {
  const { nowMs, settings } = turn
  if (role.offeredAtMs !== undefined) {
    if (nowMs - role.offeredAtMs < settings.handOverMs) return
    if (mustResign(turn, role)) offerToAnother(turn, role)
    else retake(turn, role)
    return
  }
  if (offered(turn) || nowMs - role.sinceMs < settings.drainMs) return
  turn.become({ kind: 'master', reign: { ...role.reign, drainedAtMs: nowMs } })
  turn.act({ kind: 'accept-writes', epoch: role.reign.epoch })
}

/** Offers the epoch at once when that is possible, for writes wait for it; returns whether it did. */
export function offered(turn: Turn): boolean {
  const { log } = turn
  const { role } = turn.state
  if (role.kind !== 'draining' || role.offeredAtMs !== undefined) return false
  const { reign, target, isStill, resigns } = role
  const peer = reign.peers.get(target)
  const isLevel = log.confirmOffset === log.maxOffset && durableOf(turn, peer) === log.maxOffset
  return (resigns || (isStill && isLevel)) && offerTo(turn, role, peer)
}

/** No change of the set may be open: the target replaces the very state that this reign kept to. */
function offerTo(turn: Turn, role: Draining, peer: Peer | undefined): boolean {
  const { reign, resigns, leaves } = role
  const { elector, pending } = turn.state
  const read = elector.view?.state
  if (peer === undefined || pending !== undefined) return false
  if (read === undefined || read.value.epoch !== reign.epoch) return false
  const end = resigns ? undefined : turn.log.maxOffset
  const offer = { kind: 'hand-over', end, stateRevision: read.revision, leaves } as const
  const frame = frameOf(turn, reign, offer)
  turn.act({ kind: 'send-to-slave', stream: peer.stream, frame })
  turn.become({ ...role, target: peer.member.brokerId, offeredAtMs: turn.nowMs })
  return true
}

/** Both may try to take it: they replace the same state, so one of them does. */
function offerToAnother(turn: Turn, role: Draining): void {
  const { reign, target } = role
  const others = new Map([...reign.peers].filter(([brokerId]) => brokerId !== target))
  offerTo(turn, role, targetOf(turn, { ...reign, peers: others }) ?? targetOf(turn, reign))
}

/** To go on it would have to flush. */
function mustResign(turn: Turn, { resigns }: Draining): boolean {
  return resigns && turn.state.disk.stalledSinceMs !== undefined
}

/** Writes that were under way have ended. */
export function onStill(turn: Turn, role: Draining, number: number): void {
  if (number !== role.holds) return
  turn.become({ ...role, isStill: true })
  confirmMore(turn)
  offered(turn)
}

/** What became of the attempt to go on after the target did not take over. */
export function settleRetake(turn: Turn, role: Draining, settled: Settled, next: GroupState): void {
  if (settled.kind !== 'won') return
  for (const { stream } of role.reign.peers.values()) turn.act({ kind: 'close-slave', stream })
  promote(turn, next, { drainedAtMs: turn.nowMs })
}

/** Whether a master that is asked to stop may do so: nobody could take over, or time is up. */
export function mayStopAsMaster(turn: Turn): boolean {
  const { stopWantedAtMs, role } = turn.state
  if (stopWantedAtMs === undefined || !isReigning(role)) return false
  const isLate = turn.nowMs - stopWantedAtMs >= turn.settings.shutdownMs
  const { handsOver, handsOverOnShutdown } = turn.settings
  return isLate || !handsOver || !handsOverOnShutdown || role.reign.inSync.size === 1
}

function isWanted(turn: Turn): boolean {
  const { stopWantedAtMs, elector, disk } = turn.state
  const command = elector.view?.command?.value
  const isStalled =
    disk.stalledSinceMs !== undefined && turn.nowMs - disk.stalledSinceMs >= turn.settings.stallMs
  return (
    (stopWantedAtMs !== undefined && turn.settings.handsOverOnShutdown) ||
    (command?.kind === 'hand-over' && command.to !== turn.me) ||
    disk.isFull ||
    isStalled
  )
}

/** The in-sync slave that holds most, or the one that was asked for. */
function targetOf(
  turn: Turn,
  reign: Pick<Reign, 'peers' | 'inSync'>,
  wanted = commandedTarget(turn),
): Peer | undefined {
  const fit = [...reign.peers.values()].filter(
    (peer) =>
      peer.isReady &&
      !peer.isLeaving &&
      !peer.disk.isFull &&
      !peer.disk.isStalled &&
      // One that was added before it last started may not be trusted, and would decline.
      reign.inSync.get(peer.member.brokerId) === peer.member.incarnation &&
      (wanted === undefined || wanted === peer.member.brokerId),
  )
  return fit.toSorted((a, b) => (durableOf(turn, b) ?? 0) - (durableOf(turn, a) ?? 0))[0]
}

function commandedTarget(turn: Turn): number | undefined {
  const command = turn.state.elector.view?.command?.value
  return command?.kind === 'hand-over' ? command.to : undefined
}

function drain(turn: Turn, reign: Reign, target: number): void {
  const holds = turn.nextNumber()
  const { disk, stopWantedAtMs } = turn.state
  const resigns = disk.stalledSinceMs !== undefined
  turn.act({ kind: 'hold-writes', number: holds })
  turn.become({
    kind: 'draining',
    reign,
    target,
    sinceMs: turn.nowMs,
    holds,
    isStill: false,
    resigns,
    // It is the last to follow, busy as it is with the end of its reign; two copies do without it.
    leaves: resigns || disk.isFull || stopWantedAtMs !== undefined || reign.inSync.size > 2,
    offeredAtMs: undefined,
  })
  offered(turn)
}

/** Opens the next epoch itself, which makes a late take-over void. */
function retake(turn: Turn, role: Draining): void {
  const read = turn.state.elector.view?.state
  if (read === undefined || turn.state.pending !== undefined) return
  if (read.value.epoch !== role.reign.epoch) return
  const { incarnation, trustedSince } = turn.member
  const next = keptState(read.value, {
    me: { brokerId: turn.me, incarnation, trustedSince },
    attempt: nextAttempt(turn),
    reason: 'retake',
  })
  beginSwap(turn, {
    transaction: retakeTransaction({ replaces: read.revision, state: next }),
    for: 'retake',
    next,
    replaces: read.revision,
  })
}
