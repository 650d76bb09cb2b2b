import { describe, expect, test } from 'vitest'
import { commitLogOffset, queueOffset } from './offsets.ts'

describe.each([
  ['commitLogOffset', commitLogOffset],
  ['queueOffset', queueOffset],
])('%s', (_, offset) => {
  test.each([0, 1, Number.MAX_SAFE_INTEGER])('accepts %d', (value) => {
    expect(offset(value)).toBe(value)
  })

  // A wrong offset that is written down is wrong forever.
  test.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])('stops at %d', (value) => {
    expect(() => offset(value)).toThrow('offset')
  })
})
