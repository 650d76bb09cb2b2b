import { CometError } from '@cometmq/protocol'
import { type Clock, type Connection, silentLogger, type Transport } from '@cometmq/runtime'
import { SeededRandom, Simulation, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { Elector, GroupView, Revision, SwapOutcome, Transaction } from '../elector.ts'
import { type GroupState, parseGroupState } from '../group-state.ts'
import { describeElector } from '../testing/elector-contract.ts'
import { SimulatedEtcd } from '../testing/simulated-etcd.ts'
import { EtcdElector } from './etcd-elector.ts'
import type { EtcdTiming } from './etcd-timing.ts'

const UNUSED_TRANSPORT: Pick<Transport, 'listen'> = {
  listen: () => Promise.reject(new Error('nobody listens here')),
}

/** The members of etcd in the order in which a broker goes through them. */
const MEMBERS = ['etcd-0', 'etcd-1', 'etcd-2'] as const

// The same against real processes is test/etcd.
describe.each([1, 2, 3])('EtcdElector, seed %i', (seed) => {
  describeElector(async () => {
    const world = await worldOf(seed)
    const clocks = new Map<Elector, { name: string; clock: Clock }>()
    return {
      clock: world.simulation.clock,
      open: () => {
        const name = `broker-${clocks.size}`
        const elector = world.open(name)
        clocks.set(elector, { name, clock: world.simulation.machine(name).runtime().clock })
        return Promise.resolve(elector)
      },
      elapsedMsOf: (elector) => clocks.get(elector)?.clock.elapsedMs() ?? 0,
      crash: (elector) => {
        world.simulation.machine(clocks.get(elector)?.name ?? '').kill()
        return Promise.resolve()
      },
      run: (check) => world.simulation.runUntil(check(), { limitMs: 60_000 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  })
})

describe('EtcdElector', () => {
  // With the `etcd3` package, one frozen member of etcd cost a healthy process its lease in one of
  // three cases.
  test.each(MEMBERS)(
    'counts its lease as valid all the time while %s is frozen',
    async (frozen) => {
      const world = await worldOf(1)
      const { lease } = world.open('broker')
      const { clock } = world.simulation.machine('broker').runtime()
      await world.simulation.advance(1_000)
      const id = lease.id()

      world.simulation.machine(frozen).pause()
      let leastMs = Number.POSITIVE_INFINITY
      for (let step = 0; step < 1_000; step += 1) {
        await world.simulation.advance(10)
        leastMs = Math.min(leastMs, lease.validUntilMs() - clock.elapsedMs())
      }

      expect(leastMs).toBeGreaterThan(0)
      expect(lease.id()).toBe(id)
      expect(world.etcd.keys.hasLease(leaseKeyOf(id))).toBe(true)
    },
  )

  // etcd counts from when it answered, at the latest: whoever counts from the arrival of the answer
  // takes itself for master while another is elected.
  test('counts its lease from when it asked for it', async () => {
    const world = await worldOf(11)
    for (const member of MEMBERS) world.simulation.network.slowDown('broker', member, 150)
    const { lease } = world.open('broker')
    const { clock } = world.simulation.machine('broker').runtime()

    let mostMs = 0
    for (let step = 0; step < 300; step += 1) {
      await world.simulation.advance(10)
      mostMs = Math.max(mostMs, lease.validUntilMs() - clock.elapsedMs())
    }

    // 2000 ms less the margin and both ways.
    expect(mostMs).toBeLessThanOrEqual(2_000 - 200 - 300)
    expect(mostMs).toBeGreaterThan(2_000 - 200 - 300 - 20)
  })

  // A broker without etcd serves on; it must not spend its time on asking.
  test('asks for a lease a few times a second while there is nobody to ask', async () => {
    const clock = new VirtualClock()
    let askedCount = 0
    const connection: Connection = {
      address: 'etcd:1',
      call: () => {
        askedCount += 1
        return Promise.reject(new CometError('CONNECT_FAILED', 'nobody listens there'))
      },
      open: () => {
        throw new CometError('CONNECT_FAILED', 'nobody listens there')
      },
      close: () => {},
    }
    const transport = { ...UNUSED_TRANSPORT, connect: () => connection }
    const ports = { clock, transport, random: new SeededRandom(1), log: silentLogger }
    const endpoints = ['a:1', 'b:1', 'c:1']
    const elector = EtcdElector.open(ports, { cluster: 'c', brokerName: 'b', endpoints })

    await clock.advance(10_000)
    await elector[Symbol.asyncDispose]()

    expect(askedCount).toBeGreaterThan(3 * 20)
    expect(askedCount).toBeLessThan(3 * 60)
  })

  // Two members in a row take two deadlines, which the lease is long enough for.
  test('keeps its lease while two members are cut off', async () => {
    const world = await worldOf(2)
    const { lease } = world.open('broker')
    await world.simulation.advance(1_000)
    const id = lease.id()

    world.simulation.network.partition('broker', 'etcd-0')
    world.simulation.network.partition('broker', 'etcd-1')
    await world.simulation.advance(10_000)

    expect(lease.id()).toBe(id)
  })

  test('takes another lease when it has lost one', async () => {
    const world = await worldOf(3)
    const { lease } = world.open('broker')
    const { clock } = world.simulation.machine('broker').runtime()
    await world.simulation.advance(1_000)
    const id = lease.id()

    world.simulation.network.isolate('broker')
    await world.simulation.advance(5_000)
    const whileCutMs = lease.validUntilMs() - clock.elapsedMs()
    world.simulation.network.rejoin('broker')
    await world.simulation.advance(8_000)

    expect(whileCutMs).toBeLessThan(0)
    expect(lease.id()).not.toBe(id)
    expect(lease.validUntilMs()).toBeGreaterThan(clock.elapsedMs())
  })

  // Sent on to another member, it could win there, and be taken for lost when it is refused here.
  test('sends a swap once', async () => {
    const world = await worldOf(4)
    const elector = world.open('broker')
    await world.run(elector.read())

    world.simulation.machine('etcd-0').pause()
    const first = await world.run(elector.swap(replaceState(undefined, 1, 'mine')))
    const sentMeanwhile = world.etcd.transactionCount
    world.simulation.machine('etcd-0').resume()
    await world.simulation.advance(1_000)
    const sent = world.etcd.transactionCount
    const again = await world.run(elector.swap(replaceState(undefined, 1, 'mine')))

    expect(first).toEqual({ kind: 'unknown' })
    expect([sentMeanwhile, sent]).toEqual([0, 1])
    expect(lostTo(again)).toBe('mine')
  })

  // What was never sent cannot have taken effect, and an election must not wait for a dead member.
  test('takes a swap to the next member where nobody listens', async () => {
    const world = await worldOf(5)
    const elector = world.open('broker')
    world.simulation.machine('etcd-0').kill()

    const outcome = await world.run(elector.swap(replaceState(undefined, 1, 'mine')))

    expect(outcome.kind).toBe('won')
  })

  test('reads from the first member that answers in time', async () => {
    const world = await worldOf(6)
    const elector = world.open('broker')
    world.simulation.machine('etcd-0').pause()
    world.simulation.network.partition('broker', 'etcd-1')

    const outcome = await world.run(elector.read())

    expect(outcome.kind).toBe('read')
    world.simulation.machine('etcd-2').pause()
    expect(await world.run(elector.read())).toEqual({ kind: 'unreachable' })
  })

  test('follows changes by another member when the watched one falls silent', async () => {
    const world = await worldOf(7)
    const [watching, writing] = [world.open('a'), world.open('b', 'etcd-2')]
    const told: number[] = []
    const watch = watching.watch(1 as Revision, ({ revision }) => told.push(revision))
    await world.simulation.advance(500)

    world.simulation.machine('etcd-0').pause()
    const outcome = await world.run(writing.swap(replaceState(undefined, 1, 'x')))
    await world.simulation.advance(2_500)

    expect(told).toEqual([outcome.kind === 'won' ? outcome.revision : 0])
    await world.run(watch[Symbol.asyncDispose]())
  })

  // A group may be quiet for hours while the rest of etcd is compacted away.
  test('hints at a compaction, and follows what comes after', async () => {
    const world = await worldOf(8)
    const elector = world.open('a')
    const told: number[] = []
    const first = wonRevision(await world.run(elector.swap(replaceState(undefined, 1, 'x'))))
    const second = wonRevision(await world.run(elector.swap(replaceState(first, 2, 'x'))))
    world.etcd.compact()

    const watch = elector.watch(1 as Revision, ({ revision }) => told.push(revision))
    await world.simulation.advance(1_000)
    const third = wonRevision(await world.run(elector.swap(replaceState(second, 3, 'x'))))
    await world.simulation.advance(1_000)

    expect(told).toEqual([second - 1, second, third])
    await world.run(watch[Symbol.asyncDispose]())
  })

  test('does not obey an etcd that was restored from a backup', async () => {
    const world = await worldOf(9)
    const elector = world.open('a')
    const backup = world.etcd.keys.backUp()
    await world.run(elector.swap(replaceState(undefined, 1, 'x')))

    world.etcd.keys.restore(backup)

    expect((await world.run(elector.read())).kind).toBe('went-back')
    // It wins there, and at a revision that was another one's before.
    const outcome = await world.run(elector.swap(replaceState(undefined, 1, 'y')))
    expect(outcome.kind).toBe('went-back')
  })

  test.each<Partial<EtcdTiming>>([
    { leaseTtlSec: 1 },
    { deadlineMs: 700 },
    { watchSilenceMs: 1_000 },
  ])('refuses a timing that cannot work: %j', async (timing) => {
    const { simulation } = await worldOf(10)
    const options = { cluster: 'c', brokerName: 'b', endpoints: ['etcd-0:2379'], timing }

    expect(() => EtcdElector.open(simulation.machine('a').runtime(), options)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    )
  })

  // Who has heard that it lost may follow the winner: were a late copy of its swap to win after
  // that, there would be a master that knows nothing of it. And who has heard that it won is one.
  test.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    'is right about every swap, whatever fails on the way, seed %i',
    async (seed) => {
      const world = await worldOf(seed)
      const trouble = new SeededRandom(seed).fork('trouble')
      const brokers = ['a', 'b', 'c']
      const said: Verdict[] = []
      let isOver = false
      const campaigns = brokers.map((name, index) =>
        campaign(
          {
            elector: world.open(name, MEMBERS[index]),
            clock: world.simulation.machine(name).runtime().clock,
          },
          async (elector, { clock, round, state }) => {
            await clock.sleep(trouble.between(1, 200))
            const attempt = `${name}.${round}`
            const next = replaceState(state?.revision, (state?.value.epoch ?? 0) + 1, attempt)
            const isWon = await wins(elector, next, { clock, attempt })
            said.push({ attempt, isWon, wasApplied: world.applied().includes(attempt) })
            return isOver ? 'stop' : 'go-on'
          },
        ),
      )
      const { network } = world.simulation
      for (let step = 0; step < 200; step += 1) {
        const [broker, member] = [trouble.pick(brokers), trouble.pick(MEMBERS)]
        if (trouble.chance(0.3)) network.cutConnections(broker, member)
        if (trouble.chance(0.3)) network.block(member, broker)
        if (trouble.chance(0.3)) network.slowDown(broker, member, trouble.between(0, 300))
        if (trouble.chance(0.5)) network.heal(broker, member)
        await world.simulation.advance(trouble.between(1, 200))
      }
      network.healAll()
      for (const broker of brokers) {
        for (const member of MEMBERS) network.slowDown(broker, member, 0)
      }
      isOver = true
      await world.run(Promise.all(campaigns))
      await world.simulation.advance(60_000)

      const applied = world.applied()
      expect(new Set(applied).size).toBe(applied.length)
      expect(said.filter(({ isWon }) => isWon).length).toBeGreaterThan(0)
      const isWrong = ({ attempt, isWon, wasApplied }: Verdict): boolean =>
        applied.includes(attempt) !== wasApplied || (isWon && !wasApplied)
      expect(said.filter(isWrong)).toEqual([])
    },
  )
})

/** What a broker was told of a swap, and what was true then. */
interface Verdict {
  readonly attempt: string
  readonly isWon: boolean
  readonly wasApplied: boolean
}

async function campaign(
  { elector, clock }: { readonly elector: Elector; readonly clock: Clock },
  run: (
    elector: Elector,
    at: { readonly clock: Clock; readonly round: number; readonly state: GroupView['state'] },
  ) => Promise<'go-on' | 'stop'>,
): Promise<void> {
  for (let round = 0; ; round += 1) {
    const { state } = await viewOf(elector, clock)
    if ((await run(elector, { clock, round, state })) === 'stop') return
  }
}

async function worldOf(seed: number) {
  const simulation = new Simulation(seed)
  const random = new SeededRandom(seed).fork('etcd')
  const etcd = new SimulatedEtcd({ clock: simulation.clock, random })
  for (const name of MEMBERS) {
    const { transport, clock } = simulation.machine(name).runtime()
    const handlers = etcd.handlers(clock)
    await simulation.runUntil(transport.listen({ address: `${name}:2379`, handlers }), {
      limitMs: 1_000,
    })
  }
  return {
    simulation,
    etcd,
    /** Asks that member first. */
    open: (name: string, first: (typeof MEMBERS)[number] = 'etcd-0'): EtcdElector => {
      const { clock, transport, log } = simulation.machine(name).runtime()
      const chance = new SeededRandom(seed).fork(name)
      const place = (MEMBERS.indexOf(first) + 0.5) / MEMBERS.length
      const drawn = [place]
      const fraction = (): number => drawn.shift() ?? chance.fraction()
      const hex = (byteLength: number): string => chance.hex(byteLength)
      return EtcdElector.open(
        { clock, transport, log, random: { fraction, hex } },
        {
          cluster: 'test',
          brokerName: 'group',
          endpoints: MEMBERS.map((each) => `${each}:2379`),
        },
      )
    },
    /** The attempts that have taken effect, in order. */
    applied: (): string[] =>
      etcd.written.flatMap(({ name, text }) =>
        name.endsWith('/state') ? [parseGroupState(text ?? '').attempt] : [],
      ),
    run: <T>(goal: PromiseLike<T>): Promise<T> =>
      simulation.runUntil(Promise.resolve(goal), { limitMs: 120_000 }),
  }
}

/** As the simulated etcd names it. */
function leaseKeyOf(id: string | undefined): string {
  return BigInt(id ?? '0')
    .toString(16)
    .padStart(14, '0')
}

/** Sends it until the answer is definite. */
async function wins(
  elector: Elector,
  transaction: Transaction,
  { clock, attempt }: { readonly clock: Clock; readonly attempt: string },
): Promise<boolean> {
  for (;;) {
    const outcome = await elector.swap(transaction)
    switch (outcome.kind) {
      case 'won':
        return true
      case 'lost':
        return outcome.view.state?.value.attempt === attempt
      case 'went-back':
        throw new Error(outcome.reason)
      case 'unknown':
        await clock.sleep(50)
    }
  }
}

async function viewOf(elector: Elector, clock: Clock): Promise<GroupView> {
  for (;;) {
    const outcome = await elector.read()
    if (outcome.kind === 'read') return outcome.view
    if (outcome.kind === 'went-back') throw new Error(outcome.reason)
    await clock.sleep(50)
  }
}

function replaceState(revision: Revision | undefined, epoch: number, attempt: string): Transaction {
  const value: GroupState = {
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
  const key = { kind: 'state' } as const
  return {
    kind: 'change-set',
    guards: [
      revision === undefined ? { kind: 'absent', key } : { kind: 'unchanged', key, revision },
    ],
    writes: [{ kind: 'put-state', value }],
  }
}

function wonRevision(outcome: SwapOutcome): Revision {
  if (outcome.kind !== 'won') throw new Error(`${outcome.kind}, though nothing stood against it`)
  return outcome.revision
}

function lostTo(outcome: SwapOutcome): string | undefined {
  return outcome.kind === 'lost' ? outcome.view.state?.value.attempt : outcome.kind
}
