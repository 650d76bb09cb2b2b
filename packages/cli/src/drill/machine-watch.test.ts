import { expect, test } from 'vitest'
import { busyPercentOf } from './machine-watch.ts'

test('of four seconds on two cores, three were not idle', () => {
  const before = { idleMs: 1_000, allMs: 5_000 }

  expect(busyPercentOf(before, { idleMs: 2_000, allMs: 9_000 })).toBe(75)
})

test('a system that does not tell its times is not called busy', () => {
  expect(busyPercentOf({ idleMs: 0, allMs: 0 }, { idleMs: 0, allMs: 0 })).toBe(0)
})
