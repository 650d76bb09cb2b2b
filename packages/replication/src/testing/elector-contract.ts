import type { Clock } from '@cometmq/runtime'
import { expect, test } from 'vitest'
import type {
  Elector,
  ElectorKey,
  GroupView,
  Revision,
  SwapOutcome,
  Transaction,
  Versioned,
} from '../elector.ts'
import type { LiveRecord, MemberRecord } from '../group-records.ts'
import type { GroupState } from '../group-state.ts'

/** One broker group that nobody has written to, at a healthy elector. */
export interface ElectorSubject extends AsyncDisposable {
  readonly clock: Clock
  /** The elector as another process of the group has it. Closed with the subject. */
  open(): Promise<Elector>
  /** The time by which its lease is told. */
  elapsedMsOf(elector: Elector): number
  /** Ends such a process without closing anything. */
  crash(elector: Elector): Promise<void>
  /** Runs a check to its end. A simulated subject lets its time pass meanwhile. */
  run(check: () => Promise<void>): Promise<void>
}

const LIVE: LiveRecord = {
  incarnation: 1,
  host: 'a',
  bootId: 'f00d',
  replicationAddress: 'a:10911',
}
const MEMBER: MemberRecord = {
  storeId: 'b7c0',
  lastIncarnation: 1,
  replicationAddress: 'a:10911',
  observer: false,
  priority: 0,
}
const STATE_KEY: ElectorKey = { kind: 'state' }

/** What every `Elector` promises. */
export function describeElector(openSubject: () => Promise<ElectorSubject>): void {
  const check = (name: string, run: (subject: ElectorSubject) => Promise<void>): void => {
    // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- the caller has both
    test(name, async () => {
      await using subject = await openSubject()
      await subject.run(() => run(subject))
    })
  }

  check('knows nothing of a new group', async (subject) => {
    const elector = await subject.open()

    const view = await viewOf(elector)

    expect(view.clusterId).toMatch(/^[0-9a-f]+$/)
    expect(view).toMatchObject({ state: undefined, nextId: undefined, command: undefined })
    expect([view.members.size, view.live.size]).toEqual([0, 0])
  })

  // What one member has won every other one obeys, from the moment of the answer on.
  check('shows everybody what was won, at the revision of the answer', async (subject) => {
    const [mine, yours] = [await subject.open(), await subject.open()]

    const won = await mine.swap(bootstrap(stateOf(1)))

    const view = await viewOf(yours)
    expect(won).toEqual({ kind: 'won', revision: view.state?.revision })
    expect(view.state?.value).toEqual(stateOf(1))
    expect(view.revision).toBeGreaterThanOrEqual(view.state?.revision ?? 0)
  })

  // Two winners would be two masters of one epoch.
  check('lets one of many win, and shows the others who it was', async (subject) => {
    const electors = await Promise.all([subject.open(), subject.open(), subject.open()])
    const first = electors[0] as Elector
    const from = wonRevision(await first.swap(bootstrap(stateOf(1))))

    const outcomes = await Promise.all(
      electors.map((elector, index) => elector.swap(replace(from, stateOf(2, `${index}.1.1`)))),
    )

    const winners = outcomes.flatMap(({ kind }, index) => (kind === 'won' ? [index] : []))
    expect(winners).toHaveLength(1)
    const now = (await viewOf(first)).state?.value.attempt
    expect(now).toBe(`${winners[0]}.1.1`)
    for (const outcome of outcomes) {
      if (outcome.kind !== 'won') expect(lostView(outcome).state?.value.attempt).toBe(now)
    }
  })

  // Who heard nothing sends the same again; a second effect would depose whoever came after.
  check('refuses what was won before when it is sent again', async (subject) => {
    const elector = await subject.open()
    const from = wonRevision(await elector.swap(bootstrap(stateOf(1))))
    const transaction = replace(from, stateOf(2, '7.7.7'))
    const won = wonRevision(await elector.swap(transaction))

    const again = await elector.swap(transaction)

    expect(lostView(again).state).toEqual({ revision: won, value: stateOf(2, '7.7.7') })
  })

  // Deciding by value would take A-B-A for unchanged.
  check('tells a value from an equal one that was written later', async (subject) => {
    const elector = await subject.open()
    const first = wonRevision(await elector.swap(bootstrap(stateOf(1))))
    const second = wonRevision(await elector.swap(replace(first, stateOf(1))))

    const outcome = await elector.swap(replace(first, stateOf(2)))

    expect(second).toBeGreaterThan(first)
    expect(lostView(outcome).state).toEqual({ revision: second, value: stateOf(1) })
  })

  check('writes all or nothing, and only if every guard holds', async (subject) => {
    const elector = await subject.open()
    const state = wonRevision(await elector.swap(bootstrap(stateOf(1))))
    const both = (guards: Transaction['guards']): Transaction => ({
      kind: 'take-id',
      guards,
      writes: [
        { kind: 'put-next-id', value: 2 },
        { kind: 'put-member', brokerId: 1, value: MEMBER },
        { kind: 'delete', key: STATE_KEY },
      ],
    })
    const unchanged = { kind: 'unchanged', key: STATE_KEY, revision: state } as const

    const refused = await elector.swap(both([unchanged, { kind: 'absent', key: STATE_KEY }]))
    const won = wonRevision(await elector.swap(both([unchanged, absent({ kind: 'next-id' })])))

    expect(lostView(refused)).toMatchObject({ nextId: undefined, members: new Map() })
    const view = await viewOf(elector)
    expect(view.state).toBeUndefined()
    expect(view.nextId).toEqual({ revision: won, value: 2 })
    expect(view.members).toEqual(new Map([[1, { revision: won, value: MEMBER }]]))
  })

  check('finds nothing wrong with deleting what is not there', async (subject) => {
    const elector = await subject.open()

    const outcome = await elector.swap({
      kind: 'elect',
      guards: [absent(STATE_KEY)],
      writes: [
        { kind: 'put-state', value: stateOf(1) },
        { kind: 'delete', key: { kind: 'live', brokerId: 9 } },
      ],
    })

    expect(outcome.kind).toBe('won')
  })

  describeLease(check)
  describeWatch(check)
}

