import type { BrokerAddress } from '@cometmq/protocol'
import { VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { type ReadersConfig, SlaveAdvice } from './slave-advice.ts'

const FAR = 0
const NEAR = 950
const CLIENTS = 'clients'

describe('a reader far behind the end of the log', () => {
  // Its reads would take the disk that producers need.
  test('is sent to the slave in sync with the smallest member id', () => {
    const { advice } = scene({ inSync: [3, 4] })

    expect(advice.at(FAR, 'master', CLIENTS)).toEqual({ suggested: 'member-3:1', nearEnd: false })
    expect(advice.at(FAR, 'master', CLIENTS).suggested).toBe('member-3:1')
  })

  test('is sent to one slave after the other, if that is wanted', () => {
    const { advice } = scene({ inSync: [3, 4], config: { slave: 'any' } })

    const suggested = [1, 2, 3].map(() => advice.at(FAR, 'master', CLIENTS).suggested)

    expect(suggested).toEqual(['member-3:1', 'member-4:1', 'member-3:1'])
  })

  // What it is told has to be where it can go.
  test('is told the address of the listener that it has come in by', () => {
    const { advice } = scene({ inSync: [4] })

    expect(advice.at(FAR, 'master', 'external').suggested).toBe('outside-4:1')
  })

  // A slave that lags would keep it waiting, and one that nobody hears cannot be told.
  test('stays where no slave is in sync, or heard', () => {
    expect(scene({ inSync: [] }).advice.at(FAR, 'master', CLIENTS).suggested).toBe('')
    expect(scene({ inSync: [9] }).advice.at(FAR, 'master', CLIENTS).suggested).toBe('')
  })

  test('is not sent to a slave that has left the set', async () => {
    const world = scene({ inSync: [3, 4] })
    expect(world.advice.at(FAR, 'master', CLIENTS).suggested).toBe('member-3:1')

    world.inSync = [4]
    await world.clock.advance(1_000)

    expect(world.advice.at(FAR, 'master', CLIENTS).suggested).toBe('member-4:1')
  })

  test('is never sent away where that is switched off', () => {
    const { advice } = scene({ inSync: [3], config: { toSlaveBeyondBytes: 0 } })

    expect(advice.at(FAR, 'master', CLIENTS).suggested).toBe('')
  })

  // A slave sends nobody anywhere, and a master that has just begun does not know who is in sync.
  test('is sent by masters only', () => {
    const { advice } = scene({ inSync: [3] })

    expect(advice.at(FAR, 'slave', CLIENTS)).toEqual({ suggested: '', nearEnd: false })
    expect(advice.at(FAR, 'settling', CLIENTS).suggested).toBe('')
  })
})

describe('a reader near the end of the log', () => {
  test('is told so by a slave, and sent nowhere by a master', () => {
    const { advice } = scene({ inSync: [3] })

    expect(advice.at(NEAR, 'slave', CLIENTS)).toEqual({ suggested: '', nearEnd: true })
    expect(advice.at(NEAR, 'master', CLIENTS)).toEqual({ suggested: '', nearEnd: false })
  })

  // At one distance for both ways it would be sent to and fro with every answer.
  test('comes back at half of the distance', () => {
    const { advice } = scene({ inSync: [3] })
    const farOffsets = [900, 899]

    expect(farOffsets.map((at) => advice.at(at, 'master', CLIENTS).suggested !== '')).toEqual([
      true,
      true,
    ])
    expect(advice.at(949, 'slave', CLIENTS).nearEnd).toBe(false)
  })
})

function scene(options: {
  readonly inSync: readonly number[]
  readonly config?: Partial<ReadersConfig>
}) {
  const clock = new VirtualClock()
  const world = { clock, inSync: options.inSync, advice: undefined as unknown as SlaveAdvice }
  world.advice = new SlaveAdvice(
    { toSlaveBeyondBytes: 100, slave: 'first', ...options.config },
    {
      clock,
      brokerName: 'a',
      logEnd: () => 1_000,
      inSync: () => world.inSync,
      brokers: () => [member(0), member(3), member(4), { ...member(3), brokerName: 'b' }],
    },
  )
  return world
}

function member(brokerId: number): BrokerAddress {
  const address = `member-${brokerId}:1`
  return {
    brokerName: 'a',
    brokerId,
    epoch: 1,
    address,
    listeners: [
      { listener: CLIENTS, address },
      { listener: 'external', address: `outside-${brokerId}:1` },
    ],
    standsIn: false,
  }
}
