import {
  errorCodeOfId,
  type ListenerAddress,
  loadServices,
  type RegisteredTopic,
  type RegisterRequest,
  type RegisterResponse,
  type Registration,
  type RouteUpdate,
  type WatchRequest,
} from '@cometmq/protocol'
import type { MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { nameServerDefaults } from './config.ts'
import { NameServer } from './name-server.ts'

const services = loadServices()
const SECOND = { limitMs: 1_000 }

/** One name server, brokers that beat or do not, and clients that watch. */
class World {
  readonly simulation: Simulation
  #nameServer: NameServer | undefined

  private constructor(simulation: Simulation) {
    this.simulation = simulation
  }

  static async open(fields: { warmupMs?: number; windowBytes?: number } = {}): Promise<World> {
    const { warmupMs = 0, windowBytes } = fields
    const network = windowBytes === undefined ? {} : { windowBytes }
    const world = new World(new Simulation(1, { network }))
    const config = { ...nameServerDefaults, cluster: 'blue', listen: 'names:9876', warmupMs }
    const runtime = world.simulation.machine('names').runtime()
    world.#nameServer = await world.simulation.runUntil(NameServer.open(config, runtime), SECOND)
    return world
  }

  get nameServer(): NameServer {
    if (this.#nameServer === undefined) throw new Error('open the name server first')
    return this.#nameServer
  }

  /** A broker that registers from its own machine. */
  broker(machine: string): BrokerEnd {
    return new BrokerEnd(this.simulation, machine)
  }

  watch(...topics: string[]): Watching {
    const { transport } = this.simulation.machine('client').runtime()
    return new Watching(transport.connect('names:9876').open(services.routes.Watch), topics)
  }

  until(condition: () => boolean, limitMs = 1_000): Promise<void> {
    return this.simulation.runUntil(condition, { limitMs })
  }
}

class BrokerEnd {
  readonly stream: MessageStream<RegisterRequest, RegisterResponse>
  readonly answers: RegisterResponse[] = []
  ending: string | undefined
  readonly #simulation: Simulation
  readonly #machine: string

  constructor(simulation: Simulation, machine: string) {
    this.#simulation = simulation
    this.#machine = machine
    const { transport } = simulation.machine(machine).runtime()
    this.stream = transport.connect('names:9876').open(services.cluster.Register)
    this.stream.receive({
      message: (answer) => this.answers.push(answer),
      ended: () => (this.ending = 'ended'),
      failed: ({ code }) => (this.ending = code),
    })
  }

  async register(fields: Partial<Registration> = {}): Promise<string> {
    const registration: Registration = {
      cluster: 'blue',
      brokerName: 'a',
      brokerId: 0,
      epoch: 1,
      storeId: 'store-a',
      listeners: [addressOn(this.#machine)],
      topics: [topicOf('orders')],
      autoCreateTopics: false,
      version: 'test',
      standsIn: false,
      ...fields,
    }
    this.stream.send({ registration })
    await this.#simulation.runUntil(() => this.answers.length > 0, SECOND)
    const answer = this.answers[0]
    return answer?.refused ? errorCodeOfId(answer.refused.error) : (answer?.kind ?? '')
  }

  beat(number: number): void {
    this.stream.send({ beat: { number } })
  }
}

class Watching {
  readonly stream: MessageStream<WatchRequest, RouteUpdate>
  readonly updates: RouteUpdate[] = []
  ending: string | undefined

  constructor(stream: MessageStream<WatchRequest, RouteUpdate>, topics: string[]) {
    this.stream = stream
    stream.receive({
      message: (update) => this.updates.push(update),
      ended: () => (this.ending = 'ended'),
      failed: ({ code }) => (this.ending = code),
    })
    stream.send({ topics, allTopics: false })
    stream.end()
  }

  /** The brokers that serve a topic as far as this client knows; `undefined`: never heard of it. */
  brokersOf(topic: string): string[] | undefined {
    let brokers: string[] | undefined
    for (const update of this.updates) {
      if (update.missing.includes(topic)) brokers = []
      const route = update.topics.find((each) => each.topic === topic)
      if (route !== undefined) {
        const serving = route.queueGroups.filter(({ readable }) => readable)
        brokers = serving.map(({ brokerName }) => brokerName)
      }
    }
    return brokers
  }
}

function addressOn(machine: string): ListenerAddress {
  return { listener: 'clients', address: `${machine}:8081` }
}

function topicOf(topic: string): RegisteredTopic {
  return { topic, type: 'normal', queueCount: 4, readable: true, writable: true }
}

describe('a client', () => {
  // Polling would cost a delay for every new topic and every lost broker.
  test('hears at once of brokers that come, change and say goodbye', async () => {
    const world = await World.open()
    const client = world.watch('orders', 'invoices')
    await world.until(() => client.brokersOf('orders')?.length === 0)

    const broker = world.broker('broker-a')
    await broker.register()
    await world.until(() => client.brokersOf('orders')?.length === 1)
    expect(client.updates.at(-1)?.brokers).toMatchObject([{ address: 'broker-a:8081' }])

    const changed = [topicOf('invoices')]
    broker.stream.send({
      changes: { changed, removed: ['orders'], writable: false, hasWritable: false },
    })
    await world.until(() => client.brokersOf('invoices')?.length === 1)
    expect(client.brokersOf('orders')).toEqual([])

    broker.stream.send({ goodbye: {} })
    await world.until(() => client.brokersOf('invoices')?.length === 0, 50)
  })

  // A name server that has only just started knows nothing, which is not the same as nothing there.
  test('is not told that a topic is missing before brokers had time to register', async () => {
    const world = await World.open({ warmupMs: 2_000 })
    const client = world.watch('orders', 'nowhere')
    await world.simulation.advance(1_500)
    expect(client.updates).toHaveLength(1)
    expect(client.brokersOf('orders')).toBeUndefined()

    await world.broker('broker-a').register()
    await world.until(() => client.brokersOf('orders')?.length === 1)
    expect(client.brokersOf('nowhere')).toBeUndefined()

    await world.until(() => client.brokersOf('nowhere')?.length === 0)
  })

  // What a gone client leaves behind would add up over months.
  test('that goes is forgotten', async () => {
    const world = await World.open()
    const client = world.watch('orders')
    await world.until(() => world.nameServer.status.watchers === 1)

    client.stream.cancel()
    await world.until(() => world.nameServer.status.watchers === 0)

    const another = world.watch('orders')
    await world.until(() => another.updates.length === 1)
    world.simulation.machine('client').kill()
    await world.simulation.advance(500)
    expect(world.nameServer.status.watchers).toBe(0)
  })
})

describe('a broker', () => {
  // Clients would send to it until their calls fail.
  test('that is cut off is out of the routes within the silence, and told so', async () => {
    const world = await World.open()
    const client = world.watch('orders')
    const broker = world.broker('broker-a')
    await broker.register()
    await world.until(() => client.brokersOf('orders')?.length === 1)
    const sinceMs = world.simulation.clock.elapsedMs()

    world.simulation.network.isolate('broker-a')
    await world.until(() => client.brokersOf('orders')?.length === 0, 4_000)

    const outAfterMs = world.simulation.clock.elapsedMs() - sinceMs
    expect(outAfterMs).toBeGreaterThanOrEqual(3_000)
    expect(outAfterMs).toBeLessThan(3_500)
    world.simulation.network.rejoin('broker-a')
    await world.until(() => broker.ending !== undefined, 20_000)
  })

  // A topic that is made now has to be made on the new one, too.
  test('hears at once of one that comes after it, and of one that leaves', async () => {
    const world = await World.open()
    const first = world.broker('broker-a')
    await first.register()
    const brokersTold = (): number => first.answers.at(-1)?.registered?.brokers.length ?? 0

    const second = world.broker('broker-b')
    await second.register({ brokerName: 'b', storeId: 'store-b' })
    await world.simulation.advance(50)
    expect(brokersTold()).toBe(2)
    second.stream.send({ goodbye: {} })

    await world.simulation.advance(50)
    expect(brokersTold()).toBe(1)
  })

  // It has to hear of the others, and that it is heard itself.
  test('that beats stays, and is answered with all brokers and what it is to its group', async () => {
    const world = await World.open()
    const broker = world.broker('broker-a')
    await broker.register({ epoch: 4 })
    await world.broker('broker-b').register({ brokerName: 'b', storeId: 'store-b' })

    for (let number = 0; number < 5; number++) {
      await world.simulation.advance(1_000)
      broker.beat(number)
    }
    const beats = () => broker.answers.flatMap(({ beat }) => beat ?? [])
    await world.until(() => beats().length === 5)

    expect(beats().at(-1)).toEqual({
      number: 4,
      brokers: [
        {
          brokerName: 'a',
          brokerId: 0,
          epoch: 4,
          address: 'broker-a:8081',
          listeners: [],
          standsIn: false,
        },
      ],
      masterPresent: true,
      highestEpoch: 4,
    })
    expect(beats()[0]?.brokers.map((each) => each.brokerName)).toEqual(['a', 'b'])
  })

  // A gap in the routes is a time in which nobody can write; a second update is one too many.
  test('that becomes master is told to clients in one update, in place of the old one', async () => {
    const world = await World.open()
    const old = world.broker('broker-a')
    await old.register({ epoch: 4 })
    const slave = world.broker('broker-b')
    const store = { storeId: 'store-b', listeners: [addressOn('broker-b')] }
    await slave.register({ ...store, brokerId: 2, epoch: 4 })
    const client = world.watch('orders')
    await world.until(() => client.updates.length === 1)

    slave.stream.cancel()
    await world.broker('broker-b').register({ ...store, brokerId: 0, epoch: 5 })
    await world.until(() => old.ending !== undefined)
    await world.simulation.advance(100)

    expect(client.updates).toHaveLength(2)
    expect(client.updates[1]?.brokers).toMatchObject([
      { brokerId: 0, epoch: 5, address: 'broker-b:8081' },
    ])
    expect(old.ending).toBe('CANCELLED')
    expect(await world.broker('broker-a').register({ epoch: 4 })).toBe('STALE_EPOCH')
  })

  // One of them acknowledges what the other does not have. It tries again for hours.
  test('that claims a reign which another one has is refused, with one alarm', async () => {
    const world = await World.open()
    await world.broker('broker-a').register({ epoch: 4 })

    const claim = { storeId: 'store-b', listeners: [addressOn('broker-b')], epoch: 4 }
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await world.broker('broker-b').register(claim)).toBe('NAME_TAKEN')
    }

    const alarms = world.simulation.story.lines.filter((line) =>
      line.includes('two_masters_one_epoch'),
    )
    expect(alarms).toEqual([expect.stringContaining('broker-b:8081')])
  })

  // Two brokers with one name would take turns, each with half of the messages.
  test('under a name that is taken, or of another cluster, is refused', async () => {
    const world = await World.open()
    await world.broker('broker-a').register()

    const second = world.broker('broker-b')
    expect(await second.register({ storeId: 'store-b' })).toBe('NAME_TAKEN')
    await world.until(() => second.ending === 'ended')

    const stranger = world.broker('broker-c')
    expect(await stranger.register({ cluster: 'green', brokerName: 'c' })).toBe('WRONG_CLUSTER')
    expect(world.nameServer.status.brokers).toBe(1)
  })

  // A restart within the silence is the common case and must not wait for anything.
  test('that was killed and comes back with its data is taken at once', async () => {
    const world = await World.open()
    await world.broker('broker-a').register()

    world.simulation.machine('broker-a').kill()

    expect(await world.broker('broker-a').register()).toBe('registered')
  })

  // Answers that nobody reads would fill the memory of the name server.
  test('that does not read its answers gets no more until it does', async () => {
    const world = await World.open({ windowBytes: 4_096 })
    const broker = world.broker('broker-a')
    await broker.register()
    broker.stream.pause()
    for (let number = 0; number < 1_000; number++) {
      broker.beat(number)
      await world.simulation.advance(1)
    }

    broker.stream.resume()
    await world.simulation.advance(100)
    expect(broker.answers.length).toBeGreaterThan(1)
    expect(broker.answers.length).toBeLessThan(100)

    broker.beat(1_000)
    await world.until(() => broker.answers.at(-1)?.beat?.number === 1_000)
  })

  // Beats of nobody would keep nobody in the routes.
  test('that beats without having registered is turned away', async () => {
    const world = await World.open()
    const broker = world.broker('broker-a')

    broker.beat(1)
    await world.until(() => broker.ending !== undefined)

    expect(broker.ending).toBe('NOT_READY')
  })
})

// Clients that count with its queues would wait for it as long as they live.
test('every client is told of a broker that an operator gives up, now and later', async () => {
  const world = await World.open()
  const watching = world.watch('invoices')
  const broker = world.broker('broker-a')
  await broker.register()
  broker.stream.send({ goodbye: {} })
  const { transport } = world.simulation.machine('operator').runtime()
  const operator = transport.connect('names:9876')

  const request = { brokerName: 'a' }
  const answer = await world.simulation.runUntil(
    operator.call(services.routes.ForgetBroker, request),
    SECOND,
  )

  expect(answer.wasKnown).toBe(true)
  await world.until(() => watching.updates.at(-1)?.forgotten[0] === 'a')
  const late = world.watch('orders')
  await world.until(() => late.updates.length > 0)
  expect(late.updates[0]).toMatchObject({ forgotten: ['a'], missing: ['orders'] })
})

// Two sources of truth would let the slower one win.
test('two name servers know nothing of each other', async () => {
  const world = await World.open()
  const config = { ...nameServerDefaults, cluster: 'blue', listen: 'others:9876', warmupMs: 0 }
  const { simulation } = world
  const other = await simulation.runUntil(
    NameServer.open(config, simulation.machine('others').runtime()),
    SECOND,
  )
  await world.broker('broker-a').register()
  await simulation.advance(5_000)

  expect(other.status.brokers).toBe(0)
})

// A deployment takes name servers down one by one; none may hang.
test('a name server that is told to stop breaks its streams and is gone', async () => {
  const world = await World.open()
  const client = world.watch('orders')
  await world.until(() => client.updates.length === 1)

  await world.simulation.runUntil(world.nameServer.serve(AbortSignal.abort()), SECOND)
  await world.until(() => client.ending !== undefined)

  expect(client.ending).toBe('UNAVAILABLE')
})
