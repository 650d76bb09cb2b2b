import type { CommitLogOffset } from '@cometmq/protocol'
import { giveUpStream, leaveStream } from './follow-stream.ts'
import type { MasterFrame, Welcome } from './frames.ts'
import { lastRecordEpoch } from './log-state.ts'
import type { Following, FollowStream, Role } from './replica.ts'
import type { Turn } from './turn.ts'
import { readElector } from './views.ts'

/**
 * Makes this log agree with the master's before a byte of it is taken.
 *
 * The master has computed where the two part, and this slave computes it again: a disagreement stops
 * replication loudly instead of letting two histories live under one name.
 */
export function onWelcome(
  turn: Turn,
  role: Following,
  stream: FollowStream,
  frame: MasterFrame & { readonly message: Welcome },
): Role {
  const { epoch, message } = frame
  const { log, member } = turn
  if (stream.phase !== 'greeting') return giveUpStream(turn, role)
  // A ghost: it does not know yet that its reign is over.
  if (turn.rules.isOver(epoch, member.lastSeenEpoch)) return giveUpStream(turn, role)
  const { cutTo, losesConfirmed } = turn.rules.followPoint(log, { ...message, ...frame })
  if (cutTo !== message.cutTo) {
    return quarantined(turn, role, `it computes ${cutTo} where the master says ${message.cutTo}`)
  }
  if (losesConfirmed && !isAmnestied(turn)) {
    // Whether an election explains the loss is known only by the state that it wrote.
    if (epoch > (turn.group?.epoch ?? 0)) {
      turn.see(epoch)
      return giveUpStream(turn, role)
    }
    return quarantined(turn, role, `confirmed to ${log.confirmOffset}, in common to ${cutTo}`)
  }
  turn.see(epoch)
  if (epoch > (turn.group?.epoch ?? 0)) readElector(turn)
  if (losesConfirmed) forgetConfirmed(turn, cutTo ?? message.minOffset)
  if (cutTo === undefined) {
    turn.act({ kind: 'start-over', stream: stream.number })
    return { ...role, stream: { ...stream, epoch, phase: 'starting-over' } }
  }
  truncate(turn, cutTo)
  turn.act({ kind: 'check-tail', stream: stream.number, to: cutTo })
  return { ...role, stream: { ...stream, epoch, phase: 'checking' } }
}

/** Stops following and keeps every byte; only an operator knows what may be given up. */
export function quarantined(turn: Turn, role: Following, why: string): Role {
  leaveStream(turn, role)
  turn.alarm('quarantined', why)
  return { kind: 'quarantined', why }
}

/**
 * An entry that starts exactly at the end is dropped even where nothing is cut: its epoch wrote
 * nothing, and the next may start there too.
 */
function truncate(turn: Turn, to: CommitLogOffset): void {
  const { log } = turn
  const history = turn.rules.truncateEpochs(log.history, to)
  if (to === log.maxOffset && history === log.history) return
  turn.act({ kind: 'truncate', to })
  turn.updateLog({
    history,
    maxOffset: to,
    flushedOffset: log.flushedOffset < to ? log.flushedOffset : to,
  })
}

/** An election took the loss of what was confirmed before it, and this log holds nothing since. */
function isAmnestied(turn: Turn): boolean {
  const loss = turn.group?.possibleLoss
  return loss !== undefined && lastRecordEpoch(turn.log) < loss.epoch
}

function forgetConfirmed(turn: Turn, to: CommitLogOffset): void {
  turn.alarm('possible_loss', `confirmed to ${turn.log.confirmOffset}, and only ${to} is kept`)
  turn.updateLog({ confirmOffset: to })
  turn.act({ kind: 'forget-confirmed', to })
}
