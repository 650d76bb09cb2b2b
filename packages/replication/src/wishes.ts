import { CometError, type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import type { GroupView } from './elector.ts'
import type { Command } from './group-records.ts'
import type { GroupState } from './group-state.ts'

/** What an operator wants of a broker group. */
export type Wish =
  /** Undefined: whoever is best. */
  | { readonly kind: 'hand-over'; readonly to: number | undefined }
  | { readonly kind: 'forget'; readonly brokerId: number }
  | { readonly kind: 'elect'; readonly to: number }

/** What is asked of a member before another one is elected at a loss. */
export interface Witness {
  readonly brokerId: number
  /** Undefined: it does not answer. */
  readonly answer: WitnessAnswer | undefined
}

export interface WitnessAnswer {
  readonly role: string
  readonly trustedSince: number
  readonly electable: boolean
  readonly confirmOffset: number
}

/** How far a command has come. */
export type Progress =
  | { readonly kind: 'open' }
  | { readonly kind: 'done'; readonly state: GroupState }
  | { readonly kind: 'failed'; readonly why: string }

/** Throws unless the wish makes sense for the group as it is. */
export function checkWish(view: GroupView, wish: Wish, witnesses: readonly Witness[]): void {
  const group = view.state?.value
  if (group === undefined) throw new CometError('NOT_READY', 'the broker group has no epoch yet')
  switch (wish.kind) {
    case 'hand-over':
      if (wish.to !== undefined) checkTarget(view, group, wish.to)
      return
    case 'forget':
      return checkForgettable(view, group, wish.brokerId)
    case 'elect':
      return checkLoss(view, group, { to: wish.to, witnesses })
  }
}

/** The wish as the group is told; `view` is what it was checked against. */
export function commandOf(
  wish: Wish,
  about: { readonly id: string; readonly view: GroupView; readonly witnesses: readonly Witness[] },
): Command {
  const { id, view, witnesses } = about
  if (wish.kind !== 'elect') return { id, ...wish }
  const stateRevision = view.state?.revision
  if (stateRevision === undefined) throw new CometError('NOT_READY', 'there is no epoch yet')
  return { id, kind: 'elect', to: wish.to, stateRevision, confirmedTo: confirmedTo(witnesses) }
}

/** What has become of a command, by the group as it was when it was given and as it is now. */
export function progressOf(command: Command, before: GroupState, view: GroupView): Progress {
  const now = view.state?.value
  if (now === undefined) return { kind: 'failed', why: 'the state of the group is gone' }
  const isThere = view.command?.value.id === command.id
  if (command.kind === 'forget') {
    if (!view.members.has(command.brokerId)) return { kind: 'done', state: now }
    if (isThere) return { kind: 'open' }
    return { kind: 'failed', why: 'another command took its place; give it again' }
  }
  if (now.epoch === before.epoch) {
    if (isThere) return { kind: 'open' }
    return { kind: 'failed', why: 'the master did not do it, or another command took its place' }
  }
  const isWanted =
    command.to === undefined ? now.master !== before.master : now.master === command.to
  if (isWanted) return { kind: 'done', state: now }
  const why =
    now.reason === 'retake'
      ? `the one that was asked did not take over; member ${now.master} goes on as master of epoch ${now.epoch}`
      : `member ${now.master} has become master of epoch ${now.epoch} (${now.reason})`
  return { kind: 'failed', why }
}

function checkTarget({ members, live }: GroupView, group: GroupState, to: number): void {
  if (!members.has(to)) throw unknown(to, members)
  if (group.master === to) {
    throw new CometError('MEMBER_UNFIT', `member ${to} is master already, of epoch ${group.epoch}`)
  }
  if (
    group.inSync.get(to) === undefined ||
    group.inSync.get(to) !== live.get(to)?.value.incarnation
  ) {
    const inSync = [...group.inSync.keys()].join(', ')
    throw new CometError('MEMBER_UNFIT', `member ${to} is not in sync; in sync are: ${inSync}`)
  }
}

function checkForgettable({ members, live }: GroupView, group: GroupState, id: number): void {
  if (!members.has(id)) throw unknown(id, members)
  if (group.inSync.has(id)) {
    throw new CometError(
      'MEMBER_UNFIT',
      `member ${id} is in sync: the group counts on it. Stop it; once the others do without it, or another member has taken its place, it can be forgotten`,
    )
  }
  if (live.has(id)) {
    throw new CometError(
      'BROKER_ACTIVE',
      `member ${id} runs, and would only come back; stop it first`,
    )
  }
}

/**
 * Somebody in sync who is trusted holds everything that was acknowledged. As long as one of them is
 * there, or may be, nothing has to be given up.
 */
function checkLoss(
  { members, live }: GroupView,
  group: GroupState,
  { to, witnesses }: { readonly to: number; readonly witnesses: readonly Witness[] },
): void {
  if (!members.has(to)) throw unknown(to, members)
  const masterFirst = [...group.inSync].toSorted(([a], [b]) =>
    a === group.master ? -1 : b === group.master ? 1 : a - b,
  )
  for (const [brokerId, incarnation] of masterFirst) {
    const answer = witnesses.find((witness) => witness.brokerId === brokerId)?.answer
    if (answer === undefined && live.has(brokerId)) {
      throw new CometError(
        'BROKER_ACTIVE',
        `member ${brokerId} is in sync and holds a lease, though it does not answer; it may be master and serve clients. Stop it, and wait until its lease is over`,
      )
    }
    const isTrusted = answer !== undefined && incarnation >= answer.trustedSince
    if (answer === undefined || !isTrusted || answer.role === 'quarantined') continue
    const what =
      answer.role === 'following' ? 'can be elected without any loss' : `is ${answer.role}`
    throw new CometError('BROKER_ACTIVE', `member ${brokerId} is in sync, answers and ${what}`)
  }
  const target = witnesses.find(({ brokerId }) => brokerId === to)?.answer
  if (target?.electable !== true) {
    const why = target === undefined ? 'does not answer' : `cannot be master now (${target.role})`
    throw new CometError('MEMBER_UNFIT', `member ${to} ${why}`)
  }
}

function confirmedTo(witnesses: readonly Witness[]): CommitLogOffset {
  return commitLogOffset(Math.max(0, ...witnesses.map(({ answer }) => answer?.confirmOffset ?? 0)))
}

function unknown(id: number, members: GroupView['members']): CometError {
  const known = [...members.keys()].join(', ') || 'none'
  return new CometError(
    'BROKER_NOT_FOUND',
    `the broker group has no member ${id}; it has: ${known}`,
  )
}
