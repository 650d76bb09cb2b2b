import { crc32 } from 'node:zlib'

/**
 * The queue of a message group: a fixed hash over the topic's ordered list of queues, whoever of
 * their brokers is alive. Order survives a dead broker by waiting, not by moving.
 */
export function queueOfGroup(messageGroup: string, queueCount: number): number {
  return crc32(messageGroup) % queueCount
}
