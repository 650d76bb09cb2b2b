import { commitLogOffset } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import type { GroupView } from './elector.ts'
import type { Command } from './group-records.ts'
import type { GroupState } from './group-state.ts'
import type { Revision } from './revision.ts'
import { groupOfThree, liveOf, memberOf } from './testing/scene.ts'
import { checkWish, commandOf, progressOf, type Wish, type Witness } from './wishes.ts'

const AT = 7 as Revision

describe('a wish of an operator', () => {
  test.each<[string, Wish, string]>([
    ['hand over to one that is not in sync', { kind: 'hand-over', to: 4 }, 'MEMBER_UNFIT'],
    ['hand over to the master', { kind: 'hand-over', to: 1 }, 'MEMBER_UNFIT'],
    ['hand over to nobody it knows', { kind: 'hand-over', to: 9 }, 'BROKER_NOT_FOUND'],
    // The group would wait for somebody whom nobody can find.
    ['forget one that is in sync', { kind: 'forget', brokerId: 3 }, 'MEMBER_UNFIT'],
    // It would take its place again at once.
    ['forget one that runs', { kind: 'forget', brokerId: 4 }, 'BROKER_ACTIVE'],
  ])('to %s is refused', (_, wish, code) => {
    expect(() => checkWish(viewOf(), wish, [])).toThrow(expect.objectContaining({ code }))
  })

  test('to hand over to one that started again since it was added is refused', () => {
    const view = viewOf({ live: new Map([[3, { revision: AT, value: liveOf(3, 2) }]]) })

    expect(() => checkWish(view, { kind: 'hand-over', to: 3 }, [])).toThrow(/is not in sync/)
  })

  test.each<[Wish]>([
    [{ kind: 'hand-over', to: undefined }],
    [{ kind: 'hand-over', to: 3 }],
    [{ kind: 'forget', brokerId: 5 }],
  ])('that makes sense is passed on: %j', (wish) => {
    checkWish(viewOf(), wish, [])

    expect(commandOf(wish, { id: 'x', view: viewOf(), witnesses: [] })).toEqual({
      id: 'x',
      ...wish,
    })
  })
})

describe('an election at a loss', () => {
  const wish = { kind: 'elect', to: 4 } as const
  const nobodyLives = viewOf({ live: new Map([[4, { revision: AT, value: liveOf(4) }]]) })

  test('is asked for when nobody in sync is there, with what is known to be confirmed', () => {
    const witnesses = [witness(4), witness(5, { confirmOffset: 80 })]
    checkWish(nobodyLives, wish, witnesses)

    const command = commandOf(wish, { id: 'x', view: nobodyLives, witnesses })

    expect(command).toEqual({ id: 'x', ...wish, stateRevision: AT, confirmedTo: 80 })
  })

  // Nothing has to be lost: it holds everything.
  test('is refused while a trusted member of the set answers', () => {
    const witnesses = [witness(4), witness(2)]

    expect(() => checkWish(nobodyLives, wish, witnesses)).toThrow(/member 2 .* without any loss/)
  })

  // It may be a master that serves its clients, behind a broken link.
  test('is refused while one of the set holds a lease, though it does not answer', () => {
    const live = new Map([[1, { revision: AT, value: liveOf(1) }]])

    expect(() => checkWish(viewOf({ live }), wish, [witness(4)])).toThrow(
      expect.objectContaining({ code: 'BROKER_ACTIVE' }),
    )
  })

  // Else a group of which one is gone for good and one lost its trust could never go on.
  test('is asked for when those of the set that are there cannot be elected', () => {
    const lost = witness(2, { trustedSince: 2 })
    const stuck = witness(3, { role: 'quarantined', electable: false })

    expect(() => checkWish(nobodyLives, wish, [witness(4), lost, stuck])).not.toThrow()
  })

  test('is refused if the one to be elected cannot be', () => {
    const full = witness(4, { electable: false })

    expect(() => checkWish(nobodyLives, wish, [full])).toThrow(/cannot be master/)
    expect(() => checkWish(nobodyLives, wish, [])).toThrow(/does not answer/)
  })
})

describe('a command', () => {
  const handOver: Command = { id: 'x', kind: 'hand-over', to: 3 }
  const next: GroupState = { ...groupOfThree, epoch: 6, master: 3, reason: 'hand-over' }

  test.each<[string, Partial<GroupView>, Command, object]>([
    ['while it is there', { command: given(handOver) }, handOver, { kind: 'open' }],
    ['when the member is master', { state: stateOf(next) }, handOver, { kind: 'done' }],
    [
      'when the member did not take over',
      { state: stateOf({ ...next, master: 1, reason: 'retake' }) },
      handOver,
      { kind: 'failed', why: expect.stringContaining('member 1 goes on') },
    ],
    [
      'when somebody else is master',
      { state: stateOf({ ...next, master: 2, reason: 'process-gone' }) },
      handOver,
      { kind: 'failed', why: expect.stringContaining('process-gone') },
    ],
    ['when it is gone and nothing happened', {}, handOver, { kind: 'failed' }],
    [
      'when the member is there no longer',
      {},
      { id: 'x', kind: 'forget', brokerId: 9 },
      { kind: 'done' },
    ],
    [
      'when the member is still there',
      {},
      { id: 'x', kind: 'forget', brokerId: 4 },
      { kind: 'failed' },
    ],
  ])('has come so far %s', (_, changes, command, progress) => {
    expect(progressOf(command, groupOfThree, viewOf(changes))).toMatchObject(progress)
  })
})

/** Members 1 to 3 are in sync, 4 runs and 5 does not. */
function viewOf(changes: Partial<GroupView> = {}): GroupView {
  return {
    revision: AT,
    clusterId: 'elector',
    state: stateOf(groupOfThree),
    nextId: undefined,
    command: undefined,
    members: new Map([1, 2, 3, 4, 5].map((id) => [id, { revision: AT, value: memberOf(id) }])),
    live: new Map([1, 2, 3, 4].map((id) => [id, { revision: AT, value: liveOf(id) }])),
    ...changes,
  }
}

function stateOf(value: GroupState) {
  return { revision: AT, value }
}

function given(value: Command) {
  return { revision: AT, value }
}

function witness(brokerId: number, changes: Partial<Witness['answer']> = {}): Witness {
  const answer = {
    role: 'following',
    trustedSince: 1,
    electable: true,
    confirmOffset: commitLogOffset(70),
    ...changes,
  }
  return { brokerId, answer }
}
