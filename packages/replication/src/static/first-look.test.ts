import { describe, expect, test } from 'vitest'
import { type FirstLook, waitsFor } from './first-look.ts'

/** The master of three with floor two, back after a while; everybody answers. */
const back: FirstLook = {
  memberCount: 3,
  minInSync: 2,
  isTrusted: true,
  answered: 2,
  nameServers: 2,
  nameServersAnswered: 2,
  nameServersEpoch: 4,
  epoch: 4,
  waitedMs: 0,
  startsAlone: false,
}

describe('an appointed master that starts', () => {
  test('begins at once when everybody has said how they are', () => {
    expect(waitsFor(back)).toBeUndefined()
  })

  // Whoever was promoted may be down just now, and its group's messages are with it.
  test('never begins while somebody knows of a later epoch', () => {
    const late = { ...back, nameServersEpoch: 5, startsAlone: true }

    expect(waitsFor(late)).toContain('epoch 5')
  })

  test('gives members that do not answer a moment', () => {
    const missing = { ...back, answered: 1 }

    expect(waitsFor(missing)).toBeDefined()
    expect(waitsFor({ ...missing, waitedMs: 2_000 })).toBeUndefined()
  })

  // Any two of three hold, between them, whatever was acknowledged with a floor of two.
  test.each([
    [3, 2, 1, true],
    [3, 2, 2, false],
    [2, 1, 0, true],
    [2, 1, 1, false],
    [5, 3, 2, true],
    [5, 3, 3, false],
  ])('of %i with floor %i, untrusted, with %i answers: waits %s', (...given) => {
    const [memberCount, minInSync, answered, waits] = given
    const look = { ...back, memberCount, minInSync, answered, isTrusted: false, waitedMs: 9_999 }

    expect(waitsFor(look) !== undefined).toBe(waits)
  })

  test('begins without anybody only when an operator has said so', () => {
    const alone = { ...back, isTrusted: false, answered: 0, nameServersAnswered: 0 }

    expect(waitsFor({ ...alone, waitedMs: 9_999 })).toContain('startAlone')
    expect(waitsFor({ ...alone, startsAlone: true })).toBeUndefined()
  })

  // Cut off from everybody it cannot know that another one leads.
  test('does not begin when neither members nor name servers answer', () => {
    const cutOff = { ...back, answered: 0, nameServersAnswered: 0, nameServersEpoch: 0 }

    expect(waitsFor({ ...cutOff, waitedMs: 9_999 })).toContain('promoted meanwhile')
    expect(waitsFor({ ...cutOff, waitedMs: 9_999, nameServersAnswered: 1 })).toBeUndefined()
  })
})
