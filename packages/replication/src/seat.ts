import type { GroupView } from './elector.ts'
import type { LiveRecord, MemberRecord } from './group-records.ts'
import type { PendingSwap } from './replica.ts'
import { beginSwap, type Settled } from './swaps.ts'
import { startTransaction, takeConfiguredIdTransaction, takeIdTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'

/**
 * Takes this process's place among the keys of the group, and takes it again when its lease is
 * another one or its live key is gone. Returns why that must never be, if so: the folder was rolled
 * back or copied, or the id is another folder's.
 */
export function keepSeat(turn: Turn): string | undefined {
  const { elector, lease, member, pending, seat } = turn.state
  const { view } = elector
  if (view === undefined || lease.id === undefined || elector.isDistrusted) return undefined
  if (seat.kind === 'taken' && holdsSeat(turn, view, lease.id)) return undefined
  if (pending !== undefined) return undefined
  if (member.brokerId === undefined) return takeId(turn, view)
  const own = view.members.get(member.brokerId)
  if (own === undefined) {
    const transaction = takeConfiguredIdTransaction({
      brokerId: member.brokerId,
      member: memberRecord(turn),
    })
    turn.update({ seat: { kind: 'none', announced: true } })
    beginSwap(turn, { transaction, for: 'seat' })
    return undefined
  }
  if (own.value.storeId !== member.storeId) return `id ${member.brokerId} is another folder's`
  const announced = seat.kind === 'taken' || seat.announced
  const { lastIncarnation } = own.value
  if (lastIncarnation > member.incarnation) return 'the folder was rolled back'
  if (lastIncarnation === member.incarnation && !announced) return 'the folder was copied'
  announce(turn, view, lease.id)
  return undefined
}

export function settleSeat(turn: Turn, pending: PendingSwap, settled: Settled): void {
  const { kind } = pending.transaction
  if (kind !== 'start' || settled.kind !== 'won' || pending.leaseId === undefined) return
  turn.update({ seat: { kind: 'taken', live: settled.revision, leaseId: pending.leaseId } })
}

/** The live key is this process's own, under its present lease, as far as is known. */
function holdsSeat(turn: Turn, view: GroupView, leaseId: string): boolean {
  const { seat, member } = turn.state
  if (seat.kind !== 'taken' || seat.leaseId !== leaseId) return false
  if (view.revision < seat.live) return true
  return view.live.get(member.brokerId ?? 0)?.revision === seat.live
}

function takeId(turn: Turn, view: GroupView): string | undefined {
  const { configuredId } = turn.context.self
  const earlier = [...view.members].find(([, { value }]) => value.storeId === turn.member.storeId)
  const brokerId = earlier?.[0] ?? configuredId
  const holder = view.members.get(brokerId ?? 0)
  // Before it is noted: this folder may be given another one.
  if (holder !== undefined && earlier === undefined) return `id ${brokerId} is another folder's`
  if (brokerId !== undefined) {
    turn.keepMember({ brokerId })
    if (earlier === undefined) {
      const member = memberRecord(turn)
      const transaction = takeConfiguredIdTransaction({ brokerId, member })
      beginSwap(turn, { transaction, for: 'seat' })
    }
    // What this process put there itself is not the trace of a copied folder.
    turn.update({ seat: { kind: 'none', announced: true } })
    return undefined
  }
  const transaction = takeIdTransaction({ nextId: view.nextId, member: memberRecord(turn) })
  beginSwap(turn, { transaction, for: 'seat' })
  return undefined
}

function announce(turn: Turn, view: GroupView, leaseId: string): void {
  const { member } = turn.state
  const { host, bootId, replicationAddress } = turn.context.self
  const brokerId = member.brokerId ?? 0
  const memberRevision = view.members.get(brokerId)?.revision
  if (memberRevision === undefined) return
  const found = view.live.get(brokerId)
  // The lock on the folder proves that a process of this boot which held it is gone. One of another
  // machine is waited for until its lease ends.
  const isOurs = found !== undefined && found.value.host === host && found.value.bootId === bootId
  if (found !== undefined && !isOurs) return
  const live: LiveRecord = { incarnation: member.incarnation, host, bootId, replicationAddress }
  turn.update({ seat: { kind: 'none', announced: true } })
  beginSwap(turn, {
    transaction: startTransaction({
      brokerId,
      member: memberRecord(turn),
      memberRevision,
      live,
      leaseId,
      replaces: found?.revision,
    }),
    for: 'seat',
    leaseId,
  })
}

function memberRecord(turn: Turn): MemberRecord {
  const { storeId, incarnation } = turn.member
  const { replicationAddress, isObserver, priority } = turn.context.self
  return {
    storeId,
    lastIncarnation: incarnation,
    replicationAddress,
    observer: isObserver,
    priority,
  }
}
