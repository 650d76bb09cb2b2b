import type { CometError, ErrorCode } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { ScriptedBroker } from '../scripted/scripted-broker.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'

const MESSAGES = 300

/** What a broker that has not stored a batch may say. */
const refusals: readonly ErrorCode[] = [
  'STORE_BUSY',
  'DRAINING',
  'NOT_MASTER',
  'DISK_FULL',
  'OVERLOADED',
]

describe('a producer between brokers that refuse and break', () => {
  // Numbers, rewinds, moves and new epochs meet in orders that nobody thinks of. With one number used
  // twice, a broker answers "stored" to a batch that it has never seen.
  test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
    'stores everything once and in order: seed %d',
    async (seed) => {
      const world = await ScriptedWorld.open(new Simulation(seed, calmNetwork), {
        queues: { a: 2, b: 2 },
      })
      const { sim, a, b } = world
      const orders = world.comet.topic<number>('orders')
      let isChaos = true
      for (const broker of [a, b]) {
        broker.script = () => {
          if (!isChaos || !sim.random.chance(0.3)) return undefined
          return refusals[sim.random.below(refusals.length)]
        }
      }

      const receipts: Promise<unknown>[] = []
      for (let i = 0; i < MESSAGES; i++) {
        const key = sim.random.chance(0.5) ? { key: `key-${i % 5}` } : {}
        receipts.push(orders.send(i, { timeout: '10m', ...key }))
        if (sim.random.chance(0.3)) await sim.advance(sim.random.below(20))
        if (sim.random.chance(0.03)) cause(world, sim.random.chance(0.5) ? a : b)
      }
      await sim.advance(5_000)
      isChaos = false
      sim.network.healAll()
      const places = await world.run(Promise.all(receipts))

      const stored = [a, b].flatMap((broker) => valuesOf(broker))
      expect(stored.map(({ value }) => value).toSorted((x, y) => x - y)).toEqual(
        Array.from({ length: MESSAGES }, (_, i) => i),
      )
      for (const [value, place] of places.entries()) {
        expect(stored.find((each) => each.value === value)).toMatchObject({
          place: { ...(place as object) },
        })
      }
      for (const key of [0, 1, 2, 3, 4].map((i) => `key-${i}`)) {
        const values = stored.filter((each) => each.key === key).map(({ value }) => value)
        expect(values).toEqual(values.toSorted((x, y) => x - y))
      }
    },
  )

  // What may be stored when the time is up is stored once or not at all, and said to be unknown.
  test.each(Array.from({ length: 10 }, (_, seed) => seed + 100))(
    'tells the truth about what it gave up on: seed %d',
    async (seed) => {
      const world = await ScriptedWorld.open(new Simulation(seed, calmNetwork), {
        queues: { a: 2 },
      })
      const { sim, a } = world
      const orders = world.comet.topic<number>('orders')
      a.script = () => (sim.random.chance(0.2) ? 'STORE_BUSY' : undefined)

      const outcomes: Promise<CometError | undefined>[] = []
      for (let i = 0; i < MESSAGES; i++) {
        outcomes.push(
          orders.send(i, { timeout: '1s' }).then(
            () => undefined,
            (error: CometError) => error,
          ),
        )
        if (sim.random.chance(0.3)) await sim.advance(sim.random.below(50))
        if (i === 100) sim.network.block('a', 'client')
        if (i === 150) sim.network.block('client', 'a')
        if (i === 200) await sim.advance(3_000)
        if (i === 250) {
          sim.network.cutConnections('a', 'client')
          sim.network.healAll()
        }
      }
      const errors = await world.run(Promise.all(outcomes))
      await sim.advance(20_000)

      const stored = valuesOf(a).map(({ value }) => value)
      expect(new Set(stored).size).toBe(stored.length)
      expect(errors.filter((error) => error !== undefined).length).toBeGreaterThan(0)
      const isTrue = (value: number): boolean => {
        const message = errors[value]?.message
        if (message === undefined) return stored.includes(value)
        return !message.includes('it was not stored') || !stored.includes(value)
      }
      expect([...errors.keys()].filter((value) => !isTrue(value))).toEqual([])
    },
  )
})

function cause(world: ScriptedWorld<Simulation>, broker: ScriptedBroker): void {
  const { sim } = world
  const accidents = [
    () => broker.breakPublishing(),
    () => sim.network.cutConnections(broker.brokerName, 'client'),
    () => {
      // What was stored meanwhile is never answered.
      sim.network.block(broker.brokerName, 'client')
      sim.clock.schedule(sim.random.below(200), () => {
        sim.network.cutConnections(broker.brokerName, 'client')
        sim.network.heal(broker.brokerName, 'client')
      })
    },
    () => sim.network.slowDown(broker.brokerName, 'client', sim.random.below(50)),
  ]
  accidents[sim.random.below(accidents.length)]?.()
}

function valuesOf(broker: ScriptedBroker) {
  return broker.stored.flatMap(({ queueId, base, batch }) =>
    batch.messages().map(({ body, messageGroup }, index) => ({
      value: Number(Buffer.from(body).toString()),
      key: messageGroup,
      place: { brokerName: broker.brokerName, queueId, queueOffset: base + index },
    })),
  )
}
