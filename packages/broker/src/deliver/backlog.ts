import { type Backlog, isRetryTopic, retryTopicOf } from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import { LeaseTable } from './lease-table.ts'
import { decodeProgressRow } from './progress-row.ts'
import { PROGRESS_TABLE, progressKey } from './queue-progress.ts'
import { RETRIES_TABLE } from './retry-entry.ts'
import { RetryQueue } from './retry-queue.ts'

interface BacklogOf {
  readonly group: string
  readonly delivery: GroupDelivery | undefined
}

/** As `countBacklog`, with the age of the oldest message of each queue, which has to be read. */
export async function describeBacklog(
  context: DeliveryContext,
  parts: BacklogOf,
): Promise<Backlog[]> {
  const backlogs = await countBacklog(context, parts)
  for (const [index, backlog] of backlogs.entries()) {
    if (backlog.backlog === 0) continue
    backlogs[index] = { ...backlog, oldestAgeMs: await oldestAgeMs(context, backlog) }
  }
  return backlogs
}

/**
 * What a group has still to do, queue by queue, and its retries last. For each,
 * `ready + inFlight + delayed = backlog`. Topics that nobody reads now are counted from their rows.
 */
export async function countBacklog(context: DeliveryContext, parts: BacklogOf): Promise<Backlog[]> {
  const { group, delivery } = parts
  const backlogs: Backlog[] = []
  const retries = { ready: 0, inFlight: 0, delayed: 0, backlog: 0 }
  let oldestRetry = Number.POSITIVE_INFINITY
  for (const topic of Object.keys(context.groups.subscriptionOf(group).topics)) {
    const loaded = delivery?.topics.get(topic)
    const counted = loaded?.retries ?? (await retriesInTable(context, group, topic))
    counted.promote()
    const { ready, inFlight, delayed, backlog } = counted.counts
    for (const entry of counted.entries) oldestRetry = Math.min(oldestRetry, entry.storedFrom)
    retries.ready += ready
    retries.inFlight += inFlight
    retries.delayed += delayed
    retries.backlog += backlog
    const queueCount = context.topics.get(topic)?.queueCount ?? 0
    for (let queueId = 0; queueId < queueCount; queueId++) {
      const queue = { topic, queueId }
      const table = loaded?.known(queueId)?.table ?? tableOf(context, group, queue)
      if (table !== undefined) backlogs.push(backlogOf(context, queue, table))
    }
  }
  const queue = { topic: retryTopicOf(group), queueId: 0 }
  const bounds = context.store.bounds(queue)
  backlogs.push({
    ...queue,
    ...retries,
    doneBelow: Math.min(oldestRetry, bounds?.maxOffset ?? 0),
    minOffset: bounds?.minOffset ?? 0,
    maxOffset: bounds?.maxOffset ?? 0,
    oldestAgeMs: 0,
  })
  return backlogs
}

function backlogOf(context: DeliveryContext, queue: QueueKey, table: LeaseTable): Backlog {
  const bounds = context.store.bounds(queue)
  table.raiseMax(bounds?.maxOffset ?? 0)
  return {
    ...queue,
    ...table.counts,
    doneBelow: table.doneBelow,
    minOffset: bounds?.minOffset ?? 0,
    maxOffset: table.maxOffset,
    oldestAgeMs: 0,
  }
}

/** As the group would find it; `undefined` for a queue that never had a message. */
function tableOf(context: DeliveryContext, group: string, queue: QueueKey): LeaseTable | undefined {
  const bounds = context.store.bounds(queue)
  if (bounds === undefined || bounds.maxOffset === 0) return undefined
  const bytes = context.store.table(PROGRESS_TABLE).get(progressKey(group, queue))
  const row =
    bytes === undefined ? { doneBelow: 0, done: [], attempted: [] } : decodeProgressRow(bytes)
  const table = new LeaseTable(row, bounds.maxOffset)
  table.raiseMin(bounds.minOffset)
  return table
}

async function retriesInTable(
  context: DeliveryContext,
  group: string,
  topic: string,
): Promise<RetryQueue> {
  const retries = new RetryQueue({
    group,
    topic,
    stored: { topic: retryTopicOf(group), queueId: 0 },
    table: context.store.table(RETRIES_TABLE),
    clock: context.clock,
    log: context.log,
    windowMax: context.config.retryWindow,
    onStirred: () => {},
    onRefilled: () => {},
  })
  await retries.freeze()
  await retries.load()
  return retries
}

async function oldestAgeMs(
  { store, clock }: DeliveryContext,
  { topic, queueId, doneBelow, minOffset }: Backlog,
): Promise<number> {
  const from = Math.max(doneBelow, minOffset)
  const result = await store.read({ topic, queueId }, { from, maxBytes: 1 })
  if (result.kind !== 'batches') return 0
  const [batch] = result.batches
  // A retry is as old as the message that it goes back to.
  const origin = isRetryTopic(topic) ? batch?.sections.origin : undefined
  const storeTimeMs = origin?.storeTimeMs ?? batch?.storeTimeMs ?? clock.nowMs()
  return Math.max(0, clock.nowMs() - storeTimeMs)
}
