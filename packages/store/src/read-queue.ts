import { CometError, type QueueOffset, queueOffset, type RecordBatch } from '@cometmq/protocol'
import { bytesOf, endOf, logOffsetOf } from './indexes/index-block.ts'
import type { QueueIndex } from './indexes/queue-index.ts'
import type { QueueIndexes } from './indexes/queue-indexes.ts'
import type { QueueKey } from './queue-key.ts'
import type { RecordPlace, RecordReader } from './record-reader.ts'

export type ReadResult =
  /** Nothing at or above `from` yet. */
  | { readonly kind: 'caught-up' }
  /** Messages from `from` to `minOffset` have been deleted. */
  | { readonly kind: 'too-old'; readonly minOffset: QueueOffset }
  /** Whole batches in queue order; the first may begin before `from`. Go on at `next`. */
  | {
      readonly kind: 'batches'
      readonly batches: readonly RecordBatch[]
      readonly next: QueueOffset
    }

/** Reads whole batches of one queue, up to `maxBytes` of record bytes yet at least one. */
export async function readQueue(
  parts: { readonly queues: QueueIndexes; readonly reader: RecordReader },
  queue: QueueKey,
  range: { readonly from: number; readonly maxBytes: number },
): Promise<ReadResult> {
  for (;;) {
    const index = parts.queues.get(queue)
    if (index === undefined || range.from >= index.nextOffset) return { kind: 'caught-up' }
    const { minOffset } = index
    if (range.from < minOffset) return { kind: 'too-old', minOffset: queueOffset(minOffset) }
    const { places, next } = await findPlaces(parts.queues, index, range)
    // Offsets were skipped, and nothing has come after them yet.
    if (places.length === 0) return { kind: 'caught-up' }
    try {
      const batches = await parts.reader.read(places)
      return { kind: 'batches', batches, next: queueOffset(next) }
    } catch (error) {
      const isGone = error instanceof CometError && error.code === 'OFFSET_OUT_OF_RANGE'
      // Retention was faster than this read: the queue begins later now.
      if (!isGone || parts.queues.get(queue)?.minOffset === minOffset) throw error
    }
  }
}

/**
 * The size of the record that holds message `from`, if the index of the queue tells it from memory.
 * A hint: who reads much at once can wait until there is room, instead of reading in vain.
 */
export function recordBytesAt(
  queues: QueueIndexes,
  queue: QueueKey,
  from: number,
): number | undefined {
  const index = queues.get(queue)
  if (index === undefined || from < index.minOffset || from >= index.nextOffset) return undefined
  const found = queues.find(index, from)
  if (found === undefined || found instanceof Promise) return undefined
  return bytesOf(found.entries, found.index)
}

async function findPlaces(
  queues: QueueIndexes,
  index: QueueIndex,
  range: { readonly from: number; readonly maxBytes: number },
): Promise<{ readonly places: readonly RecordPlace[]; readonly next: number }> {
  const places: RecordPlace[] = []
  let next = range.from
  let leftBytes = range.maxBytes
  for (;;) {
    const finding = queues.find(index, next)
    const found = finding instanceof Promise ? await finding : finding
    if (found === undefined) return { places, next }
    const { entries } = found
    for (let entry = found.index; entry < entries.count; entry++) {
      const bytes = bytesOf(entries, entry)
      if (places.length > 0 && bytes > leftBytes) return { places, next }
      places.push({ logOffset: logOffsetOf(entries, entry), bytes })
      leftBytes -= bytes
      next = endOf(entries, entry)
    }
  }
}
