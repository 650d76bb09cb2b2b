import {
  encodeBatch,
  errorCodeOfId,
  loadServices,
  type Method,
  NO_PRODUCER_ID,
  publishMethod,
  type PublishResponse,
  RecordBatch,
  type ReadRequest,
  type ReadResponse,
  readMethod,
  toCometError,
} from '@cometmq/protocol'
import { defaultSettings } from '@cometmq/replication'
import { SimulatedElector, SimulatedElectorServer } from '@cometmq/replication/testing'
import type { Connection, MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { Broker } from './broker.ts'
import { type BrokerConfig, brokerDefaults } from './config.ts'
import { replicationDefaults } from './replication-config.ts'

const { admin } = loadServices()
const MINUTE = { limitMs: 60_000 }

describe('a slave', () => {
  // While the master is dead, it is all that readers have.
  test('serves messages, look-ups and bounds, and commits nothing', async () => {
    const pair = await Pair.open()
    await pair.publish('a', 'b')
    await pair.untilCopied(2)

    const reader = new Reader(pair.slave)
    reader.assign(1)
    await pair.until(() => reader.bodies.length === 2)
    reader.stream.send({
      kind: 'commit',
      id: 1,
      name: 'mine',
      topic: 'orders',
      queueId: 0,
      offset: 2,
    })
    await pair.until(() => reader.of('committed').length === 1)
    const at = { topic: 'orders', queueId: 0, offset: 1 }
    const found = await pair.call(pair.slave, admin.GetMessage, at)
    const described = await pair.call(pair.slave, admin.DescribeTopic, { topic: 'orders' })

    expect(reader.bodies).toEqual(['a', 'b'])
    expect(reader.of('committed').map(({ error }) => errorCodeOfId(error))).toEqual(['NOT_MASTER'])
    expect(Buffer.from(found.body).toString()).toBe('b')
    expect(described.queues).toMatchObject([{ minOffset: 0, maxOffset: 2 }])
  })

  // A reader that has moved to it for the time of an outage must not have to move for every message.
  test('goes on serving when its master has died, and what comes of the next one', async () => {
    const pair = await Pair.open()
    await pair.publish('a')
    await pair.untilCopied(1)
    const reader = new Reader(pair.slave)
    reader.assign(1)
    await pair.until(() => reader.bodies.length === 1)

    pair.killMaster()
    await pair.until(() => pair.slaveBroker.status.writable)
    await pair.publish('b')
    await pair.until(() => reader.bodies.length === 2)

    expect(reader.bodies).toEqual(['a', 'b'])
  })
})

const MASTER = 'member-1'
const SLAVE = 'member-2'

/** A broker group of two, with a topic "orders" of one queue. */
class Pair {
  readonly simulation = new Simulation(1)
  readonly #brokers = new Map<string, Broker>()
  #masterIs = MASTER

  static async open(): Promise<Pair> {
    const pair = new Pair()
    const { simulation } = pair
    const { clock, random } = simulation
    const elector = new SimulatedElectorServer({ clock, random: random.fork('elector') })
    for (const name of [MASTER, SLAVE]) {
      const runtime = simulation.machine(name).runtime()
      const own = new SimulatedElector({ name, clock: runtime.clock }, elector)
      const probes = { rssBytes: () => 0 }
      const broker = await pair.#run(Broker.open(configOf(name), runtime, probes, own))
      pair.#brokers.set(name, broker)
      // The first one makes the group, and so is its master.
      if (name === MASTER) await pair.until(() => broker.status.writable)
    }
    const topic = { topic: 'orders', queueCount: 1 }
    await pair.call(pair.#connect(MASTER), admin.CreateTopic, topic)
    const isInSync = (): boolean =>
      pair.#broker(MASTER).status.member?.replicas.some((replica) => replica.isInSync) === true
    await pair.until(isInSync)
    return pair
  }

  get slave(): Connection {
    return this.#connect(SLAVE)
  }

  get slaveBroker(): Broker {
    return this.#broker(SLAVE)
  }

  killMaster(): void {
    this.simulation.machine(MASTER).kill()
    this.#masterIs = SLAVE
  }

  async publish(...bodies: readonly string[]): Promise<void> {
    const stream = this.#connect(this.#masterIs).open(publishMethod)
    const answers: PublishResponse[] = []
    stream.receive({
      message: (response) => answers.push(response),
      ended: () => {},
      failed: () => {},
    })
    const producer = {
      producerId: NO_PRODUCER_ID,
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    }
    const messages = bodies.map((body) => ({ body: Buffer.from(body) }))
    const batch = encodeBatch({ topic: 'orders', queueId: 0, producer, bornTimeMs: 1, messages })
    stream.send({ batches: [batch] })
    await this.until(() => answers[0]?.results[0]?.error === 0)
    stream.end()
  }

  /** Until the slave has so many messages to hand out. */
  async untilCopied(count: number): Promise<void> {
    for (;;) {
      const { queues } = await this.call(this.slave, admin.DescribeTopic, { topic: 'orders' })
      if (queues[0]?.maxOffset === count) return
      await this.simulation.advance(10)
    }
  }

  async call<Request, Response>(
    connection: Connection,
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    for (;;) {
      try {
        return await this.#run(connection.call(method, request))
      } catch (thrown) {
        // A slave may not have applied yet what the master was told.
        if (toCometError(thrown).code !== 'TOPIC_NOT_FOUND') throw thrown
      }
    }
  }

  until(holds: () => boolean): Promise<void> {
    return this.simulation.runUntil(holds, MINUTE)
  }

  #run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, MINUTE)
  }

  #connect(name: string): Connection {
    return this.simulation.machine('client').runtime().transport.connect(`${name}:8081`)
  }

  #broker(name: string): Broker {
    const broker = this.#brokers.get(name)
    if (broker === undefined) throw new Error(`${name} was not started`)
    return broker
  }
}

function configOf(machine: string): BrokerConfig {
  return {
    ...brokerDefaults,
    cluster: 'blue',
    brokerName: 'a',
    listen: `${machine}:8081`,
    store: storeConfig('data', { minFreeBytes: 1024, hardFreeBytes: 512 }),
    replication: {
      ...replicationDefaults,
      listen: `${machine}:10911`,
      host: machine,
      bootId: 'boot',
      settings: { ...defaultSettings, memberCount: 2, minInSync: 1 },
    },
  }
}

class Reader {
  readonly stream: MessageStream<ReadRequest, ReadResponse>
  readonly #responses: ReadResponse[] = []

  constructor(connection: Connection) {
    this.stream = connection.open(readMethod)
    this.stream.receive({
      message: (response) => this.#responses.push(response),
      ended: () => {},
      failed: () => {},
    })
    this.stream.send({ kind: 'credit', bytes: 1_000_000 })
  }

  assign(assignmentId: number): void {
    const start = { kind: 'earliest' } as const
    this.stream.send({
      kind: 'assign',
      assignmentId,
      topic: 'orders',
      queueId: 0,
      start,
      filter: '',
    })
  }

  get bodies(): string[] {
    return this.of('batches').flatMap(({ batches }) =>
      batches.flatMap((bytes) =>
        RecordBatch.parse(bytes)
          .messages()
          .map(({ body }) => Buffer.from(body).toString()),
      ),
    )
  }

  of<Kind extends ReadResponse['kind']>(kind: Kind): Extract<ReadResponse, { kind: Kind }>[] {
    return this.#responses.filter(
      (response): response is Extract<ReadResponse, { kind: Kind }> => response.kind === kind,
    )
  }
}
