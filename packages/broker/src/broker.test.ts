import {
  encodeBatch,
  errorCodeOfId,
  type LeasedRange,
  loadServices,
  type Method,
  NO_PRODUCER_ID,
  type PublishRequest,
  type PublishResponse,
  publishMethod,
  type ReadRequest,
  type ReadResponse,
  type ReadStart,
  RecordBatch,
  readMethod,
  type SubscribeRequest,
  type SubscribeResponse,
  subscribeMethod,
  toCometError,
} from '@cometmq/protocol'
import type { Connection, MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, test, vi } from 'vitest'
import { Broker } from './broker.ts'
import { type BrokerConfig, brokerDefaults } from './config.ts'

const { admin } = loadServices()
const MIB = 1024 * 1024
const SECOND = { limitMs: 1_000 }
const MINUTE = { limitMs: 60_000 }

const config: BrokerConfig = {
  ...brokerDefaults,
  cluster: 'blue',
  brokerName: 'a',
  listen: 'broker-a:8081',
  store: storeConfig('data', {
    segmentMaxBytes: 8 * MIB,
    minFreeBytes: 1024,
    hardFreeBytes: 512,
  }),
}

/** One broker on a machine of its own, and a client on another. */
class World {
  readonly simulation: Simulation
  readonly #config: BrokerConfig
  #broker: Broker | undefined

  constructor(fields: Partial<BrokerConfig> & { diskCapacityBytes?: number } = {}) {
    const { diskCapacityBytes = 1024 * MIB, ...changes } = fields
    this.simulation = new Simulation(1, { diskCapacityBytes })
    this.#config = { ...config, ...changes }
  }

  get broker(): Broker {
    if (this.#broker === undefined) throw new Error('open the broker first')
    return this.#broker
  }

  async open(): Promise<this> {
    const { simulation } = this
    const runtime = simulation.machine('broker-a').runtime()
    this.#broker = await simulation.runUntil(Broker.open(this.#config, runtime), SECOND)
    return this
  }

  async openWithTopic(fields: { queueCount?: number } = {}): Promise<this> {
    await this.open()
    const request = { topic: 'orders', queueCount: 2, ...fields }
    await this.call(admin.CreateTopic, request)
    return this
  }

  /** Calls the broker; an old connection may still have to break first. */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    for (;;) {
      try {
        return await this.run(this.connect().call(method, request))
      } catch (thrown) {
        if (toCometError(thrown).code !== 'UNAVAILABLE') throw thrown
      }
    }
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, MINUTE)
  }

  connect(): Connection {
    return this.simulation.machine('client').runtime().transport.connect('broker-a:8081')
  }

  /** What the broker answers to these batches. */
  async publish(...batches: Buffer[]): Promise<string[]> {
    const producer = new Producer(this.connect())
    producer.send(...batches)
    await this.simulation.runUntil(() => producer.results.length === batches.length, SECOND)
    return producer.results
  }
}

class Producer {
  readonly results: string[] = []
  readonly stream: MessageStream<PublishRequest, PublishResponse>
  ending: string | undefined

  constructor(connection: Connection) {
    this.stream = connection.open(publishMethod)
    this.stream.receive({
      message: ({ results }) => {
        for (const { error, baseQueueOffset, duplicate } of results) {
          const place = `${duplicate ? 'again ' : ''}at ${baseQueueOffset}`
          this.results.push(error === 0 ? place : errorCodeOfId(error))
        }
      },
      ended: () => (this.ending = 'ended'),
      failed: ({ code }) => (this.ending = code),
    })
  }

  send(...batches: Buffer[]): void {
    this.stream.send({ batches })
  }
}

class Reader {
  readonly responses: ReadResponse[] = []
  readonly stream: MessageStream<ReadRequest, ReadResponse>
  ending: string | undefined

  constructor(connection: Connection) {
    this.stream = connection.open(readMethod)
    this.stream.receive({
      message: (response) => this.responses.push(response),
      ended: () => (this.ending = 'ended'),
      failed: ({ code }) => (this.ending = code),
    })
    this.stream.send({ kind: 'credit', bytes: MIB })
  }

  assign(assignmentId: number, start: ReadStart, fields: { topic?: string; filter?: string } = {}) {
    const { topic = 'orders', filter = '' } = fields
    this.stream.send({ kind: 'assign', assignmentId, topic, queueId: 0, start, filter })
  }

