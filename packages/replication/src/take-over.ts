import { mayCampaign, nextAttempt, ownLive } from './campaign.ts'
import { takenOverState } from './eligibility.ts'
import type { Following, Offer, Role } from './replica.ts'
import { beginSwap } from './swaps.ts'
import { takeOverTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'
import { readElector } from './views.ts'

/**
 * Takes the epoch that a master has offered, if this log ends where its does, or if it has resigned:
 * a member in sync has everything that was confirmed, and nothing will be any more.
 *
 * The state to replace is the one that the offer names: that is the one whose in-sync set the master
 * kept to until it stopped.
 */
export function considerOffer(turn: Turn, role: Following): Role {
  const { offer } = role
  if (offer === undefined || turn.state.pending !== undefined) return role
  const read = turn.state.elector.view?.state
  const me = ownLive(turn)
  if (read === undefined || read.revision < offer.stateRevision) {
    readElector(turn)
    return role
  }
  const { incarnation, trustedSince } = turn.member
  const aspirant = { brokerId: turn.me, incarnation, trustedSince }
  const isLevel = turn.log.maxOffset === offer.end
  const mayTake =
    isLevel || (offer.end === undefined && turn.rules.isEligible(read.value, aspirant))
  const isGood = read.revision === offer.stateRevision && mayTake
  if (!isGood || me === undefined || !mayCampaign(turn)) {
    answerOffer(turn, offer, false)
    return { ...role, offer: undefined }
  }
  const election = { me: aspirant, attempt: nextAttempt(turn), reason: 'hand-over' }
  const next = takenOverState(read.value, election, offer)
  beginSwap(turn, {
    transaction: takeOverTransaction({ replaces: read.revision, state: next }, me),
    for: 'candidacy',
    next,
    replaces: read.revision,
  })
  return {
    kind: 'candidate',
    trigger: 'hand-over',
    endsEpoch: read.value.epoch,
    stage: { kind: 'swapping' },
    oldLive: undefined,
    offer,
    survivors: [],
    heardAtMs: role.heardAtMs,
  }
}

export function answerOffer(turn: Turn, { stream }: Offer, won: boolean): void {
  turn.act({ kind: 'send-to-master', stream, frame: { kind: 'hand-over-result', won } })
}
