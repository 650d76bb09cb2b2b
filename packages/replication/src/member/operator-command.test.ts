import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { Elector, GroupView, SwapOutcome } from '../elector.ts'
import type { GroupState } from '../group-state.ts'
import { groupOfThree, liveOf, memberOf } from '../testing/scene.ts'
import { SimulatedElector } from '../testing/simulated-elector.ts'
import { SimulatedElectorServer } from '../testing/simulated-elector-server.ts'
import { bootstrapTransaction, takeOverTransaction } from '../transactions.ts'
import { carryOut } from './operator-command.ts'

const LIMIT = { limitMs: 60_000 }

describe('a command of an operator', () => {
  test('is put into the elector, and answered when a member has done it', async () => {
    const world = await new World().open()
    const asked = carryOut(world.ports, { kind: 'hand-over', to: 3 }, 5_000)
    await world.until(({ command }) => command?.value.kind === 'hand-over')

    await world.takeOver(3)
    const { state, tookMs } = await world.run(asked)

    expect(state).toMatchObject({ master: 3, epoch: 6 })
    expect(tookMs).toBeLessThan(5_000)
  })

  // A hand-over that comes true a week later surprises everybody.
  test('that nobody carries out is taken back, and its asker is told', async () => {
    const world = await new World().open()
    const asked = carryOut(world.ports, { kind: 'hand-over', to: 3 }, 500)

    await expect(world.run(asked)).rejects.toMatchObject({ code: 'TIMEOUT' })

    const view = await world.view()
    expect(view.command).toBeUndefined()
  })

  test('is given once though the answer to it was lost', async () => {
    const world = await new World().open()
    const { elector } = world.ports
    let lost = 0
    const forgetful: Elector = {
      lease: elector.lease,
      read: () => elector.read(),
      watch: (from, onChange) => elector.watch(from, onChange),
      swap: async (transaction): Promise<SwapOutcome> => {
        const outcome = await elector.swap(transaction)
        return transaction.kind === 'command' && lost++ === 0 ? { kind: 'unknown' } : outcome
      },
      [Symbol.asyncDispose]: () => elector[Symbol.asyncDispose](),
    }
    const ports = { ...world.ports, elector: forgetful }
    const asked = carryOut(ports, { kind: 'hand-over', to: 3 }, 5_000)
    await world.until(({ command }) => command !== undefined)

    await world.takeOver(3)

    expect((await world.run(asked)).state.master).toBe(3)
    expect(lost).toBe(2)
  })

  // Etcd may be away for a moment in the middle of it.
  test('is waited for though the elector does not answer for a while', async () => {
    const world = await new World().open()
    const asked = carryOut(world.ports, { kind: 'hand-over', to: 3 }, 5_000)
    await world.until(({ command }) => command !== undefined)

    world.server.cutOff('operator')
    await world.advance(1_000)
    world.server.rejoin('operator')
    await world.takeOver(3)

    expect((await world.run(asked)).state.master).toBe(3)
  })

  test('is given up when the elector never answers again', async () => {
    const world = await new World().open()
    const asked = carryOut(world.ports, { kind: 'hand-over', to: 3 }, 500)
    await world.until(({ command }) => command !== undefined)

    world.server.cutOff('operator')

    await expect(world.run(asked)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  test('that makes no sense is not given', async () => {
    const world = await new World().open()

    const asked = world.run(carryOut(world.ports, { kind: 'forget', brokerId: 2 }, 500))

    await expect(asked).rejects.toMatchObject({ code: 'MEMBER_UNFIT' })
    expect((await world.view()).command).toBeUndefined()
  })
})

/** A group of which nobody is there but what the elector has of it. */
class World {
  readonly #simulation = new Simulation(1)
  readonly server = new SimulatedElectorServer({
    clock: this.#simulation.clock,
    random: this.#simulation.random.fork('elector'),
  })
  readonly #elector = new SimulatedElector(
    { name: 'operator', clock: this.#simulation.clock },
    this.server,
  )

  async open(): Promise<World> {
    await this.run(this.#elector.swap(bootstrapTransaction(groupOfThree)))
    await this.#simulation.runUntil(() => this.#elector.lease.id() !== undefined, LIMIT)
    const leaseId = this.#elector.lease.id() ?? ''
    for (const brokerId of [1, 2, 3]) {
      await this.run(
        this.#elector.swap({
          kind: 'start',
          guards: [],
          writes: [
            { kind: 'put-member', brokerId, value: memberOf(brokerId) },
            { kind: 'put-live', brokerId, value: liveOf(brokerId), leaseId },
          ],
        }),
      )
    }
    return this
  }

  get ports() {
    const { clock, random } = this.#simulation
    return { clock, random, elector: this.#elector, witnesses: async () => [] }
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.#simulation.runUntil(work, LIMIT)
  }

  advance(ms: number): Promise<void> {
    return this.#simulation.advance(ms)
  }

  async view(): Promise<GroupView> {
    const outcome = await this.run(this.#elector.read())
    if (outcome.kind !== 'read') throw new Error(outcome.kind)
    return outcome.view
  }

  async until(isSo: (view: GroupView) => boolean): Promise<void> {
    while (!isSo(await this.view())) await this.#simulation.advance(10)
  }

  async takeOver(brokerId: number): Promise<void> {
    const { state, live } = await this.view()
    if (state === undefined) throw new Error('there is no state')
    const next: GroupState = {
      ...state.value,
      epoch: state.value.epoch + 1,
      master: brokerId,
      reason: 'hand-over',
    }
    const revision = live.get(brokerId)?.revision ?? state.revision
    const transaction = takeOverTransaction(
      { replaces: state.revision, state: next },
      { brokerId, revision },
    )
    await this.run(this.#elector.swap(transaction))
  }
}
