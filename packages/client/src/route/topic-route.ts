import { type QueueGroup, queueGroupsAfter, type TopicRoute } from '@cometmq/protocol'

/** Where a topic lies: its queues in the one order that every client sees. */
export interface Route {
  readonly topic: string
  /** Sorted by broker name. Those of a broker that is away are neither readable nor writable. */
  readonly groups: readonly QueueGroup[]
  /** Every queue of every group, sorted by broker name and number. */
  readonly queues: readonly RouteQueue[]
}

export interface RouteQueue {
  readonly brokerName: string
  readonly queueId: number
}

/** The route after an update. `isGone`: a broker whose queues no message group waits for. */
export function mergeRoute(
  previous: Route | undefined,
  { topic, queueGroups }: TopicRoute,
  isGone: (brokerName: string) => boolean,
): Route {
  return routeOf(topic, queueGroupsAfter(previous?.groups ?? [], queueGroups, isGone))
}

/** The route without the brokers that are gone; `undefined` if there is no other. */
export function withoutGone(
  route: Route,
  isGone: (brokerName: string) => boolean,
): Route | undefined {
  const groups = route.groups.filter(({ brokerName }) => !isGone(brokerName))
  if (groups.length === route.groups.length) return route
  return groups.length === 0 ? undefined : routeOf(route.topic, groups)
}

function routeOf(topic: string, groups: readonly QueueGroup[]): Route {
  const queues = groups.flatMap(({ brokerName, queueCount }) =>
    Array.from({ length: queueCount }, (_, queueId) => ({ brokerName, queueId })),
  )
  return { topic, groups, queues }
}
