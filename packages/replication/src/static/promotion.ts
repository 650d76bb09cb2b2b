import { CometError, commitLogOffset, type Inspection as InspectionAnswer } from '@cometmq/protocol'
import type { PossibleLoss } from '../group-state.ts'

/** What an operator says when a slave is to become master. */
export interface PromoteWish {
  readonly to: number
  /** The present master does not answer, and the operator knows that it is off or cut off. */
  readonly oldMasterIsDead: boolean
  /** Members that are done without, whatever only they have. */
  readonly without: readonly number[]
}

/** A member of the group as it was asked, this one included. */
export interface Asked {
  readonly brokerId: number
  /** Undefined: it does not answer. */
  readonly answer:
    | Pick<
        InspectionAnswer,
        | 'role'
        | 'member'
        | 'trustedSince'
        | 'inSync'
        | 'inSyncAs'
        | 'lastRecordEpoch'
        | 'maxOffset'
        | 'confirmOffset'
      >
    | undefined
}

export interface PromotionScene {
  /** Who leads as far as is known; undefined: an earlier promotion has not come to its end. */
  readonly master: number | undefined
  readonly minInSync: number
  readonly asked: readonly Asked[]
}

/**
 * Throws unless everything that was acknowledged is certain to be in the log of the one that is to be
 * master, but for what the operator does without.
 *
 * An acknowledged batch is on `minInSync` members at least, so among any `members - minInSync + 1` of
 * them one has it, and the longest log of these has all.
 */
export function checkPromotion(scene: PromotionScene, wish: PromoteWish): void {
  const { asked, master } = scene
  const { to } = wish
  const target = asked.find(({ brokerId }) => brokerId === to)
  const known = asked.map(({ brokerId }) => brokerId).join(', ')
  for (const id of [to, ...wish.without]) {
    if (asked.some(({ brokerId }) => brokerId === id)) continue
    throw new CometError(
      'BROKER_NOT_FOUND',
      `the broker group has no member ${id}; it has: ${known}`,
    )
  }
  if (wish.without.includes(to)) {
    throw new CometError('ILLEGAL_ARGUMENT', `member ${to} cannot be promoted and done without`)
  }
  if (target?.answer === undefined) throw unfit(`member ${to} does not answer`)
  const { role } = target.answer
  if (role === 'master') throw unfit(`member ${to} is master already`)
  if (role === 'quarantined') throw unfit(`member ${to} is quarantined; its log says why`)
  const old = asked.find(({ brokerId }) => brokerId === master)
  if (
    old !== undefined &&
    old.answer === undefined &&
    !wish.oldMasterIsDead &&
    old.brokerId !== to
  ) {
    throw unfit(
      `the master, member ${old.brokerId}, does not answer, and if it only is cut off it goes on acknowledging where that is enough; make sure that it is powered off or cut off from all clients, then say --old-master-is-dead`,
    )
  }
  checkCopies(scene, wish)
  const longest = longestOf(asked)
  if (
    longest !== undefined &&
    compare(longest, target) < 0 &&
    !wish.without.includes(longest.brokerId)
  ) {
    throw unfit(
      `member ${longest.brokerId} has a longer log than member ${to}; promote that one, or do without it (--without ${longest.brokerId})`,
    )
  }
}

/** What is given up, as the group remembers it; undefined: nothing can be missing. */
export function lossOf(
  { asked, minInSync }: PromotionScene,
  wish: PromoteWish,
  epoch: number,
): PossibleLoss | undefined {
  const trusted = asked.filter(
    (each) => isTrusted(each, asked) && !wish.without.includes(each.brokerId),
  )
  if (trusted.length >= asked.length - minInSync + 1) return undefined
  const kept = asked.find(({ brokerId }) => brokerId === wish.to)?.answer
  const told = asked.map(({ answer }) => answer?.confirmOffset ?? 0)
  return {
    epoch,
    cause: 'operator',
    keptTo: commitLogOffset(kept?.maxOffset ?? 0),
    confirmedTo: commitLogOffset(Math.max(...told)),
  }
}

function checkCopies({ asked, minInSync }: PromotionScene, wish: PromoteWish): void {
  const needed = asked.length - minInSync + 1
  const trusted = asked.filter((each) => isTrusted(each, asked))
  const doneWithout = asked.filter(
    (each) => !isTrusted(each, asked) && wish.without.includes(each.brokerId),
  )
  if (trusted.length + doneWithout.length >= needed) return
  const missing = asked.filter(
    (each) => !isTrusted(each, asked) && !wish.without.includes(each.brokerId),
  )
  const names = missing.map((each) => `member ${each.brokerId} (${whyNot(each)})`).join(', ')
  const ids = missing.map(({ brokerId }) => brokerId).join(',')
  throw unfit(
    `with ${minInSync} of ${asked.length} in sync, an acknowledged message may be on no other member than ${names}; bring it back, or give up what only it has (--without ${ids})`,
  )
}

function whyNot({ answer }: Asked): string {
  return answer === undefined ? 'it does not answer' : 'it may have lost what it had acknowledged'
}

/** It was in sync, as far as it knows itself or as the master says, and has lost nothing since. */
function isTrusted({ brokerId, answer }: Asked, asked: readonly Asked[]): boolean {
  if (answer === undefined) return false
  const told = asked
    .flatMap((each) => each.answer?.inSync ?? [])
    .find((member) => member.brokerId === brokerId)
  const isToldNow = told !== undefined && told.incarnation === answer.member?.incarnation
  return isToldNow || answer.inSyncAs >= answer.trustedSince
}

function longestOf(asked: readonly Asked[]): Asked | undefined {
  return asked.filter(({ answer }) => answer !== undefined).toSorted(compare)[0]
}

/** Negative if `a` has more. */
function compare(a: Asked, b: Asked): number {
  return (
    (b.answer?.lastRecordEpoch ?? 0) - (a.answer?.lastRecordEpoch ?? 0) ||
    (b.answer?.maxOffset ?? 0) - (a.answer?.maxOffset ?? 0)
  )
}

function unfit(why: string): CometError {
  return new CometError('MEMBER_UNFIT', why)
}
