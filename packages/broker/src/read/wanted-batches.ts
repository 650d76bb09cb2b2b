import type { MessageFilter, RecordBatch } from '@cometmq/protocol'

export interface WantedBatches {
  /** Those with at least one wanted message, as they are. */
  readonly batches: readonly Buffer[]
  /** Pairs from, to of the wanted queue offsets. */
  readonly ranges: readonly number[]
  readonly messages: number
  readonly bytes: number
}

/** What of these batches, from offset `from` on, a filter lets through. */
export function wantedBatches(
  filter: MessageFilter,
  read: { readonly batches: readonly RecordBatch[]; readonly from: number },
): WantedBatches {
  const batches: Buffer[] = []
  const ranges: number[] = []
  let messages = 0
  let bytes = 0
  for (const batch of read.batches) {
    const base = batch.baseQueueOffset
    const first = Math.max(base, read.from)
    const end = base + batch.messageCount
    const matches = filter.matchesOf(batch)
    if (matches === 'none') continue
    const before = messages
    if (matches === 'all') {
      messages += end - first
      pushRange(ranges, first, end)
    } else {
      for (let offset = first; offset < end; offset++) {
        if (!matches(offset - base)) continue
        messages++
        pushRange(ranges, offset, offset + 1)
      }
    }
    if (messages === before) continue
    batches.push(batch.bytes)
    bytes += batch.totalBytes
  }
  return { batches, ranges, messages, bytes }
}

function pushRange(ranges: number[], from: number, to: number): void {
  if (ranges.length > 0 && ranges.at(-1) === from) ranges[ranges.length - 1] = to
  else ranges.push(from, to)
}
