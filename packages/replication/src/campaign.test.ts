import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { Revision } from './elector.ts'
import type { Hello } from './frames.ts'
import { inspectionOf } from './inspection.ts'
import type { Inquiry } from './replica.ts'
import { groupOfThree, liveOf, Scene } from './testing/scene.ts'

describe('a slave whose master', () => {
  // A refused connection is proof: nothing waits for any timeout.
  test('refuses connections asks the others at once', () => {
    const scene = Scene.following()
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })

    expect(scene.role).toBe('candidate')
    expect(scene.did('inspect')?.brokerIds).toEqual([3])
  })

  // The connection broke; the process may be well.
  test('is only cut off dials it again', () => {
    const scene = Scene.following()
    scene.frame({ kind: 'beat', number: 1, lostElector: false, heard: 0 })
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'closed' })

    expect(scene.role).toBe('following')
    expect(scene.did('follow')?.brokerId).toBe(1)
  })

  test('is another process than the state names campaigns', () => {
    const scene = Scene.following()
    scene.show({
      live: new Map([
        [1, liveOf(1, 2)],
        [2, liveOf(2)],
        [3, liveOf(3)],
      ]),
    })

    // Its own key is another one in that view; it takes its seat first.
    scene.winSwap()
    scene.show({})

    expect(scene.role).toBe('candidate')
  })

  // The frozen one: everybody has to agree that it is silent.
  test('is silent campaigns when the others do not hear it either', () => {
    const scene = silent()
    scene.inspects(roundOf(scene), { brokerId: 3, masterHeardAgoMs: 1_400 })
    scene.pass(300)

    expect(scene.role).toBe('candidate')
    expect(scene.state.role).toMatchObject({ trigger: 'silence' })
  })

  test.each<[string, (scene: Scene, round: number) => void]>([
    ['is heard by another', (scene, round) => scene.inspects(round, { masterHeardAgoMs: 200 })],
    ['answers', (scene, round) => scene.inspects(round, { brokerId: 1 })],
    ['may be cut off from this member alone', () => {}],
  ])('is silent but %s is not deposed', (_, answer) => {
    const scene = silent()
    answer(scene, roundOf(scene))
    scene.pass(300)

    expect(scene.role).toBe('following')
  })

  // A container that is killed takes its address with it: nothing refuses.
  test('broke off and lets nobody in again is deposed when another one finds that too', () => {
    const { scene, round, askedAfterMs } = broken()
    scene.inspects(round, { brokerId: 3, masterHeardAgoMs: 550 })
    scene.pass(100)

    expect(askedAfterMs).toBe(500)
    expect(scene.state.role).toMatchObject({ kind: 'candidate', trigger: 'unreachable' })
  })

  // Its link, and not its master, is broken: the master takes it out of the set after a second.
  test.each<[string, (scene: Scene, round: number) => void]>([
    ['is heard by another', (scene, round) => scene.inspects(round, { masterHeardAgoMs: 350 })],
    ['is not known to another', (scene, round) => scene.inspects(round, {})],
    ['answers', (scene, round) => scene.inspects(round, { brokerId: 1 })],
    ['may be cut off from this member alone', () => {}],
  ])('broke off but %s is not deposed before it is silent', (_, answer) => {
    const { scene, round } = broken()
    answer(scene, round)
    scene.pass(500)

    expect(scene.role).toBe('following')
  })

  // With a floor of one nobody else has to agree that it is silent; that takes longer than the
  // master needs to take this member out of the set.
  test('broke off is not deposed by the only other member before it is silent', () => {
    const inSync = new Map([
      [1, 1],
      [2, 1],
    ])
    const { scene } = broken({ ...groupOfThree, inSync, minInSync: 1, memberCount: 2 })
    scene.pass(600)

    expect(scene.role).toBe('following')
    scene.pass(300)
    expect(scene.state.role).toMatchObject({ kind: 'candidate', trigger: 'silence' })
  })

  test('broke off and is followed again is not suspected', () => {
    const scene = Scene.following()
    scene.frame({ kind: 'beat', number: 1, lostElector: false, heard: 0 })
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'closed' })
    const { history, maxOffset: cutTo } = scene.state.log
    scene.frame({ kind: 'welcome', history, minOffset: commitLogOffset(0), cutTo })

    expect(scene.pass(800).some(({ kind }) => kind === 'inspect')).toBe(false)
  })

  // It can neither confirm nor learn that it should not go on, and beats all the while.
  test('is heard and hears nothing campaigns when the others are no better heard', () => {
    const scene = Scene.following()
    const { inquiry } = beaten(scene, { beats: 9, heardTo: 1 })
    scene.inspects(inquiry?.round ?? 0, { masterHeardAgoMs: 1_400 })
    beaten(scene, { from: 10, beats: 2, heardTo: 1 })

    expect(scene.state.role).toMatchObject({ kind: 'candidate', trigger: 'silence' })
  })

  test('does not hear this member is not deposed when another one is heard', () => {
    const scene = Scene.following()
    const { inquiry } = beaten(scene, { beats: 9, heardTo: 1 })
    scene.inspects(inquiry?.round ?? 0, { masterHeardAgoMs: 200 })
    beaten(scene, { from: 10, beats: 2, heardTo: 1 })

    expect(inquiry?.asked).toEqual([1, 3])
    expect(scene.role).toBe('following')
  })

  // Others would take it for one that leads.
  test('hears nothing is not told to be well', () => {
    const scene = Scene.following()
    beaten(scene, { beats: 9, heardTo: 1 })

    const { masterHeardAgoMs } = inspectionOf(scene.context, scene.state)

    expect(masterHeardAgoMs).toBeGreaterThan(1_200)
  })

  // Nobody can be elected, and as soon as it hears again everybody goes on where they are.
  test('hears nothing is followed on while the elector is away', () => {
    const scene = Scene.following()
    const { inquiry } = beaten(scene, { beats: 60, heardTo: 1, elector: 'away' })

    expect(inquiry).toBeUndefined()
    expect(scene.role).toBe('following')
    expect(scene.stream).toBeDefined()
  })

  // One of an earlier version, during an upgrade.
  test('does not say what it hears is believed to hear', () => {
    const scene = Scene.following()
    const { inquiry } = beaten(scene, { beats: 60, heardTo: 0 })

    expect(inquiry).toBeUndefined()
  })

  test('has not shown to hear because this process slept is not blamed', () => {
    const scene = Scene.following()
    beaten(scene, { beats: 3, heardTo: 3 })
    scene.nowMs += 5_000
    scene.tick()
    scene.show({})
    scene.tick()

    expect(scene.did('inspect')).toBeUndefined()
    expect(scene.state.role).toMatchObject({ kind: 'following', inquiry: undefined })
  })

  test('is silent and has lost its lease campaigns without asking', () => {
    const scene = Scene.following()
    const { stream } = scene
    scene.show({
      live: new Map([
        [2, liveOf(2)],
        [3, liveOf(3)],
      ]),
    })
    scene.winSwap()
    scene.show({})
    expect(scene.stream).toBe(stream)

    scene.pass(1_200)

    expect(scene.state.role).toMatchObject({ kind: 'candidate', trigger: 'lease-gone' })
  })

  // Deposing it would cost a gap; a hand-over costs none.
  test('is heard and has lost its lease is asked to hand over', () => {
    const scene = Scene.following()
    scene.show({
      live: new Map([
        [2, liveOf(2)],
        [3, liveOf(3)],
      ]),
    })
    scene.winSwap()
    scene.show({})
    const frames = []
    for (let beat = 1; beat <= 51; beat += 1) {
      scene.frame({ kind: 'beat', number: beat, lostElector: true, heard: beat })
      for (const action of scene.pass(200)) {
        if (action.kind === 'send-to-master') frames.push(action.frame.kind)
      }
    }

    expect(scene.role).toBe('following')
    expect(frames.filter((kind) => kind === 'hand-over-wanted')).toHaveLength(1)
  })

  // Whoever slept has not listened: the silence was its own.
  test('was not heard because this process slept is not blamed', () => {
    const scene = Scene.following()
    scene.nowMs += 5_000
    scene.tick()
    scene.pass(1_100)

    expect(scene.did('inspect')).toBeUndefined()
    expect(scene.role).toBe('following')
  })
})

