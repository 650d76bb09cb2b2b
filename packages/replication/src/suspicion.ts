import { campaign, mayCampaign } from './campaign.ts'
import { sendToMaster } from './follow-stream.ts'
import { APPOINTED, type GroupState } from './group-state.ts'
import { ask, isAnswered } from './inquiry.ts'
import type { Following, Inquiry, Role, Trigger } from './replica.ts'
import type { Turn } from './turn.ts'

/** More than the two that others must have missed: they notice the end of a stream as soon as this one. */
const BROKEN_BEATS = 2.5

/**
 * Looks for signs that the master is gone, and campaigns when there are enough.
 *
 * A wrong guess costs an election and never a message: who is elected is decided by the in-sync set
 * alone. So all of this is about how soon, and about not deposing a master that is well.
 */
export function suspect(turn: Turn, role: Following, isRefused = false): Role {
  const { group } = turn
  if (group === undefined || role.settlesLog !== undefined) return role
  const watched = watchLease(turn, role, group)
  const found = isRefused ? 'process-gone' : triggerOf(turn, watched, group)
  if (found !== undefined)
    return mayCampaign(turn) ? campaign(turn, watched, found, group) : watched
  return inquire(turn, watched, group)
}

/** A master that every slave hears is not deposed for its lease; after a while it is asked to go. */
function watchLease(turn: Turn, role: Following, group: GroupState): Following {
  const isGone = turn.state.elector.view?.live.has(group.master) === false
  if (!isGone)
    return role.leaseGoneAtMs === undefined ? role : { ...role, leaseGoneAtMs: undefined }
  const leaseGoneAtMs = role.leaseGoneAtMs ?? turn.nowMs
  const isLong = turn.nowMs - leaseGoneAtMs >= turn.settings.leaseGoneMs
  if (!isLong || role.stream?.phase !== 'streaming' || !mayCampaign(turn)) {
    return { ...role, leaseGoneAtMs }
  }
  sendToMaster(turn, role.stream, { kind: 'hand-over-wanted' })
  return { ...role, leaseGoneAtMs: turn.nowMs }
}

function triggerOf(turn: Turn, role: Following, group: GroupState): Trigger | undefined {
  if (group.master === turn.me) return group.reason === APPOINTED ? APPOINTED : 'misnamed'
  const live = turn.state.elector.view?.live.get(group.master)
  if (live !== undefined && live.value.incarnation !== group.masterIncarnation)
    return 'process-gone'
  const { inquiry } = role
  if (isSilent(turn, role)) {
    if (live === undefined) return 'lease-gone'
    return inquiry !== undefined && provesSilence(turn, inquiry, group) ? 'silence' : undefined
  }
  if (!isBroken(turn, role, group)) return undefined
  return inquiry !== undefined && provesBreak(turn, inquiry, group) ? 'unreachable' : undefined
}

/** Asks everybody whether they hear the master, once it is silent here, or has broken off. */
function inquire(turn: Turn, role: Following, group: GroupState): Following {
  if (!isSilent(turn, role) && !isBroken(turn, role, group))
    return role.inquiry === undefined ? role : { ...role, inquiry: undefined }
  const { inquiry } = role
  const isFresh =
    inquiry !== undefined && turn.nowMs - inquiry.askedAtMs < 2 * turn.settings.inspectMs
  if (isFresh || !mayCampaign(turn)) return role
  const members = turn.state.elector.view?.members ?? new Map<number, unknown>()
  const others = new Set([...members.keys(), ...group.inSync.keys()])
  others.delete(turn.me)
  return { ...role, inquiry: ask(turn, [...others]) }
}

/**
 * The master does not answer, and enough others to be a set with this member do, none of which has
 * heard it lately. Alone behind a broken link, one does not depose anybody.
 */
function provesSilence(turn: Turn, inquiry: Inquiry, group: GroupState): boolean {
  const { inspectMs, hearsayMs } = turn.settings
  if (inquiry.answers.has(group.master)) return false
  if (!isAnswered(inquiry) && turn.nowMs - inquiry.askedAtMs < inspectMs) return false
  return !isHeard(inquiry, hearsayMs) && inquiry.answers.size >= group.minInSync - 1
}

/**
 * As silence is proven, and sooner, for nothing but its end breaks the streams of several at once and
 * lets none of them in again. What one alone finds may be its own connection: so it takes another
 * member that says so, and of two members each waits until the master is silent. Two beats are missing
 * by then that any other one would have heard.
 */
function provesBreak(turn: Turn, inquiry: Inquiry, group: GroupState): boolean {
  const { inspectMs, canvassMs, beatMs } = turn.settings
  const askedMs = turn.nowMs - inquiry.askedAtMs
  const { asked, answers } = inquiry
  if (answers.has(group.master) || askedMs < canvassMs) return false
  const haveAll = asked.every((id) => id === group.master || answers.has(id))
  if (!haveAll && askedMs < inspectMs) return false
  // Who has never heard it knows nothing of it.
  const agreeing = [...answers.values()].filter((each) => each.masterHeardAgoMs !== undefined)
  return !isHeard(inquiry, 2 * beatMs) && agreeing.length >= Math.max(1, group.minInSync - 1)
}

/** Whether somebody has heard the master so lately. */
function isHeard({ answers }: Inquiry, withinMs: number): boolean {
  return [...answers.values()].some(
    ({ masterHeardAgoMs }) => masterHeardAgoMs !== undefined && masterHeardAgoMs < withinMs,
  )
}

/**
 * Its stream has ended, from the other side, and for a while nothing came of dialling it again: its
 * process is gone and with it its address, or somebody between breaks connections. Not when there
 * were many elections lately.
 */
function isBroken(turn: Turn, { broken }: Following, group: GroupState): boolean {
  if (broken?.masterId !== group.master || silenceMs(turn) > turn.settings.silenceMs) return false
  return turn.nowMs - broken.atMs >= BROKEN_BEATS * turn.settings.beatMs
}

/**
 * No master was heard for so long that something should be done about it; or one that hears nothing
 * is, which can neither confirm nor learn that it should not go on.
 */
export function isSilent(turn: Turn, role: Following): boolean {
  const leastMs = silenceMs(turn)
  return turn.nowMs - (role.heardAtMs ?? role.sinceMs) >= leastMs || isDeaf(turn, role, leastMs)
}

/**
 * Its beats come and this member's echoes do not reach it. Without the elector nobody could take its
 * place, and everybody goes on where they are as soon as it hears again: so they stay.
 */
function isDeaf(turn: Turn, { stream }: Following, leastMs: number): boolean {
  const { echo } = stream ?? {}
  if (echo === undefined || turn.nowMs - echo.sentAtMs < leastMs) return false
  const { unreachableSinceMs, answeredAtMs } = turn.state.elector
  return unreachableSinceMs === undefined && answeredAtMs > echo.sentAtMs
}

/** Many elections in a short time double it, again and again: somebody is mistaken. */
function silenceMs(turn: Turn): number {
  const { silenceMs: least, maxSilenceMs, electionsMs } = turn.settings
  const recent = turn.state.electionsAtMs.filter((atMs) => turn.nowMs - atMs < electionsMs).length
  return Math.min(least * 2 ** Math.max(0, recent - 3), Math.max(least, maxSilenceMs))
}
