import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextConfirmOffset } from './confirm-offset.ts'

const offsets = fc.nat(1_000).map(commitLogOffset)

describe('the confirm offset', () => {
  test('is what every member of the set holds', () => {
    expect(confirm(10, 2, [30, 20, 25])).toBe(20)
  })

  // RocketMQ's issue 6662: the member that is cut off may be elected by those it still reaches.
  test('stands still while a member of the set is away', () => {
    expect(confirm(10, 2, [30, undefined, 25])).toBe(10)
  })

  // That somebody has acknowledged nothing yet is the very reason to wait for it.
  test('stands still for a member that holds nothing', () => {
    expect(confirm(10, 2, [30, 0])).toBe(10)
  })

  test('stands still below the floor', () => {
    expect(confirm(10, 2, [30])).toBe(10)
    expect(confirm(10, 1, [30])).toBe(30)
  })

  // Consumers have seen everything below it.
  test('never falls, and never passes what a member holds', () => {
    fc.assert(
      fc.property(
        offsets,
        fc.nat(3),
        fc.array(fc.option(offsets, { nil: undefined }), { maxLength: 4 }),
        (confirmed, minInSync, durable) => {
          const next = nextConfirmOffset({ confirmed, minInSync, durable })

          const isHeld = durable.every((each) => each !== undefined && each >= next)
          expect(next).toBeGreaterThanOrEqual(confirmed)
          expect(next === confirmed || isHeld).toBe(true)
        },
      ),
    )
  })
})

function confirm(
  confirmed: number,
  minInSync: number,
  durable: readonly (number | undefined)[],
): CommitLogOffset {
  return nextConfirmOffset({
    confirmed: commitLogOffset(confirmed),
    minInSync,
    durable: durable.map((each) => (each === undefined ? undefined : commitLogOffset(each))),
  })
}
