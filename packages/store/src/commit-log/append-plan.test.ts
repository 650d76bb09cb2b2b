import { HEADER_BYTES } from '@cometmq/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppendPlan } from './append-plan.ts'

const SEGMENT = 4096

// A remainder that no filler fits into could not be told from damage.
test('records lie end to end, in one segment each, with room for a filler or none after them', () => {
  const sizes = fc.array(fc.integer({ min: HEADER_BYTES, max: SEGMENT - HEADER_BYTES }), {
    minLength: 1,
    maxLength: 30,
  })
  fc.assert(
    fc.property(sizes, (totals) => {
      const plan = new AppendPlan({ position: 0, segmentEnd: 0, segmentBytes: SEGMENT })
      for (const total of totals) {
        if (!plan.fits(total)) {
          if (plan.room > 0) plan.addFiller(Buffer.alloc(HEADER_BYTES))
          plan.openSegment()
        }
        const at = plan.position
        plan.add(Buffer.alloc(total))

        expect(Math.floor(at / SEGMENT)).toBe(Math.floor((at + total - 1) / SEGMENT))
        expect(plan.room === 0 || plan.room >= HEADER_BYTES).toBe(true)
      }
      expect(plan.parts.map((part) => part.at)).toEqual(
        plan.parts.map((_, index) => index * SEGMENT),
      )
    }),
  )
})

test('a plan that is rolled back is as if nothing had been added', () => {
  const plan = new AppendPlan({ position: 100, segmentEnd: SEGMENT, segmentBytes: SEGMENT })
  plan.add(Buffer.alloc(500))
  const mark = plan.mark()
  plan.add(Buffer.alloc(600))
  plan.addFiller(Buffer.alloc(HEADER_BYTES))
  plan.openSegment()
  plan.add(Buffer.alloc(700))

  plan.rollBack(mark)

  expect(plan.position).toBe(600)
  expect(plan.room).toBe(SEGMENT - 600)
  expect(plan.parts.map((part) => part.buffers.map((buffer) => buffer.length))).toEqual([[500]])
})
