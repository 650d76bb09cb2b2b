import { describe, expect, test } from 'vitest'
import { mergeRoute, type Route } from './topic-route.ts'

describe('mergeRoute', () => {
  // Clients that meet the brokers in another order must still agree on where a message group goes.
  test('orders queues by broker and number, whatever order the update has', () => {
    const route = mergeRoute(undefined, update({ b: 1, a: 2 }), heard('a', 'b'))

    expect(names(route)).toEqual(['a/0', 'a/1', 'b/0'])
  })

  test('keeps the queues of a broker that fell silent, for nobody to use', () => {
    const before = mergeRoute(undefined, update({ a: 1, b: 1 }), heard('a', 'b'))

    const route = mergeRoute(before, update({ b: 1 }), heard('b'))

    expect(names(route)).toEqual(['a/0', 'b/0'])
    expect(route.groups[0]).toMatchObject({ brokerName: 'a', writable: false, readable: false })
    expect(route.groups[1]).toMatchObject({ brokerName: 'b', writable: true, readable: true })
  })

  test('forgets the queues of a broker that is there and has given the topic up', () => {
    const before = mergeRoute(undefined, update({ a: 1, b: 1 }), heard('a', 'b'))

    const route = mergeRoute(before, update({ b: 1 }), heard('a', 'b'))

    expect(names(route)).toEqual(['b/0'])
  })

  test('takes a broker back as it is when it returns', () => {
    const before = mergeRoute(undefined, update({ a: 1, b: 1 }), heard('a', 'b'))
    const without = mergeRoute(before, update({ b: 1 }), heard('b'))

    const route = mergeRoute(without, update({ a: 3, b: 1 }), heard('a', 'b'))

    expect(names(route)).toEqual(['a/0', 'a/1', 'a/2', 'b/0'])
    expect(route.groups[0]).toMatchObject({ writable: true })
  })
})

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

function heard(...brokers: readonly string[]): (brokerName: string) => boolean {
  return (brokerName) => brokers.includes(brokerName)
}

function names(route: Route): string[] {
  return route.queues.map(({ brokerName, queueId }) => `${brokerName}/${queueId}`)
}
