import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { Revision } from './elector.ts'
import { canServe, copiesOf } from './reign.ts'
import { groupOfThree, logOf, Scene } from './testing/scene.ts'

const TWO = {
  ...groupOfThree,
  inSync: new Map([
    [1, 1],
    [2, 1],
  ]),
}

describe('a master', () => {
  // Consumers, timers and retention would act on what may be cut yet.
  test('settles when everything before its epoch is confirmed, and no sooner', () => {
    const scene = Scene.master()
    expect(scene.did('start-services')).toBeUndefined()
    expect(scene.did('register')).toBeUndefined()
    scene.joins(3)
    expect(scene.did('start-services')).toBeDefined()
    expect(scene.did('register')?.role).toBe('master')
    expect(scene.did('confirm')?.offset).toBe(101)
  })

  // Clients would be told of a master that refuses whatever they send.
  test('does not settle with fewer members in sync than it takes', () => {
    const scene = Scene.joined(undefined)
    scene.winSwap()
    scene.tell({ kind: 'epoch-opened', epoch: 1, end: commitLogOffset(1) })
    scene.tell({ kind: 'flushed', offset: commitLogOffset(1) })
    expect(scene.role).toBe('master')
    expect(scene.did('start-services')).toBeUndefined()

    scene.show({})
    scene.joins(3)
    while (scene.state.pending === undefined && scene.nowMs < 60_000) {
      scene.acknowledges(3)
      scene.pass(scene.context.settings.tickMs)
    }
    scene.winSwap()

    expect(scene.did('start-services')).toBeDefined()
  })

  // An acknowledgement of more than was sent comes from somebody with another log.
  test('counts no acknowledgement beyond what was sent', () => {
    const scene = Scene.master()
    scene.joins(3)
    appendTo(scene, 120)
    scene.slave(3, ack(120, 6))
    expect(scene.did('confirm')).toBeUndefined()

    scene.tell({ kind: 'pushed', stream: 3, to: commitLogOffset(110) })
    scene.slave(3, ack(120, 6))

    expect(scene.did('confirm')?.offset).toBe(110)
  })

  test('counts no acknowledgement of another epoch or of a stream that was replaced', () => {
    const scene = Scene.master()
    scene.joins(3)
    appendTo(scene, 120)
    scene.tell({ kind: 'pushed', stream: 3, to: commitLogOffset(120) })
    scene.slave(3, ack(120, 5))
    scene.slave(77, ack(120, 6))

    expect(scene.state.log.confirmOffset).toBe(101)
  })

  test('confirms nothing while a member of the set is away', () => {
    const scene = Scene.master()
    scene.joins(3)
    appendTo(scene, 120)
    scene.tell({ kind: 'slave-ended', stream: 3 })
    scene.tell({ kind: 'flushed', offset: commitLogOffset(120) })

    expect(scene.did('confirm')).toBeUndefined()
  })

  // Only what this folder has followed may count under this id.
  test('refuses a store that the elector does not know under that id', () => {
    const scene = Scene.master()
    scene.slave(3, hello({ storeId: 'another' }))

    expect(scene.kinds()).toEqual(['send-to-slave', 'close-slave'])
    expect(scene.did('send-to-slave')?.frame.message).toEqual({
      kind: 'refusal',
      reason: 'unknown-store',
    })
  })

  test('tells a slave where to cut, and drops its older stream', () => {
    const scene = Scene.master()
    scene.joins(3)
    scene.slave(4, hello({}))

    expect(scene.did('close-slave')?.stream).toBe(3)
    expect(scene.did('send-to-slave')).toMatchObject({
      stream: 4,
      frame: { epoch: 6, message: { kind: 'welcome', cutTo: 90 } },
    })
  })

  // Another has been master since, and this one did not hear of it.
  test('steps down when a slave has seen a later epoch', () => {
    const scene = Scene.master()
    scene.slave(3, hello({ lastSeenEpoch: 8 }))

    expect(scene.kinds()).toEqual([
      'keep-member',
      'send-to-slave',
      'close-slave',
      'refuse-writes',
      'stop-services',
      'register',
    ])
    expect(scene.role).toBe('following')
  })

  // What it says of its log must be what the log is when the last write has ended.
  test('says hello to the next master only when its log rests', () => {
    const scene = Scene.master()
    scene.show({ state: { ...groupOfThree, epoch: 7, master: 3 } })
    const number = scene.did('refuse-writes')?.number ?? 0
    expect(scene.pass(1_000).some(({ kind }) => kind === 'follow')).toBe(false)

    scene.tell({ kind: 'appending-stopped', number, maxOffset: commitLogOffset(130) })

    expect(scene.did('follow')).toMatchObject({ brokerId: 3, hello: { maxOffset: 130 } })
  })
})