describe('a candidate', () => {
  test('goes at once if its log is the best, and drops the old master', () => {
    const scene = candidate()
    scene.inspects(roundOf(scene), { maxOffset: commitLogOffset(99) })

    expect(scene.did('swap')?.transaction.kind).toBe('elect')
    expect(scene.state.pending?.next).toMatchObject({
      epoch: 6,
      inSync: new Map([
        [2, 1],
        [3, 1],
      ]),
    })
  })

  // The second would depose the first, and the third the second.
  test('gives a better one time, and gives up when that one has won', () => {
    const scene = candidate()
    scene.inspects(roundOf(scene), { maxOffset: commitLogOffset(101) })
    expect(scene.did('swap')).toBeUndefined()

    scene.show({ state: { ...groupOfThree, epoch: 6, master: 3 } })

    expect(scene.role).toBe('following')
    expect(
      scene.did('follow') ?? scene.pass(100).find(({ kind }) => kind === 'follow'),
    ).toMatchObject({ brokerId: 3 })
  })

  test('does not wait for one that is better but not trusted', () => {
    const scene = candidate()
    scene.inspects(roundOf(scene), { maxOffset: commitLogOffset(101), trustedSince: 2 })

    expect(scene.did('swap')?.transaction.kind).toBe('elect')
  })

  // Somebody else may be added in its place meanwhile; it would wait for ever.
  test('gives up when it has left the set', () => {
    const scene = candidate()
    const inSync = new Map([
      [1, 1],
      [3, 1],
    ])
    scene.show({ state: { ...groupOfThree, inSync } })

    expect(scene.role).toBe('following')
  })

  // RocketMQ and others retried with another transaction, or took silence for a defeat.
  test('sends the same transaction again when the answer was lost, and knows its own work', () => {
    const scene = candidate()
    scene.pass(100)
    const first = scene.did('swap')
    scene.answerSwap({ kind: 'unknown' })
    expect(scene.role).toBe('candidate')

    scene.pass(100)
    expect(scene.did('swap')).toEqual(first)
    scene.takeEffect()
    scene.answerSwap({ kind: 'lost', view: scene.view })

    expect(scene.role).toBe('promoting')
  })

  test('also learns from a view that it has won', () => {
    const scene = candidate()
    scene.pass(100)
    scene.answerSwap({ kind: 'unknown' })
    scene.takeEffect()
    scene.show({})

    expect(scene.role).toBe('promoting')
  })

  test('follows whoever won instead', () => {
    const scene = candidate()
    scene.pass(100)
    const state = { revision: 90 as Revision, value: { ...groupOfThree, epoch: 6, master: 3 } }
    scene.answerSwap({ kind: 'lost', view: { ...scene.view, revision: 90 as Revision, state } })

    expect(scene.role).toBe('following')
    expect(scene.did('keep-member')?.member.lastSeenEpoch).toBe(6)
  })

  test.each([
    ['is not trusted', { member: { incarnation: 2, trustedSince: 2 } }],
    ['only observes', { self: { isObserver: true } }],
  ])('is nobody who %s', (_, options) => {
    const scene = Scene.following(options)
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })

    expect(scene.role).toBe('following')
  })

  test('is nobody whose disk is full', () => {
    const scene = Scene.following()
    scene.tell({
      kind: 'tick',
      lease: { id: 'lease', validUntilMs: scene.nowMs + 2_000 },
      disk: { isFull: true, isStalled: false },
    })
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })

    expect(scene.role).toBe('following')
  })
})

