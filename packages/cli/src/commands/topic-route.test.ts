import type { BrokerAddress, RouteUpdate } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { routeView } from './topic-route.ts'

describe('topic route', () => {
  // During an outage it is the first question: who serves my consumers now?
  test('tells the slave that stands in for a dead master from the others', () => {
    const view = routeView('orders', {
      brokers: [member(2, true), member(3, false)],
      topics: [
        {
          topic: 'orders',
          type: 'normal',
          queueGroups: [{ brokerName: 'a', queueCount: 4, readable: true, writable: false }],
        },
      ],
      missing: [],
      cluster: 'blue',
      autoCreateTopics: false,
      version: 1,
      forgotten: [],
    } satisfies RouteUpdate)

    expect(view.document).toMatchObject({
      brokers: [
        {
          address: '',
          members: [
            { brokerId: 2, role: 'stand-in' },
            { brokerId: 3, role: 'slave' },
          ],
        },
      ],
    })
  })
})

function member(brokerId: number, standsIn: boolean): BrokerAddress {
  const address = `member-${brokerId}:8081`
  return { brokerName: 'a', brokerId, epoch: 5, address, listeners: [], standsIn }
}
