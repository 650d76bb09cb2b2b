import { ownLive, nextAttempt } from './campaign.ts'
import type { GroupState, InSyncSet } from './group-state.ts'
import { isLost, type MemberObservation, mightJoin, nextInSyncSet } from './in-sync-set.ts'
import { confirmMore, durableOf, isReigning, updateReign } from './reign.ts'
import type { Peer, PendingSwap, Reign } from './replica.ts'
import { beginSwap, type Settled } from './swaps.ts'
import { changeSetTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'

const LONGEST_REJOIN_MS = 300_000

/** Measures how each slave keeps up, and adds, removes or swaps members of the in-sync set. */
export function keepSet(turn: Turn): void {
  measure(turn)
  const { role, pending, elector } = turn.state
  const read = elector.view?.state
  const me = ownLive(turn)
  if (role.kind === 'draining' || !isReigning(role) || read === undefined) return
  const { reign } = role
  if (pending !== undefined || elector.isDistrusted || read.value.epoch !== reign.epoch) return
  const set = {
    me: turn.me,
    inSync: reign.inSync,
    minInSync: read.value.minInSync,
    bounds: { confirm: turn.log.confirmOffset, epochStart: reign.epochStart },
    holdsEverything: turn.rules.holdsEverything,
  }
  const members = observations(turn, reign)
  const inSync = nextInSyncSet(set, members)
  const isAnyLost = members.some((each) => reign.inSync.has(each.brokerId) && isLost(set, each))
  noteFloor(turn, reign, inSync === undefined && isAnyLost)
  if (inSync === undefined)
    awaitMember(
      turn,
      reign,
      members.find((each) => mightJoin(set, each)),
    )
  const { minInSync, memberCount } = wantedShape(turn, read.value, inSync ?? reign.inSync)
  const isReshaped = minInSync !== read.value.minInSync || memberCount !== read.value.memberCount
  if (me === undefined || (inSync === undefined && !isReshaped)) return
  const attempt = nextAttempt(turn)
  const next = { ...read.value, inSync: inSync ?? reign.inSync, minInSync, memberCount, attempt }
  beginSwap(turn, {
    transaction: changeSetTransaction({ replaces: read.revision, state: next }, me),
    for: 'change-set',
    next,
    replaces: read.revision,
  })
  // Who joins is waited for from now on; who leaves is, until the answer is there.
  updateReign(turn, { inFlight: next.inSync })
}

/** How the group is meant to be by the settings of its master; not above what there is in sync. */
function wantedShape(turn: Turn, group: GroupState, inSync: InSyncSet) {
  const { minInSync, memberCount } = turn.settings
  return { minInSync: minInSync <= inSync.size ? minInSync : group.minInSync, memberCount }
}

/**
 * What became of a change of the set: the set is what the elector says it is, in this very epoch.
 *
 * A change that was lost to another epoch may have been won before that one began. Whoever it added
 * may be the master who began it, so both sets are waited for until this reign steps down.
 */
export function settleChange(turn: Turn, pending: PendingSwap, settled: Settled): void {
  const { role } = turn.state
  if (settled.kind === 'open' || !isReigning(role)) return
  const { reign } = role
  const isOver = settled.kind === 'lost' && settled.view?.state?.value.epoch !== reign.epoch
  if (isOver && settled.view !== undefined) return
  const inSync = settled.kind === 'won' ? pending.next?.inSync : foundSet(turn, reign)
  updateReign(turn, {
    inSync: inSync ?? reign.inSync,
    inFlight: undefined,
    removals: withRemovals(turn, reign, inSync),
  })
  confirmMore(turn)
}

/** Takes the set that a view shows of this very epoch. */
export function adoptSet(turn: Turn): void {
  const { role, pending } = turn.state
  if (!isReigning(role) || pending?.for === 'change-set') return
  const inSync = foundSet(turn, role.reign)
  if (inSync === undefined || inSync === role.reign.inSync) return
  updateReign(turn, { inSync, inFlight: undefined })
  confirmMore(turn)
}

function foundSet(turn: Turn, reign: Reign) {
  return turn.group?.epoch === reign.epoch ? turn.group.inSync : undefined
}

function measure(turn: Turn): void {
  const { role } = turn.state
  if (!isReigning(role)) return
  const peers = new Map<number, Peer>()
  for (const [id, peer] of role.reign.peers) peers.set(id, measured(turn, peer))
  updateReign(turn, { peers })
}

function measured(turn: Turn, peer: Peer): Peer {
  const durable = durableOf(turn, peer)
  if (durable === undefined) return peer
  const { nowMs, log } = turn
  const isNear = log.maxOffset - durable < turn.settings.levelBytes
  const caughtUp = durable >= peer.chases
  return {
    ...peer,
    levelSinceMs: isNear ? (peer.levelSinceMs ?? nowMs) : undefined,
    // To be level is to have what the master had a moment ago, not what it has by now.
    chases: caughtUp ? log.maxOffset : peer.chases,
    chasesSinceMs: caughtUp ? nowMs : peer.chasesSinceMs,
  }
}

function observations(turn: Turn, reign: Reign): MemberObservation[] {
  const ids = new Set([...reign.inSync.keys(), ...reign.peers.keys()])
  ids.delete(turn.me)
  return [...ids].map((brokerId) => observation(turn, reign, brokerId))
}

function observation(turn: Turn, reign: Reign, brokerId: number): MemberObservation {
  const { nowMs, settings } = turn
  const peer = reign.peers.get(brokerId)
  const heardAtMs = reign.heardAtMs.get(brokerId) ?? nowMs
  const levelMs = peer?.levelSinceMs === undefined ? -1 : nowMs - peer.levelSinceMs
  const isBehind =
    peer !== undefined && nowMs - peer.chasesSinceMs >= settings.memberBehindMs && peer.isReady
  return {
    brokerId,
    incarnation: peer?.member.incarnation ?? reign.inSync.get(brokerId) ?? 0,
    durable: durableOf(turn, peer),
    isUnfit: peer === undefined || peer.isObserver || peer.disk.isFull || peer.disk.isStalled,
    isLevel: levelMs >= rejoinMs(turn, reign, brokerId),
    wantsOut:
      nowMs - heardAtMs >= settings.memberSilentMs ||
      isBehind ||
      reign.departed.has(brokerId) ||
      peer?.disk.isFull === true,
  }
}

/** Each removal in a short time makes the way back four times longer. */
function rejoinMs(turn: Turn, { removals }: Reign, brokerId: number): number {
  const { rejoinLevelMs, removalsMs } = turn.settings
  const removed = removals.get(brokerId)
  if (removed === undefined || turn.nowMs - removed.lastAtMs >= removalsMs) return rejoinLevelMs
  return Math.min(rejoinLevelMs * 4 ** (removed.count - 1), LONGEST_REJOIN_MS)
}

function withRemovals(turn: Turn, reign: Reign, inSync: Reign['inSync'] | undefined) {
  const removals = new Map(reign.removals)
  for (const id of reign.inSync.keys()) {
    // Who said goodbye, or has been restarted, is not slow.
    if (inSync === undefined || inSync.has(id) || reign.departed.has(id)) continue
    const { count = 0, lastAtMs = turn.nowMs } = removals.get(id) ?? {}
    const isRecent = turn.nowMs - lastAtMs < turn.settings.removalsMs
    removals.set(id, { count: isRecent ? count + 1 : 1, lastAtMs: turn.nowMs })
  }
  return removals
}

/**
 * Under load a slower member is a few milliseconds behind what is confirmed whenever one looks, and
 * would never join. For a moment nothing is confirmed that it does not have; for a longer one with
 * each time that this was too short.
 */
function awaitMember(turn: Turn, reign: Reign, member: MemberObservation | undefined): void {
  const { nowMs, settings } = turn
  if (member === undefined || nowMs < (reign.awaited?.againAtMs ?? 0)) return
  const { brokerId } = member
  const { awaited } = reign
  // Its disk may be slower than the first wait was long.
  const tries = awaited?.brokerId === brokerId ? awaited.tries + 1 : 0
  const waitMs = Math.min(settings.awaitMs * 2 ** tries, settings.memberSilentMs)
  const againAtMs = nowMs + Math.max(10 * settings.awaitMs, 2 * waitMs)
  updateReign(turn, { awaited: { brokerId, tries, untilMs: nowMs + waitMs, againAtMs } })
}

function noteFloor(turn: Turn, reign: Reign, isAtFloor: boolean): void {
  if (isAtFloor === reign.isAtFloor) return
  updateReign(turn, { isAtFloor })
  if (isAtFloor) turn.alarm('in_sync_at_floor', 'a member that cannot keep up cannot be spared')
}