type Check = (name: string, run: (subject: ElectorSubject) => Promise<void>) => void

function describeLease(check: Check): void {
  // A healthy process must not be taken for dead.
  check('keeps the lease, and what was put with it', async (subject) => {
    const elector = await subject.open()
    const live = await goLive(elector, subject.clock)
    const leaseId = elector.lease.id()

    for (let renewal = 0; renewal < 4; renewal += 1) {
      const validUntilMs = elector.lease.validUntilMs()
      expect(validUntilMs).toBeGreaterThan(subject.elapsedMsOf(elector))
      await until(subject.clock, () => elector.lease.validUntilMs() > validUntilMs)
    }

    expect(elector.lease.id()).toBe(leaseId)
    expect((await viewOf(elector)).live.get(1)).toEqual({ revision: live, value: LIVE })
  })

  check('gives the lease back when it is closed', async (subject) => {
    const [elector, other] = [await subject.open(), await subject.open()]
    await goLive(elector, subject.clock)

    await elector[Symbol.asyncDispose]()

    expect([elector.lease.id(), elector.lease.validUntilMs()]).toEqual([undefined, 0])
    expect((await viewOf(other)).live.size).toBe(0)
  })

  // The last sign of a process that died with its machine.
  check(
    'ends the lease of a process that has crashed, and not before it counts it as valid',
    async (subject) => {
      const [elector, other] = [await subject.open(), await subject.open()]
      const live = await goLive(elector, subject.clock)

      await subject.crash(elector)

      const { lease } = elector
      let gone = await viewOf(other)
      while (gone.live.has(1)) {
        await subject.clock.sleep(20)
        gone = await viewOf(other)
      }
      expect(subject.elapsedMsOf(elector)).toBeGreaterThanOrEqual(lease.validUntilMs())
      const late = await other.swap({
        kind: 'elect',
        guards: [{ kind: 'unchanged', key: { kind: 'live', brokerId: 1 }, revision: live }],
        writes: [{ kind: 'put-state', value: stateOf(1) }],
      })
      expect(lostView(late).state).toBeUndefined()
    },
  )

  // A process that was frozen announces itself with a lease that is long gone: no answer but
  // "lost" would let it try the same for ever.
  check('refuses to put anything with a lease that is gone', async (subject) => {
    const [elector, other] = [await subject.open(), await subject.open()]
    const leaseId = await leaseOf(elector, subject.clock)
    await elector[Symbol.asyncDispose]()

    const outcome = await other.swap(announce(leaseId))

    expect(lostView(outcome).live.size).toBe(0)
  })
}

