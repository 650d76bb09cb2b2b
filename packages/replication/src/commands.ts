import type { Versioned } from './elector.ts'
import type { Command } from './group-records.ts'
import { isReigning } from './reign.ts'
import { beginSwap } from './swaps.ts'
import { forgetTransaction, withdrawTransaction } from './transactions.ts'
import type { Turn } from './turn.ts'

/**
 * What a master does about an operator's command, but to hand over: forgets a member, and takes back
 * what came to nothing, so that it does not come true some day when nobody expects it any more.
 */
export function tendCommand(turn: Turn): void {
  const { role, elector, pending } = turn.state
  const { command, state } = elector.view ?? {}
  if (command === undefined || state === undefined) return
  if (pending !== undefined || elector.isDistrusted || role.kind === 'draining') return
  if (command.value.kind === 'forget' && mayForget(turn, command.value.brokerId)) {
    return beginSwap(turn, {
      transaction: forgetTransaction({
        brokerId: command.value.brokerId,
        stateRevision: state.revision,
        commandRevision: command.revision,
      }),
      for: 'command',
    })
  }
  if (!isVain(turn, command)) return
  beginSwap(turn, { transaction: withdrawTransaction(command.revision), for: 'command' })
}

/** One that follows would only take its place again. The master is always in sync. */
function mayForget(turn: Turn, brokerId: number): boolean {
  const { role } = turn.state
  const follows = isReigning(role) && role.reign.peers.has(brokerId)
  return !follows && turn.group?.inSync.has(brokerId) === false
}

function isVain(turn: Turn, { value }: Versioned<Command>): boolean {
  // Nobody needs to be elected at a loss while there is a master.
  if (value.kind === 'elect') return true
  if (value.kind === 'hand-over' && value.to === turn.me) return true
  return turn.nowMs - turn.state.elector.commandSinceMs >= turn.settings.commandMs
}
