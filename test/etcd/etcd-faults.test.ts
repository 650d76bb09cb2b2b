import type {
  Elector,
  GroupState,
  GroupView,
  Revision,
  SwapOutcome,
  Transaction,
} from '@cometmq/replication'
import { EtcdElector, type EtcdTiming } from '@cometmq/replication/etcd'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { beforeEach, describe, expect, test } from 'vitest'
import { type EtcdMember, hasEtcd, LocalEtcd } from './local-etcd.ts'
import { Proxy } from './proxy.ts'

/** Slow machines run these tests too; what matters is that a lease outlasts two missed deadlines. */
const TIMING: Partial<EtcdTiming> = {
  deadlineMs: 700,
  grantDeadlineMs: 1_400,
  leaseTtlSec: 3,
  keepAliveMs: 300,
}
const runtime = openNodeRuntime({ name: 'test', logLevel: 'silent' })
const { clock } = runtime

describe.skipIf(!hasEtcd)('three etcd members (takes a program named etcd)', () => {
  // Other clients stay with a silent endpoint until the lease is gone (ADR 0011).
  test('keep our lease while the one that we use is frozen', async () => {
    await using etcd = await LocalEtcd.start(3)
    const frozen = await etcd.follower()
    await using elector = openAt(etcd, frozen.endpoint)
    const live = await goLive(elector)
    const leaseId = elector.lease.id()

    await frozen.freeze()
    const frozenMs = clock.elapsedMs()
    // Until it would have ended if nobody had renewed it.
    await until(() => elector.lease.validUntilMs() > frozenMs + 6_000)

    expect(elector.lease.id()).toBe(leaseId)
    expect((await viewOf(elector)).live.get(1)?.revision).toBe(live)
  })

  test('keep our lease and all that was won when their leader is killed', async () => {
    await using etcd = await LocalEtcd.start(3)
    const leader = await etcd.leader()
    await using elector = openAt(etcd, leader.endpoint)
    const live = await goLive(elector)
    const won = wonRevision(await elector.swap(replaceState(undefined, '1.1.1')))
    const leaseId = elector.lease.id()

    await leader.kill()
    await etcd.leader()

    const view = await viewOf(elector)
    expect(view.state).toMatchObject({ revision: won, value: { attempt: '1.1.1' } })
    expect(view.live.get(1)?.revision).toBe(live)
    expect(elector.lease.id()).toBe(leaseId)
    expect(await definite(elector, replaceState(won, '1.1.2'))).toBeGreaterThan(won)
  })

  // The old leader comes back with our transaction in its hands: it must not take effect twice.
  test('apply a swap once that was sent until its answer came', async () => {
    await using etcd = await LocalEtcd.start(3)
    const leader = await etcd.leader()
    await using elector = openAt(etcd, leader.endpoint)
    const from = wonRevision(await elector.swap(replaceState(undefined, '1.1.1')))

    await leader.freeze()
    const first = await elector.swap(replaceState(from, '1.1.2'))
    const won = await definite(elector, replaceState(from, '1.1.2'))
    leader.thaw()
    await etcd.leader()
    await until(async () => (await leader.status()) !== undefined)

    expect(first).toEqual({ kind: 'unknown' })
    const view = await viewOf(elector)
    expect(view.state).toMatchObject({ revision: won, value: { attempt: '1.1.2' } })
  })

  test('get us to another one when a watch falls silent', async () => {
    await using etcd = await LocalEtcd.start(3)
    const frozen = await etcd.follower()
    const leader = await etcd.leader()
    await using watching = openAt(etcd, frozen.endpoint)
    await using writing = openAt(etcd, leader.endpoint)
    const from = wonRevision(await writing.swap(replaceState(undefined, '1.1.1')))
    const told: number[] = []
    await using _ = watching.watch((from - 1) as Revision, ({ revision }) => told.push(revision))
    await until(() => told.includes(from))

    await frozen.freeze()
    const won = await definite(writing, replaceState(from, '1.1.2'))
    await until(() => told.includes(won))

    expect(told).toEqual([from, won])
  })

  // Without a quorum nothing may be decided, and nobody may believe that it was.
  test('decide nothing without a quorum, and go on when it is back', async () => {
    await using etcd = await LocalEtcd.start(3)
    // Any two: who leads may have changed since anybody looked.
    const [first, second] = etcd.members as [EtcdMember, EtcdMember]
    await using elector = openAt(etcd, first.endpoint)
    await goLive(elector)

    await Promise.all([first.freeze(), second.freeze()])
    const read = await elector.read()
    const swapped = await elector.swap(replaceState(undefined, '1.1.1'))
    await until(() => elector.lease.validUntilMs() < clock.elapsedMs())
    first.thaw()
    second.thaw()

    expect(read).toEqual({ kind: 'unreachable' })
    expect(swapped).toEqual({ kind: 'unknown' })
    await until(() => elector.lease.validUntilMs() > clock.elapsedMs())
    await definite(elector, replaceState(undefined, '1.1.1'))
    expect((await viewOf(elector)).state?.value.attempt).toBe('1.1.1')
  })
})

