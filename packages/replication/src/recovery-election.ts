import { mayStand, nextAttempt, ownLive } from './campaign.ts'
import type { Versioned } from './elector.ts'
import { recoveredState } from './eligibility.ts'
import { leaveStream } from './follow-stream.ts'
import type { Inspection } from './frames.ts'
import type { Command } from './group-records.ts'
import { inspectionOf } from './inspection.ts'
import { ask, isAnswered } from './inquiry.ts'
import { durableOffset } from './log-state.ts'
import type { Following, Role } from './replica.ts'
import { isSilent } from './suspicion.ts'
import { beginSwap } from './swaps.ts'
import { recoverTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'

type ElectCommand = Extract<Command, { kind: 'elect' }>

/**
 * Elects the best log that is left when nobody is eligible: every in-sync member is back, and each
 * may have lost its last bytes. Asks again and again while there is no master to follow.
 *
 * Also carries out an operator's command to elect this member whatever it lacks, if the group is
 * still as the operator saw it.
 */
export function seekRecovery(turn: Turn, role: Following): Role {
  const { group, state } = turn
  if (group === undefined || role.settlesLog !== undefined || !mayStand(turn)) return role
  if (group.epoch < turn.member.lastSeenEpoch) return role
  const command = commandToStand(turn)
  if (command !== undefined && isSilent(turn, role)) return recover(turn, role, { command })
  if (!turn.settings.recoversByItself || !isSilent(turn, role)) return role
  if (turn.rules.isEligible(group, { brokerId: turn.me, trustedSince: turn.member.trustedSince })) {
    return role
  }
  const { inquiry } = role
  const others = [...(state.elector.view?.members.keys() ?? [])].filter((id) => id !== turn.me)
  if (inquiry === undefined) return { ...role, inquiry: ask(turn, others) }
  const ageMs = turn.nowMs - inquiry.askedAtMs
  if (!isAnswered(inquiry) && ageMs < turn.settings.inspectMs) return role
  const survivors = [...inquiry.answers.values(), inspectionOf(turn.context, state)]
  const winner = turn.rules.recoveryWinner(group, survivors)
  if (winner?.brokerId === turn.me) return recover(turn, role, { survivors })
  return ageMs < turn.settings.readMs ? role : { ...role, inquiry: ask(turn, others) }
}

/** A command to elect this very member, about this very state. */
function commandToStand(turn: Turn): Versioned<ElectCommand> | undefined {
  const { command, state } = turn.state.elector.view ?? {}
  if (command?.value.kind !== 'elect' || command.value.to !== turn.me) return undefined
  if (state === undefined) return undefined
  if (!turn.rules.isAsSeen(command.value.stateRevision, state.revision)) return undefined
  return { revision: command.revision, value: command.value }
}

function recover(
  turn: Turn,
  role: Following,
  why: {
    readonly survivors?: readonly Inspection[]
    readonly command?: Versioned<ElectCommand>
  },
): Role {
  const { survivors = [], command } = why
  const cause = command === undefined ? 'recovery' : 'operator'
  const read = turn.state.elector.view?.state
  const me = ownLive(turn)
  if (read === undefined || me === undefined) return role
  // It is elected for what it holds, and has to hold that for good first.
  const isHeld = durableOffset(turn.log, turn.settings.confirmOn) === turn.log.maxOffset
  if (!isHeld) return role
  leaveStream(turn, role)
  const { incarnation, trustedSince } = turn.member
  const { maxOffset: keptTo, confirmOffset } = turn.log
  const told = survivors.map((survivor) => survivor.confirmOffset)
  if (command !== undefined) told.push(command.value.confirmedTo)
  const confirmedTo = told.reduce((most, each) => (each > most ? each : most), confirmOffset)
  const next = recoveredState(
    read.value,
    {
      me: { brokerId: turn.me, incarnation, trustedSince },
      attempt: nextAttempt(turn),
      reason: cause,
    },
    { cause, keptTo, confirmedTo },
  )
  beginSwap(turn, {
    transaction: recoverTransaction(
      { replaces: read.revision, state: next },
      me,
      command?.revision,
    ),
    for: 'candidacy',
    next,
    replaces: read.revision,
  })
  return {
    kind: 'candidate',
    trigger: cause,
    endsEpoch: read.value.epoch,
    stage: { kind: 'swapping' },
    oldLive: undefined,
    offer: undefined,
    survivors,
    heardAtMs: role.heardAtMs,
  }
}
