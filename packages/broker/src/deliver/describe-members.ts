import type { MemberDescription } from '@cometmq/protocol'
import type { Session } from './sessions.ts'

/** Those that are connected, as an operator sees them. `nowMs`: of the elapsed clock. */
export function describeMembers(sessions: Iterable<Session>, nowMs: number): MemberDescription[] {
  const members: MemberDescription[] = []
  for (const session of sessions) {
    if (session.state === 'lost') continue
    const { clientId, peer, connectedAtMs, topics } = session.attachment
    members.push({
      sessionId: session.id,
      clientId,
      peer,
      connectedMs: Math.round(nowMs - connectedAtMs),
      heldMessages: session.held,
      creditBytes: Math.max(0, session.creditBytes),
      topics: [...topics].map(([topic, filter]) => {
        const { filter: tags, sql = '' } = filter.expression
        return { topic, filter: tags, sql }
      }),
    })
  }
  return members
}
