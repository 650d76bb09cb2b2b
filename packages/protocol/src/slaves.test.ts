import { describe, expect, test } from 'vitest'
import type { BrokerAddress } from './generated/cometmq/v1/BrokerAddress.ts'
import { Slaves } from './slaves.ts'

describe('Slaves', () => {
  // Two clients that take different ones for the first would not meet in its cache.
  test('come by their member ids, and without the master', () => {
    const slaves = new Slaves()

    slaves.take([broker(0), broker(3), broker(2), { ...broker(1), brokerName: 'b' }])

    expect(slaves.of('a').map(({ brokerId }) => brokerId)).toEqual([2, 3])
    expect(slaves.of('nobody')).toEqual([])
  })

  // A consumer group would be served by one that has not heard of what others were told.
  test('have at most one that stands in for the master, and only while it says so', () => {
    const slaves = new Slaves()

    slaves.take([broker(2), broker(4, true), broker(3, true)])
    expect(slaves.standInOf('a')).toMatchObject({ brokerId: 3 })

    slaves.take([broker(2), broker(3)])
    expect(slaves.standInOf('a')).toBeUndefined()
  })
})

function broker(brokerId: number, standsIn = false): BrokerAddress {
  return {
    brokerName: 'a',
    brokerId,
    epoch: 1,
    address: `member-${brokerId}:1`,
    listeners: [],
    standsIn,
  }
}
