import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { Revision } from './elector.ts'
import type { Command } from './group-records.ts'
import type { ReplicationSettings } from './settings.ts'
import { groupOfThree, logOf, Scene } from './testing/scene.ts'

describe('a group of which every in-sync member lost its trust', () => {
  test('elects the best log that is left, and says what may be lost', () => {
    const scene = untrusted()
    const round = askedBy(scene)
    answer(scene, round, 1, 90)
    expect(scene.state.pending).toBeUndefined()
    answer(scene, round, 3, 95)

    expect(scene.state.pending?.transaction.kind).toBe('recover')
    expect(scene.state.pending?.next).toMatchObject({
      epoch: 6,
      inSync: new Map([[2, 2]]),
      possibleLoss: { epoch: 6, cause: 'recovery', keptTo: 100, confirmedTo: 97 },
    })
  })

  // A power cut would take what it was elected for, and nobody would be told.
  test('elects nobody whose log is not on disk', () => {
    const scene = untrusted()
    const log = { ...scene.state.log, flushedOffset: commitLogOffset(90) }
    scene.state = { ...scene.state, log }
    const round = askedBy(scene)
    answer(scene, round, 1, 90)
    answer(scene, round, 3, 95)
    expect(scene.role).toBe('following')

    scene.tell({ kind: 'flushed', offset: commitLogOffset(100) })
    scene.pass(100)

    expect(scene.state.pending?.transaction.kind).toBe('recover')
  })

  test('leaves it to a member with a better log', () => {
    const scene = untrusted()
    const round = askedBy(scene)
    answer(scene, round, 1, 110)
    answer(scene, round, 3, 95)

    expect(scene.role).toBe('following')
  })

  test('waits for a member that is away', () => {
    const scene = untrusted()
    answer(scene, askedBy(scene), 1, 90)
    scene.pass(2_000)

    expect(scene.role).toBe('following')
  })

  test('waits for an operator if it is told to', () => {
    const scene = untrusted({ recoversByItself: false })

    expect(scene.did('inspect')).toBeUndefined()
  })

  test('elects whom an operator names, and keeps what was told to be confirmed', () => {
    const scene = untrusted({ recoversByItself: false })
    scene.show({ command: electOf(scene) })

    expect(scene.state.pending?.next).toMatchObject({
      possibleLoss: { cause: 'operator', keptTo: 100, confirmedTo: 97 },
    })
  })

  // An operator who thought better of it must not be surprised by an answer that was on its way.
  test('elects nobody by a command that was taken back meanwhile', () => {
    const scene = untrusted({ recoversByItself: false })
    scene.show({ command: electOf(scene) })

    expect(scene.state.pending?.transaction.guards).toContainEqual({
      kind: 'unchanged',
      key: { kind: 'command' },
      revision: scene.view.command?.revision,
    })
  })

  // Else a command from an outage that is over would depose a master who is well, at a loss.
  test('does not elect whom an operator named before something else happened', () => {
    const scene = untrusted({ recoversByItself: false })
    const command = electOf(scene)
    scene.show({ state: { ...groupOfThree, attempt: '1.1.2' }, command })
    scene.pass(5_000)

    expect(scene.state.pending).toBeUndefined()
    expect(scene.role).toBe('following')
  })

  test('does not elect whom an operator named while a master is heard', () => {
    const scene = Scene.following()
    scene.show({ command: electOf(scene) })
    scene.tick()

    expect(scene.state.pending).toBeUndefined()
  })
})

function electOf(scene: Scene): Command {
  const stateRevision = scene.view.state?.revision ?? (0 as Revision)
  return { id: 'x', kind: 'elect', to: 2, stateRevision, confirmedTo: commitLogOffset(97) }
}

function untrusted(settings: Partial<ReplicationSettings> = {}): Scene {
  const scene = Scene.joined(groupOfThree, {
    settings,
    member: { incarnation: 2, trustedSince: 2 },
    log: logOf(100, [5, 0]),
  })
  scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'closed' })
  scene.pass(1_200)
  return scene
}

function askedBy(scene: Scene): number {
  const inspect = scene.did('inspect')
  expect(inspect?.brokerIds).toEqual([1, 3])
  return inspect?.round ?? 0
}

function answer(scene: Scene, round: number, brokerId: number, max: number): void {
  scene.inspects(round, {
    brokerId,
    incarnation: 2,
    trustedSince: 2,
    maxOffset: commitLogOffset(max),
    confirmOffset: commitLogOffset(97),
  })
}