  commit(id: number, offset: number): void {
    this.stream.send({ kind: 'commit', id, name: 'mine', topic: 'orders', queueId: 0, offset })
  }

  /** Bodies of all messages read under that assignment. */
  bodies(assignmentId: number): string[] {
    return this.responses.flatMap((response) => {
      if (response.kind !== 'batches' || response.assignmentId !== assignmentId) return []
      return response.batches.flatMap((bytes) => {
        const batch = RecordBatch.parse(bytes)
        return batch
          .messages()
          .filter((_, index) => isWanted(response, batch.baseQueueOffset + index))
          .map((message) => Buffer.from(message.body).toString())
      })
    })
  }

  of<Kind extends ReadResponse['kind']>(kind: Kind): Extract<ReadResponse, { kind: Kind }>[] {
    return this.responses.filter(
      (response): response is Extract<ReadResponse, { kind: Kind }> => response.kind === kind,
    )
  }
}

/** A member of group "billing" that acknowledges what it gets, when it is told to. */
class Member {
  readonly bodies: string[] = []
  readonly kinds: string[] = []
  readonly stream: MessageStream<SubscribeRequest, SubscribeResponse>
  readonly #held: LeasedRange[] = []

  constructor(connection: Connection, sessionId: string) {
    this.stream = connection.open(subscribeMethod)
    this.stream.receive({
      message: (response) => this.#take(response),
      ended: () => this.kinds.push('ended'),
      failed: ({ code }) => this.kinds.push(code),
    })
    this.stream.send({
      kind: 'open',
      group: 'billing',
      sessionId,
      clientId: 'test',
      topics: [{ topic: 'orders', filter: '' }],
      invisibleMs: 0,
      creditBytes: MIB,
      held: [],
    })
  }

  acknowledge(): void {
    const settlements = this.#held
      .splice(0)
      .map((range) => ({ range, action: { kind: 'acknowledge' } as const }))
    this.stream.send({ kind: 'settle', id: 1, settlements })
  }

  #take(response: SubscribeResponse): void {
    this.kinds.push(response.kind)
    if (response.kind !== 'deliver') return
    for (const { topic, queueId, retry, ranges, batches } of response.deliveries) {
      for (let i = 0; i < ranges.length; i += 2) {
        const [from = 0, to = 0] = [ranges[i], ranges[i + 1]]
        this.#held.push({ topic, queueId, retry, from, to })
      }
      for (const bytes of batches) {
        const messages = RecordBatch.parse(bytes).messages()
        this.bodies.push(...messages.map((message) => Buffer.from(message.body).toString()))
      }
    }
  }
}

function isWanted(read: Extract<ReadResponse, { kind: 'batches' }>, offset: number): boolean {
  if (offset < read.from) return false
  if (read.ranges.length === 0) return true
  return read.ranges.some(
    (from, index) => index % 2 === 0 && offset >= from && offset < (read.ranges[index + 1] ?? 0),
  )
}

function batchOf(
  bodies: readonly string[],
  fields: {
    topic?: string
    queueId?: number
    producerId?: string
    sequence?: number
    tags?: readonly string[]
  } = {},
): Buffer {
  const { topic = 'orders', queueId = 0, producerId = NO_PRODUCER_ID, sequence = 0, tags } = fields
  return encodeBatch({
    topic,
    queueId,
    producer: { producerId, producerEpoch: 0, sequence, baseMessageNumber: 0 },
    bornTimeMs: 1,
    messages: bodies.map((body, index) => ({ body: Buffer.from(body), tag: tags?.[index] })),
  })
}

