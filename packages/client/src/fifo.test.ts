import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fifo } from './fifo.ts'

describe('Fifo', () => {
  // It moves its items around to stay small; an array never does.
  test('holds what an array holds', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant('push' as const) },
      { weight: 4, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.constant('unshift' as const) },
      { weight: 1, arbitrary: fc.constant('remove odd' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(3_000), (steps, filled) => {
        const fifo = new Fifo<number>()
        let model: number[] = []
        let next = 0
        for (; next < filled; next++) {
          fifo.push(next)
          model.push(next)
        }
        for (let i = 0; i < filled - 100; i++) expect(fifo.shift()).toBe(model.shift())
        for (const each of steps) {
          let [removed, expected]: [unknown, unknown] = [undefined, undefined]
          if (each === 'push') {
            fifo.push(next)
            model.push(next++)
          } else if (each === 'shift') {
            removed = fifo.shift()
            expected = model.shift()
          } else if (each === 'unshift') {
            fifo.unshift([next, next + 1])
            model.unshift(next, next + 1)
            next += 2
          } else {
            removed = fifo.removeUnless((item) => item % 2 === 0)
            expected = model.filter((item) => item % 2 === 1)
            model = model.filter((item) => item % 2 === 0)
          }
          expect(removed).toEqual(expected)
          expect(fifo.length).toBe(model.length)
          expect(fifo.first).toBe(model[0])
          expect(fifo.last).toBe(model.at(-1))
          expect([...fifo]).toEqual(model)
        }
      }),
      { numRuns: 50 },
    )
  })
})