describe.skipIf(!hasEtcd)('one etcd member (takes a program named etcd)', () => {
  let brokerName = ''
  let count = 0
  beforeEach(() => {
    count += 1
    brokerName = `group-${count}`
  })

  // Read as "a guard did not hold", the lost answer would make the winner follow somebody else.
  test('tells who won when an answer was lost', async () => {
    await using etcd = await LocalEtcd.start(1)
    await using proxy = await Proxy.to(endpointOf(etcd))
    await using elector = open([proxy.endpoint], { brokerName })
    await using other = open(etcd.endpoints, { brokerName })
    await viewOf(elector)

    proxy.loseAnswers()
    const first = await elector.swap(replaceState(undefined, '1.1.1'))
    const view = await viewOf(other)
    proxy.heal()
    const again = await untilAnswered(elector, replaceState(undefined, '1.1.1'))

    expect(first).toEqual({ kind: 'unknown' })
    expect(view.state?.value.attempt).toBe('1.1.1')
    expect(again).toMatchObject({ kind: 'lost', view: { state: view.state } })
  })

  test('hints once at what a compaction has swallowed, and at what comes after', async () => {
    await using etcd = await LocalEtcd.start(1)
    await using elector = open(etcd.endpoints, { brokerName })
    const { revision: from } = await viewOf(elector)
    const first = wonRevision(await elector.swap(replaceState(undefined, '1.1.1')))
    const second = wonRevision(await elector.swap(replaceState(first, '1.1.2')))
    await etcd.members[0]?.compact()

    const told: number[] = []
    await using _ = elector.watch(from, ({ revision }) => told.push(revision))
    await until(() => told.includes(second))
    const third = wonRevision(await elector.swap(replaceState(second, '1.1.3')))
    await until(() => told.includes(third))

    expect(told.at(-1)).toBe(third)
  })

  // An emptied or restored etcd would let a group of years begin with epoch 1 again.
  test('is not obeyed any more when it has gone back', async () => {
    await using etcd = await LocalEtcd.start(1)
    const [member] = etcd.members
    await using elector = open(etcd.endpoints, { brokerName })
    let revision = wonRevision(await elector.swap(replaceState(undefined, '1.1.0')))
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      revision = wonRevision(await elector.swap(replaceState(revision, `1.1.${attempt}`)))
    }

    await member?.kill()
    await member?.forgetAll()
    member?.restart()
    await etcd.leader()
    const outcome = await untilRead(elector)

    expect(outcome.kind).toBe('went-back')
    expect((await elector.swap(replaceState(undefined, '1.1.9'))).kind).toBe('went-back')
  })

  // A broker must start, and serve, while there is no etcd yet.
  test('gives us a lease as soon as it is there', async () => {
    await using etcd = await LocalEtcd.start(1)
    const [member] = etcd.members
    await member?.kill()
    await using elector = open(etcd.endpoints, { brokerName })

    const without = [await elector.read(), elector.lease.id(), elector.lease.validUntilMs()]
    member?.restart()
    await goLive(elector)

    expect(without).toEqual([{ kind: 'unreachable' }, undefined, 0])
    expect((await viewOf(elector)).live.size).toBe(1)
  })

  // Somebody's hand, or a later version: nobody may guess what it means.
  test('has its damaged state refused, not taken for none', async () => {
    await using etcd = await LocalEtcd.start(1)
    await using elector = open(etcd.endpoints, { brokerName })

    await etcd.members[0]?.put(`/cometmq/v1/test/${brokerName}/state`, '{"version":1}')

    await expect(elector.read()).rejects.toMatchObject({ code: 'GROUP_STATE_CORRUPT' })
  })
})

