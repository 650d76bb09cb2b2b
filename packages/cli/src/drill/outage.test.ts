import { expect, test } from 'vitest'
import { longestOutage, median, usualGapMs } from './outage.ts'

const span = { fromMs: 100, toMs: 200 }

test('an outage is the longest time between two acknowledgements, less the usual one', () => {
  const outage = longestOutage([90, 99, 104, 150, 160, 199], span, 5)

  expect(outage).toEqual({ fromMs: 104, toMs: 150, unavailableMs: 41 })
})

// What was slow before a fault is not its doing.
test('an outage counts from the beginning of its span', () => {
  expect(longestOutage([50, 180, 199], span, 0)).toMatchObject({ fromMs: 100, toMs: 180 })
})

// A group that never comes back is away until the end of the load, not for no time at all.
test('an outage that has not ended counts to the end of its span', () => {
  expect(longestOutage([90, 110], span, 0)).toMatchObject({ fromMs: 110, toMs: 200 })
  expect(longestOutage([], span, 0)).toMatchObject({ fromMs: 100, toMs: 200 })
})

test('what comes after the span belongs to the next one', () => {
  expect(longestOutage([100, 150, 190, 400], span, 0)).toMatchObject({ unavailableMs: 50 })
})

test('the usual gap is the median one of calm times', () => {
  expect(usualGapMs([0, 100, 102, 103, 110, 250], span)).toBe(2)
  expect(usualGapMs([], span)).toBe(0)
  expect(median([5, 1, 9, 7])).toBe(5)
})
