import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { Revision } from './elector.ts'
import { liveOf, memberOf, Scene } from './testing/scene.ts'

const FORGET = { id: 'x', kind: 'forget', brokerId: 4 } as const

describe('a master that is told to forget a member', () => {
  test('does so, and removes the command in the same transaction', () => {
    const scene = masterOfFour()
    scene.show({ command: FORGET })
    scene.tick()
    const { state, command } = scene.view
    expect(scene.state.pending?.transaction).toMatchObject({
      kind: 'forget',
      guards: [{ revision: state?.revision }, { revision: command?.revision }],
    })

    scene.winSwap()

    expect(scene.view.members.has(4)).toBe(false)
    expect(scene.view.command).toBeUndefined()
    expect(scene.role).toBe('master')
  })

  // Who is in the set may be the next master, and nobody would know where it is.
  test('does not forget one that is in sync', () => {
    const scene = masterOfFour()
    scene.show({ command: { ...FORGET, brokerId: 3 } })
    scene.tick()

    expect(scene.state.pending).toBeUndefined()
  })

  // It would take its place again at once, and the operator would wonder.
  test('does not forget one that follows', () => {
    const scene = masterOfFour()
    scene.joins(4)
    scene.show({ command: FORGET })
    scene.tick()

    expect(scene.state.pending?.transaction.kind).not.toBe('forget')
  })
})

describe('a command that nobody carries out', () => {
  // Some day its member is in sync, and the master would go without anybody asking.
  test('is taken back after a while', () => {
    const scene = masterOfFour()
    scene.show({ command: { id: 'x', kind: 'hand-over', to: 4 } })
    scene.pass(29_000)
    expect(scene.did('swap')).toBeUndefined()

    scene.pass(2_000)

    expect(scene.did('swap')?.transaction).toMatchObject({
      kind: 'withdraw',
      guards: [{ key: { kind: 'command' }, revision: scene.view.command?.revision }],
    })
  })

  test('begins its time anew when it is given anew', () => {
    const scene = masterOfFour()
    scene.show({ command: { id: 'x', kind: 'hand-over', to: 4 } })
    scene.pass(29_000)
    scene.show({ command: { id: 'y', kind: 'hand-over', to: 4 } })
    scene.pass(29_000)

    expect(scene.did('swap')).toBeUndefined()
  })

  test.each<[string, Parameters<Scene['show']>[0]['command']]>([
    ['to hand over to the one who is master', { id: 'x', kind: 'hand-over', to: 2 }],
    [
      'to elect somebody while there is a master',
      {
        id: 'x',
        kind: 'elect',
        to: 4,
        stateRevision: 1 as Revision,
        confirmedTo: commitLogOffset(0),
      },
    ],
  ])('is taken back at once if it is %s', (_, command) => {
    const scene = masterOfFour()
    if (command === undefined) return
    scene.show({ command })
    scene.tick()

    expect(scene.state.pending?.transaction.kind).toBe('withdraw')
  })
})

/** Broker 2 is master and has broker 3 in sync; broker 4 is known and away. */
function masterOfFour(): Scene {
  const scene = Scene.master()
  scene.joins(3)
  scene.acknowledges(3)
  scene.show({
    members: new Map([1, 2, 3, 4].map((id) => [id, memberOf(id)])),
    live: new Map([2, 3].map((id) => [id, liveOf(id)])),
  })
  // Its own key is another one now, and it takes its place again.
  while (scene.state.pending !== undefined) scene.winSwap()
  return scene
}
