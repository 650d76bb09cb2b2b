import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { Revision } from './elector.ts'
import { groupOfThree, Scene } from './testing/scene.ts'

describe('a master that hands over', () => {
  test('lets writes wait, and offers its epoch once both logs are equal and confirmed', () => {
    const scene = draining()
    expect(scene.role).toBe('draining')
    scene.tell({ kind: 'appended', maxOffset: commitLogOffset(110) })
    still(scene, 110)
    scene.tell({ kind: 'flushed', offset: commitLogOffset(110) })
    scene.pass(100)
    expect(offerOf(scene)).toBeUndefined()

    scene.acknowledges(3)

    expect(offerOf(scene)).toMatchObject({ end: 110, stateRevision: scene.view.state?.revision })
  })

  // It ends its reign first, and callers would wait until it follows; one copy is too few to do without.
  test('wants to be left out of those in sync where two others are, and to stay where there is one', () => {
    expect(offerOf(offering())).toMatchObject({ leaves: false })

    const scene = Scene.master()
    scene.show({ state: { ...groupOfThree, epoch: 6, master: 2 } })
    for (const slave of [3, 1]) scene.joins(slave)
    for (const slave of [3, 1]) scene.acknowledges(slave)
    scene.show({ command: { id: 'x', kind: 'hand-over', to: undefined } })
    scene.tick()
    still(scene, 101)

    expect(offerOf(scene)).toMatchObject({ end: 101, leaves: true })
  })

  // Clients are away from then on.
  test('begins at once when it is asked to stop, and not with its next tick', () => {
    const scene = Scene.master()
    scene.joins(3)
    scene.acknowledges(3)
    scene.tell({ kind: 'stop-wanted' })

    expect(scene.role).toBe('draining')
    expect(scene.did('hold-writes')).toBeDefined()
  })

  // The next master confirms nothing without it before it has said that it goes.
  test('says goodbye to the next master as soon as it follows that one, if it was asked to stop', () => {
    const scene = offering()
    scene.tell({ kind: 'stop-wanted' })
    scene.slave(3, { kind: 'hand-over-result', won: true })
    const { number } = scene.did('refuse-writes') ?? {}
    scene.tell({ kind: 'appending-stopped', number: number ?? 0, maxOffset: commitLogOffset(101) })
    const { history } = scene.state.log
    const cutTo = scene.state.log.maxOffset
    scene.frame({ kind: 'welcome', history, minOffset: commitLogOffset(0), cutTo }, 7)

    scene.tell({ kind: 'tail-checked', stream: scene.stream, matches: true })

    expect(scene.did('send-to-master')?.frame).toEqual({ kind: 'leaving' })
    expect(scene.role).toBe('stopped')
  })

  // An operator has said who leads: a full disk does not.
  test('does nothing of it where roles are configured', () => {
    const scene = Scene.master({ settings: { handsOver: false } })
    scene.joins(3)
    scene.acknowledges(3)
    scene.tell({ kind: 'stop-wanted' })

    expect(scene.role).toBe('stopped')
    expect(scene.did('hold-writes')).toBeUndefined()
  })

  // The target may be master already, and confirm something else there.
  test('confirms nothing more once it has offered', () => {
    const scene = offering()
    scene.tell({ kind: 'appended', maxOffset: commitLogOffset(110) })
    scene.tell({ kind: 'flushed', offset: commitLogOffset(110) })
    scene.acknowledges(3)

    expect(scene.did('confirm')).toBeUndefined()
  })

  // Also one that is cut off from the elector: the next master waits for it.
  test('follows the target when it has won, and asks nobody before', () => {
    const scene = offering()
    scene.slave(3, { kind: 'hand-over-result', won: true })
    const { number } = scene.did('refuse-writes') ?? {}
    expect(scene.role).toBe('following')

    scene.tell({ kind: 'appending-stopped', number: number ?? 0, maxOffset: commitLogOffset(101) })

    expect(scene.did('follow')).toMatchObject({ brokerId: 3, hello: { lastSeenEpoch: 7 } })
  })

  test('believes the elector once that has told the same', () => {
    const scene = offering()
    scene.slave(3, { kind: 'hand-over-result', won: true })

    scene.show({ state: { ...groupOfThree, epoch: 7, master: 3, attempt: '3.1.1' } })

    expect(scene.state.elector.view?.state?.value.attempt).toBe('3.1.1')
    expect(scene.state.elector.isDistrusted).toBe(false)
  })

  // A late take-over must find another state than the one it replaces.
  test.each<[string, (scene: Scene) => void]>([
    ['declines', (scene) => scene.slave(3, { kind: 'hand-over-result', won: false })],
    ['does not answer', (scene) => scene.pass(1_000)],
  ])('opens the next epoch itself when the target %s', (_, happens) => {
    const scene = offering()
    happens(scene)
    expect(scene.state.pending?.transaction.kind).toBe('retake')
    expect(scene.state.pending?.next).toMatchObject({ epoch: 7, master: 2 })

    scene.winSwap()
    expect(scene.kinds()).toContain('append-opening')
    scene.tell({ kind: 'epoch-opened', epoch: 7, end: commitLogOffset(102) })

    expect(scene.did('accept-writes')?.epoch).toBe(7)
  })

  test('goes on when the logs do not become equal in time', () => {
    const scene = draining()
    scene.tell({ kind: 'appended', maxOffset: commitLogOffset(110) })
    still(scene, 110)
    scene.pass(600)

    expect(scene.role).toBe('master')
    expect(scene.did('accept-writes')?.epoch).toBe(6)
    // Not at once again: each attempt makes writes wait.
    expect(scene.pass(5_000).some(({ kind }) => kind === 'hold-writes')).toBe(false)
  })

  // It would decline, and each time an epoch would be used up.
  test('does not offer to a member that started again since it was added', () => {
    const scene = Scene.master()
    scene.joins(3, 2)
    scene.show({ command: { id: 'x', kind: 'hand-over', to: 3 } })
    scene.tick()

    expect(scene.role).toBe('master')
  })

  // Writes that wait for its end would wait for ever, and the process for them.
  test('refuses what waits when it stops before anybody has taken over', () => {
    const scene = draining()
    scene.tell({ kind: 'stop-wanted' })

    scene.pass(scene.context.settings.shutdownMs + 100)

    expect(scene.role).toBe('stopped')
    const kinds = scene.kinds().slice(-3)
    expect(kinds).toEqual(['refuse-writes', 'stop-services', 'stop'])
  })

  test('stops alone if there is nobody to hand over to', () => {
    const scene = Scene.master()
    scene.tell({ kind: 'stop-wanted' })
    expect(scene.role).toBe('master')

    scene.pass(3_000)

    expect(scene.role).toBe('stopped')
  })
})

