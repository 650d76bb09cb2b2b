import { commitLogOffset } from '@cometmq/protocol'
import type { LogFields, Logger } from '@cometmq/runtime'
import { VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { Happening } from '../events.ts'
import { groupOfThree, Scene } from '../testing/scene.ts'
import { Chronicle } from './chronicle.ts'
import { memberStatus } from './member-status.ts'

describe('the chronicle of a member', () => {
  test('tells in three lines how a slave became master, why, and how long it took', () => {
    const { scene, told, chronicle } = followed(Scene.following())
    scene.nowMs += 150
    told.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })
    told.pass(100)
    told.winSwap()
    told.tell({ kind: 'epoch-opened', epoch: 6, end: commitLogOffset(101) })
    told.tell({ kind: 'flushed', offset: commitLogOffset(101) })
    scene.nowMs += 30
    told.joins(3)
    told.acknowledges(3)

    expect(told.lines.map(({ sentence }) => sentence)).toEqual([
      'broker group member is candidate',
      'broker group member is master',
      'reign of the broker group is settled',
    ])
    expect(told.lines.map(({ fields }) => fields)).toMatchObject([
      { endsEpoch: 5, reason: 'process-gone', silentMs: 150 },
      { epoch: 6, reason: 'process-gone', silentMs: 150, tookMs: 100 },
      { epoch: 6, tookMs: 130 },
    ])
    expect(chronicle.counters.elections).toEqual(new Map([['process-gone', 1]]))
    expect(chronicle.changes).toMatchObject([
      { epoch: 6, master: 2, previousMaster: 1, times: { silentMs: 150, tookMs: 130 } },
    ])
  })

  test('tells who joined and left the in-sync set, and why', () => {
    const { told, scene } = followed(Scene.master())
    told.joins(3)
    told.acknowledges(3)
    told.tell({ kind: 'slave-frame', stream: 3, frame: { kind: 'leaving' } })
    // Two of three must stay.
    expect(scene.state.pending).toBeUndefined()
    told.show({ state: { ...stateOf(scene), inSync: new Map([[2, 1]]), attempt: 'x' } })

    expect(told.lines.at(-1)).toMatchObject({
      sentence: 'in-sync set has changed',
      fields: { epoch: 6, joined: [], left: [3], reason: 'gone', inSync: [2] },
    })
  })

  test('counts what is cut, what transactions came to, and alarms', () => {
    const { told, chronicle, scene } = followed(Scene.joined(groupOfThree))
    told.tell({ kind: 'not-viewed', reason: 'unreachable' })

    expect(chronicle.counters.alarms).toEqual(new Map([['elector_down', 1]]))
    expect(
      memberStatus(scene.context, scene.state, { chronicle, isLogDamaged: false }).alarms,
    ).toEqual(['elector_down'])
  })

  // A queue that stands still shows here before anybody complains.
  test('knows for how long something has waited to be confirmed', () => {
    const { told, chronicle, scene } = followed(Scene.master())
    told.joins(3)
    told.acknowledges(3)
    expect(chronicle.confirmLagMs(scene.nowMs)).toBe(0)
    told.tell({ kind: 'appended', maxOffset: commitLogOffset(110) })
    scene.nowMs += 40

    expect(chronicle.confirmLagMs(scene.nowMs)).toBe(40)
    told.tell({ kind: 'flushed', offset: commitLogOffset(110) })
    told.acknowledges(3)
    expect(chronicle.confirmLagMs(scene.nowMs)).toBe(0)
  })

  test('shows a master how far each member is', () => {
    const { told, chronicle, scene } = followed(Scene.master())
    told.joins(3)
    told.acknowledges(3)
    told.tell({ kind: 'appended', maxOffset: commitLogOffset(151) })
    scene.nowMs += 20

    const nowMs = scene.nowMs
    const { replicas } = memberStatus(
      scene.context,
      { ...scene.state, nowMs },
      { chronicle, isLogDamaged: false },
    )

    expect(replicas).toMatchObject([
      { memberId: 1, isInSync: false, lagBytes: undefined },
      { memberId: 3, isInSync: true, lagBytes: 50, heardAgoMs: 20 },
    ])
  })
})

function stateOf({ view }: Scene) {
  if (view.state === undefined) throw new Error('there is no state')
  return view.state.value
}

/** A scene whose every step from now on is seen by a chronicle. */
function followed(scene: Scene) {
  const lines: { readonly fields: LogFields; readonly sentence: string }[] = []
  const say = (fields: LogFields, sentence: string): void => void lines.push({ fields, sentence })
  const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log }
  const chronicle = new Chronicle({ clock: new VirtualClock(), log })
  const tell = scene.tell.bind(scene)
  scene.tell = (happening: Happening) => {
    const before = scene.state
    const actions = tell(happening)
    chronicle.stepped({ before, happening, after: scene.state, actions })
    return actions
  }
  return { scene, chronicle, told: Object.assign(scene, { lines }) }
}
