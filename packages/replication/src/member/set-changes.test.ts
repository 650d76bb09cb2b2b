import { expect, test } from 'vitest'
import type { Reign } from '../replica.ts'
import { Scene } from '../testing/scene.ts'
import { changesOfSet } from './set-changes.ts'

// Which of these it was decides what the operator does about it.
test('a member leaves the set for a reason that its master knows', () => {
  const scene = Scene.master()
  scene.joins(3)
  scene.joins(4)
  const was = new Map([2, 3, 4, 5, 6].map((id) => [id, 1] as const))
  const reign: Reign = { ...reignOf(scene), departed: new Set([5]) }
  const full = { isFull: true, isStalled: false }
  const peer = reign.peers.get(3)
  if (peer === undefined) throw new Error('nobody joined')
  const peers = new Map(reign.peers).set(3, { ...peer, disk: full }).set(4, peer)

  const changes = changesOfSet({ was, is: new Map([[2, 1]]), reign: { ...reign, peers } })

  expect(changes.map(({ brokerId, why }) => [brokerId, why])).toEqual([
    [3, 'disk-full'],
    [4, 'slow'],
    [5, 'gone'],
    [6, 'disconnected'],
  ])
})

// A member that was restarted is another one, and is let in anew.
test('a member that comes back under its next incarnation joins', () => {
  const reign = reignOf(Scene.master())

  const changes = changesOfSet({ was: new Map([[3, 1]]), is: new Map([[3, 2]]), reign })

  expect(changes).toEqual([{ brokerId: 3, joins: true, why: 'level' }])
})

function reignOf({ state }: Scene): Reign {
  if (!('reign' in state.role)) throw new Error(`${state.role.kind} has no reign`)
  return state.role.reign
}
