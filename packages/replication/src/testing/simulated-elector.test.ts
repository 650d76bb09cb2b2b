import type { Clock } from '@cometmq/runtime'
import { SeededRandom, Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { Elector, Revision, Transaction } from '../elector.ts'
import type { GroupState } from '../group-state.ts'
import { describeElector } from './elector-contract.ts'
import { SimulatedElector } from './simulated-elector.ts'
import {
  type ElectorFaults,
  NO_FAULTS,
  SimulatedElectorServer,
} from './simulated-elector-server.ts'

describe.each([1, 2, 3])('SimulatedElector, seed %i', (seed) => {
  describeElector(() => {
    const world = worldOf(seed)
    const electors = new Map<Elector, string>()
    const clocks = new Map<Elector, Clock>()
    return Promise.resolve({
      clock: world.simulation.clock,
      elapsedMsOf: (elector) => clocks.get(elector)?.elapsedMs() ?? 0,
      open: () => {
        const name = `m${electors.size}`
        const elector = world.open(name)
        electors.set(elector, name)
        clocks.set(elector, world.simulation.machine(name).runtime().clock)
        return Promise.resolve(elector)
      },
      crash: (elector) => {
        world.simulation.machine(electors.get(elector) ?? '').kill()
        return Promise.resolve()
      },
      run: (check) => world.simulation.runUntil(check(), { limitMs: 60_000 }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    })
  })
})

describe('a simulated elector', () => {
  // The case that every retry gets wrong: it won, and nobody said so.
  test('does not say of a swap whose answer is lost that it was won, and knows it when asked', async () => {
    const world = worldOf(1)
    const elector = world.open('a')
    world.server.cutOff('a', ['answers'])

    const first = await world.run(elector.swap(bootstrap('1.1.1')))
    world.server.rejoin('a')
    const again = await world.run(elector.swap(bootstrap('1.1.1')))

    expect(first).toEqual({ kind: 'unknown' })
    expect(again).toMatchObject({ kind: 'lost', view: { state: { value: { attempt: '1.1.1' } } } })
  })

  test('answers nobody who is cut off', async () => {
    const world = worldOf(2)
    const elector = world.open('a')
    world.server.cutOff('a')

    const outcomes = [
      await world.run(elector.read()),
      await world.run(elector.swap(bootstrap('1.1.1'))),
    ]
    world.server.rejoin('a')

    expect(outcomes).toEqual([{ kind: 'unreachable' }, { kind: 'unknown' }])
    expect(await world.run(elector.read())).toMatchObject({ view: { state: undefined } })
  })

  // A request in flight outlives the patience, and even the process, of who sent it.
  test('applies what is late after its sender has given it up', async () => {
    const world = worldOf(3, { lateChance: 1, lateMaxMs: 60_000 })
    const elector = world.open('a')
    const other = world.open('b')

    const given = await world.run(elector.swap(bootstrap('1.1.1')))
    world.simulation.machine('a').kill()
    world.server.faults = NO_FAULTS
    const before = await world.run(other.read())
    await world.simulation.advance(60_000)
    const after = await world.run(other.read())

    expect(given).toEqual({ kind: 'unknown' })
    expect(before).toMatchObject({ view: { state: undefined } })
    expect(after).toMatchObject({ view: { state: { value: { attempt: '1.1.1' } } } })
  })

  // Obeying a restored backup would elect whoever was master when it was made.
  test('says of itself that it went back', async () => {
    const world = worldOf(4)
    const elector = world.open('a')
    const backup = world.server.keys.backUp()
    await world.run(elector.swap(bootstrap('1.1.1')))

    world.server.keys.restore(backup)

    expect(await world.run(elector.read())).toMatchObject({ kind: 'went-back' })
    expect(await world.run(elector.swap(bootstrap('1.1.2')))).toMatchObject({ kind: 'went-back' })
  })

  // The lease of a member that cannot reach the elector ends, and begins anew under another id.
  test('grants a new lease to who comes back after the old one has ended', async () => {
    const world = worldOf(5)
    const { lease } = world.open('a')
    await world.simulation.advance(1_000)
    const firstId = lease.id()

    world.server.cutOff('a')
    await world.simulation.advance(5_000)
    const validMs = lease.validUntilMs() - world.simulation.machine('a').runtime().clock.elapsedMs()
    world.server.rejoin('a')
    await world.simulation.advance(2_000)

    expect(firstId).toBeDefined()
    expect(validMs).toBeLessThan(0)
    expect(lease.id()).toBeDefined()
    expect(lease.id()).not.toBe(firstId)
  })

  // Hints may be late and lost; with chance against it, a watch still must not make any up.
  test('hints late, and never at what did not happen', async () => {
    const world = worldOf(6, { hintLagMaxMs: 3_000, lostHintChance: 0.3 })
    const writing = world.open('a')
    const told: { atMs: number; revision: number }[] = []
    const watch = world.open('b').watch(1 as Revision, ({ revision }) => {
      told.push({ atMs: world.simulation.clock.elapsedMs(), revision })
    })
    const revisions: number[] = []
    for (let epoch = 1; epoch <= 20; epoch += 1) {
      const now = await world.run(writing.read())
      const state = now.kind === 'read' ? now.view.state : undefined
      const outcome = await world.run(writing.swap(replaceAny(state?.revision, `1.1.${epoch}`)))
      if (outcome.kind === 'won') revisions.push(outcome.revision)
    }
    await world.simulation.advance(4_000)
    await watch[Symbol.asyncDispose]()

    expect(revisions).toHaveLength(20)
    expect(told.length).toBeGreaterThan(0)
    expect(told.every(({ revision }) => revisions.includes(revision))).toBe(true)
    const toldRevisions = told.map(({ revision }) => revision)
    expect(toldRevisions).toEqual([...new Set(toldRevisions)].toSorted((a, b) => a - b))
  })

  // A fault that never happens would let every simulation pass.
  test.each<[Partial<ElectorFaults>, { applied: boolean }]>([
    [{ lostRequestChance: 1 }, { applied: false }],
    [{ lostAnswerChance: 1 }, { applied: true }],
  ])('loses what it is told to lose: %j', async (faults, { applied }) => {
    const world = worldOf(8, faults)
    const { revision } = world.server.keys

    const outcome = await world.run(world.open('a').swap(bootstrap('1.1.1')))

    expect(outcome).toEqual({ kind: 'unknown' })
    expect(world.server.keys.revision > revision).toBe(applied)
  })

  test('loses hints when it is told to', async () => {
    const world = worldOf(9, { lostHintChance: 1 })
    const elector = world.open('a')
    const told: number[] = []
    elector.watch(1 as Revision, ({ revision }) => told.push(revision))

    await world.run(elector.swap(bootstrap('1.1.1')))
    await world.simulation.advance(10_000)

    expect(told).toEqual([])
  })

  // A failing seed must fail again.
  test('repeats itself with its seed', async () => {
    const faults = {
      lostAnswerChance: 0.3,
      lateChance: 0.3,
      lateMaxMs: 900,
      lostRequestChance: 0.1,
    }
    const run = async (): Promise<string[]> => {
      const world = worldOf(7, faults)
      const electors = [world.open('a'), world.open('b')]
      const outcomes: string[] = []
      for (let round = 0; round < 30; round += 1) {
        const elector = electors[round % 2] as Elector
        const { kind } = await world.run(elector.swap(replaceAny(undefined, `1.1.${round}`)))
        outcomes.push(`${kind} ${world.simulation.clock.elapsedMs()} ${elector.lease.id()}`)
      }
      return outcomes
    }

    expect(await run()).toEqual(await run())
  })
})

function worldOf(seed: number, faults: Partial<ElectorFaults> = {}) {
  const simulation = new Simulation(seed)
  const server = new SimulatedElectorServer(
    { clock: simulation.clock, random: new SeededRandom(seed).fork('elector') },
    { ...NO_FAULTS, ...faults },
  )
  return {
    simulation,
    server,
    open: (name: string): Elector =>
      new SimulatedElector({ name, clock: simulation.machine(name).runtime().clock }, server),
    run: <T>(goal: Promise<T>): Promise<T> => simulation.runUntil(goal, { limitMs: 120_000 }),
  }
}

function bootstrap(attempt: string): Transaction {
  return replaceAny(undefined, attempt)
}

function replaceAny(revision: Revision | undefined, attempt: string): Transaction {
  return {
    kind: 'change-set',
    guards: [
      revision === undefined
        ? { kind: 'absent', key: { kind: 'state' } }
        : { kind: 'unchanged', key: { kind: 'state' }, revision },
    ],
    writes: [{ kind: 'put-state', value: stateOf(attempt) }],
  }
}

function stateOf(attempt: string): GroupState {
  return {
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
}
