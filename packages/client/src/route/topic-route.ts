import type { QueueGroup, TopicRoute } from '@cometmq/protocol'

/** Where a topic lies: its queues in the one order that every client sees. */
export interface Route {
  readonly topic: string
  /** Sorted by broker name. */
  readonly groups: readonly RouteGroup[]
  /** Every queue of every group, sorted by broker name and number. */
  readonly queues: readonly RouteQueue[]
}

/** The queues of a topic on one broker group. */
export interface RouteGroup {
  readonly brokerName: string
  readonly queueCount: number
  readonly readable: boolean
  readonly writable: boolean
}

export interface RouteQueue {
  readonly brokerName: string
  readonly queueId: number
}

/**
 * The route after an update.
 *
 * A broker that has fallen silent leaves the update, yet its queues stay in the list, unreadable
 * and unwritable: message groups map onto the list, and must not move because a broker restarts.
 * A broker that is heard and no longer names the topic has given it up.
 */
export function mergeRoute(
  previous: Route | undefined,
  update: TopicRoute,
  isHeard: (brokerName: string) => boolean,
): Route {
  const groups = new Map<string, RouteGroup>()
  for (const group of previous?.groups ?? []) {
    if (!isHeard(group.brokerName)) groups.set(group.brokerName, silent(group))
  }
  for (const group of update.queueGroups) groups.set(group.brokerName, group)
  return routeOf(update.topic, [...groups.values()])
}

function routeOf(topic: string, unsorted: readonly (RouteGroup | QueueGroup)[]): Route {
  const groups = unsorted.toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
  const queues = groups.flatMap(({ brokerName, queueCount }) =>
    Array.from({ length: queueCount }, (_, queueId) => ({ brokerName, queueId })),
  )
  return { topic, groups, queues }
}

function silent(group: RouteGroup): RouteGroup {
  return { ...group, readable: false, writable: false }
}
