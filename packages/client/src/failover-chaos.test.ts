import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { ScriptedBroker } from './scripted/scripted-broker.ts'
import { calmNetwork, ScriptedWorld } from './scripted/scripted-world.ts'

const MESSAGES = 300
const TOPIC = { topic: 'orders', queues: { a: 2 } }

describe('a producer, however often the master changes,', () => {
  // What was acknowledged is there, once, in the order of its key; nobody has to ask how.
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'stores everything once and in order: seed %d',
    async (seed) => {
      const world = await ScriptedWorld.open(new Simulation(seed, calmNetwork), {
        queues: TOPIC.queues,
      })
      const { sim } = world
      const group = new BrokerGroup(world)
      const orders = world.comet.topic<number>('orders')

      const sends = []
      for (let i = 0; i < MESSAGES; i++) {
        const key = sim.random.chance(0.7) ? { key: `key-${i % 4}` } : {}
        sends.push(orders.send(i, { timeout: '10m', ...key }))
        if (sim.random.chance(0.3)) await sim.advance(sim.random.below(30))
        if (sim.random.chance(0.03)) await group.changeMaster()
        if (sim.random.chance(0.05)) group.tellOfOldMaster()
      }
      const receipts = await world.run(Promise.all(sends))

      const stored = valuesOf(group.master)
      expect(stored.map(({ value }) => value).toSorted((x, y) => x - y)).toEqual(
        Array.from({ length: MESSAGES }, (_, i) => i),
      )
      const places = new Map(stored.map(({ value, place }) => [value, place]))
      expect(
        receipts.map(({ queueId, queueOffset }) => `${queueId}/${queueOffset}`), //
      ).toEqual(receipts.map((_, value) => places.get(value)))
      for (const key of [0, 1, 2, 3].map((i) => `key-${i}`)) {
        const values = stored.filter((each) => each.key === key).map(({ value }) => value)
        expect(values).toEqual(values.toSorted((x, y) => x - y))
      }
    },
  )
})

/** Two members, of which one is master; the other has its log whenever it is elected. */
class BrokerGroup {
  master: ScriptedBroker
  #other: ScriptedBroker
  readonly #world: ScriptedWorld<Simulation>
  #epoch = 1

  constructor(world: ScriptedWorld<Simulation>) {
    this.#world = world
    this.master = world.a
    this.#other = world.b
    this.#other.script = () => 'NOT_MASTER'
  }

  /** After a while in which there may be none. Of what is under way, the next one has some. */
  async changeMaster(): Promise<void> {
    const { sim } = this.#world
    const [old, next] = [this.master, this.#other]
    const endings = ['NOT_MASTER', 'NOT_CONFIRMED', 'silence', 'unconfirmed'] as const
    const ending = endings[sim.random.below(endings.length)]
    old.script = () => (sim.random.chance(0.5) ? ending : 'NOT_MASTER')
    if (sim.random.chance(0.3)) sim.network.block(old.brokerName, 'client')
    await sim.advance(sim.random.below(600))
    old.script = () => 'NOT_MASTER'
    next.takeOver(old)
    next.script = () => undefined
    this.master = next
    this.#other = old
    this.#epoch += 1
    this.#tell(this.#epoch, next)
    if (sim.random.chance(0.5)) await sim.advance(sim.random.below(20))
    sim.network.heal(old.brokerName, 'client')
  }

  /** A name server that has not heard of the last election is heard. */
  tellOfOldMaster(): void {
    this.#tell(this.#epoch - 1, this.#other)
  }

  #tell(epoch: number, { address }: ScriptedBroker): void {
    this.#world.nameServer.set({ a: { address, epoch } }, [TOPIC])
  }
}

function valuesOf(broker: ScriptedBroker) {
  return broker.stored.flatMap(({ queueId, base, batch }) =>
    batch.messages().map(({ body, messageGroup }, index) => ({
      value: Number(Buffer.from(body).toString()),
      key: messageGroup,
      place: `${queueId}/${base + index}`,
    })),
  )
}
