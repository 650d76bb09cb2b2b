import type { TopicRoute } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { placeOf } from './placement.ts'

const messageGroups = Array.from({ length: 100 }, (_, index) => `customer-${index}`)

describe('placeOf', () => {
  // Order is lost when two processes, or two languages, disagree.
  test('is the same whatever order brokers are named in', () => {
    const one = placesIn(route('a', 'b', 'c'))

    expect(placesIn(route('c', 'a', 'b'))).toEqual(one)
    expect(new Set(one).size).toBe(12)
  })

  // Message groups would move because a broker restarts.
  test('is the same while a broker is away', () => {
    const { queueGroups, ...rest } = route('a', 'b')
    const closed = queueGroups.map((group) =>
      group.brokerName === 'b' ? { ...group, readable: false, writable: false } : group,
    )

    expect(placesIn({ ...rest, queueGroups: closed })).toEqual(placesIn(route('a', 'b')))
  })

  test('is nowhere in a topic without queues', () => {
    expect(() => placeOf(route(), 'customer-1')).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    )
  })
})

function route(...brokers: readonly string[]): TopicRoute {
  return {
    topic: 'orders',
    type: 'fifo',
    queueGroups: brokers.map((brokerName) => ({
      brokerName,
      queueCount: 4,
      readable: true,
      writable: true,
    })),
  }
}

function placesIn(topicRoute: TopicRoute): string[] {
  return messageGroups.map((messageGroup) => {
    const { brokerName, queueId } = placeOf(topicRoute, messageGroup)
    return `${brokerName}/${queueId}`
  })
}
