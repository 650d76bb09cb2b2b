import type { Action, MemberFile } from './actions.ts'
import { followOn, onEpochSeen, onNotViewed, onSwapAnswered, onViewed } from './elector-events.ts'
import type { Happening, ReplicaEvent } from './events.ts'
import { acknowledge } from './follow-stream.ts'
import { onMasterFrame, onStreamEnded, onTailChecked } from './following.ts'
import { offered, onHandOverFrame, onStill, seekHandOver } from './hand-over.ts'
import { withAnswer } from './inquiry.ts'
import type { LogState } from './log-state.ts'
import { onEpochOpened, pressOn } from './promotion.ts'
import { confirmMore, isReigning, peerOfStream, updateReign } from './reign.ts'
import type { FollowStream, ReplicaContext, ReplicaState } from './replica.ts'
import { keepSet } from './set-keeping.ts'
import { onPushed, onSlaveEnded, onSlaveFrame } from './slaves.ts'
import { onTick, stopIfMay } from './ticking.ts'
import { Turn } from './turn.ts'
import { readElector } from './views.ts'

/**
 * What a member of a broker group does next: pure, so that chance can drive whole groups of them
 * through any order of events.
 *
 * Time comes in with events and decides when something is tried. What is acknowledged, confirmed or
 * cut, and who is eligible, is decided by `Rules` alone, which know of no time.
 */
export function step(
  context: ReplicaContext,
  state: ReplicaState,
  event: ReplicaEvent,
): readonly [ReplicaState, readonly Action[]] {
  if (state.role.kind === 'stopped') return [state, []]
  const turn = new Turn(context, { ...state, nowMs: Math.max(state.nowMs, event.atMs) })
  happen(turn, event)
  return [turn.state, turn.actions]
}

/** A process that has just started and does not know yet what its folder holds. */
export function recovering(member: MemberFile, log: LogState, nowMs: number): ReplicaState {
  return {
    nowMs,
    tickedAtMs: nowMs,
    member,
    log,
    elector: {
      view: undefined,
      readKnowing: undefined,
      readAgain: false,
      readAtMs: nowMs,
      answeredAtMs: nowMs,
      commandSinceMs: nowMs,
      unreachableSinceMs: undefined,
      isDistrusted: false,
    },
    seat: { kind: 'none', announced: false },
    pending: undefined,
    lease: { id: undefined, validUntilMs: 0 },
    disk: { isFull: false, isStalled: false, stalledSinceMs: undefined },
    deposedAtMs: undefined,
    electionsAtMs: [],
    stopWantedAtMs: undefined,
    early: new Map(),
    lastNumber: 0,
    role: { kind: 'recovering' },
  }
}

function happen(turn: Turn, event: Happening): void {
  switch (event.kind) {
    case 'recovered':
      return onRecovered(turn, event.member, event.log)
    case 'tick':
      return onTick(turn, event)
    case 'stop-wanted':
      turn.update({ stopWantedAtMs: turn.state.stopWantedAtMs ?? turn.nowMs })
      // Clients are sent away already: every moment until the next master counts.
      if (turn.state.role.kind === 'master') seekHandOver(turn, turn.state.role)
      return stopIfMay(turn)
    case 'write-failed':
      return onWriteFailed(turn)
    case 'epoch-seen':
      return onEpochSeen(turn, event.epoch)
    case 'viewed':
      return onViewed(turn, event.view)
    case 'not-viewed':
      return onNotViewed(turn, event.reason)
    case 'hinted':
      return readElector(turn)
    case 'swap-answered':
      return onSwapAnswered(turn, event.number, event.outcome)
    case 'inspected':
      return onInspected(turn, event)
    case 'appended':
    case 'flushed':
    case 'trimmed':
    case 'epoch-opened':
    case 'appending-stopped':
    case 'tail-checked':
    case 'started-over':
      return onLogChanged(turn, event)
    case 'stream-frame':
    case 'stream-ended':
      return onStream(turn, event)
    case 'slave-frame':
      return fromSlave(turn, event)
    case 'slave-ended':
      return onSlaveEnded(turn, event.stream)
    case 'pushed':
      return onPushed(turn, event.stream, event.to)
    case 'member-gone':
      return onMemberGone(turn, event.brokerId)
  }
}

function onRecovered(turn: Turn, member: MemberFile, log: LogState): void {
  turn.update({ member, log })
  if (member.trustedSince === member.incarnation && member.incarnation > 1) {
    turn.alarm('member_untrusted', 'it may have lost what it had acknowledged')
  }
  turn.become({ kind: 'joining', sinceMs: turn.nowMs })
  readElector(turn)
}

/** The kernel may have dropped the pages: what is on disk from here on is not known. */
function onWriteFailed(turn: Turn): void {
  turn.keepMember({ trustedSince: turn.member.incarnation + 1 })
  turn.act({ kind: 'stop', cleanly: false })
  turn.become({ kind: 'stopped' })
}

