import { describe, expect, test } from 'vitest'
import { mergeRoute, type Route, withoutGone } from './topic-route.ts'

describe('a route', () => {
  // Clients that meet the brokers in another order must still agree on where a message group goes.
  test('has its queues by broker and number, whatever order the update has', () => {
    const route = mergeRoute(undefined, update({ b: 1, a: 2 }), nobody)

    expect(names(route)).toEqual(['a/0', 'a/1', 'b/0'])
  })

  test('keeps the queues of a broker that fell silent', () => {
    const before = mergeRoute(undefined, update({ a: 1, b: 1 }), nobody)

    const route = mergeRoute(before, update({ b: 1 }), (name) => name === 'b')

    expect(names(route)).toEqual(['a/0', 'b/0'])
    expect(route.groups).toMatchObject([{ writable: false }, { writable: true }])
  })

  test('loses the queues of a broker that is gone, and ends with the last of them', () => {
    const before = mergeRoute(undefined, update({ a: 1, b: 1 }), nobody)

    const route = withoutGone(before, (name) => name === 'a')

    expect(route && names(route)).toEqual(['b/0'])
    expect(withoutGone(before, () => true)).toBeUndefined()
    expect(withoutGone(before, nobody)).toBe(before)
  })
})

function nobody(): boolean {
  return false
}

function update(queues: Readonly<Record<string, number>>) {
  return {
    topic: 'orders',
    type: 'normal',
    queueGroups: Object.entries(queues).map(([brokerName, queueCount]) => ({
      brokerName,
      queueCount,
      readable: true,
      writable: true,
    })),
  }
}

function names(route: Route): string[] {
  return route.queues.map(({ brokerName, queueId }) => `${brokerName}/${queueId}`)
}