describe('publishing', () => {
  // A producer knows which of its batches is stored by the order of the results alone.
  test('answers in order, with errors in the places of bad batches', async () => {
    const world = await new World().openWithTopic()
    const damaged = batchOf(['x'])
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 0xff

    const results = await world.publish(
      batchOf(['a', 'b']),
      damaged,
      batchOf(['c'], { topic: 'unknown' }),
      batchOf(['d'], { queueId: 2 }),
      batchOf(['e']),
    )

    expect(results).toEqual([
      'at 0',
      'CHECKSUM_MISMATCH',
      'TOPIC_NOT_FOUND',
      'QUEUE_NOT_FOUND',
      'at 2',
    ])
  })

  // A producer that did not hear the answer sends again; the message must not be there twice.
  test('answers a repeated sequence with the first result', async () => {
    const world = await new World().openWithTopic()
    const id = { producerId: '00000000000000aa' }

    const results = await world.publish(
      batchOf(['a'], { ...id, sequence: 0 }),
      batchOf(['b'], { ...id, sequence: 1 }),
      batchOf(['b'], { ...id, sequence: 1 }),
      batchOf(['d'], { ...id, sequence: 3 }),
    )

    expect(results).toEqual(['at 0', 'at 1', 'again at 1', 'SEQUENCE_GAP'])
  })

  // An operator who closes a topic wants it closed at once.
  test('to a topic that was made read-only is refused', async () => {
    const world = await new World().openWithTopic()

    await world.call(admin.EditTopic, { topic: 'orders', writable: 'false' })

    expect(await world.publish(batchOf(['a']))).toEqual(['NOT_ALLOWED'])
  })

  // One client with a bug must not cost the others anything.
  test('is not harmed by a stream of garbage', async () => {
    const world = await new World().openWithTopic()
    const garbled = { ...publishMethod, encodeRequest: () => Buffer.from([0xff, 0xff, 0xff]) }
    const stream = world.connect().open(garbled)
    let ending: string | undefined
    stream.receive({ message: () => {}, ended: () => {}, failed: ({ code }) => (ending = code) })

    stream.send({ batches: [] })
    await world.simulation.runUntil(() => ending !== undefined, SECOND)

    expect(ending).toBe('MALFORMED_REQUEST')
    expect(await world.publish(batchOf(['a']))).toEqual(['at 0'])
  })

  // Eight million empty batches fit into one request of 16 MiB, and are as many objects here.
  test('is not harmed by a request of very many empty batches', async () => {
    const world = await new World().openWithTopic()
    const producer = new Producer(world.connect())

    producer.send(...Array.from({ length: 100_000 }, () => Buffer.alloc(0)))
    await world.simulation.runUntil(() => producer.ending !== undefined, SECOND)

    expect(producer.ending).toBe('TOO_MANY')
    expect(producer.results).toEqual([])
    expect(await world.publish(batchOf(['a']))).toEqual(['at 0'])
  })

  // A full disk must stop producers, not the broker, and not for longer than it is full.
  test('is refused while the disk is full and goes on by itself', async () => {
    const world = await new World({
      store: { ...config.store, minFreeBytes: 16 * MIB },
      diskCapacityBytes: 64 * MIB,
    }).openWithTopic()
    const { files } = world.simulation.machine('broker-a').runtime()
    const filler = await world.run(files.openFile('filler', { create: true }))
    await world.run(filler.writeAt([Buffer.alloc(48 * MIB)], 0))
    await world.simulation.advance(2_000)

    expect(await world.publish(batchOf(['a']))).toEqual(['DISK_FULL'])
    expect(world.broker.status).toMatchObject({ state: 'serving', writable: false })

    await world.run(filler.truncate(0))
    await world.simulation.advance(2_000)
    expect(await world.publish(batchOf(['a']))).toEqual(['at 0'])
    expect(world.broker.status.writable).toBe(true)
  })
})

