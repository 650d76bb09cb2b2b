import { describe, expect, test } from 'vitest'
import {
  type Asked,
  checkPromotion,
  lossOf,
  type PromoteWish,
  type PromotionScene,
} from './promotion.ts'

const wish: PromoteWish = { to: 2, oldMasterIsDead: false, without: [] }

describe('a promotion', () => {
  test('of a slave that has everything needs no more words', () => {
    const all = scene(says(1, { role: 'master' }), says(2), says(3))

    expect(() => checkPromotion(all, wish)).not.toThrow()
    expect(lossOf(all, wish, 9)).toBeUndefined()
  })

  // It may live on, cut off, and acknowledge to those that reach it.
  test('has the operator say that a master which does not answer is dead', () => {
    const dead = scene(silent(1), says(2), says(3))

    expect(() => checkPromotion(dead, wish)).toThrow(/--old-master-is-dead/)
    expect(() => checkPromotion(dead, { ...wish, oldMasterIsDead: true })).not.toThrow()
  })

  // With a floor of two, one of any two has what was acknowledged, and the longer log has all.
  test('is refused while an acknowledged message may be on nobody who answers', () => {
    const one = scene(silent(1), says(2), silent(3))
    const given = { ...wish, oldMasterIsDead: true }

    expect(() => checkPromotion(one, given)).toThrow(/member 1 .*member 3 .*--without 1,3/)
    expect(() => checkPromotion(one, { ...given, without: [3] })).not.toThrow()
    expect(lossOf(one, { ...given, without: [3] }, 9)).toMatchObject({ epoch: 9, keptTo: 100 })
  })

  test('counts nobody who may have lost what it had acknowledged', () => {
    const untrusted = scene(silent(1), says(2), says(3, { inSyncAs: 1, trustedSince: 2 }))

    expect(() => checkPromotion(untrusted, { ...wish, oldMasterIsDead: true })).toThrow(
      /member 3 \(it may have lost/,
    )
  })

  test('goes to the longest log, or without it', () => {
    const behind = scene(silent(1), says(2), says(3, { maxOffset: 101 }))
    const given = { ...wish, oldMasterIsDead: true }

    expect(() => checkPromotion(behind, given)).toThrow(/member 3 has a longer log/)
    expect(() => checkPromotion(behind, { ...given, to: 3 })).not.toThrow()
  })

  // Bytes of an older epoch beyond a newer one's are a tail that nobody confirmed.
  test('prefers the later epoch to the longer log', () => {
    const older = scene(silent(1), says(2), says(3, { maxOffset: 999, lastRecordEpoch: 4 }))

    expect(() => checkPromotion(older, { ...wish, oldMasterIsDead: true })).not.toThrow()
  })

  // With a floor of one the dead master may be the only one that has the last messages.
  test('with a floor of one takes all members, or the word that some are given up', () => {
    const pair = { ...scene(silent(1), says(2)), minInSync: 1 }
    const given = { ...wish, oldMasterIsDead: true }

    expect(() => checkPromotion(pair, given)).toThrow(/--without 1/)
    expect(() => checkPromotion(pair, { ...given, without: [1] })).not.toThrow()
    expect(lossOf(pair, { ...given, without: [1] }, 9)).toBeDefined()
  })

  test.each([
    ['a member that is not there', { ...wish, to: 4 }, 'BROKER_NOT_FOUND'],
    ['the master', { ...wish, to: 1 }, 'MEMBER_UNFIT'],
    ['one that is given up', { ...wish, without: [2] }, 'ILLEGAL_ARGUMENT'],
    ['one that is quarantined', { ...wish, to: 3 }, 'MEMBER_UNFIT'],
  ])('of %s is refused', (_, wanted, code) => {
    const all = scene(says(1, { role: 'master' }), says(2), says(3, { role: 'quarantined' }))

    expect(() => checkPromotion(all, wanted)).toThrow(expect.objectContaining({ code }))
  })
})

function scene(...asked: readonly Asked[]): PromotionScene {
  return { master: 1, minInSync: 2, asked }
}

function says(brokerId: number, changes: Partial<NonNullable<Asked['answer']>> = {}): Asked {
  const answer = {
    role: 'following',
    member: { brokerId, incarnation: 1, storeId: '' },
    inSync: [],
    trustedSince: 1,
    inSyncAs: 1,
    lastRecordEpoch: 5,
    maxOffset: 100,
    confirmOffset: 100,
    ...changes,
  }
  return { brokerId, answer }
}

function silent(brokerId: number): Asked {
  return { brokerId, answer: undefined }
}
