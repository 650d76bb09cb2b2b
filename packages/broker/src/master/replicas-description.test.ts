import { type Inspection, loadServices } from '@cometmq/protocol'
import type { GroupView, MemberStatus, Surveyed } from '@cometmq/replication'
import { describe, expect, test } from 'vitest'
import { replicasDescription } from './replicas-description.ts'

type Own = Parameters<typeof replicasDescription>[0]['own']
type Versioned = NonNullable<GroupView['state']>

const AT = 7 as Versioned['revision']
const { Inspect } = loadServices().replication

describe('a broker group as one of its members describes it', () => {
  test('has the lag of each slave as the master knows it, and none of the master', () => {
    const replicas = [{ memberId: 2, isInSync: true, lagBytes: 40, heardAgoMs: 3 }]
    const own = ownOf({ status: { replicas } })

    const described = describedBy(own, [surveyed(1, { maxOffset: 900 }), surveyed(2, {})])

    expect(described.replicas).toMatchObject([
      { memberId: 1, hasLag: true, lagBytes: 0, hasHeard: false },
      { memberId: 2, hasLag: true, lagBytes: 40, hasHeard: true, heardAgoMs: 3, inSync: true },
    ])
  })

  // While nobody is master, slaves still say what they have.
  test('has it by what members say where no master tells', () => {
    const slave = surveyed(2, { flushedOffset: 850, hasHeardMaster: true, masterHeardAgoMs: 9 })

    const { replicas } = describedBy(ownOf({}), [surveyed(1, { maxOffset: 900 }), slave])

    expect(replicas[1]).toMatchObject({ lagBytes: 50, heardAgoMs: 9 })
  })

  test('does not make up what a member has that does not answer', () => {
    const silent = { ...surveyed(3, {}), answer: undefined, why: 'nobody listens there' }

    const { replicas } = describedBy(ownOf({}), [silent])

    expect(replicas[0]).toMatchObject({
      hasLag: false,
      trusted: false,
      error: silent.why,
      role: '',
    })
  })

  // It serves consumers, whatever else it says of itself.
  test('tells which slave stands in for the master', () => {
    const members = [surveyed(2, { standsIn: true }), surveyed(3, {})]

    const { replicas } = describedBy(ownOf({}), members)

    expect(replicas.map(({ memberId, standsIn }) => [memberId, standsIn])).toEqual([
      [2, true],
      [3, false],
    ])
  })

  // Who came back untrusted is trusted again once it was let in under its present incarnation.
  test.each([
    ['in the set since before it lost its trust', 1, { incarnation: 5, trustedSince: 5 }, false],
    ['let in anew since', 1, { incarnation: 1, trustedSince: 1 }, true],
    ['outside of the set, having lost nothing', 9, { incarnation: 5, trustedSince: 2 }, true],
    ['outside of the set, having lost its trust', 9, { incarnation: 5, trustedSince: 5 }, false],
  ])('trusts a member %s: %#', (_, id, { incarnation, trustedSince }, trusted) => {
    const member = { brokerId: id, incarnation, storeId: 'store' }

    const { replicas } = describedBy(ownOf({}), [surveyed(id, { member, trustedSince })])

    expect(replicas[0]?.trusted).toBe(trusted)
  })

  test('knows of epochs what any member remembers, from when it was seen first', () => {
    const seen = { epoch: 5, master: 3, reason: 'silence' }
    const one = surveyed(1, { reigns: [{ ...seen, atMs: 2_000 }] })
    const other = surveyed(2, { reigns: [{ ...seen, atMs: 1_000 }] })
    const epochs = [4, 5, 6, 7].map((epoch) => ({ epoch, start: epoch * 100 }))

    const described = describedBy(ownOf({ epochs }), [one, other])

    expect(described.epochs).toEqual([
      { epoch: 4, start: 400, master: 0, reason: '', atMs: 0 },
      { epoch: 5, start: 500, master: 3, reason: 'silence', atMs: 1_000 },
      { epoch: 6, start: 600, master: 2, reason: '', atMs: 0 },
      { epoch: 7, start: 700, master: 1, reason: 'process-gone', atMs: 0 },
    ])
  })
})

function describedBy(own: Own, members: readonly Surveyed[]) {
  const view: GroupView = {
    revision: AT,
    clusterId: 'elector',
    state: {
      revision: AT,
      value: {
        epoch: 7,
        master: 1,
        masterIncarnation: 1,
        inSync: new Map([
          [1, 1],
          [2, 1],
        ]),
        minInSync: 2,
        memberCount: 3,
        attempt: '1.1.1',
        reason: 'process-gone',
        previous: { epoch: 6, master: 2 },
        possibleLoss: undefined,
      },
    },
    nextId: undefined,
    command: undefined,
    members: new Map(),
    live: new Map(),
  }
  return replicasDescription({ brokerName: 'a', view, surveyed: members, own })
}

function surveyed(brokerId: number, changes: Partial<Inspection>): Surveyed {
  const about = { brokerId, address: 'host:1', isObserver: false, isAlive: true, why: '' }
  return { ...about, answer: { ...inspection(), role: 'following', ...changes } }
}

function inspection(): Inspection {
  return Inspect.decodeResponse(Buffer.alloc(0))
}

function ownOf({
  status = {},
  epochs = [],
}: {
  readonly status?: Partial<MemberStatus>
  readonly epochs?: Inspection['epochs']
}): Own {
  // Of the rest nothing is looked at.
  const whole = { memberId: 1, replicas: [], ...status } as unknown as MemberStatus
  return { status: whole, inspected: { ...inspection(), epochs } }
}
