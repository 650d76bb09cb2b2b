import { RecordBatch, retryTopicOf } from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import { keysOf } from './queue-progress.ts'
import {
  backlogOf,
  decodeRetry,
  putRetry,
  RETRIES_TABLE,
  type RetryEntry,
  type RetryRow,
  retryKey,
} from './retry-entry.ts'

/**
 * Appends the batches of a group's pending retries anew that lie below `below` in the commit log,
 * each with its row in the same append, so that nothing is owed from there.
 */
export async function carryForward(
  context: DeliveryContext,
  parts: {
    readonly group: string
    readonly delivery: GroupDelivery | undefined
    readonly below: number
  },
): Promise<void> {
  const { group, delivery, below } = parts
  const stored = { topic: retryTopicOf(group), queueId: 0 }
  const boundary = await firstStoredAt(context, stored, below)
  if (boundary === undefined) return
  const queues = [...(delivery?.topics.values() ?? [])].map((topic) => topic.retries)
  for (const retries of queues) await retries.freeze()
  try {
    const works: Promise<void>[] = []
    for await (const [key, value] of context.store.table(RETRIES_TABLE).entries(keysOf(group))) {
      const row = decodeRetry(key, value)
      if (row.storedFrom >= boundary) continue
      await context.loop.room()
      works.push(carryOne(context, { group, delivery, topic: row.topic, row }))
    }
    await Promise.all(works)
  } finally {
    for (const retries of queues) retries.thaw()
  }
}

async function carryOne(
  context: DeliveryContext,
  parts: {
    readonly group: string
    readonly delivery: GroupDelivery | undefined
    readonly topic: string
    readonly row: RetryRow
  },
): Promise<void> {
  const { group, delivery, topic, row } = parts
  const stored = { topic: retryTopicOf(group), queueId: 0 }
  const result = await context.store.read(stored, { from: row.storedFrom, maxBytes: 1 })
  const batch = result.kind === 'batches' ? result.batches[0] : undefined
  if (batch === undefined) return
  // A copy: the store writes its own fields into the bytes that it is given.
  const copy = RecordBatch.parse(Buffer.from(batch.bytes))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const retries = delivery?.topics.get(topic)?.retries
  const key = retryKey(group, topic, row)
  let entry: RetryEntry | undefined
  let storedFrom = 0
  context.loop.submit({
    bytes: copy.totalBytes,
    prepare: (offsets) => {
      entry = retries?.at(row.storedFrom)
      const now = entry?.row() ?? row
      // Acknowledged meanwhile, or deleted with its topic.
      const isThere = context.store.table(RETRIES_TABLE).get(key) !== undefined
      if (!isThere || backlogOf(now) === 0) {
        resolve()
        return undefined
      }
      storedFrom = offsets.take(stored, row.messageCount)
      const moved = putRetry(group, topic, { ...now, storedFrom })
      return {
        batches: [copy],
        changes: [{ kind: 'delete', table: RETRIES_TABLE, key }, moved],
        rows: [],
      }
    },
    committed: () => {
      if (entry !== undefined) {
        retries?.carried(entry, storedFrom)
        // It may have changed while the append was under way.
        context.loop.touch(entry)
        entry.stirred()
      }
      resolve()
    },
    failed: reject,
  })
  return promise
}

/** The first message of the queue at or above that place in the log; `undefined` if all are. */
async function firstStoredAt(
  { store }: DeliveryContext,
  queue: { readonly topic: string; readonly queueId: number },
  logOffset: number,
): Promise<number | undefined> {
  const bounds = store.bounds(queue)
  if (bounds === undefined || bounds.minOffset === bounds.maxOffset) return undefined
  let low: number = bounds.minOffset
  let high: number = bounds.maxOffset
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const result = await store.read(queue, { from: middle, maxBytes: 1 })
    const batch = result.kind === 'batches' ? result.batches[0] : undefined
    if (batch !== undefined && batch.logOffset >= logOffset)
      high = Math.max(low, Math.min(middle, batch.baseQueueOffset))
    else low = batch === undefined ? middle + 1 : batch.baseQueueOffset + batch.messageCount
  }
  return low === bounds.minOffset ? undefined : low
}
