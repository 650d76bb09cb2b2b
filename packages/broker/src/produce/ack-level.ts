import { CometError, type TopicDefinition } from '@cometmq/protocol'
import type { AppendLevel } from '@cometmq/store'

/** How many members a master waits for, itself included, and how many they have to be. */
export interface CopiesAwaited {
  readonly members: number
  readonly minMembers: number
}

/**
 * What has to be true of a batch before it is answered. `copies`: of a broker group of several members.
 *
 * Throws `IN_SYNC_SET_TOO_SMALL`: nothing would be confirmed, so nothing is appended either.
 */
export function appendLevelOf(
  { topic, ackLevel }: TopicDefinition,
  copies: CopiesAwaited | undefined,
): AppendLevel {
  const isFlushed = ackLevel.flush === 'sync'
  if (ackLevel.replicas === 'master') return isFlushed ? 'flushed' : 'written'
  if (copies === undefined) return isFlushed ? 'confirmed' : 'written'
  const { members, minMembers } = copies
  if (members < minMembers) {
    throw new CometError(
      'IN_SYNC_SET_TOO_SMALL',
      `${members} of the ${minMembers} members that topic "${topic}" waits for are in sync; nothing was stored`,
    )
  }
  // Other members tell what they have once they have flushed it, so with them there is no earlier answer
  // that is true.
  return isFlushed || members > 1 ? 'confirmed' : 'written'
}

/** It was appended, and not confirmed in time. */
export function replicationTimeout(timeoutMs: number): CometError {
  return new CometError(
    'REPLICATION_TIMEOUT',
    `the in-sync set has not confirmed it within ${timeoutMs} ms; it may be yet`,
  )
}
