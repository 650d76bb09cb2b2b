import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import {
  electedState,
  takenOverState,
  isEligible,
  isTrusted,
  recoveredState,
  recoveryWinner,
  type Survivor,
} from './eligibility.ts'
import type { GroupState } from './group-state.ts'
import { groupOfThree } from './testing/scene.ts'

const ELECTION = {
  me: { brokerId: 2, incarnation: 4, trustedSince: 1 },
  attempt: '2.4.1',
  reason: 'silence',
}

describe('a member is eligible', () => {
  test('if it is in sync under an incarnation since which it has lost nothing', () => {
    expect(isEligible(groupOfThree, { brokerId: 2, trustedSince: 1 })).toBe(true)
    expect(isEligible(groupOfThree, { brokerId: 2, trustedSince: 2 })).toBe(false)
    expect(isEligible(groupOfThree, { brokerId: 4, trustedSince: 1 })).toBe(false)
  })
})

describe('a member is trusted', () => {
  test('in the set, as the incarnation that was let in', () => {
    expect(isTrusted({ incarnation: 5, trustedSince: 3 }, 3)).toBe(true)
    expect(isTrusted({ incarnation: 3, trustedSince: 3 }, 2)).toBe(false)
  })

  // It was started once more and has not met its master in between.
  test('no sooner when it is only started again', () => {
    expect(isTrusted({ incarnation: 4, trustedSince: 3 }, 2)).toBe(false)
  })

  test('outside of the set, unless it has lost something as this process', () => {
    expect(isTrusted({ incarnation: 1, trustedSince: 1 }, undefined)).toBe(true)
    expect(isTrusted({ incarnation: 4, trustedSince: 3 }, undefined)).toBe(true)
    expect(isTrusted({ incarnation: 3, trustedSince: 3 }, undefined)).toBe(false)
  })
})

describe('the state after an election', () => {
  test('begins an epoch of the winner without the old master', () => {
    expect(electedState(groupOfThree, ELECTION)).toMatchObject({
      epoch: 6,
      master: 2,
      masterIncarnation: 4,
      inSync: new Map([
        [2, 4],
        [3, 1],
      ]),
      attempt: '2.4.1',
      previous: { epoch: 5, master: 1 },
    })
  })

  // Two must hold what is acknowledged: nobody does until the dead one is back or another joined.
  test('keeps the old master in the set if too few would remain', () => {
    const group = { ...groupOfThree, inSync: new Map([...groupOfThree.inSync].slice(0, 2)) }

    expect([...electedState(group, ELECTION).inSync.keys()]).toEqual([1, 2])
  })

  // The old master is well and goes on as a slave.
  test('keeps the old master in the set after a hand-over', () => {
    expect([...takenOverState(groupOfThree, ELECTION, { leaves: false }).inSync.keys()]).toEqual([
      1, 2, 3,
    ])
  })

  // One that stops, or whose disk is of no use, would only be waited for until it is noticed.
  test('leaves the old master out after a hand-over, if it asks for that and enough remain', () => {
    const leaves = (group: GroupState) => [
      ...takenOverState(group, ELECTION, { leaves: true }).inSync.keys(),
    ]
    const two = { ...groupOfThree, inSync: new Map([...groupOfThree.inSync].slice(0, 2)) }

    expect(leaves(groupOfThree)).toEqual([2, 3])
    expect(leaves(two)).toEqual([1, 2])
  })

  test('says what may be lost after a recovery', () => {
    const loss = {
      cause: 'recovery',
      keptTo: commitLogOffset(80),
      confirmedTo: commitLogOffset(90),
    } as const

    expect(recoveredState(groupOfThree, ELECTION, loss)).toMatchObject({
      inSync: new Map([[2, 4]]),
      possibleLoss: { epoch: 6, ...loss },
    })
  })
})

describe('a recovery', () => {
  // An ordinary election loses nothing, so it has to be given its time.
  test('waits while a member of the set is away or trusted', () => {
    expect(recoveryWinner(groupOfThree, [survivor(1), survivor(2)])).toBeUndefined()
    const withTrusted = [survivor(1), survivor(2), survivor(3, { trustedSince: 1 })]
    expect(recoveryWinner(groupOfThree, withTrusted)).toBeUndefined()
  })

  // Who was removed from the set may have kept what they all lost.
  test('takes the best log of all that answer, also of those outside of the set', () => {
    const answers = [
      survivor(1),
      survivor(2, { maxOffset: commitLogOffset(90) }),
      survivor(3),
      survivor(4, { maxOffset: commitLogOffset(95), trustedSince: 1 }),
      survivor(5, { maxOffset: commitLogOffset(99), isObserver: true }),
    ]

    expect(recoveryWinner(groupOfThree, answers)?.brokerId).toBe(4)
  })

  // A long tail of an old epoch is what nobody confirmed.
  test('prefers the later epoch to the longer log', () => {
    const answers = [
      survivor(1, { maxOffset: commitLogOffset(500), lastRecordEpoch: 4 }),
      survivor(2),
      survivor(3),
    ]

    expect(recoveryWinner(groupOfThree, answers)?.brokerId).toBe(2)
  })
})

function survivor(brokerId: number, changes: Partial<Survivor> = {}): Survivor {
  return {
    brokerId,
    trustedSince: 2,
    isObserver: false,
    lastRecordEpoch: 5,
    maxOffset: commitLogOffset(80),
    priority: 0,
    ...changes,
  }
}
