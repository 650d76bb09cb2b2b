import { describe, expect, test } from 'vitest'
import { type Duration, parseDuration } from './duration.ts'

describe('parseDuration', () => {
  test.each([
    [250, 250],
    ['250ms', 250],
    ['5s', 5_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    [0, 0],
  ] satisfies [Duration, number][])('reads %j as %d ms', (duration, expected) => {
    expect(parseDuration('delay', duration)).toBe(expected)
  })

  // JavaScript callers have no compiler that stops them; a delay of NaN would mean "at once".
  test.each(['5', 'soon', '5 s', '-5s', -1, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %j, naming what it is for',
    (duration) => {
      expect(() => parseDuration('the delay of a retry', duration as Duration)).toThrowError(
        expect.objectContaining({
          code: 'ILLEGAL_ARGUMENT',
          message: expect.stringContaining('the delay of a retry'),
        }),
      )
    },
  )
})
