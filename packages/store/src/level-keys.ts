import { queueKeyBytes } from './state/store-tables.ts'
import type { QueueKey } from './queue-key.ts'

/**
 * Keys of the rows in level. The first byte says what it is, so each kind is one range.
 *
 * Listed in `docs/formats/commit-log.md`.
 */
export const levelPrefix = {
  applied: Buffer.from('a'),
  /** Block of a queue index: queue key, offset of its first message. */
  index: Buffer.from('i'),
  /** Idempotence window: producer id, queue key. */
  producer: Buffer.from('p'),
  /** Queue: queue key. */
  queue: Buffer.from('q'),
  /** Row of a state table: name, a zero byte, key. */
  table: Buffer.from('t'),
} as const

export function levelKey(prefix: Buffer, key: Buffer): Buffer {
  return Buffer.concat([prefix, key])
}

export function withoutPrefix(key: Buffer): Buffer {
  return key.subarray(1)
}

/** All keys of one kind. */
export function levelRange(prefix: Buffer): { readonly from: Buffer; readonly to: Buffer } {
  return { from: prefix, to: Buffer.of((prefix[0] as number) + 1) }
}

/** The block of `queue` that begins at `offset`; blocks of a queue sort by it. */
export function indexKey(queue: QueueKey, offset: number): Buffer {
  const queueKey = queueKeyBytes(queue)
  const key = Buffer.allocUnsafe(1 + queueKey.length + 8)
  key[0] = levelPrefix.index[0] as number
  key.set(queueKey, 1)
  key.writeBigUInt64BE(BigInt(offset), 1 + queueKey.length)
  return key
}

/** Where the rows of a state table lie. */
export function tablePrefix(table: string): Buffer {
  return Buffer.from(`t${table}\0`)
}
