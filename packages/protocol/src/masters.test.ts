import type { BrokerAddress } from './generated/cometmq/v1/BrokerAddress.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Masters } from './masters.ts'

describe('Masters', () => {
  // What is sent to an old master is refused at best.
  test('are not replaced by one of a lower epoch, whoever names it', () => {
    const masters = new Masters()
    masters.take([broker('new:1', 5)])

    masters.take([broker('old:1', 4)])

    expect(masters.of('a')).toMatchObject({ address: 'new:1', epoch: 5 })
    expect(masters.heard.get('a')).toMatchObject({ address: 'new:1', epoch: 5 })
  })

  test('are remembered when nobody hears them any more', () => {
    const masters = new Masters()
    masters.take([broker('new:1', 5)])

    masters.take([broker('slave:1', 6, 2)])

    expect(masters.of('a')).toMatchObject({ address: 'new:1', epoch: 5 })
    expect(masters.heard.size).toBe(0)
  })

  // Lanes compare what they hold: each beat of a name server would end their waits.
  test('are the same objects until they have another epoch or address', () => {
    const masters = new Masters()
    masters.take([broker('new:1', 5)])
    const before = masters.of('a')

    masters.take([broker('new:1', 5)])
    expect(masters.of('a')).toBe(before)

    masters.take([broker('moved:1', 5)])
    expect(masters.of('a')).toMatchObject({ address: 'moved:1' })
  })

  // It may know less than the one in use; of a higher epoch nobody can know less.
  test('of another name server count only if their epochs are higher', () => {
    const masters = new Masters()
    masters.take([broker('new:1', 5)])

    expect(masters.learn([broker('moved:1', 5), broker('slave:1', 7, 2)])).toBe(false)
    expect(masters.learn([{ ...broker('other:1', 9), brokerName: 'b' }])).toBe(false)
    expect(masters.learn([broker('newer:1', 6)])).toBe(true)

    expect(masters.of('a')).toMatchObject({ address: 'newer:1', epoch: 6 })
    expect(masters.heard.get('a')).toBe(masters.of('a'))
    expect(masters.of('b')).toBeUndefined()
  })

  // The data of a broker group that was given up is gone, and with it its epochs.
  test('are taken anew after their broker group was forgotten', () => {
    const masters = new Masters()
    masters.take([broker('new:1', 5)])

    masters.forget('a')
    masters.take([broker('another:1', 1)])

    expect(masters.of('a')).toMatchObject({ address: 'another:1', epoch: 1 })
  })

  // A client that goes back to an old reign goes on where nobody else is.
  test('have epochs that never fall', () => {
    const told = fc.array(
      fc
        .record({
          address: fc.constantFrom('x:1', 'y:1', 'z:1'),
          epoch: fc.integer({ min: 1, max: 5 }),
          brokerId: fc.integer({ min: 0, max: 2 }),
        })
        .map(({ address, epoch, brokerId }) => broker(address, epoch, brokerId)),
      { maxLength: 4 },
    )
    fc.assert(
      fc.property(fc.array(told, { maxLength: 10 }), (updates) => {
        const masters = new Masters()
        let highest = 0

        for (const update of updates) {
          masters.take(update)
          const ruling = update.filter(({ brokerId }) => brokerId === 0)
          highest = Math.max(highest, ...ruling.map(({ epoch }) => epoch))

          expect(masters.of('a')?.epoch ?? 0).toBe(highest)
        }
      }),
    )
  })
})

function broker(address: string, epoch: number, brokerId = 0): BrokerAddress {
  return { brokerName: 'a', brokerId, epoch, address, listeners: [], standsIn: false }
}
