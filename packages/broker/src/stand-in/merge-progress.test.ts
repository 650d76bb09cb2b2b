import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeProgressRow, encodeProgressRow, type ProgressRow } from '../deliver/progress-row.ts'
import { mergeProgress } from './merge-progress.ts'

const MESSAGES = 24

/** Of each message: done, new, its attempts, or with how many and why it was parked. */
type Fates = readonly (number | string)[]

const fate = fc.oneof(
  fc.constant('done' as const),
  fc.constant('new' as const),
  fc.integer({ min: 1, max: 3 }),
  fc.constantFrom('1 late', '2 bad', '2 late'),
)
const row: fc.Arbitrary<ProgressRow> = fc
  .array(fate, { minLength: MESSAGES, maxLength: MESSAGES })
  .map(rowOf)

describe('merging progress', () => {
  // Whoever is asked first must not matter, nor that a crash makes a master merge again.
  test('comes to the same in any order, and however often', () => {
    fc.assert(
      fc.property(row, row, row, (a, b, c) => {
        expect(mergeProgress(a, b)).toEqual(mergeProgress(b, a))
        expect(mergeProgress(mergeProgress(a, b), c)).toEqual(mergeProgress(a, mergeProgress(b, c)))
        expect(mergeProgress(a, a)).toEqual(a)
        expect(mergeProgress(mergeProgress(a, b), b)).toEqual(mergeProgress(a, b))
      }),
    )
  })

  // What was acknowledged once and is delivered again was acknowledged for nothing.
  test('never takes an acknowledgement back', () => {
    fc.assert(
      fc.property(row, row, (a, b) => {
        const doneOf = (fates: Fates): boolean[] => fates.map((each) => each === 'done')
        const [ours, theirs] = [doneOf(fatesOf(a)), doneOf(fatesOf(b))]

        const merged = doneOf(fatesOf(mergeProgress(a, b)))

        expect(merged).toEqual(ours.map((isDone, at) => isDone || theirs[at] === true))
      }),
    )
  })

  test('counts the most attempts, and gives up on what either has given up on', () => {
    const a = rowOf(['done', 1, 3, '2 late', 'new', '1 late'])
    const b = rowOf(['new', 2, 1, 3, '1 bad', '2 bad'])

    const merged = fatesOf(mergeProgress(a, b)).slice(0, 6)

    expect(merged).toEqual(['done', 2, 3, '2 late', '1 bad', '2 bad'])
  })

  test('answers a row that survives its bytes', () => {
    fc.assert(
      fc.property(row, row, (a, b) => {
        const merged = mergeProgress(a, b)
        expect(decodeProgressRow(encodeProgressRow(merged))).toEqual(merged)
      }),
    )
  })
})

function rowOf(fates: Fates): ProgressRow {
  let doneBelow = 0
  while (fates[doneBelow] === 'done') doneBelow++
  const done: { from: number; to: number }[] = []
  const attempted: { from: number; to: number; attempts: number }[] = []
  const parked: { from: number; to: number; attempts: number; reason: string }[] = []
  for (let from = doneBelow; from < fates.length; ) {
    let to = from + 1
    while (to < fates.length && fates[to] === fates[from]) to++
    const is = fates[from]
    if (is === 'done') done.push({ from, to })
    else if (typeof is === 'number') attempted.push({ from, to, attempts: is })
    else if (is !== 'new' && is !== undefined) {
      const [attempts, reason = ''] = is.split(' ')
      parked.push({ from, to, attempts: Number(attempts), reason })
    }
    from = to
  }
  return parked.length === 0
    ? { doneBelow, done, attempted }
    : { doneBelow, done, attempted, parked }
}

function fatesOf({ doneBelow, done, attempted, parked = [] }: ProgressRow): Fates {
  const fates: (number | string)[] = Array.from({ length: MESSAGES }, () => 'new')
  fates.fill('done', 0, doneBelow)
  for (const { from, to } of done) fates.fill('done', from, to)
  for (const { from, to, attempts } of attempted) fates.fill(attempts, from, to)
  for (const { from, to, attempts, reason } of parked) fates.fill(`${attempts} ${reason}`, from, to)
  return fates
}
