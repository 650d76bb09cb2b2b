import type { BrokerStatus } from '@cometmq/broker'
import { describe, expect, test } from 'vitest'
import { answer } from './answers.ts'
import { brokerHealth } from './health.ts'

type Member = NonNullable<BrokerStatus['member']>

describe('the health of a member of a broker group', () => {
  // It takes no messages, and that is as it should be.
  test('is good for a slave that follows', () => {
    const slave = statusOf({ role: 'following', memberId: 2 }, { writable: false })

    expect(ask('/readyz', slave).status).toBe(200)
    expect(ask('/healthz', slave).status).toBe(200)
  })

  test('is bad for a slave that has no master to follow', () => {
    const slave = statusOf({ role: 'following', memberId: 2, isInTouch: false })

    expect(ask('/readyz', slave)).toMatchObject({
      status: 503,
      body: expect.stringContaining('it follows nobody (following)'),
    })
  })

  // Consumers are sent to it: whoever takes it out of service cuts them off.
  test('is good for a slave that stands in for its master', () => {
    const slave = statusOf({ role: 'following', memberId: 2, isInTouch: false })

    expect(ask('/readyz?verbose', { ...slave, standsIn: true })).toMatchObject({
      status: 200,
      body: expect.stringContaining('stands in for member 1'),
    })
  })

  test('is bad for a master that takes no messages, and for what raised an alarm', () => {
    const master = statusOf({ alarms: ['in_sync_at_floor'] }, { writable: false })

    const { status, body } = ask('/healthz', master)

    expect(status).toBe(503)
    expect(body).toContain('[-] takes messages: the disk is full')
    expect(body).toContain('[-] in_sync_at_floor: a member that cannot keep up')
    expect(ask('/readyz', master).status).toBe(200)
  })

  // A rolling restart that goes on at a wrong moment stops all writes.
  test.each<[string, Partial<Member>, number]>([
    ['of three in sync, two of which are enough', {}, 200],
    ['that the group does without already', { memberId: 4 }, 200],
    ['of two in sync, both of which are needed', { group: groupOf([1, 2]) }, 503],
    ['while etcd is away, and nobody could take its place', { alarms: ['elector_down'] }, 503],
    ['in sync that knows of no master', { role: 'following', isInTouch: false }, 503],
  ])('tells whether one may be stopped: %s', (_, member, status) => {
    expect(ask('/safe-to-stop', statusOf(member)).status).toBe(status)
  })

  test('lets a broker be stopped that has drained, and no other that is alone', () => {
    const alone = { ...statusOf({}), member: undefined }

    expect(ask('/safe-to-stop', alone).status).toBe(503)
    expect(ask('/safe-to-stop', { ...alone, state: 'draining' }).status).toBe(200)
  })

  // It has no group that could raise an alarm, nor one that could mend it.
  test('tells of a damaged log, also where the broker is alone', () => {
    const store = { damage: { damagedRecords: 1 } } as BrokerStatus['store']
    const alone = { ...statusOf({}), member: undefined, store }

    const { status, body } = ask('/healthz?verbose', alone)

    expect(status).toBe(503)
    expect(body).toContain('[-] log_damaged: records of its log are damaged')
  })
})

function ask(url: string, status: BrokerStatus) {
  return answer({ method: 'GET', url }, () => brokerHealth(status))
}

function statusOf(
  member: Partial<Member>,
  { writable = true }: { readonly writable?: boolean } = {},
): BrokerStatus {
  const status: Pick<BrokerStatus, 'state' | 'writable' | 'whyNotWritable' | 'nameservers'> = {
    state: 'serving',
    writable,
    whyNotWritable: writable ? undefined : 'the disk is full',
    nameservers: [],
  }
  // Of the rest nothing is looked at.
  return {
    ...status,
    store: { damage: { damagedRecords: 0 } },
    member: {
      role: 'master',
      memberId: 1,
      isInTouch: true,
      alarms: [],
      group: groupOf([1, 2, 3]),
      ...member,
    },
  } as unknown as BrokerStatus
}

function groupOf(inSync: readonly number[]): NonNullable<Member['group']> {
  return {
    epoch: 7,
    master: 1,
    masterIncarnation: 1,
    inSync: new Map(inSync.map((id) => [id, 1])),
    minInSync: 2,
    memberCount: 3,
    attempt: '1.1.1',
    reason: 'silence',
    previous: undefined,
    possibleLoss: undefined,
  }
}
