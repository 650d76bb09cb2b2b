import {
  CometError,
  type ResetGroupRequest,
  type StartPosition,
  type StateChange,
} from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'
import { putReset, type QueueProgress } from './queue-progress.ts'
import { startOffset } from './start-offset.ts'
import type { TopicDelivery } from './topic-delivery.ts'

export type ResetWish = Omit<ResetGroupRequest, 'everywhere'>

/** A queue that was, or would be, set to another position. */
export interface ResetOutcome {
  readonly topic: string
  readonly queueId: number
  /** Every message below was done. */
  readonly before: number
  readonly after: number
}

/**
 * Sets a group to a position: what lies below is done, all from it on is delivered (again). Running
 * leases end unanswered; messages that wait for redelivery stay and are delivered as well.
 */
export async function resetGroup(
  context: DeliveryContext,
  group: GroupDelivery,
  wish: ResetWish,
): Promise<ResetOutcome[]> {
  const topics = await loadTopics(context, group, wish)
  try {
    const targets: { readonly queue: QueueProgress; readonly after: number }[] = []
    for (const queue of topics.flatMap((topic) => [...topic.queues])) {
      if (wish.hasQueueId && queue.stored.queueId !== wish.queueId) continue
      targets.push({ queue, after: await targetOf(context, queue, wish) })
    }
    if (wish.hasQueueId && targets.length === 0) {
      throw new CometError('QUEUE_NOT_FOUND', `no queue ${wish.queueId} has any message`)
    }
    const outcomes: ResetOutcome[] = []
    for (const { queue, after } of targets) {
      outcomes.push({ ...queue.stored, before: queue.table.doneBelow, after })
      if (wish.dryRun) continue
      queue.table.reset(after)
      queue.neededBytes = 0
      group.changed(queue)
    }
    if (!wish.dryRun)
      await context.loop.append({ prepare: () => noteResets(context, group, targets) })
    return outcomes
  } finally {
    for (const topic of topics) topic.pins--
  }
}

/** So that a slave which was told of what came before does not undo them. */
function noteResets(
  { store }: DeliveryContext,
  group: GroupDelivery,
  targets: readonly { readonly queue: QueueProgress }[],
): StateChange[] {
  const { maxOffset } = store.status
  return targets.map(({ queue }) => putReset(group.name, queue.stored, maxOffset))
}

async function loadTopics(
  context: DeliveryContext,
  group: GroupDelivery,
  wish: ResetWish,
): Promise<TopicDelivery[]> {
  const known = Object.keys(context.groups.subscriptionOf(group.name).topics)
  if (wish.topic !== '' && !known.includes(wish.topic)) {
    const message = `group "${group.name}" has never read topic "${wish.topic}"; it has no position there`
    throw new CometError('TOPIC_NOT_FOUND', message)
  }
  const topics: TopicDelivery[] = []
  for (const topic of wish.topic === '' ? known : [wish.topic]) {
    const delivery = await group.load(topic)
    delivery.pins++
    topics.push(delivery)
  }
  for (const topic of topics) topic.refresh()
  return topics
}

async function targetOf(
  { store }: DeliveryContext,
  queue: QueueProgress,
  wish: ResetWish,
): Promise<number> {
  if (wish.to !== 'offset') return startOffset(store, queue.stored, positionOf(wish))
  const bounds = store.bounds(queue.stored)
  const [least, most] = [bounds?.minOffset ?? 0, bounds?.maxOffset ?? 0]
  const clipped = Math.min(Math.max(wish.offset, least), most)
  if (wish.hasQueueId && clipped !== wish.offset) {
    const message = `queue ${wish.queueId} of "${queue.topic}" has the offsets ${least} to ${most}, not ${wish.offset}`
    throw new CometError('OFFSET_OUT_OF_RANGE', message)
  }
  return clipped
}

function positionOf({ to, timestampMs }: ResetWish): StartPosition {
  switch (to) {
    case 'earliest':
    case 'latest':
      return { kind: to }
    case 'timestamp':
      return { kind: 'timestamp', timestampMs }
    default:
      throw new CometError(
        'ILLEGAL_ARGUMENT',
        `reset to "${to}"; say earliest, latest, timestamp or offset`,
      )
  }
}
