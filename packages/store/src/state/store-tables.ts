import type { StateChange } from '@cometmq/protocol'
import type { QueueKey } from '../queue-key.ts'

/** Key: topic, a zero byte, queue id. Value: next offset, least offset. */
export const QUEUES_TABLE = 'store.queues'

/** Idempotence windows; only the store writes them. */
export const PRODUCERS_TABLE = 'store.producers'

/** What a master has decided about the log itself; one row. Only in broker groups. */
export const LOG_TABLE = 'store.log'

const MIN_OFFSET_KEY = Buffer.from('minOffset')

/** Everything below may be deleted: a whole state snapshot lies between there and this record. */
export function putMinOffset(minOffset: number): StateChange {
  const value = Buffer.allocUnsafe(8)
  value.writeBigUInt64BE(BigInt(minOffset))
  return { kind: 'put', table: LOG_TABLE, key: MIN_OFFSET_KEY, value }
}

/** What was put last; 0 if nothing was. */
export function minOffsetIn(table: { get(key: Buffer): Buffer | undefined }): number {
  const value = table.get(MIN_OFFSET_KEY)
  return value === undefined ? 0 : Number(value.readBigUInt64BE())
}

/**
 * Makes a queue known, or raises its offsets: the next message gets `nextOffset` at least, and
 * nothing below `minOffset` is readable any more.
 */
export function putQueue(
  queue: QueueKey,
  offsets: { readonly nextOffset: number; readonly minOffset: number },
): StateChange {
  const value = Buffer.allocUnsafe(16)
  value.writeBigUInt64BE(BigInt(offsets.nextOffset), 0)
  value.writeBigUInt64BE(BigInt(offsets.minOffset), 8)
  return { kind: 'put', table: QUEUES_TABLE, key: queueKeyBytes(queue), value }
}

/** Forgets all queues of a topic with their indexes; offsets start at 0 again if it is made anew. */
export function deleteQueuesOf(topic: string): StateChange {
  return {
    kind: 'delete-range',
    table: QUEUES_TABLE,
    from: Buffer.from(`${topic}\0`),
    to: Buffer.from(`${topic}\x01`),
  }
}

export function queueKeyBytes(queue: QueueKey): Buffer {
  const topicBytes = Buffer.byteLength(queue.topic)
  const key = Buffer.allocUnsafe(topicBytes + 5)
  key.write(queue.topic, 0, topicBytes, 'utf8')
  key[topicBytes] = 0
  key.writeUInt32BE(queue.queueId, topicBytes + 1)
  return key
}

/** What `queueKeyBytes` made. */
export function parseQueueKey(key: Buffer): QueueKey {
  const topicBytes = key.length - 5
  return {
    topic: key.toString('utf8', 0, topicBytes),
    queueId: key.readUInt32BE(topicBytes + 1),
  }
}

/** The value that `putQueue` made. */
export function parseQueueOffsets(value: Buffer): {
  readonly nextOffset: number
  readonly minOffset: number
} {
  return {
    nextOffset: Number(value.readBigUInt64BE(0)),
    minOffset: Number(value.readBigUInt64BE(8)),
  }
}
