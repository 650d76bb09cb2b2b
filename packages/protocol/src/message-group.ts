import { crc32 } from 'node:zlib'
import type { QueueGroup } from './generated/cometmq/v1/QueueGroup.ts'

/**
 * The queue of a message group: a fixed hash over the topic's ordered list of queues, whoever of
 * their brokers is alive. Order survives a dead broker by waiting, not by moving.
 */
export function queueOfGroup(messageGroup: string, queueCount: number): number {
  return crc32(messageGroup) % queueCount
}

/**
 * The queues that message groups map onto, sorted by broker name, when a name server has told those
 * of a topic anew.
 *
 * A broker group that it does not name stays in the list, closed: it is away, and a name server that
 * was started meanwhile cannot know of it. Not if `isGone`: it is heard and has given the topic up,
 * or is forgotten.
 */
export function queueGroupsAfter(
  previous: readonly QueueGroup[],
  told: readonly QueueGroup[],
  isGone: (brokerName: string) => boolean,
): QueueGroup[] {
  const groups = new Map<string, QueueGroup>()
  for (const group of previous) {
    if (isGone(group.brokerName)) continue
    groups.set(group.brokerName, { ...group, readable: false, writable: false })
  }
  for (const group of told) groups.set(group.brokerName, group)
  return [...groups.values()].toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
}