describe('a reader', () => {
  // A reader that misses what comes later would have to poll.
  test('gets what is there and then what comes', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a', 'b']))
    const reader = new Reader(world.connect())

    reader.assign(1, { kind: 'earliest' })
    await world.simulation.runUntil(() => reader.bodies(1).length === 2, SECOND)
    await world.publish(batchOf(['c']))
    await world.simulation.runUntil(() => reader.bodies(1).length === 3, SECOND)

    expect(reader.bodies(1)).toEqual(['a', 'b', 'c'])
    expect(reader.of('assigned')).toMatchObject([{ from: 0, minOffset: 0, maxOffset: 2 }])
  })

  // Seeking is assigning anew; what belongs to the old place must not be taken for the new one.
  test('that seeks goes on from there under the new assignment', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a']), batchOf(['b']), batchOf(['c']))
    const reader = new Reader(world.connect())
    reader.assign(1, { kind: 'earliest' })
    await world.simulation.runUntil(() => reader.bodies(1).length === 3, SECOND)

    reader.assign(2, { kind: 'offset', offset: 1 })
    await world.simulation.runUntil(() => reader.bodies(2).length === 2, SECOND)

    expect(reader.bodies(2)).toEqual(['b', 'c'])
    expect(reader.bodies(1)).toHaveLength(3)
  })

  // A reader that keeps its position here must find it after a restart of either side.
  test('goes on at the position it committed, also after the broker was killed', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a']), batchOf(['b']), batchOf(['c']))
    const reader = new Reader(world.connect())
    reader.commit(7, 2)
    await world.simulation.runUntil(() => reader.of('committed').length === 1, SECOND)
    expect(reader.of('committed')).toMatchObject([{ id: 7, error: 0 }])

    world.simulation.machine('broker-a').kill()
    await world.open()
    const again = new Reader(world.connect())
    again.assign(1, { kind: 'named', name: 'mine', otherwiseLatest: true })
    await world.simulation.runUntil(() => again.bodies(1).length === 1, SECOND)

    expect(again.bodies(1)).toEqual(['c'])
  })

  // Reading on from nowhere would skip, or wait for ever, without a word.
  test('is told that the place it asks for is not there', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a']))
    const reader = new Reader(world.connect())

    reader.assign(1, { kind: 'offset', offset: 5 })
    reader.assign(2, { kind: 'earliest' }, { topic: 'unknown' })
    reader.commit(3, 9)
    await world.simulation.runUntil(() => reader.responses.length === 3, SECOND)

    const problems = reader.of('problem').map(({ assignmentId, error, maxOffset }) => ({
      assignmentId,
      code: errorCodeOfId(error),
      maxOffset,
    }))
    expect(problems).toEqual([
      { assignmentId: 1, code: 'OFFSET_OUT_OF_RANGE', maxOffset: 1 },
      { assignmentId: 2, code: 'TOPIC_NOT_FOUND', maxOffset: 0 },
    ])
    expect(errorCodeOfId(reader.of('committed')[0]?.error ?? 0)).toBe('OFFSET_OUT_OF_RANGE')
  })

  // Without it a filter would only save the reader's time, not the network's.
  test('with a filter is sent the batches that have wanted messages, and which those are', async () => {
    const world = await new World().openWithTopic()
    await world.publish(
      batchOf(['a', 'b', 'c'], { tags: ['red', 'blue', 'red'] }),
      batchOf(['d'], { tags: ['blue'] }),
      batchOf(['e'], { tags: ['red'] }),
    )
    const reader = new Reader(world.connect())

    reader.assign(1, { kind: 'earliest' }, { filter: 'red' })
    await world.simulation.runUntil(() => reader.bodies(1).length === 3, SECOND)

    expect(reader.bodies(1)).toEqual(['a', 'c', 'e'])
    const batches = reader.of('batches').flatMap((response) => response.batches)
    expect(batches).toHaveLength(2)
  })

  // The bound on memory of a slow reader is its credit.
  test('without credit gets nothing', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a'.repeat(1_000)]), batchOf(['b'.repeat(1_000)]))
    const stream = world.connect().open(readMethod)
    const kinds: string[] = []
    stream.receive({
      message: ({ kind }) => kinds.push(kind),
      ended: () => {},
      failed: () => {},
    })

    const start = { kind: 'earliest' } as const
    stream.send({ kind: 'assign', assignmentId: 1, topic: 'orders', queueId: 0, start, filter: '' })
    await world.simulation.advance(500)
    expect(kinds).toEqual(['assigned'])

    stream.send({ kind: 'credit', bytes: 1 })
    await world.simulation.advance(500)
    expect(kinds).toEqual(['assigned', 'batches'])
  })
})

