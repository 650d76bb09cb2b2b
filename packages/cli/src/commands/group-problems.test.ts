import { describe, expect, test } from 'vitest'
import { groupProblems } from './group-problems.ts'

type Group = Parameters<typeof groupProblems>[0]

describe('a broker group', () => {
  test('is well with all members in sync, and with one away that can be spared', () => {
    expect(groupProblems(groupOf({}))).toEqual([])
    expect(groupProblems(groupOf({ groupMembers: 4 }))).toEqual([])
  })

  // A broker that is alone has no in-sync set to be at the floor of.
  test('of one member has none of these problems', () => {
    expect(groupProblems(groupOf({ groupMembers: 0, inSync: [], alarms: [] }))).toEqual([])
  })

  test('of one member may have a damaged log', () => {
    const alone = groupOf({ groupMembers: 0, inSync: [], alarms: ['log_damaged'] })

    expect(groupProblems(alone)).toEqual([
      expect.stringMatching(/^log_damaged: records of its log/),
    ])
  })

  // Nobody notices it before the next failure, when it is too late.
  test('is at its floor when the next failure stops all writes', () => {
    expect(groupProblems(groupOf({ inSync: [1, 2] }))).toEqual([
      '2 of 3 members are in sync, 2 are needed: the next one that fails stops all writes',
    ])
  })

  test('has a slave that is far behind', () => {
    const progress = { inSync: false, connected: true, heardAgoMs: 0 }
    const replicas = [
      { ...progress, memberId: 2, lagBytes: 1024 },
      { ...progress, memberId: 3, lagBytes: 200 * 1024 * 1024 },
    ]

    expect(groupProblems(groupOf({ replicas }))).toEqual(['member 3 is 200.0 MiB behind'])
  })

  test('cannot reach etcd', () => {
    const [problem] = groupProblems(groupOf({ alarms: ['elector_down'] }))

    expect(problem).toMatch(/^elector_down: etcd does not answer/)
  })

  // A newer broker may know alarms that this program does not.
  test('raises an alarm that nobody here knows', () => {
    expect(groupProblems(groupOf({ alarms: ['on_fire'] }))).toEqual(['on_fire: on_fire'])
  })
})

function groupOf(changes: Partial<Group>): Group {
  return { groupMembers: 3, minInSync: 2, inSync: [1, 2, 3], replicas: [], alarms: [], ...changes }
}
