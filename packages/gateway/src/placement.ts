import { queueOfGroup, type TopicRoute } from '@cometmq/protocol'
import { RefusedCall } from './status.ts'

export interface Place {
  readonly brokerName: string
  readonly queueId: number
}

/**
 * Where the messages of a message group go: a fixed hash over the topic's queues, the same that the
 * SDK of CometMQ uses, so that producers in all languages agree.
 *
 * The queues of a broker that is away are in the route, closed, and count: its message groups wait
 * for it and must not move to another queue, or they would lose their order.
 */
export function placeOf({ topic, queueGroups }: TopicRoute, messageGroup: string): Place {
  const queueCount = queueGroups.reduce((sum, group) => sum + group.queueCount, 0)
  if (queueCount === 0) {
    throw new RefusedCall('FORBIDDEN', `topic "${topic}" has no queue to write to`)
  }
  let index = queueOfGroup(messageGroup, queueCount)
  for (const group of queueGroups.toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))) {
    if (index < group.queueCount) return { brokerName: group.brokerName, queueId: index }
    index -= group.queueCount
  }
  throw new RefusedCall('INTERNAL_SERVER_ERROR', 'no queue was found for a message group')
}
