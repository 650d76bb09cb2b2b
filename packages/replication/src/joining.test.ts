import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { groupOfThree, liveOf, logOf, memberOf, Scene } from './testing/scene.ts'

describe('a member that starts', () => {
  // Nobody may take it for the process that had the folder before.
  test('announces itself before it takes part', () => {
    const scene = new Scene({ member: { incarnation: 4 } })
    scene.tick()
    scene.show({ state: groupOfThree, members: new Map([[2, memberOf(2, 3)]]) })

    expect(scene.did('swap')?.transaction.kind).toBe('start')
    expect(scene.role).toBe('joining')

    scene.winSwap()
    scene.show({})

    expect(scene.role).toBe('following')
    expect(scene.did('follow')).toMatchObject({ brokerId: 1 })
  })

  // Such a folder would acknowledge again what it had acknowledged, and lack what it had.
  test.each([
    ['was rolled back', 5],
    ['was copied', 4],
  ])('keeps away if its folder %s', (_, lastIncarnation) => {
    const scene = new Scene({ member: { incarnation: 4 } })
    scene.tick()
    scene.show({ state: groupOfThree, members: new Map([[2, memberOf(2, lastIncarnation)]]) })

    expect(scene.role).toBe('quarantined')
    expect(scene.did('swap')).toBeUndefined()
  })

  // An id names one folder for ever: with an empty one it would be elected as what it was.
  test("keeps away if its id is another folder's", () => {
    const scene = new Scene({ member: { incarnation: 4 } })
    scene.tick()
    scene.show({ members: new Map([[2, { ...memberOf(2, 3), storeId: 'another' }]]) })

    expect(scene.role).toBe('quarantined')
  })

  test('notes no id that another folder has: it may be given another one', () => {
    const scene = new Scene({ member: { brokerId: undefined }, self: { configuredId: 2 } })
    scene.tick()
    scene.show({ members: new Map([[2, { ...memberOf(2, 3), storeId: 'another' }]]) })

    expect(scene.role).toBe('quarantined')
    expect(scene.state.member.brokerId).toBeUndefined()
  })

  // The lock on the folder proves that a process of this boot is gone; of another nothing is known.
  test('waits for the lease of a process on another boot, and not on its own', () => {
    const members = new Map([[2, memberOf(2, 3)]])
    const elsewhere = new Scene({ member: { incarnation: 4 } })
    elsewhere.tick()
    elsewhere.show({ members, live: new Map([[2, { ...liveOf(2, 3), bootId: 'older' }]]) })
    expect(elsewhere.did('swap')).toBeUndefined()

    const here = new Scene({ member: { incarnation: 4 } })
    here.tick()
    here.show({ members, live: new Map([[2, liveOf(2, 3)]]) })
    expect(here.did('swap')?.transaction.kind).toBe('start')
  })

  // A new folder whose answer was lost has its id already.
  test('finds the id that it was given before', () => {
    const scene = new Scene({ member: { brokerId: undefined }, self: { configuredId: undefined } })
    scene.tick()
    scene.show({})
    expect(scene.did('swap')?.transaction.kind).toBe('take-id')

    scene.takeEffect()
    scene.answerSwap({ kind: 'lost', view: scene.view })
    scene.show({})

    expect(scene.state.member.brokerId).toBe(1)
  })

  test('begins the first epoch of a group that never had one', () => {
    const scene = Scene.joined(undefined)
    expect(scene.did('swap')?.transaction.kind).toBe('bootstrap')

    scene.winSwap()

    expect(scene.role).toBe('promoting')
  })

  // Somebody emptied the elector: a new first epoch would fork the log of the group.
  test('begins nothing if it has ever seen an epoch', () => {
    const scene = new Scene({ member: { lastSeenEpoch: 3, incarnation: 2 } })
    scene.tick()
    scene.show({})

    expect(scene.did('alarm')?.name).toBe('elector_went_back')
    expect(scene.pass(5_000).filter(({ kind }) => kind === 'swap' || kind === 'read')).toEqual([])
  })

  test('obeys no other elector than the one it knows', () => {
    const scene = new Scene({ member: { electorId: 'the old one', incarnation: 2 } })
    scene.tick()
    scene.show({ state: groupOfThree })

    expect(scene.did('alarm')?.name).toBe('elector_went_back')
    expect(scene.role).toBe('joining')
  })

  // What it answered was on its way while a master told of a later epoch: that is no lie.
  test('does not blame the elector for an answer that was overtaken', () => {
    const scene = Scene.joined(groupOfThree, { log: logOf(100, [5, 0]) })
    scene.tell({ kind: 'hinted' })
    scene.tell({ kind: 'epoch-seen', epoch: 6 })
    scene.show({})

    expect(scene.did('alarm')).toBeUndefined()
    expect(scene.did('read')).toBeDefined()
    expect(scene.state.member.lastSeenEpoch).toBe(6)
  })

  // The state names a process that is gone: its epoch has no master and never will have.
  test('asks for a fresh epoch if the state names an older process of it', () => {
    const group = { ...groupOfThree, master: 2 }
    const scene = Scene.joined(group, { member: { incarnation: 2 }, log: logOf(100, [5, 0]) })
    scene.pass(100)

    expect(scene.state.pending?.next).toMatchObject({ epoch: 6, master: 2, masterIncarnation: 2 })
  })

  test('puts its live key again when it is gone or its lease is another one', () => {
    const scene = Scene.following()
    scene.show({ live: new Map([[1, liveOf(1)]]) })
    expect(scene.did('swap')?.transaction.kind).toBe('start')

    scene.winSwap()
    scene.tell({
      kind: 'tick',
      lease: { id: 'another lease', validUntilMs: scene.nowMs + 2_000 },
      disk: { isFull: false, isStalled: false },
    })

    expect(scene.did('swap')?.transaction.kind).toBe('start')
  })
})

describe('a member that ends', () => {
  // Pages that were not written may be gone whatever the next sync says.
  test('stops at a failed write and is not trusted when it starts again', () => {
    const scene = Scene.following({ member: { incarnation: 3 } })
    scene.tell({ kind: 'write-failed' })

    expect(scene.kinds()).toEqual(['keep-member', 'stop'])
    expect(scene.did('keep-member')?.member.trustedSince).toBe(4)
    expect(scene.tell({ kind: 'flushed', offset: commitLogOffset(100) })).toEqual([])
  })

  test('tells its master that it leaves', () => {
    const scene = Scene.following()
    scene.tell({ kind: 'stop-wanted' })

    expect(scene.did('send-to-master')?.frame).toEqual({ kind: 'leaving' })
    expect(scene.did('stop')?.cleanly).toBe(true)
  })
})
