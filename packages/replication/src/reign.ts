import type { CommitLogOffset } from '@cometmq/protocol'
import type { MasterFrame, MasterMessage } from './frames.ts'
import { durableOffset } from './log-state.ts'
import type {
  Draining,
  Mastering,
  Peer,
  Promoting,
  Reign,
  ReplicaContext,
  ReplicaState,
  Role,
} from './replica.ts'
import { Turn } from './turn.ts'

/** A role in which this member is master of an epoch. */
export type Reigning = Mastering | Draining | Extract<Role, { kind: 'fenced' }>

export function isReigning(role: Role): role is Reigning {
  return role.kind === 'master' || role.kind === 'draining' || role.kind === 'fenced'
}

/** The beginning of an epoch: nobody follows yet, and everybody in sync has all their time. */
export function acceptSlaves(turn: Turn, role: Promoting): Mastering {
  const { nowMs, me } = turn
  const ids = [...role.inSync.keys()].filter((id) => id !== me)
  const reign: Reign = {
    epoch: role.epoch,
    epochStart: role.epochStart,
    isSettled: false,
    inSync: role.inSync,
    inFlight: undefined,
    peers: new Map(),
    awaited: undefined,
    departed: new Set(),
    heardAtMs: new Map(ids.map((id) => [id, nowMs])),
    removals: new Map(),
    beats: { number: 0, sentAtMs: nowMs, sent: new Map() },
    drainedAtMs: role.drainedAtMs,
    isAtFloor: false,
  }
  return { kind: 'master', reign: advanceConfirm(turn, reign) }
}

export function updateReign(turn: Turn, changes: Partial<Reign>): void {
  const { role } = turn.state
  if (isReigning(role)) turn.become({ ...role, reign: { ...role.reign, ...changes } })
}

export function updatePeer(turn: Turn, reign: Reign, peer: Peer): void {
  updateReign(turn, { peers: new Map(reign.peers).set(peer.member.brokerId, peer) })
}

/** Every member of the maximal in-sync set holds more: opens the gate as far. */
export function confirmMore(turn: Turn): void {
  const { role } = turn.state
  if (!isReigning(role)) return
  // The target of a hand-over may be master already.
  if (role.kind === 'draining' && role.offeredAtMs !== undefined) return
  turn.become({ ...role, reign: advanceConfirm(turn, role.reign) })
}

export function frameOf(turn: Turn, { epoch }: Reign, message: MasterMessage): MasterFrame {
  const { confirmOffset, maxOffset } = turn.log
  return { epoch, confirmOffset, maxOffset, message }
}

/** How far a slave holds the log for good; undefined before it agrees with it. */
export function durableOf(turn: Turn, peer: Peer | undefined): CommitLogOffset | undefined {
  if (peer === undefined || !peer.isReady) return undefined
  return turn.settings.confirmOn === 'flushed' ? peer.flushed : peer.received
}

export function peerOfStream(reign: Reign, stream: number): Peer | undefined {
  return [...reign.peers.values()].find((peer) => peer.stream === stream)
}

/** Until when all that may be elected have promised, by echoing beats, not to campaign. */
export function peersUntilMs(turn: Turn, reign: Reign): number {
  const others = turn.rules.maximalSet(reign.inSync, reign.inFlight)
  let untilMs = Number.POSITIVE_INFINITY
  for (const id of others) {
    if (id === turn.me) continue
    const echoedMs = reign.peers.get(id)?.echoedSentAtMs
    untilMs = Math.min(untilMs, echoedMs === undefined ? 0 : echoedMs + turn.settings.peerLeaseMs)
  }
  return untilMs
}

/**
 * Whether a master may answer, asked when a call comes in and again before it is answered. Keeps
 * answers fresh and ghosts quiet; no acknowledged message depends on it.
 */
export function canServe(
  state: Pick<ReplicaState, 'lease'>,
  peersUntil: number,
  nowMs: number,
): boolean {
  return nowMs < state.lease.validUntilMs || nowMs < peersUntil
}

/** `canServe` as of a moment between two steps, so that a process that slept notices before its next tick. */
export function servesAt(context: ReplicaContext, state: ReplicaState, nowMs: number): boolean {
  const { role } = state
  if (role.kind !== 'master' && role.kind !== 'draining') return false
  return canServe(state, peersUntilMs(new Turn(context, state), role.reign), nowMs)
}

/** How many members everything waits for, this one included, and how many they have to be. */
export function copiesOf(
  context: ReplicaContext,
  state: ReplicaState,
): { readonly members: number; readonly minMembers: number } | undefined {
  const { role, elector } = state
  if (!isReigning(role)) return undefined
  const { inSync, inFlight } = role.reign
  const minMembers = elector.view?.state?.value.minInSync ?? context.settings.minInSync
  return { members: context.rules.maximalSet(inSync, inFlight).size, minMembers }
}

/** No farther than the member that is awaited holds the log; never back. */
function heldBack(turn: Turn, { awaited, peers }: Reign, agreed: CommitLogOffset): CommitLogOffset {
  if (awaited === undefined || turn.nowMs >= awaited.untilMs) return agreed
  const durable = durableOf(turn, peers.get(awaited.brokerId))
  if (durable === undefined || durable >= agreed) return agreed
  const { confirmOffset } = turn.log
  return durable > confirmOffset ? durable : confirmOffset
}

function advanceConfirm(turn: Turn, reign: Reign): Reign {
  const { log, settings, me } = turn
  const durable = [...turn.rules.maximalSet(reign.inSync, reign.inFlight)].map((id) =>
    id === me ? durableOffset(log, settings.confirmOn) : durableOf(turn, reign.peers.get(id)),
  )
  const minInSync = turn.group?.minInSync ?? settings.minInSync
  const agreed = turn.rules.nextConfirmOffset({
    confirmed: log.confirmOffset,
    minInSync,
    durable,
  })
  const confirmed = heldBack(turn, reign, agreed)
  turn.confirm(confirmed)
  // Until all that others wrote is confirmed, it does not know of everything that it has. After a
  // hand-over that is so at once: its own opening record is not waited for, as little as other writes.
  const mayServe = confirmed >= reign.epochStart && reign.inSync.size >= minInSync
  if (reign.isSettled || !mayServe) return reign
  turn.act({ kind: 'start-services' })
  turn.act({ kind: 'register', role: 'master', epoch: reign.epoch })
  return { ...reign, isSettled: true }
}