describe('the master keeps its set', () => {
  test('and takes a slave in when it was level for a while', () => {
    const scene = Scene.master({ group: TWO })
    scene.joins(3)
    scene.pass(400)
    expect(scene.state.pending).toBeUndefined()

    keepUp(scene, 3, 300)

    expect(scene.state.pending?.transaction.kind).toBe('change-set')
    expect(scene.state.pending?.next?.inSync.get(3)).toBe(1)
  })

  // From the moment it is asked for it may be true, whatever is heard of it.
  test('and waits for a joining slave before it knows that it joined', () => {
    const scene = Scene.master({ group: { ...TWO, minInSync: 1 } })
    scene.joins(3)
    keepUp(scene, 3, 700)
    expect(scene.state.pending?.transaction.kind).toBe('change-set')
    scene.answerSwap({ kind: 'unknown' })
    appendTo(scene, 120)
    scene.tell({ kind: 'flushed', offset: commitLogOffset(120) })

    expect(scene.state.log.confirmOffset).toBe(101)
    scene.acknowledges(3)
    expect(scene.state.log.confirmOffset).toBe(120)
  })

  // A group of two that was given a third member is meant to survive more than before.
  test('and gives the group the floor of its settings when there are enough in sync', () => {
    const scene = Scene.master({ group: { ...groupOfThree, minInSync: 1, memberCount: 2 } })
    scene.joins(3)
    scene.pass(100)
    expect(scene.state.pending?.next).toMatchObject({ minInSync: 2, memberCount: 3 })

    const small = Scene.master({ group: { ...TWO, minInSync: 1 } })
    small.pass(100)
    expect(small.state.pending).toBeUndefined()
  })

  // Under load it is a little behind whenever one looks, and would never join.
  test('and confirms no further than a slave that keeps up, until that has joined', () => {
    const scene = Scene.master({ group: { ...TWO, minInSync: 1 } })
    scene.joins(3)
    let end = 101
    for (let round = 0; round < 10; round++) {
      appendTo(scene, ++end)
      scene.tell({ kind: 'pushed', stream: 3, to: commitLogOffset(end) })
      scene.slave(3, ack(end - 1, 6))
      if (scene.state.pending !== undefined) break
      scene.pass(100)
    }

    expect(scene.state.pending?.next?.inSync.get(3)).toBe(1)
    expect(scene.state.log.confirmOffset).toBe(end - 1)
  })

  test('and waits for a silent slave until it knows that it is out', () => {
    const scene = Scene.master({
      group: { ...groupOfThree, minInSync: 1 },
      settings: { minInSync: 1 },
    })
    scene.joins(3)
    appendTo(scene, 120)
    scene.tell({ kind: 'flushed', offset: commitLogOffset(120) })
    scene.pass(1_000)
    expect(scene.state.pending?.next?.inSync).toEqual(new Map([[2, 1]]))
    expect(scene.state.log.confirmOffset).toBe(101)

    scene.winSwap()

    expect(scene.did('confirm')?.offset).toBe(120)
  })

  // It had been won before the master was deposed: whoever it added is the next master, perhaps.
  test('and confirms nothing when a change is lost to another epoch', () => {
    const scene = Scene.master({ group: { ...TWO, minInSync: 1 } })
    scene.joins(3)
    keepUp(scene, 3, 700)
    scene.answerSwap({ kind: 'unknown' })
    appendTo(scene, 120)
    scene.tell({ kind: 'flushed', offset: commitLogOffset(120) })
    const state = {
      revision: 90 as Revision,
      value: { ...groupOfThree, epoch: 7, master: 3 },
    }
    scene.answerSwap({ kind: 'lost', view: { ...scene.view, revision: 90 as Revision, state } })

    expect(scene.did('confirm')).toBeUndefined()
    expect(scene.role).toBe('following')
  })

  test('and does not go below its floor, but swaps', () => {
    const scene = Scene.master({ group: { ...TWO, minInSync: 2 } })
    scene.pass(1_500)
    expect(scene.state.pending).toBeUndefined()

    scene.joins(3)
    keepUp(scene, 3, 700)

    expect(scene.state.pending?.next?.inSync).toEqual(
      new Map([
        [2, 1],
        [3, 1],
      ]),
    )
  })

  // It would come and go, and hold up every answer each time.
  test('and makes the way back longer for a slave that was removed again and again', () => {
    const scene = Scene.master({
      group: { ...groupOfThree, minInSync: 1 },
      settings: { minInSync: 1 },
    })
    const waits = [1, 2, 3].map(() => {
      scene.tell({ kind: 'slave-ended', stream: 3 })
      scene.pass(1_100)
      scene.winSwap()
      scene.joins(3)
      const sinceMs = scene.nowMs
      while (scene.state.pending === undefined && scene.nowMs < sinceMs + 60_000) {
        keepUp(scene, 3, 100)
      }
      scene.winSwap()
      return Math.round((scene.nowMs - sinceMs) / 500) * 500
    })

    expect(waits).toEqual([500, 2_000, 8_000])
  })
})