describe('a topic', () => {
  // What was acknowledged and where it goes has to survive whatever happens to the process.
  test('and its messages are there after a power cut', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a']), batchOf(['b']))

    world.simulation.machine('broker-a').powerCut()
    await world.open()

    const orders = await world.call(admin.DescribeTopic, { topic: 'orders' })
    expect(orders.queues[0]).toMatchObject({ minOffset: 0, maxOffset: 2 })
  })

  // Whoever makes a topic anew wants an empty one, not the remains of the old one.
  test('that is deleted and made anew begins with nothing', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['old']), batchOf(['older']))
    const first = new Reader(world.connect())
    first.commit(1, 2)
    await world.simulation.runUntil(() => first.of('committed').length === 1, SECOND)

    await world.call(admin.DeleteTopic, { topic: 'orders' })
    expect(await world.publish(batchOf(['lost']))).toEqual(['TOPIC_NOT_FOUND'])
    await world.call(admin.CreateTopic, { topic: 'orders', queueCount: 2 })
    expect(await world.publish(batchOf(['new']))).toEqual(['at 0'])

    const reader = new Reader(world.connect())
    reader.assign(1, { kind: 'named', name: 'mine', otherwiseLatest: false })
    await world.simulation.runUntil(() => reader.bodies(1).length === 1, SECOND)
    expect(reader.bodies(1)).toEqual(['new'])
  })

  // A group that remembers its place in the old topic would skip the beginning of the new one.
  test('that is made anew is read from its beginning by a group that had read the old one', async () => {
    const world = await new World().openWithTopic()
    await world.call(admin.CreateGroup, { group: 'billing', start: 'earliest' })
    await world.publish(batchOf(['old']), batchOf(['older']))
    const member = new Member(world.connect(), 'one')
    await world.simulation.runUntil(() => member.bodies.length === 2, MINUTE)
    member.acknowledge()
    await world.simulation.runUntil(() => member.kinds.includes('settled'), SECOND)

    await world.call(admin.DeleteTopic, { topic: 'orders' })
    await world.call(admin.CreateTopic, { topic: 'orders', queueCount: 2 })
    await world.publish(batchOf(['new']))
    await world.simulation.runUntil(() => member.bodies.length === 3, MINUTE)

    expect(member.bodies).toEqual(['old', 'older', 'new'])
    const { groups } = await world.call(admin.DescribeTopic, { topic: 'orders' })
    expect(groups).toEqual(['billing'])
  })

  // A batch that follows the deletion in the log would be found by the topic made anew.
  test('takes nothing while it is being deleted', async () => {
    const world = await new World().openWithTopic()
    const producer = new Producer(world.connect())
    for (let i = 0; i < 50; i++) producer.send(batchOf([`${i}`]))
    const deletion = world.connect().call(admin.DeleteTopic, { topic: 'orders' })
    for (let i = 50; i < 100; i++) producer.send(batchOf([`${i}`]))
    await world.run(deletion)
    await world.simulation.runUntil(() => producer.results.length === 100, SECOND)
    expect(producer.results[0]).toBe('at 0')
    expect(producer.results.at(-1)).toBe('TOPIC_NOT_FOUND')

    await world.call(admin.CreateTopic, { topic: 'orders', queueCount: 2 })

    expect(await world.publish(batchOf(['new']))).toEqual(['at 0'])
  })

  // Two operators, or two SDKs on their first send, at once.
  test('that two create at once is made once', async () => {
    const world = await new World({ autoCreateTopics: true }).open()
    const create = (onFirstSend: boolean): Promise<string> =>
      world
        .connect()
        .call(admin.CreateTopic, { topic: 'orders', onFirstSend })
        .then(
          ({ brokers }) => `changed: ${brokers[0]?.changed}`,
          (error: { code: string }) => error.code,
        )

    const outcomes = await world.run(Promise.all([create(true), create(true), create(false)]))

    expect(outcomes).toEqual(['changed: true', 'changed: false', 'TOPIC_EXISTS'])
  })

  // A misspelt name in production should be an error, not a topic that nobody reads.
  test('is not made on first send unless the broker allows it', async () => {
    const world = await new World().open()
    const request = { topic: 'orders', onFirstSend: true }

    const call = world.call(admin.CreateTopic, request)

    await expect(call).rejects.toMatchObject({ code: 'NOT_ALLOWED' })
  })

  // The message as it lies there is what an operator argues with.
  test('shows one message with all that is known of it', async () => {
    const world = await new World().openWithTopic()
    await world.publish(batchOf(['a', 'b'], { tags: ['red', 'blue'] }))
    const request = { topic: 'orders', queueId: 0, offset: 1 }

    const message = await world.call(admin.GetMessage, request)

    expect(message).toMatchObject({ brokerName: 'a', offset: 1, tag: 'blue', bornTimeMs: 1 })
    expect(message.body.toString()).toBe('b')
    const beyond = world.call(admin.GetMessage, { ...request, offset: 2 })
    await expect(beyond).rejects.toMatchObject({ code: 'MESSAGE_NOT_FOUND' })
  })
})

