/** Brokers and name servers together, in the simulation. */
import { Broker, type BrokerConfig, brokerDefaults } from '@cometmq/broker'
import { NameServer, nameServerDefaults } from '@cometmq/nameserver'
import {
  encodeBatch,
  errorCodeOfId,
  loadServices,
  type Method,
  NO_PRODUCER_ID,
  publishMethod,
  type RouteUpdate,
  type TopicRoute,
} from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'

const services = loadServices()
const { admin } = services
const MIB = 1024 * 1024
const SECOND = { limitMs: 1_000 }
const MINUTE = { limitMs: 60_000 }

class World {
  readonly simulation: Simulation
  readonly brokers = new Map<string, Broker>()
  readonly nameServers: string[]

  constructor(nameServers: string[]) {
    this.simulation = new Simulation(7, { diskCapacityBytes: 64 * MIB })
    this.nameServers = nameServers
  }

  /** Name servers on machines of these names, then a broker for each of those. */
  static async open(nameServers: string[], brokers: string[]): Promise<World> {
    const world = new World(nameServers)
    for (const machine of nameServers) await world.startNameServer(machine)
    for (const machine of brokers) await world.startBroker(machine)
    await world.until(() =>
      [...world.brokers.values()].every((broker) =>
        broker.status.nameservers.every(({ state }) => state === 'registered'),
      ),
    )
    // Each beat's answer tells a broker of the others.
    await world.simulation.advance(1_500)
    return world
  }

  async startNameServer(machine: string): Promise<NameServer> {
    const { simulation } = this
    const config = {
      ...nameServerDefaults,
      cluster: 'blue',
      listen: `${machine}:9876`,
      warmupMs: 500,
    }
    return simulation.runUntil(
      NameServer.open(config, simulation.machine(machine).runtime()),
      SECOND,
    )
  }

  async startBroker(machine: string, fields: Partial<BrokerConfig> = {}): Promise<Broker> {
    const { simulation } = this
    const config: BrokerConfig = {
      ...brokerDefaults,
      cluster: 'blue',
      brokerName: machine,
      listen: `${machine}:8081`,
      nameservers: this.nameServers.map((name) => `${name}:9876`),
      topicDefaults: { queueCount: 4 },
      autoCreateTopics: true,
      store: storeConfig('data', {
        segmentMaxBytes: 4 * MIB + 128 * 1024,
        minFreeBytes: 16 * MIB,
        hardFreeBytes: MIB,
      }),
      ...fields,
    }
    const runtime = simulation.machine(machine).runtime()
    const broker = await simulation.runUntil(Broker.open(config, runtime), MINUTE)
    this.brokers.set(machine, broker)
    return broker
  }

  broker(machine: string): Broker {
    const broker = this.brokers.get(machine)
    if (broker === undefined) throw new Error(`no broker ${machine}`)
    return broker
  }

  call<Request, Response>(
    machine: string,
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    const { transport } = this.simulation.machine('client').runtime()
    const call = transport.connect(`${machine}:8081`).call(method, request)
    return this.simulation.runUntil(call, MINUTE)
  }

  /** The result of one batch sent to a broker. */
  async publish(machine: string, topic: string): Promise<string> {
    const { transport } = this.simulation.machine('client').runtime()
    const stream = transport.connect(`${machine}:8081`).open(publishMethod)
    let result: string | undefined
    stream.receive({
      message: ({ results }) => (result = results[0]?.error === 0 ? 'stored' : codeOf(results[0])),
      ended: () => {},
      failed: ({ code }) => (result = code),
    })
    stream.send({ batches: [batchOf(topic)] })
    await this.until(() => result !== undefined)
    return result ?? ''
  }

  watch(nameServer: string, topic: string): Watching {
    const { transport } = this.simulation.machine('client').runtime()
    const watching = new Watching(topic)
    const stream = transport.connect(`${nameServer}:9876`).open(services.routes.Watch)
    stream.receive({
      message: (update) => watching.take(update),
      ended: () => {},
      failed: () => {},
    })
    stream.send({ topics: [topic], allTopics: false })
    stream.end()
    return watching
  }

  until(condition: () => boolean, limitMs = 10_000): Promise<void> {
    return this.simulation.runUntil(condition, { limitMs })
  }
}

/** What a client knows of one topic. */
class Watching {
  readonly topic: string
  route: TopicRoute | 'missing' | undefined

  constructor(topic: string) {
    this.topic = topic
  }

