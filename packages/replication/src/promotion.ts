import { campaignOn } from './campaign.ts'
import type { Happening } from './events.ts'
import type { GroupState } from './group-state.ts'
import { takeEarly } from './early-slaves.ts'
import { acceptSlaves } from './reign.ts'
import { onSlaveFrame } from './slaves.ts'
import type { Candidate, Offer, Promoting } from './replica.ts'
import { stepDown } from './step-down.ts'
import type { Settled } from './swaps.ts'
import { answerOffer } from './take-over.ts'
import type { Turn } from './turn.ts'
import { startFollowing } from './following.ts'
import { readElector } from './views.ts'

type Opened = Extract<Happening, { kind: 'epoch-opened' }>

/** What became of the transaction by which this candidate asked for an epoch. */
export function settleCandidacy(
  turn: Turn,
  role: Candidate,
  settled: Settled,
  next: GroupState,
): void {
  switch (settled.kind) {
    case 'open':
      return
    case 'won':
      // Somebody has told of a later epoch since: this one is over before it began.
      return turn.member.lastSeenEpoch > next.epoch
        ? giveUpCandidacy(turn, role)
        : promote(turn, next, { offer: role.offer })
    case 'lost':
      return giveUpCandidacy(turn, role)
  }
}

/** Goes on with a campaign, or gives it up. */
export function pressOn(turn: Turn, role: Candidate): void {
  const next = campaignOn(turn, role)
  if (next === undefined) giveUpCandidacy(turn, role)
  else turn.become(next)
}

/** Follows whoever won, or looks again whether the old master is gone. */
function giveUpCandidacy(turn: Turn, role: Candidate): void {
  if (role.offer !== undefined) {
    answerOffer(turn, role.offer, false)
    turn.act({ kind: 'leave-stream', stream: role.offer.stream })
  }
  startFollowing(turn, { heardAtMs: role.heardAtMs })
  readElector(turn)
}

/**
 * Makes the epoch that was won this member's own, in an order that a crash may break anywhere: the
 * epoch is remembered before its entry is written, and its entry before its first byte.
 */
export function promote(
  turn: Turn,
  won: GroupState,
  how: { readonly offer?: Offer | undefined; readonly drainedAtMs?: number },
): void {
  const { log } = turn
  const entry = { epoch: won.epoch, start: log.maxOffset }
  turn.see(won.epoch)
  turn.act({ kind: 'complete-tail' })
  turn.updateLog({ history: turn.rules.appendEpoch(log.history, entry) })
  turn.act({ kind: 'append-epoch', entry })
  turn.act({ kind: 'append-opening', epoch: won.epoch })
  turn.become({
    kind: 'promoting',
    epoch: won.epoch,
    epochStart: entry.start,
    inSync: won.inSync,
    offer: how.offer,
    drainedAtMs: how.drainedAtMs,
  })
}

/** The opening record is in the log: slaves may follow and writes are taken. */
export function onEpochOpened(turn: Turn, role: Promoting, { epoch, end }: Opened): void {
  if (epoch !== role.epoch) return
  turn.updateLog({ maxOffset: end })
  turn.act({ kind: 'accept-writes', epoch })
  if (role.offer !== undefined) {
    answerOffer(turn, role.offer, true)
    turn.act({ kind: 'leave-stream', stream: role.offer.stream })
  }
  const loss = turn.group?.possibleLoss
  if (loss?.epoch === epoch) {
    turn.alarm('possible_loss', `kept to ${loss.keptTo}, confirmed to ${loss.confirmedTo}`)
  }
  turn.become(acceptSlaves(turn, role))
  for (const [stream, hello] of takeEarly(turn)) onSlaveFrame(turn, stream, hello)
  // It ended while it was being opened.
  if (turn.member.lastSeenEpoch > epoch) stepDown(turn)
}
