import { startFollowing } from './following.ts'
import { isReigning } from './reign.ts'
import type { Turn } from './turn.ts'
import { readElector } from './views.ts'

/** The epoch is over: answers what waits, lets the log come to rest and follows the next master. */
export function stepDown(turn: Turn): void {
  const { role } = turn.state
  if (!isReigning(role)) return
  const number = turn.nextNumber()
  turn.act({ kind: 'refuse-writes', number })
  turn.act({ kind: 'stop-services' })
  for (const { stream } of role.reign.peers.values()) turn.act({ kind: 'close-slave', stream })
  turn.act({ kind: 'register', role: 'slave', epoch: turn.member.lastSeenEpoch })
  turn.update({ deposedAtMs: turn.nowMs })
  startFollowing(turn, { settlesLog: number })
  readElector(turn)
}