  take(update: RouteUpdate): void {
    if (update.missing.includes(this.topic)) this.route = 'missing'
    this.route = update.topics.find(({ topic }) => topic === this.topic) ?? this.route
  }

  /** `broker: queues`, with `!` where it takes no writes. */
  get shown(): string {
    if (this.route === undefined || this.route === 'missing') return this.route ?? 'unknown'
    return this.route.queueGroups
      .filter(({ readable }) => readable)
      .map((group) => `${group.brokerName}: ${group.queueCount}${group.writable ? '' : '!'}`)
      .join(', ')
  }
}

function codeOf(result: { readonly error: number } | undefined): string {
  return errorCodeOfId(result?.error ?? 0)
}

function batchOf(topic: string): Buffer {
  return encodeBatch({
    topic,
    queueId: 0,
    producer: {
      producerId: NO_PRODUCER_ID,
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1,
    messages: [{ body: Buffer.from('hello') }],
  })
}

describe('a topic', () => {
  // A topic on one broker only would lose half of the cluster's throughput, and all of it with that broker.
  test('created everywhere is on both brokers, and both name servers route it at once', async () => {
    const world = await World.open(['n1', 'n2'], ['a', 'b'])
    const watching = ['n1', 'n2'].map((name) => world.watch(name, 'orders'))
    await world.until(() => watching.every(({ shown }) => shown === 'missing'))

    const outcome = await world.call('b', admin.CreateTopic, { topic: 'orders', everywhere: true })

    expect(outcome.brokers).toEqual([
      { brokerName: 'b', error: 0, message: '', changed: true },
      { brokerName: 'a', error: 0, message: '', changed: true },
    ])
    await world.until(() => watching.every(({ shown }) => shown === 'a: 4, b: 4'), 50)
    expect(watching.map(({ shown }) => shown)).toEqual(['a: 4, b: 4', 'a: 4, b: 4'])
  })

  // Creating again after a partial failure has to complete it, not to fail for what is there.
  test('that one broker has already is created on the other', async () => {
    const world = await World.open(['n1'], ['a', 'b'])
    await world.call('a', admin.CreateTopic, { topic: 'orders' })

    const outcome = await world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })
    expect(outcome.brokers).toMatchObject([
      { brokerName: 'a', error: 0, changed: false },
      { brokerName: 'b', error: 0, changed: true },
    ])

    const again = world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })
    await expect(again).rejects.toMatchObject({ code: 'TOPIC_EXISTS' })
  })

  // An operator has to know which broker did not do it.
  test('names the broker that could not be reached', async () => {
    const world = await World.open(['n1'], ['a', 'b'])
    world.simulation.network.partition('a', 'b')

    const outcome = await world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })

    expect(outcome.brokers[0]).toMatchObject({ brokerName: 'a', error: 0, changed: true })
    expect(outcome.brokers[1]).toMatchObject({ brokerName: 'b', changed: false })
    expect(['TIMEOUT', 'CONNECT_FAILED', 'UNAVAILABLE']).toContain(codeOf(outcome.brokers[1]))
  })

  // Deleted on one broker only it would stay in the routes.
  test('deleted everywhere leaves the routes', async () => {
    const world = await World.open(['n1'], ['a', 'b'])
    await world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })
    const watching = world.watch('n1', 'orders')
    await world.until(() => watching.shown === 'a: 4, b: 4')

    await world.call('a', admin.DeleteTopic, { topic: 'orders', everywhere: true })

    await world.until(() => watching.shown === 'missing', 50)
    expect(await world.publish('b', 'orders')).toBe('TOPIC_NOT_FOUND')
  })

  // Guessing that there are no others would leave them out without a word.
  test('is not created everywhere by a broker that knows no other one yet', async () => {
    const world = new World(['nobody'])
    await world.startBroker('a')

    const call = world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })

    await expect(call).rejects.toMatchObject({ code: 'NOT_READY' })
  })
})

