import { VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { GroupView, Revision } from '../elector.ts'
import type { GroupState } from '../group-state.ts'
import { groupOfThree } from '../testing/scene.ts'
import { type AdoptedGroup, adopt, adoption } from './adopt.ts'
import { OwnKeys } from './own-keys.ts'

const group: AdoptedGroup = {
  epoch: 7,
  master: 2,
  minInSync: 2,
  members: [1, 2, 3].map((brokerId) => ({
    brokerId,
    storeId: `store-${brokerId}`,
    incarnation: 10 + brokerId,
    address: `host-${brokerId}:10911`,
  })),
}

describe('an elector that takes a group over', () => {
  // With anybody else in sync, a slave that lacks what the master acknowledges meanwhile could win.
  test('is told of the present master, and of nobody else in sync', () => {
    const state = stateOf(adoption(viewOf(undefined), group))

    expect(state).toMatchObject({ epoch: 7, master: 2, masterIncarnation: 12, memberCount: 3 })
    expect([...(state?.inSync ?? [])]).toEqual([[2, 12]])
  })

  test('is told of every member, and gives new ones later numbers', () => {
    const { writes } = adoption(viewOf(undefined), group)

    expect(
      writes.flatMap((write) => (write.kind === 'put-member' ? [write.brokerId] : [])),
    ).toEqual([1, 2, 3])
    expect(writes).toContainEqual({ kind: 'put-next-id', value: 4 })
  })

  // It decides already: another word beside its own would make two masters.
  test('is left alone if it knows the group', () => {
    expect(() => adoption(viewOf(groupOfThree), group)).toThrow(
      expect.objectContaining({ code: 'NOT_ALLOWED' }),
    )
  })

  test('is told anew while nothing has come of it', () => {
    const first = stateOf(adoption(viewOf(undefined), group))

    const again = stateOf(adoption(viewOf(first), { ...group, epoch: 8, master: 1 }))

    expect(again).toMatchObject({ epoch: 8, master: 1 })
  })

  test('is asked until it answers', async () => {
    const clock = new VirtualClock()
    const keys = new OwnKeys()
    let refusals = 3
    const elector = {
      read: async () =>
        refusals-- > 0
          ? ({ kind: 'unreachable' } as const)
          : ({ kind: 'read', view: { ...keys.view, clusterId: 'etcd' } } as const),
      swap: async (transaction: Parameters<OwnKeys['apply']>[0]) => {
        const revision = keys.apply(transaction)
        return revision === undefined
          ? ({ kind: 'unknown' } as const)
          : ({ kind: 'won', revision } as const)
      },
    } as unknown as Parameters<typeof adopt>[0]['elector']

    await clock.runUntil(adopt({ elector, clock }, group), { limitMs: 10_000 })

    expect(keys.view.state?.value).toMatchObject({ epoch: 7, reason: 'adopted' })
  })
})

function stateOf({ writes }: ReturnType<typeof adoption>): GroupState | undefined {
  return writes.find((write) => write.kind === 'put-state')?.value
}

function viewOf(state: GroupState | undefined): GroupView {
  return {
    ...new OwnKeys().view,
    clusterId: 'etcd',
    state: state && { revision: 5 as Revision, value: state },
  }
}