describe('groups', () => {
  // A broker with a thousand groups would read a thousand messages from its disk for one table.
  test('are listed with what they have still to do, and no message is read for that', async () => {
    const world = await new World().openWithTopic()
    await world.call(admin.CreateGroup, { group: 'billing', start: 'earliest' })
    const member = new Member(world.connect(), 'one')
    await world.simulation.runUntil(() => member.kinds.includes('opened'), SECOND)
    await world.publish(batchOf(['a', 'b', 'c']))
    await world.simulation.runUntil(() => member.bodies.length === 3, SECOND)
    const read = vi.spyOn(MessageStore.prototype, 'read')

    const { groups } = await world.call(admin.ListGroups, {})

    expect(groups).toMatchObject([{ spec: { group: 'billing' }, members: 1, backlog: 3 }])
    expect(read).not.toHaveBeenCalled()
  })
})

describe('a broker that shuts down', () => {
  // Whoever sends during a deployment should neither lose a message nor wonder about one.
  test('answers what it took, tells readers to leave, and has everything on disk', async () => {
    const world = await new World().openWithTopic()
    const producer = new Producer(world.connect())
    const reader = new Reader(world.connect())
    reader.assign(1, { kind: 'latest' })
    await world.simulation.runUntil(() => reader.of('assigned').length === 1, SECOND)
    producer.send(batchOf(['a']))
    await world.simulation.advance(2)

    const stop = new AbortController()
    const serving = world.broker.serve(stop.signal)
    stop.abort()
    await world.simulation.runUntil(() => reader.of('draining').length === 1, SECOND)
    producer.send(batchOf(['b']))
    reader.stream.end()
    await world.run(serving)

    expect(producer.results[0]).toBe('at 0')
    expect(['DRAINING', undefined]).toContain(producer.results[1])
    await world.open()
    const { queues } = await world.call(admin.DescribeTopic, { topic: 'orders' })
    expect(queues[0]?.maxOffset).toBe(1)
  })

  // What a consumer is working on when a deployment begins would be done twice.
  test('lets members finish what they hold', async () => {
    const world = await new World().openWithTopic()
    await world.call(admin.CreateGroup, { group: 'billing', start: 'earliest' })
    await world.publish(batchOf(['a']))
    const member = new Member(world.connect(), 'one')
    await world.simulation.runUntil(() => member.bodies.length === 1, MINUTE)

    const serving = world.broker.serve(AbortSignal.abort())
    await world.simulation.runUntil(() => member.kinds.includes('draining'), SECOND)
    await world.simulation.advance(3_000)
    member.acknowledge()
    member.stream.send({ kind: 'leave' })
    await world.simulation.runUntil(() => member.kinds.includes('settled'), SECOND)
    member.stream.end()
    await world.run(serving)

    await world.open()
    const group = await world.call(admin.DescribeGroup, { group: 'billing' })
    expect(group.queues.map(({ backlog }) => backlog)).toEqual([0, 0])
  })

  // A client that does not react must not keep a deployment waiting.
  test('waits no longer than it is told to', async () => {
    const world = await new World({ drainTimeoutMs: 3_000 }).openWithTopic()
    const reader = new Reader(world.connect())
    reader.assign(1, { kind: 'latest' })
    await world.simulation.runUntil(() => reader.of('assigned').length === 1, SECOND)
    const beforeMs = world.simulation.clock.elapsedMs()

    await world.run(world.broker.serve(AbortSignal.abort()))

    expect(world.simulation.clock.elapsedMs() - beforeMs).toBeLessThan(3_500)
    expect(world.broker.status.state).toBe('closed')
  })

  // It can do nothing more for those that it waits for, and whoever restarts it waits for its end.
  test('does not wait for clients once it has failed', async () => {
    const world = await new World({ drainTimeoutMs: 60_000 }).openWithTopic()
    const reader = new Reader(world.connect())
    reader.assign(1, { kind: 'latest' })
    await world.simulation.runUntil(() => reader.of('assigned').length === 1, SECOND)
    const serving = world.broker.serve(AbortSignal.abort())
    await world.simulation.runUntil(() => reader.of('draining').length === 1, SECOND)
    const beforeMs = world.simulation.clock.elapsedMs()

    world.simulation.machine('broker-a').disk.failNextSync()
    await world.run(serving)

    expect(world.simulation.clock.elapsedMs() - beforeMs).toBeLessThan(30_000)
    expect(world.broker.status.store.whyNotWritable).toContain('sync')
  })
})