describe('a promotion', () => {
  // A crash may fall between any two of them.
  test('remembers the epoch, writes it down, and only then writes in it', () => {
    const scene = candidate()
    scene.pass(100)
    scene.winSwap()

    expect(scene.kinds()).toEqual([
      'keep-member',
      'complete-tail',
      'append-epoch',
      'append-opening',
    ])

    scene.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })

    expect(scene.kinds()).toEqual(['accept-writes'])
  })

  // It has heard of the epoch before this member has opened it; sent away, it would come back late.
  test('takes in a slave that said hello too early', () => {
    const scene = Scene.following()
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })
    scene.pass(scene.context.settings.canvassMs)
    scene.slave(8, earlyHello(scene))
    expect(scene.did('send-to-slave')).toBeUndefined()
    scene.winSwap()

    scene.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })

    expect(scene.did('send-to-slave')).toMatchObject({
      stream: 8,
      frame: { message: { kind: 'welcome' } },
    })
  })

  // Nobody would ever hear that its stream is over, and it could not be forgotten any more.
  test('takes nobody in who said hello too early and has left since', () => {
    const scene = candidate()
    scene.pass(100)
    scene.slave(8, earlyHello(scene))
    scene.slave(8, { kind: 'leaving' })
    expect(scene.did('close-slave')?.stream).toBe(8)
    scene.winSwap()

    scene.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })

    expect(scene.role).toBe('master')
    expect(scene.did('send-to-slave')).toBeUndefined()
  })

  test('ends in stepping down if a later epoch was seen meanwhile', () => {
    const scene = candidate()
    scene.pass(100)
    scene.winSwap()
    scene.tell({ kind: 'epoch-seen', epoch: 7 })
    expect(scene.role).toBe('promoting')

    scene.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })

    expect(scene.role).toBe('following')
    expect(scene.did('refuse-writes')).toBeDefined()
  })
})