function describeWatch(check: Check): void {
  check('hints at what changes from a revision on, before the watch and after', async (subject) => {
    const [watching, writing] = [await subject.open(), await subject.open()]
    const { revision: from } = await viewOf(watching)
    const before = wonRevision(await writing.swap(bootstrap(stateOf(1))))

    let told = 0
    await using _ = watching.watch(from, ({ revision }) => {
      told = revision
    })
    await until(subject.clock, () => told >= before)
    const after = wonRevision(await writing.swap(replace(before, stateOf(2))))
    await until(subject.clock, () => told >= after)

    expect(told).toBe(after)
  })

  check('hints at the end of a lease', async (subject) => {
    const [watching, dying] = [await subject.open(), await subject.open()]
    const live = await goLive(dying, subject.clock)

    let told = 0
    await using _ = watching.watch(live, ({ revision }) => {
      told = revision
    })
    await dying[Symbol.asyncDispose]()
    await until(subject.clock, () => told > live)

    expect((await viewOf(watching)).live.size).toBe(0)
  })

  check('says nothing more when a watch is closed', async (subject) => {
    const [watching, writing] = [await subject.open(), await subject.open()]
    const { revision: from } = await viewOf(watching)
    const told: number[] = []
    let toldOther = 0
    const closed = watching.watch(from, ({ revision }) => told.push(revision))
    await using _ = watching.watch(from, ({ revision }) => {
      toldOther = revision
    })

    await closed[Symbol.asyncDispose]()
    const revision = wonRevision(await writing.swap(bootstrap(stateOf(1))))
    await until(subject.clock, () => toldOther >= revision)

    expect(told).toEqual([])
  })
}

function stateOf(epoch: number, attempt = '1.1.1'): GroupState {
  return {
    epoch,
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
}

function bootstrap(value: GroupState): Transaction {
  return { kind: 'bootstrap', guards: [absent(STATE_KEY)], writes: [{ kind: 'put-state', value }] }
}

function replace(revision: Revision, value: GroupState): Transaction {
  return {
    kind: 'change-set',
    guards: [{ kind: 'unchanged', key: STATE_KEY, revision }],
    writes: [{ kind: 'put-state', value }],
  }
}

function announce(leaseId: string): Transaction {
  const key: ElectorKey = { kind: 'live', brokerId: 1 }
  return {
    kind: 'start',
    guards: [absent(key)],
    writes: [{ kind: 'put-live', brokerId: 1, value: LIVE, leaseId }],
  }
}

function absent(key: ElectorKey): Transaction['guards'][number] {
  return { kind: 'absent', key }
}

/** Puts the `live` key of broker 1. */
async function goLive(elector: Elector, clock: Clock): Promise<Revision> {
  return wonRevision(await elector.swap(announce(await leaseOf(elector, clock))))
}

async function leaseOf(elector: Elector, clock: Clock): Promise<string> {
  await until(clock, () => elector.lease.id() !== undefined)
  return elector.lease.id() as string
}

async function viewOf(elector: Elector): Promise<GroupView> {
  const outcome = await elector.read()
  if (outcome.kind !== 'read') throw new Error(`a healthy elector answered ${outcome.kind}`)
  return outcome.view
}

function wonRevision(outcome: SwapOutcome): Versioned<unknown>['revision'] {
  if (outcome.kind !== 'won') throw new Error(`${outcome.kind}, though nothing stood against it`)
  return outcome.revision
}

function lostView(outcome: SwapOutcome): GroupView {
  if (outcome.kind !== 'lost') throw new Error(`${outcome.kind}, though a guard did not hold`)
  return outcome.view
}

/** Waits for what has to come; that it never does is the test's own time limit. */
async function until(clock: Clock, holds: () => boolean): Promise<void> {
  while (!holds()) await clock.sleep(10)
}