describe('a master whose disk stands still', () => {
  // To wait for what it writes itself is to wait for the disk.
  test('resigns, with whatever is confirmed and whatever is being written', () => {
    const scene = resigning()

    expect(scene.role).toBe('draining')
    expect(offerOf(scene)).toMatchObject({ end: undefined, leaves: true })
    expect(scene.did('send-to-slave')?.stream).toBe(3)
  })

  test('offers to another one when the first does not take it, and does not go on by itself', () => {
    const scene = resigning()
    scene.slave(3, { kind: 'hand-over-result', won: false })
    expect(scene.did('swap')).toBeUndefined()

    const actions = scene.pass(scene.context.settings.handOverMs, STALLED)

    const offers = actions.filter(
      (action) => action.kind === 'send-to-slave' && action.frame.message.kind === 'hand-over',
    )
    expect(offers).toMatchObject([{ stream: 1 }])
    expect(actions.some(({ kind }) => kind === 'swap')).toBe(false)
  })

  test('opens the next epoch itself once its disk is well and nobody has taken it', () => {
    const scene = resigning()

    scene.pass(scene.context.settings.handOverMs)

    expect(scene.state.pending?.transaction.kind).toBe('retake')
  })
})

describe('the target of a hand-over', () => {
  test('takes over the very state that it was offered, and says so', () => {
    const scene = Scene.following()
    offerTo(scene, 100)
    expect(scene.did('swap')?.transaction.kind).toBe('take-over')
    expect(scene.state.pending?.next?.inSync.size).toBe(3)

    scene.winSwap()
    scene.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })

    expect(scene.did('send-to-master')?.frame).toEqual({ kind: 'hand-over-result', won: true })
    expect(scene.role).toBe('master')
  })

  // Nothing is left to be confirmed: callers wait for every moment until it serves.
  test('serves as soon as its epoch is open, and no slave has followed', () => {
    const scene = Scene.following()
    offerTo(scene, 100)
    scene.winSwap()
    scene.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })

    expect(scene.state.log.confirmOffset).toBe(100)
    expect(scene.did('start-services')).toBeDefined()
    expect(scene.did('register')?.role).toBe('master')
  })

  test('declines if its log does not end where the offer says', () => {
    const scene = Scene.following()
    offerTo(scene, 110)

    expect(scene.did('send-to-master')?.frame).toEqual({ kind: 'hand-over-result', won: false })
    expect(scene.role).toBe('following')
  })

  test('takes over from one that has resigned wherever its log ends, and leaves it out', () => {
    const scene = Scene.following()
    offerTo(scene, undefined, true)

    expect(scene.did('swap')?.transaction.kind).toBe('take-over')
    expect([...(scene.state.pending?.next?.inSync.keys() ?? [])]).not.toContain(1)
  })

  // It may lack what was confirmed since it was taken out of the set.
  test('declines what one that has resigned offers, unless it is in sync', () => {
    const scene = Scene.following()
    const inSync = new Map([...groupOfThree.inSync].filter(([id]) => id !== 2))
    scene.show({ state: { ...groupOfThree, inSync } })
    offerTo(scene, undefined, true)

    expect(scene.did('send-to-master')?.frame).toEqual({ kind: 'hand-over-result', won: false })
  })

  // The set may have changed since it was read.
  test('reads the state that was offered before it replaces it', () => {
    const scene = Scene.following()
    const stateRevision = ((scene.view.state?.revision ?? 0) + 50) as Revision
    scene.frame({ kind: 'hand-over', end: commitLogOffset(100), stateRevision, leaves: false })

    expect(scene.did('swap')).toBeUndefined()
    expect(scene.did('read')).toBeDefined()
  })
})

