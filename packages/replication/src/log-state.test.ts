import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { followPoint, type LogState, lastRecordEpoch } from './log-state.ts'
import { logOf } from './testing/scene.ts'

describe('where a slave is cut', () => {
  test('is where the histories part', () => {
    const master = logOf(40, [1, 0], [3, 20])

    expect(followPoint(logOf(30, [1, 0], [2, 25]), master)).toEqual(cut(20))
    expect(followPoint(logOf(10, [1, 0]), master)).toEqual(cut(10))
  })

  test('is nowhere for an empty log, and all of one without an epoch in common', () => {
    expect(followPoint(logOf(0), logOf(40, [1, 0]))).toEqual(cut(0))
    expect(followPoint(logOf(30, [2, 0]), logOf(40, [3, 0]))).toEqual(cut(0))
  })

  // Somebody was told that those bytes are safe.
  test('is told apart when confirmed bytes would go', () => {
    const slave = confirmed(30, logOf(30, [1, 0], [2, 25]))

    expect(followPoint(slave, logOf(40, [1, 0], [3, 20]))).toEqual({
      ...cut(20),
      losesConfirmed: true,
    })
  })

  // The master has deleted what it lacks.
  test('is everything for a slave that ends before the master begins', () => {
    const master: LogState = { ...logOf(90, [1, 0]), minOffset: commitLogOffset(50) }

    expect(followPoint(confirmed(30, logOf(30, [1, 0])), master)).toEqual({
      cutTo: undefined,
      losesConfirmed: false,
    })
    expect(followPoint(confirmed(60, logOf(60, [2, 0])), master)).toEqual({
      cutTo: undefined,
      losesConfirmed: true,
    })
  })
})

describe('the epoch of the last record', () => {
  // An epoch that was opened and wrote nothing says nothing about what the log holds.
  test('is not that of an entry without a record', () => {
    expect(lastRecordEpoch(logOf(20, [1, 0], [2, 20]))).toBe(1)
    expect(lastRecordEpoch(logOf(21, [1, 0], [2, 20]))).toBe(2)
    expect(lastRecordEpoch(logOf(0))).toBe(0)
  })
})

function cut(to: number) {
  return { cutTo: commitLogOffset(to), losesConfirmed: false }
}

function confirmed(offset: number, log: LogState): LogState {
  return { ...log, confirmOffset: commitLogOffset(offset) }
}
