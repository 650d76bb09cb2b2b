import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import {
  holdsEverything,
  type MemberObservation,
  maximalSet,
  nextInSyncSet,
  type SetToKeep,
} from './in-sync-set.ts'

describe('the maximal in-sync set', () => {
  // Whatever becomes of the change, whoever may be elected is in it.
  test('holds who is in sync and who a change in flight would add or remove', () => {
    const inSync = new Map([
      [1, 1],
      [2, 1],
    ])

    expect([...maximalSet(inSync, undefined)]).toEqual([1, 2])
    expect([...maximalSet(inSync, new Map([[1, 1]]))]).toEqual([1, 2])
    expect([...maximalSet(inSync, new Map([...inSync, [3, 1]]))]).toEqual([1, 2, 3])
  })
})

describe('the in-sync set', () => {
  test('is left alone while all of it keeps up', () => {
    expect(nextInSyncSet(setOf([1, 2]), [member(2)])).toBeUndefined()
  })

  // It could be elected, and lacks what was acknowledged: in this epoch, or in one before.
  test.each([
    [99, false],
    [100, false],
    [120, true],
  ])(
    'takes in a slave that holds %i of confirmed 100 and epoch start 120: %s',
    (durable, joins) => {
      const next = nextInSyncSet(setOf([1, 2]), [
        member(2),
        member(3, { durable: offset(durable) }),
      ])

      expect(next?.has(3) ?? false).toBe(joins)
    },
  )

  // It may have lost its last bytes when it started again, so the old entry is not worth anything.
  test('takes in anew a member that started again', () => {
    const next = nextInSyncSet(setOf([1, 2]), [member(2, { incarnation: 2 })])

    expect(next).toEqual(
      new Map([
        [1, 1],
        [2, 2],
      ]),
    )
  })

  test.each<[string, Partial<MemberObservation>]>([
    ['has no stream', { durable: undefined }],
    ['is not level for long', { isLevel: false }],
    ['only observes', { isUnfit: true }],
    ['is about to leave', { wantsOut: true }],
  ])('does not take in a slave that %s', (_, changes) => {
    expect(nextInSyncSet(setOf([1, 2]), [member(2), member(3, changes)])).toBeUndefined()
  })

  test('loses a member that cannot be waited for', () => {
    const next = nextInSyncSet(setOf([1, 2, 3]), [member(2, { wantsOut: true }), member(3)])

    expect([...(next?.keys() ?? [])]).toEqual([1, 3])
  })

  // Back with less than it had acknowledged, it would hold up every answer until it caught up.
  test('loses a member that came back with less', () => {
    const members = [member(2, { durable: offset(99) }), member(3)]

    expect([...(nextInSyncSet(setOf([1, 2, 3]), members)?.keys() ?? [])]).toEqual([1, 3])
  })

  // The last one standing must not be alone with what was acknowledged.
  test('never goes below its floor', () => {
    expect(nextInSyncSet(setOf([1, 2]), [member(2, { wantsOut: true })])).toBeUndefined()
    const both = [member(2, { wantsOut: true }), member(3, { wantsOut: true })]
    expect(nextInSyncSet(setOf([1, 2, 3]), both)?.size).toBe(2)
  })

  // Otherwise a dead member of a set at its floor would hold up the group for ever.
  test('swaps a member that cannot be spared for one that joins', () => {
    const next = nextInSyncSet(setOf([1, 2]), [member(2, { wantsOut: true }), member(3)])

    expect([...(next?.keys() ?? [])]).toEqual([1, 3])
  })
})

function setOf(ids: readonly number[]): SetToKeep {
  return {
    me: 1,
    inSync: new Map(ids.map((id) => [id, 1])),
    minInSync: 2,
    bounds: { confirm: offset(100), epochStart: offset(120) },
    holdsEverything,
  }
}

function member(brokerId: number, changes: Partial<MemberObservation> = {}): MemberObservation {
  return {
    brokerId,
    incarnation: 1,
    durable: offset(130),
    isUnfit: false,
    isLevel: true,
    wantsOut: false,
    ...changes,
  }
}

function offset(value: number) {
  return commitLogOffset(value)
}
