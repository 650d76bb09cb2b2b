import type { TopicRoute } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { Placement } from './placement.ts'

const route = (...brokers: readonly string[]): TopicRoute => ({
  topic: 'orders',
  type: 'fifo',
  queueGroups: brokers.map((brokerName) => ({
    brokerName,
    queueCount: 4,
    readable: true,
    writable: true,
  })),
})
const groups = Array.from({ length: 100 }, (_, index) => `customer-${index}`)

function places(placement: Placement, of: TopicRoute, heard: readonly string[]): string[] {
  return groups.map((group) => {
    const { brokerName, queueId } = placement.place(of, group, (name) => heard.includes(name))
    return `${brokerName}/${queueId}`
  })
}

describe('Placement', () => {
  // Order is lost when two processes, or two languages, disagree.
  test('is the same in every process, whatever order brokers are named in', () => {
    const one = places(new Placement(), route('a', 'b', 'c'), ['a', 'b', 'c'])

    expect(places(new Placement(), route('c', 'a', 'b'), ['a', 'b', 'c'])).toEqual(one)
    expect(new Set(one).size).toBe(12)
  })

  test('waits for a broker that has fallen silent instead of moving its message groups', () => {
    const placement = new Placement()
    const before = places(placement, route('a', 'b'), ['a', 'b'])

    expect(places(placement, route('a'), ['a'])).toEqual(before)
  })

  test('moves them when a broker that is heard has given the topic up', () => {
    const placement = new Placement()
    places(placement, route('a', 'b'), ['a', 'b'])

    const after = places(placement, route('a'), ['a', 'b'])

    expect(after.every((place) => place.startsWith('a/'))).toBe(true)
  })
})
