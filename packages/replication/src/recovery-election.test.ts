import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
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

  test('elects whom an operator names', () => {
    const scene = untrusted({ recoversByItself: false })
    scene.show({ command: { id: 'x', kind: 'elect', to: 2 } })

    expect(scene.state.pending?.next).toMatchObject({ possibleLoss: { cause: 'operator' } })
  })
})

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
