import { queueOfGroup, type TopicRoute } from '@cometmq/protocol'
import { RefusedCall } from './status.ts'

export interface Place {
  readonly brokerName: string
  readonly queueId: number
}

interface KnownGroup {
  readonly brokerName: string
  readonly queueCount: number
}

/** Topics whose queues are remembered. Beyond it the one asked for longest ago is forgotten. */
const TOPICS_MAX = 10_000

/**
 * Where the messages of a message group go: a fixed hash over the topic's queues, the same that the
 * SDK of CometMQ uses, so that producers in all languages agree.
 *
 * A broker that has fallen silent leaves the route, yet its queues stay in the list: its message
 * groups wait for it and must not move to another queue, or they would lose their order.
 */
export class Placement {
  readonly #topics = new Map<string, readonly KnownGroup[]>()

  /** `isHeard`: a broker that is heard and no longer names the topic has given it up. */
  place(route: TopicRoute, messageGroup: string, isHeard: (brokerName: string) => boolean): Place {
    const groups = this.#merge(route, isHeard)
    const queueCount = groups.reduce((sum, group) => sum + group.queueCount, 0)
    if (queueCount === 0) {
      throw new RefusedCall('FORBIDDEN', `topic "${route.topic}" has no queue to write to`)
    }
    let index = queueOfGroup(messageGroup, queueCount)
    for (const group of groups) {
      if (index < group.queueCount) return { brokerName: group.brokerName, queueId: index }
      index -= group.queueCount
    }
    throw new RefusedCall('INTERNAL_SERVER_ERROR', 'no queue was found for a message group')
  }

  #merge(route: TopicRoute, isHeard: (brokerName: string) => boolean): readonly KnownGroup[] {
    const merged = new Map<string, KnownGroup>()
    for (const group of this.#topics.get(route.topic) ?? []) {
      if (!isHeard(group.brokerName)) merged.set(group.brokerName, group)
    }
    for (const { brokerName, queueCount } of route.queueGroups) {
      merged.set(brokerName, { brokerName, queueCount })
    }
    const groups = [...merged.values()].toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
    this.#topics.delete(route.topic)
    this.#topics.set(route.topic, groups)
    if (this.#topics.size > TOPICS_MAX) {
      const oldest = this.#topics.keys().next()
      if (!oldest.done) this.#topics.delete(oldest.value)
    }
    return groups
  }
}