describe('a broker', () => {
  // A deployment without it costs every client a timeout.
  test('that shuts down is out of the routes before it stops serving', async () => {
    const world = await World.open(['n1'], ['a', 'b'])
    await world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })
    const watching = world.watch('n1', 'orders')
    await world.until(() => watching.shown === 'a: 4, b: 4')

    const serving = world.broker('a').serve(AbortSignal.abort())
    await world.until(() => watching.shown === 'b: 4', 100)
    await world.simulation.runUntil(serving, MINUTE)

    expect(watching.shown).toBe('b: 4')
  })

  // Nobody says goodbye for a machine that lost its power.
  test('that falls silent is out of the routes after three seconds, and back when it returns', async () => {
    const world = await World.open(['n1'], ['a', 'b'])
    await world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })
    const watching = world.watch('n1', 'orders')
    await world.until(() => watching.shown === 'a: 4, b: 4')

    world.simulation.machine('a').powerCut()
    await world.until(() => watching.shown === 'b: 4', 4_000)

    await world.startBroker('a')
    await world.until(() => watching.shown === 'a: 4, b: 4', 5_000)
    expect(watching.shown).toBe('a: 4, b: 4')
  })

  // A pause of the process, as by a debugger or a full host, must not need an operator.
  test('that was paused registers again by itself', async () => {
    const world = await World.open(['n1'], ['a'])
    await world.call('a', admin.CreateTopic, { topic: 'orders' })
    const watching = world.watch('n1', 'orders')
    await world.until(() => watching.shown === 'a: 4')

    world.simulation.machine('a').pause()
    await world.until(() => watching.shown === '', 5_000)
    world.simulation.machine('a').resume()

    await world.until(() => watching.shown === 'a: 4', 5_000)
    await world.simulation.advance(50)
    expect(world.broker('a').status.nameservers[0]?.state).toBe('registered')
  })

  // It keeps what is in memory only, and clients come back to it first.
  test('tells a name server that was restarted everything again', async () => {
    const world = await World.open(['n1'], ['a', 'b'])
    await world.call('a', admin.CreateTopic, { topic: 'orders', everywhere: true })

    world.simulation.machine('n1').kill()
    await world.startNameServer('n1')
    await world.simulation.advance(3_000)

    const watching = world.watch('n1', 'orders')
    await world.until(() => watching.shown === 'a: 4, b: 4')
    expect(watching.shown).toBe('a: 4, b: 4')
  })

  // Two brokers under one name would take turns in the routes.
  test('under a name that is taken serves on, says so, and is taken when the name is free', async () => {
    const world = await World.open(['n1'], ['a'])

    const second = await world.startBroker('b', { brokerName: 'a' })
    await world.until(() => second.status.nameservers[0]?.state === 'refused')
    expect(second.status.nameservers[0]?.why).toContain('NAME_TAKEN')
    expect((await world.call('b', admin.ListTopics, {})).topics).toEqual([])

    await world.simulation.runUntil(world.broker('a').serve(AbortSignal.abort()), MINUTE)
    await world.until(() => second.status.nameservers[0]?.state === 'registered')
    expect(second.status.nameservers[0]?.why).toBe('')
  })

  // Messages of two clusters would mix.
  test('of another cluster is refused', async () => {
    const world = await World.open(['n1'], [])

    const broker = await world.startBroker('a', { cluster: 'green' })
    await world.until(() => broker.status.nameservers[0]?.state === 'refused')

    expect(broker.status.nameservers[0]?.why).toContain('WRONG_CLUSTER')
  })

  // A producer that is sent to a full disk gets an error where another broker has space.
  test('with a full disk is not writable in the routes until it has space again', async () => {
    const world = await World.open(['n1'], ['a'])
    await world.call('a', admin.CreateTopic, { topic: 'orders' })
    const watching = world.watch('n1', 'orders')
    await world.until(() => watching.shown === 'a: 4')
    const { files } = world.simulation.machine('a').runtime()

    const filler = await world.simulation.runUntil(
      files.openFile('filler', { create: true }),
      SECOND,
    )
    await world.simulation.runUntil(filler.writeAt([Buffer.alloc(48 * MIB)], 0), SECOND)
    await world.until(() => watching.shown === 'a: 4!')
    expect(await world.publish('a', 'orders')).toBe('DISK_FULL')

    await world.simulation.runUntil(filler.truncate(0), SECOND)
    await world.until(() => watching.shown === 'a: 4')
    expect(await world.publish('a', 'orders')).toBe('stored')
  })

  // All brokers work on when every name server is gone; only new clients have to wait.
  test('serves on without any name server', async () => {
    const world = await World.open(['n1', 'n2'], ['a'])
    await world.call('a', admin.CreateTopic, { topic: 'orders' })

    world.simulation.machine('n1').powerCut()
    world.simulation.machine('n2').powerCut()
    await world.simulation.advance(10_000)

    expect(await world.publish('a', 'orders')).toBe('stored')
    expect(world.broker('a').status.nameservers.map(({ state }) => state)).toEqual([
      'broken',
      'broken',
    ])
  })
})