/** Uses that endpoint first. */
function openAt(etcd: LocalEtcd, endpoint: string): EtcdElector {
  const index = etcd.endpoints.indexOf(endpoint)
  return open(etcd.endpoints, { brokerName: 'group', first: (index + 0.5) / etcd.endpoints.length })
}

function open(
  endpoints: readonly string[],
  options: { readonly brokerName: string; readonly first?: number },
): EtcdElector {
  const { brokerName, first } = options
  const random = first === undefined ? runtime.random : { ...runtime.random, fraction: () => first }
  return EtcdElector.open(
    { ...runtime, random },
    {
      cluster: 'test',
      brokerName,
      endpoints,
      timing: TIMING,
    },
  )
}

function endpointOf(etcd: LocalEtcd): string {
  const [member] = etcd.members
  if (member === undefined) throw new Error('there is no member')
  return member.endpoint
}

/** Puts the `live` key of broker 1. */
async function goLive(elector: Elector): Promise<Revision> {
  await until(() => elector.lease.id() !== undefined)
  const value = { incarnation: 1, host: 'a', bootId: 'f00d', replicationAddress: 'a:10911' }
  const leaseId = elector.lease.id() ?? ''
  return wonRevision(
    await elector.swap({
      kind: 'start',
      guards: [{ kind: 'absent', key: { kind: 'live', brokerId: 1 } }],
      writes: [{ kind: 'put-live', brokerId: 1, value, leaseId }],
    }),
  )
}

function replaceState(revision: Revision | undefined, attempt: string): Transaction {
  const value: GroupState = {
    epoch: 1,
    master: 1,
    masterIncarnation: 1,
    inSync: new Map([[1, 1]]),
    minInSync: 1,
    memberCount: 1,
    attempt,
    reason: 'bootstrap',
    previous: undefined,
    possibleLoss: undefined,
  }
  const key = { kind: 'state' } as const
  return {
    kind: 'change-set',
    guards: [
      revision === undefined ? { kind: 'absent', key } : { kind: 'unchanged', key, revision },
    ],
    writes: [{ kind: 'put-state', value }],
  }
}

/** Sends the same transaction until the answer is definite; it must have won. */
async function definite(elector: Elector, transaction: Transaction): Promise<Revision> {
  const outcome = await untilAnswered(elector, transaction)
  if (outcome.kind === 'won') return outcome.revision
  const mine = transaction.writes[0]
  if (outcome.kind !== 'lost' || mine?.kind !== 'put-state') throw new Error(outcome.kind)
  const { state } = outcome.view
  expect(state?.value.attempt).toBe(mine.value.attempt)
  return state?.revision as Revision
}

async function untilAnswered(elector: Elector, transaction: Transaction): Promise<SwapOutcome> {
  for (;;) {
    const outcome = await elector.swap(transaction)
    if (outcome.kind !== 'unknown') return outcome
    await clock.sleep(50)
  }
}

async function untilRead(elector: Elector) {
  for (;;) {
    const outcome = await elector.read()
    if (outcome.kind !== 'unreachable') return outcome
    await clock.sleep(50)
  }
}

/** Of an elector that answers, if not at once. */
async function viewOf(elector: Elector): Promise<GroupView> {
  const outcome = await untilRead(elector)
  if (outcome.kind !== 'read') throw new Error(outcome.reason)
  return outcome.view
}

function wonRevision(outcome: SwapOutcome): Revision {
  if (outcome.kind !== 'won') throw new Error(`${outcome.kind}, though nothing stood against it`)
  return outcome.revision
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await clock.sleep(20)
}