function draining(): Scene {
  const scene = Scene.master()
  scene.joins(3)
  scene.show({ command: { id: 'x', kind: 'hand-over', to: undefined } })
  scene.tick()
  return scene
}

function offering(): Scene {
  const scene = draining()
  still(scene, 101)
  return scene
}

function still(scene: Scene, max: number): void {
  const { role } = scene.state
  const number = role.kind === 'draining' ? role.holds : 0
  scene.tell({ kind: 'appending-stopped', number, maxOffset: commitLogOffset(max) })
}

function offerOf(scene: Scene) {
  return scene.actions
    .filter((action) => action.kind === 'send-to-slave')
    .map(({ frame }) => frame.message)
    .find((message) => message.kind === 'hand-over')
}

/** As a master does: it resigns, or has confirmed all of its log. */
function offerTo(scene: Scene, logEnd: number | undefined, leaves = false): void {
  const stateRevision = scene.view.state?.revision ?? (0 as Revision)
  const end = logEnd === undefined ? undefined : commitLogOffset(logEnd)
  scene.frame({ kind: 'hand-over', end, stateRevision, leaves }, undefined, end)
}

const STALLED = { isFull: false, isStalled: true }

/** Has resigned just now, to broker 3. */
function resigning(): Scene {
  const scene = Scene.master()
  scene.show({ state: { ...groupOfThree, epoch: 6, master: 2 } })
  scene.joins(3)
  scene.joins(1)
  scene.tell({ kind: 'appended', maxOffset: commitLogOffset(110) })
  while (offerOf(scene) === undefined && scene.nowMs < 60_000) {
    for (const slave of [3, 1]) scene.acknowledges(slave)
    scene.pass(scene.context.settings.tickMs, STALLED)
  }
  return scene
}
