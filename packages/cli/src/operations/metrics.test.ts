import type { BrokerStatus } from '@cometmq/broker'
import { describe, expect, test } from 'vitest'
import { brokerMetrics } from './metrics.ts'

type Member = NonNullable<BrokerStatus['member']>

describe('the metrics of a member of a broker group', () => {
  test('tell role, set, lag, elections and what is wrong', async () => {
    const text = await scrape(memberOf({}))

    expect(text).toContain('cometmq_role{role="master"} 1\n')
    expect(text).toContain('cometmq_group_epoch 7\n')
    expect(text).toContain('cometmq_in_sync_members 2\n')
    expect(text).toContain('cometmq_replica_lag_bytes{member="2"} 4096\n')
    expect(text).toContain('cometmq_replica_silence_seconds{member="2"} 0.2\n')
    expect(text).toContain('cometmq_elections_total{reason="silence"} 3\n')
    expect(text).toContain('cometmq_election_seconds{reason="silence"} 0.084\n')
    expect(text).toContain('cometmq_elector_transactions_total{outcome="unknown"} 1\n')
    expect(text).toContain('cometmq_lease_margin_seconds 1.4\n')
    expect(text).toContain('cometmq_alarm{alarm="elector_down"} 1\n')
    expect(text).toContain('cometmq_truncated_bytes_total 512\n')
  })

  // Consumers go on, and yet its group has no master.
  test('tell who stands in', async () => {
    const slave = statusOf(memberOf({ role: 'following' }))
    const scrapeOf = (status: BrokerStatus) =>
      brokerMetrics(() => status, { isMember: true }).metrics()

    expect(await scrapeOf({ ...slave, standsIn: true })).toContain('cometmq_stands_in 1\n')
    expect(await scrapeOf(slave)).toContain('cometmq_stands_in 0\n')
  })

  // An alarm that stays on when nothing is wrong any more is switched off by its reader.
  test('forget what is over', async () => {
    let member = memberOf({})
    const registry = brokerMetrics(() => statusOf(member), { isMember: true })
    await registry.metrics()
    member = memberOf({ role: 'following', alarms: [], replicas: [] })

    const text = await registry.metrics()

    expect(text).toContain('cometmq_role{role="following"} 1\n')
    expect(text).not.toMatch(/^cometmq_role{role="master"}/m)
    expect(text).not.toMatch(/^cometmq_alarm{/m)
    expect(text).not.toMatch(/^cometmq_replica_lag_bytes{/m)
  })

  // Zeros of a group that there is none of would raise alarms everywhere.
  test('are not there for a broker that is alone', async () => {
    const text = await brokerMetrics(() => statusOf(undefined), { isMember: false }).metrics()

    expect(text).toContain('cometmq_writable 1\n')
    expect(text).toContain('cometmq_log_scrubbed_bytes_total 4096\n')
    expect(text).toContain('cometmq_log_damaged_records_total 2\n')
    expect(text).toContain('cometmq_log_mended_records_total 1\n')
    expect(text).toContain('cometmq_log_unmended_records 1\n')
    expect(text).not.toContain('cometmq_in_sync_members')
  })
})

function scrape(member: Member): Promise<string> {
  return brokerMetrics(() => statusOf(member), { isMember: true }).metrics()
}

function memberOf(changes: Partial<Member>): Member {
  return {
    role: 'master',
    memberId: 1,
    epoch: 7,
    group: {
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
      reason: 'silence',
      previous: undefined,
      possibleLoss: undefined,
    },
    isInTouch: true,
    masterHeardAgoMs: undefined,
    unconfirmedBytes: 100,
    confirmLagMs: 5,
    replicas: [{ memberId: 2, isInSync: true, lagBytes: 4096, heardAgoMs: 200 }],
    leaseLeftMs: 1_500,
    renewalMarginMs: 1_400,
    alarms: ['elector_down'],
    changes: [
      {
        epoch: 7,
        master: 1,
        previousMaster: 2,
        reason: 'silence',
        atMs: 1,
        times: { silentMs: 1_500, tookMs: 84 },
      },
    ],
    counters: {
      elections: new Map([['silence', 3]]),
      setChanges: new Map(),
      alarms: new Map(),
      swaps: { won: 4, lost: 0, unknown: 1 },
      truncatedBytes: 512,
    },
    ...changes,
  }
}

function statusOf(member: Member | undefined): BrokerStatus {
  // Counters and offsets are not what this is about.
  const zeros = new Proxy({}, { get: () => 0 })
  const damage = { scrubbedBytes: 4096, foundRecords: 2, mendedRecords: 1, damagedRecords: 1 }
  return {
    state: 'serving',
    writable: true,
    whyNotWritable: undefined,
    nameservers: [],
    store: new Proxy({ damage }, { get: (own, name) => (name === 'damage' ? own.damage : 0) }),
    member,
    counters: zeros,
    standsIn: false,
    pendingPublishBytes: 0,
  } as unknown as BrokerStatus
}
