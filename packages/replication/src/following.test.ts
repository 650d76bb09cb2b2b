import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { MasterMessage } from './frames.ts'
import type { LogState } from './log-state.ts'
import { groupOfThree, logOf, Scene } from './testing/scene.ts'

describe('a slave', () => {
  // Remembered first: a crash in between must not let it follow a ghost with what is left.
  test('remembers the epoch, cuts, compares, and only then is ready', () => {
    const scene = Scene.joined(groupOfThree, {
      log: logOf(100, [4, 0]),
      member: { lastSeenEpoch: 4 },
    })
    scene.frame(welcome(logOf(90, [4, 0], [6, 80]), 80), 6)

    expect(scene.kinds()).toEqual(['keep-member', 'read', 'truncate', 'check-tail'])
    expect(scene.did('keep-member')?.member.lastSeenEpoch).toBe(6)
    expect(scene.did('truncate')?.to).toBe(80)

    scene.tell({ kind: 'tail-checked', stream: scene.stream, matches: true })

    expect(scene.did('send-to-master')?.frame).toEqual({ kind: 'ready', next: 80, flushed: 80 })
  })

  // Two histories under one name: the bytes differ although the epochs do not.
  test('keeps every byte and stops if its tail is another one', () => {
    const scene = Scene.joined(groupOfThree, { log: logOf(100, [5, 0]) })
    scene.frame(welcome(logOf(100, [5, 0]), 100))
    scene.tell({ kind: 'tail-checked', stream: scene.stream, matches: false })

    expect(scene.role).toBe('quarantined')
    expect(scene.did('truncate')).toBeUndefined()
  })

  test('stops if the master computes another point than itself', () => {
    const scene = Scene.joined(groupOfThree, { log: logOf(100, [5, 0]) })
    scene.frame(welcome(logOf(100, [5, 0]), 90))

    expect(scene.role).toBe('quarantined')
    expect(scene.did('truncate')).toBeUndefined()
  })

  // Somebody was told that those messages are safe.
  test('cuts nothing that was confirmed', () => {
    const scene = Scene.joined(groupOfThree, { log: confirmed(95, logOf(100, [4, 0])) })
    scene.frame(welcome(logOf(90, [4, 0], [5, 90]), 90))

    expect(scene.role).toBe('quarantined')
    expect(scene.did('truncate')).toBeUndefined()
  })

  // An election that took the loss: the group goes on without them, and so must this member.
  test('gives up what was confirmed if an election since has taken the loss', () => {
    const possibleLoss = {
      epoch: 5,
      cause: 'recovery',
      keptTo: commitLogOffset(90),
      confirmedTo: commitLogOffset(95),
    } as const
    const scene = Scene.joined(
      { ...groupOfThree, possibleLoss },
      { log: confirmed(95, logOf(100, [4, 0])) },
    )
    scene.frame(welcome(logOf(90, [4, 0], [5, 90]), 90))

    expect(scene.kinds()).toEqual(['alarm', 'forget-confirmed', 'truncate', 'check-tail'])
    expect(scene.state.log.confirmOffset).toBe(90)
  })

  // It does not know of the state of that epoch yet, which may explain the loss.
  test('reads the elector before it judges a loss', () => {
    const scene = Scene.joined(groupOfThree, { log: confirmed(95, logOf(100, [4, 0])) })
    scene.frame(welcome(logOf(90, [4, 0], [6, 90]), 90), 6)

    expect(scene.role).toBe('following')
    expect(scene.kinds()).toEqual(['keep-member', 'read', 'leave-stream'])
  })

  // A master that has not heard yet that its epoch is over: following it would undo what this
  // member acknowledged since.
  test('does not follow a ghost', () => {
    const scene = Scene.joined(groupOfThree, { log: logOf(100, [5, 0]) })
    scene.frame(welcome(logOf(80, [4, 0]), 0), 4)

    expect(scene.kinds()).toEqual(['read', 'leave-stream'])
    expect(scene.role).toBe('following')
  })

  test('leaves its master when the state names a later epoch', () => {
    const scene = Scene.following()
    const { stream } = scene
    scene.show({ state: { ...groupOfThree, epoch: 6, master: 3 } })

    expect(scene.did('leave-stream')?.stream).toBe(stream)
    expect(scene.did('follow')).toMatchObject({ brokerId: 3, hello: { lastSeenEpoch: 6 } })
  })

  // Else a crash leaves bytes in the log of which nobody knows who wrote them.
  // Everything waits for it after a hand-over: the one before refuses it before it knows of the next.
  test('dials the next master at once, however lately the one before refused it', () => {
    const scene = Scene.following()
    scene.frame({ kind: 'beat', number: 1, lostElector: false, heard: 0 })
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'closed' })
    scene.frame({ kind: 'refusal', reason: 'not-master' })

    scene.show({ state: { ...groupOfThree, epoch: 6, master: 3 } })

    expect(scene.did('follow')?.brokerId).toBe(3)
  })

  // A master that cannot read what this one lacks breaks each stream off as soon as it stands: they
  // would do nothing else any more.
  test('takes its time where a stream ends before it has carried a beat', () => {
    const scene = Scene.following()
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'closed' })
    scene.show({})

    expect(scene.did('follow')).toBeUndefined()
    scene.pass(100)
    expect(scene.did('follow')?.brokerId).toBe(1)
  })

  test('writes down an epoch before its first byte', () => {
    const scene = Scene.following()
    scene.frame(data(100, 10, [5, 0]))
    expect(scene.kinds()).toEqual(['append-raw'])

    scene.show({ state: { ...groupOfThree, epoch: 7 } })
    scene.frame(welcome(logOf(120, [5, 0], [7, 110]), 110), 7)
    scene.tell({ kind: 'tail-checked', stream: scene.stream, matches: true })
    scene.frame(data(110, 10, [7, 110]), 7)

    expect(scene.kinds()).toEqual(['append-epoch', 'append-raw'])
  })

  test.each<[string, MasterMessage, number]>([
    ['a gap', data(101, 10, [5, 0]), 5],
    ['bytes that it has', data(99, 10, [5, 0]), 5],
    ['an epoch that should have begun before', data(100, 10, [6, 90]), 5],
    ['an older epoch than its last', data(100, 10, [4, 100]), 5],
    ['a frame of another epoch', data(100, 10, [5, 0]), 6],
  ])('starts again with its hello after %s', (_, message, epoch) => {
    const scene = Scene.following()
    scene.frame(message, epoch)

    expect(scene.did('leave-stream')).toBeDefined()
    expect(scene.did('append-raw')).toBeUndefined()
    scene.show({})
    scene.pass(100)
    expect(scene.did('follow')).toMatchObject({ brokerId: 1, hello: { maxOffset: 100 } })
  })

  // A confirm offset beyond its own log would let it show what it does not have.
  test('learns what is confirmed as far as it holds it', () => {
    const scene = Scene.following()
    const message: MasterMessage = { kind: 'beat', number: 1, lostElector: false, heard: 1 }
    const confirmOffset = commitLogOffset(120)
    const frame = { epoch: 5, confirmOffset, maxOffset: confirmOffset, message }
    scene.tell({ kind: 'stream-frame', stream: scene.stream, frame })

    expect(scene.did('confirm')?.offset).toBe(100)
    expect(scene.did('send-to-master')?.frame).toMatchObject({ kind: 'ack', beat: 1 })
  })

  test('acknowledges what is flushed, and not a sync that was under way when it was cut', () => {
    const scene = Scene.following()
    scene.frame(data(100, 10, [5, 0]))
    scene.tell({ kind: 'flushed', offset: commitLogOffset(110) })
    expect(scene.did('send-to-master')?.frame).toMatchObject({ received: 110, flushed: 110 })

    scene.tell({ kind: 'flushed', offset: commitLogOffset(500) })

    expect(scene.state.log.flushedOffset).toBe(110)
  })
})

function welcome({ history, minOffset }: LogState, cutTo: number): MasterMessage {
  return { kind: 'welcome', history, minOffset, cutTo: commitLogOffset(cutTo) }
}

function data(
  offset: number,
  byteLength: number,
  [epoch, start]: readonly [number, number],
): MasterMessage {
  return {
    kind: 'data',
    offset: commitLogOffset(offset),
    wroteIt: { epoch, start: commitLogOffset(start) },
    records: { byteLength },
  }
}

function confirmed(offset: number, log: LogState): LogState {
  return { ...log, confirmOffset: commitLogOffset(offset) }
}