function earlyHello(scene: Scene): Hello {
  const { history, minOffset, maxOffset, confirmOffset } = scene.state.log
  return {
    kind: 'hello',
    member: { brokerId: 3, incarnation: 1, storeId: 'store-3' },
    lastSeenEpoch: 6,
    history,
    minOffset,
    maxOffset,
    confirmOffset,
    isObserver: false,
  }
}

function candidate(): Scene {
  const scene = Scene.following()
  scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })
  return scene
}

/** A slave that asks the others about its silent master. */
function silent(): Scene {
  const scene = Scene.following()
  scene.pass(1_200)
  return scene
}

/** A slave whose stream has ended, and that asks the others why nothing comes of dialling again. */
function broken(group = groupOfThree): { scene: Scene; round: number; askedAfterMs: number } {
  const scene = Scene.following({ group })
  scene.frame({ kind: 'beat', number: 1, lostElector: false, heard: 0 })
  const endedAtMs = scene.nowMs
  scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'closed' })
  while (scene.did('inspect') === undefined) scene.pass(100)
  return { scene, round: roundOf(scene), askedAfterMs: scene.nowMs - endedAtMs }
}

/** Beats come, and show that the master has heard echoes up to one of them. */
function beaten(
  scene: Scene,
  {
    from = 1,
    beats,
    heardTo,
    elector = 'there',
  }: { from?: number; beats: number; heardTo: number; elector?: 'there' | 'away' },
): { inquiry: Inquiry | undefined } {
  let inquiry: Inquiry | undefined
  for (let number = from; number < from + beats && scene.role === 'following'; number += 1) {
    const heard = Math.min(heardTo, number)
    scene.frame({ kind: 'beat', number, lostElector: false, heard })
    if (elector === 'there') scene.show({})
    else scene.tell({ kind: 'not-viewed', reason: 'unreachable' })
    scene.pass(200)
    const { role } = scene.state
    inquiry ??= role.kind === 'following' ? role.inquiry : undefined
  }
  return { inquiry }
}

function roundOf(scene: Scene): number {
  const inspect = scene.did('inspect')
  if (inspect === undefined) throw new Error('nobody was asked')
  return inspect.round
}