describe('a master may answer', () => {
  test('while its lease runs or all that could depose it have promised not to', () => {
    const lease = { id: 'lease', validUntilMs: 100 }

    expect(canServe({ lease }, 0, 99)).toBe(true)
    expect(canServe({ lease }, 0, 100)).toBe(false)
    expect(canServe({ lease }, 200, 199)).toBe(true)
    expect(canServe({ lease }, 200, 200)).toBe(false)
  })

  // Writes go on through an outage of the elector while the whole set is there.
  test('as long as every member echoes its beats', () => {
    const scene = Scene.master()
    scene.joins(3)
    for (let round = 0; round < 10; round += 1) {
      scene.nowMs += 200
      scene.tick(0)
      scene.acknowledges(3)
    }
    expect(scene.role).toBe('master')

    for (let round = 0; round < 6; round += 1) {
      scene.nowMs += 200
      scene.tick(0)
    }

    expect(scene.role).toBe('fenced')
    scene.acknowledges(3)
    scene.nowMs += 100
    scene.tick(0)
    expect(scene.role).toBe('master')
  })
})

describe('whom its writes wait for', () => {
  // Who joins counts from the moment it is asked for, who leaves until that is known.
  test('is its maximal in-sync set', () => {
    const scene = Scene.master({ group: { ...TWO, minInSync: 1 } })
    expect(copiesOf(scene.context, scene.state)).toEqual({ members: 1, minMembers: 1 })

    scene.joins(3)
    keepUp(scene, 3, 700)

    expect(scene.state.pending?.transaction.kind).toBe('change-set')
    expect(copiesOf(scene.context, scene.state)?.members).toBe(2)
  })

  test('is nobody unless it leads', () => {
    const scene = Scene.following()

    expect(copiesOf(scene.context, scene.state)).toBeUndefined()
  })
})

describe('a beat', () => {
  // A slave that says what does not arrive can tell by nothing else.
  test('tells each slave which of its echoes have come', () => {
    const scene = Scene.master()
    scene.joins(1)
    scene.joins(3)
    const heard = () =>
      scene.actions.flatMap((action) =>
        action.kind === 'send-to-slave' && action.frame.message.kind === 'beat'
          ? [[action.stream, action.frame.message.number, action.frame.message.heard]]
          : [],
      )
    scene.pass(200)
    scene.acknowledges(1)
    scene.acknowledges(3)
    scene.pass(200)
    scene.acknowledges(3)
    scene.pass(200)

    expect(heard()).toEqual([
      [1, 3, 1],
      [3, 3, 2],
    ])
  })
})

function appendTo(scene: Scene, offset: number): void {
  const maxOffset = commitLogOffset(offset)
  scene.tell({ kind: 'appended', maxOffset })
  scene.tell({ kind: 'flushed', offset: maxOffset })
}

/** Time passes while a slave acknowledges everything. */
function keepUp(scene: Scene, brokerId: number, ms: number): void {
  for (let passedMs = 0; passedMs < ms; passedMs += 100) {
    scene.pass(100)
    scene.acknowledges(brokerId)
  }
}

function ack(offset: number, epoch: number) {
  return {
    kind: 'ack',
    epoch,
    received: commitLogOffset(offset),
    flushed: commitLogOffset(offset),
    beat: 0,
    disk: { isFull: false, isStalled: false },
  } as const
}

function hello(changes: { readonly storeId?: string; readonly lastSeenEpoch?: number }) {
  const { history, minOffset, maxOffset, confirmOffset } = logOf(90, [5, 0])
  const { storeId = 'store-3', lastSeenEpoch = 5 } = changes
  return {
    kind: 'hello',
    member: { brokerId: 3, incarnation: 1, storeId },
    lastSeenEpoch,
    history,
    minOffset,
    maxOffset,
    confirmOffset,
    isObserver: false,
  } as const
}
