import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeProgressRow, encodeProgressRow, type ProgressRow } from './progress-row.ts'

const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: 1 })), {
  maxLength: 50,
})

const row: fc.Arbitrary<ProgressRow> = fc
  .record({ doneBelow: fc.nat(2 ** 31), done: steps, attempted: steps })
  .map(({ doneBelow, done, attempted }) => ({
    doneBelow,
    done: rangesOf(doneBelow, done),
    attempted: rangesOf(doneBelow, attempted).map((range, index) => ({
      ...range,
      attempts: (index % 20) + 1,
    })),
  }))

function rangesOf(
  start: number,
  distances: readonly (readonly [gap: number, length: number])[],
): { from: number; to: number }[] {
  let end = start
  return distances.map(([gap, length]) => {
    const from = end + gap
    end = from + length
    return { from, to: end }
  })
}

// A row that reads back otherwise loses messages, or delivers them again, after each restart.
test('a progress row survives its bytes', () => {
  fc.assert(
    fc.property(row, (value) => {
      expect(decodeProgressRow(encodeProgressRow(value))).toEqual(value)
    }),
  )
})

// What a slave has given up on would be delivered again by the next master.
test('a progress row with parked messages survives its bytes', () => {
  const reasons = fc.array(fc.string({ maxLength: 40 }), { minLength: 50, maxLength: 50 })
  fc.assert(
    fc.property(row, steps, reasons, (value, distances, texts) => {
      const ranges = rangesOf(value.doneBelow, distances)
      const parked = ranges.map((range, at) => ({
        ...range,
        attempts: at,
        reason: texts[at] ?? '',
      }))
      const whole = parked.length === 0 ? value : { ...value, parked }

      expect(decodeProgressRow(encodeProgressRow(whole))).toEqual(whole)
    }),
  )
})

// Groups that acknowledge in order write a row with each flush.
test('the row of a group that is done up to some offset takes few bytes', () => {
  const bytes = encodeProgressRow({ doneBelow: 1_000_000, done: [], attempted: [] })

  expect(bytes.length).toBeLessThan(8)
})

test('a row of a later version is refused', () => {
  const bytes = encodeProgressRow({ doneBelow: 1, done: [], attempted: [] })
  bytes[0] = 9

  expect(() => decodeProgressRow(bytes)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }))
})
