import { describe, expect, test } from 'vitest'
import { type GroupAnswer, standsIn } from './stands-in.ts'

const gone: GroupAnswer = { masterPresent: false, memberIds: [2, 3], ageMs: 500 }
const there: GroupAnswer = { ...gone, masterPresent: true }

describe('a slave', () => {
  test('stands in when it and the name servers miss the master', () => {
    expect(standsIn({ streamUp: false, answers: [gone], me: 2 })).toBe(true)
  })

  // The master is only unknown to name servers, and delivers.
  test('does not while it follows', () => {
    expect(standsIn({ streamUp: true, answers: [gone], me: 2 })).toBe(false)
  })

  test('does not when any name server hears the master', () => {
    expect(standsIn({ streamUp: false, answers: [gone, there], me: 2 })).toBe(false)
  })

  test('does not when no name server has said anything of late', () => {
    expect(standsIn({ streamUp: false, answers: [], me: 2 })).toBe(false)
    expect(standsIn({ streamUp: false, answers: [{ ...gone, ageMs: 3_001 }], me: 2 })).toBe(false)
  })

  // What was true four seconds ago must not keep consumers from everything now.
  test('does whatever an old answer said', () => {
    const old = { ...there, ageMs: 4_000 }

    expect(standsIn({ streamUp: false, answers: [gone, old], me: 2 })).toBe(true)
  })

  // All of them at once would deliver every message as often as there are slaves.
  test('leaves it to the one with the smallest number', () => {
    expect(standsIn({ streamUp: false, answers: [gone], me: 3 })).toBe(false)
    const others = { ...gone, memberIds: [3] }
    expect(standsIn({ streamUp: false, answers: [gone, others], me: 3 })).toBe(false)
    expect(standsIn({ streamUp: false, answers: [others], me: 3 })).toBe(true)
  })

  // Registered anew, it may be missing from the list for a beat.
  test('does although a name server does not list it yet', () => {
    expect(standsIn({ streamUp: false, answers: [{ ...gone, memberIds: [] }], me: 2 })).toBe(true)
  })
})