function onInspected(
  turn: Turn,
  { round, inspection }: Extract<Happening, { kind: 'inspected' }>,
): void {
  onEpochSeen(turn, inspection.epoch)
  const { role } = turn.state
  if (role.kind === 'following' && role.inquiry?.round === round) {
    return followOn(turn, { ...role, inquiry: withAnswer(role.inquiry, inspection) })
  }
  if (role.kind !== 'candidate' || role.stage.kind !== 'canvassing') return
  const { inquiry } = role.stage
  if (inquiry.round !== round) return
  const stage = { kind: 'canvassing', inquiry: withAnswer(inquiry, inspection) } as const
  pressOn(turn, { ...role, stage })
}

type LogChange = Extract<
  Happening,
  {
    kind:
      | 'appended'
      | 'flushed'
      | 'trimmed'
      | 'epoch-opened'
      | 'appending-stopped'
      | 'tail-checked'
      | 'started-over'
  }
>

function onLogChanged(turn: Turn, event: LogChange): void {
  const { role } = turn.state
  switch (event.kind) {
    case 'appended':
      if (event.maxOffset > turn.log.maxOffset) turn.updateLog({ maxOffset: event.maxOffset })
      return confirmMore(turn)
    case 'flushed':
      return onFlushed(turn, event.offset)
    case 'trimmed':
      return turn.updateLog({ minOffset: event.minOffset })
    case 'epoch-opened':
      if (role.kind === 'promoting') onEpochOpened(turn, role, event)
      return
    case 'appending-stopped':
      if (role.kind === 'draining') return onStill(turn, role, event.number)
      if (role.kind !== 'following' || role.settlesLog !== event.number) return
      turn.updateLog({ maxOffset: event.maxOffset })
      followOn(turn, { ...role, settlesLog: undefined })
      return stopIfMay(turn)
    case 'tail-checked':
      if (role.kind !== 'following' || role.stream?.number !== event.stream) return
      turn.become(onTailChecked(turn, role, event.matches))
      // One that has handed over and stops is waited for until it says so here.
      return stopIfMay(turn)
    case 'started-over': {
      if (role.kind !== 'following' || role.stream?.number !== event.stream) return
      turn.update({ log: event.log })
      const stream: FollowStream = { ...role.stream, phase: 'checking' }
      return turn.become(onTailChecked(turn, { ...role, stream }, true))
    }
  }
}

function onFlushed(turn: Turn, offset: LogState['flushedOffset']): void {
  const { log } = turn
  // A sync that was under way when the log was cut covers only what is left of it.
  const flushedOffset = offset < log.maxOffset ? offset : log.maxOffset
  if (flushedOffset <= log.flushedOffset) return
  turn.updateLog({ flushedOffset })
  const { role } = turn.state
  if (role.kind === 'following' && role.stream !== undefined) acknowledge(turn, role.stream)
  if (!isReigning(role)) return
  confirmMore(turn)
  offered(turn)
}

/** It may hold everything at this moment, and less at the next tick. */
function isOfAwaited(turn: Turn, stream: number): boolean {
  const { role } = turn.state
  if (!isReigning(role) || role.reign.awaited === undefined) return false
  const { awaited, peers } = role.reign
  return turn.nowMs < awaited.untilMs && peers.get(awaited.brokerId)?.stream === stream
}

/** No need to wait for its silence, unless it is back by now. */
function onMemberGone(turn: Turn, brokerId: number): void {
  const { role } = turn.state
  if (!isReigning(role) || role.reign.peers.has(brokerId)) return
  updateReign(turn, { departed: new Set(role.reign.departed).add(brokerId) })
  keepSet(turn)
}

function onStream(
  turn: Turn,
  event: Extract<Happening, { kind: 'stream-frame' | 'stream-ended' }>,
): void {
  const { role } = turn.state
  if (role.kind !== 'following' || role.stream?.number !== event.stream) return
  if (event.kind === 'stream-frame') {
    const next = onMasterFrame(turn, role, event.frame)
    return next.kind === 'following' ? followOn(turn, next) : turn.become(next)
  }
  const isMasters = role.stream.masterId === turn.group?.master
  followOn(turn, onStreamEnded(turn, role), event.why === 'refused' && isMasters)
}

function fromSlave(turn: Turn, event: Extract<Happening, { kind: 'slave-frame' }>): void {
  onSlaveFrame(turn, event.stream, event.frame)
  // Everything waits for it until it is out of the set.
  if (event.frame.kind === 'leaving' || isOfAwaited(turn, event.stream)) keepSet(turn)
  const { role } = turn.state
  const peer = isReigning(role) ? peerOfStream(role.reign, event.stream) : undefined
  if (peer !== undefined) onHandOverFrame(turn, peer.member.brokerId, event.frame)
  offered(turn)
}
