import {
  encodeBatch,
  type Method,
  NO_PRODUCER_ID,
  RecordBatch,
  stampRecord,
} from '@cometmq/protocol'
import {
  loadMessagingService,
  type MessagingMethods,
  type ReceiveMessageResponse,
} from '@cometmq/protocol/rocketmq'
import type { Connection } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { Gateway } from './gateway.ts'
import { encodeHandle } from './handles.ts'
import { ScriptedBroker } from './scripted/scripted-broker.ts'
import { ScriptedCluster } from './scripted/scripted-cluster.ts'

const methods: MessagingMethods = loadMessagingService()
const calmNetwork = {
  network: { latency: { usualMs: [1, 2], lateFraction: 0, lateMaxMs: 3 } },
} as const
/** What calls need that wait for nothing, with one process between. */
const MOMENT_MS = 30

type Answer<Name extends keyof MessagingMethods> = ReturnType<
  MessagingMethods[Name]['decodeResponse']
>

/**
 * Broker group "a" on "one" and "two", broker group "b" on "three", and "front", a process without a
 * broker. An official client calls any of them.
 */
class World {
  readonly sim = new Simulation(1, calmNetwork)
  readonly cluster: ScriptedCluster
  readonly one = new ScriptedBroker('a')
  readonly two = new ScriptedBroker('a', 'NOT_MASTER')
  readonly three = new ScriptedBroker('b')
  readonly #connections = new Map<string, Connection>()

  private constructor(cluster: ScriptedCluster) {
    this.cluster = cluster
  }

  static async open(
    masters: Readonly<Record<string, string>> = { a: 'one:8081' },
    type = 'normal',
  ): Promise<World> {
    const world = new World(new ScriptedCluster(masters, type))
    await world.#start('front', undefined)
    await world.#start('one', world.one)
    await world.#start('two', world.two)
    await world.#start('three', world.three)
    return world
  }

  /** Broker group "a" has this master now, and everybody knows. */
  elect(machine: 'one' | 'two'): void {
    const [master, slave] = machine === 'one' ? [this.one, this.two] : [this.two, this.one]
    slave.refuse('NOT_MASTER')
    master.refusal = undefined
    this.cluster.elect('a', `${machine}:8081`)
  }

  /** The master of "a" is dead; the broker on that machine serves consumers in its place. */
  standIn(machine: 'two'): void {
    this.two.refusal = undefined
    this.two.refusesMessages = true
    this.cluster.standIn('a', `${machine}:8081`)
  }

  /** One unary call of a client. */
  call<Name extends keyof MessagingMethods>(
    machine: string,
    name: Name,
    request: object,
    timeoutMs = 3_000,
  ): Promise<Answer<Name>> {
    const method = methods[name] as unknown as Method<object, Answer<Name>>
    const options = { timeoutMs, metadata: { 'x-mq-client-id': 'client@1' } }
    return this.#connectionTo(machine).call(method, request, options)
  }

  send(machine: string, body: string, messageGroup?: string, timeoutMs?: number) {
    return this.call(
      machine,
      'SendMessage',
      {
        messages: [
          {
            topic: { name: 'orders' },
            body: Buffer.from(body),
            systemProperties: {
              messageId: body,
              ...(messageGroup === undefined ? {} : { messageGroup, messageType: 'FIFO' }),
            },
          },
        ],
      },
      timeoutMs,
    )
  }

  /** A receive from broker group "a", with what it has been answered so far. */
  receive(machine: string) {
    const method = methods.ReceiveMessage as unknown as Method<object, ReceiveMessageResponse>
    const options = { timeoutMs: 30_000, metadata: { 'x-mq-client-id': 'client@1' } }
    const stream = this.#connectionTo(machine).open(method, options)
    const polling = { bodies: [] as string[], codes: [] as string[], outcome: '' }
    stream.receive({
      message: ({ status, message }) => {
        if (status) polling.codes.push(status.code)
        if (message) polling.bodies.push(message.body.toString())
      },
      ended: () => (polling.outcome = 'ended'),
      failed: ({ code }) => (polling.outcome = code),
    })
    stream.send({
      group: { name: 'billing' },
      messageQueue: { topic: { name: 'orders' }, id: -1, broker: { name: 'a' } },
      batchSize: 1,
      invisibleDuration: { seconds: 30, nanos: 0 },
      longPollingTimeout: { seconds: 20, nanos: 0 },
    })
    stream.end()
    return polling
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.sim.runUntil(promise, { limitMs: 60_000 })
  }

  /** Lets time pass, and tells whether the promise has settled. */
  async isSettledAfter(promise: Promise<unknown>, ms: number): Promise<boolean> {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    promise.then(settle, settle)
    await this.sim.advance(ms)
    return isSettled
  }

  async #start(machine: string, broker: ScriptedBroker | undefined): Promise<void> {
    const runtime = this.sim.machine(machine).runtime()
    const address = `${machine}:8081`
    const cluster = this.cluster.seenFrom(address)
    const gateway = new Gateway({ ...runtime, cluster, broker, topics: {} as never })
    await this.run(runtime.transport.listen({ address, handlers: gateway.handlers() }))
  }

  #connectionTo(machine: string): Connection {
    let connection = this.#connections.get(machine)
    if (connection === undefined) {
      connection = this.sim.machine('client').runtime().transport.connect(`${machine}:8081`)
      this.#connections.set(machine, connection)
    }
    return connection
  }
}

describe('a send, while its broker group has no master,', () => {
  // The client would tell its user that sending has failed, or try again and again.
  test('is held, and stored by the new master as soon as there is one', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')
    world.cluster.elect('a', undefined)

    const sending = world.send('front', 'patient')
    expect(await world.isSettledAfter(sending, 1_500)).toBe(false)
    world.elect('two')

    expect(await world.isSettledAfter(sending, MOMENT_MS)).toBe(true)
    expect((await sending).status?.code).toBe('OK')
    expect(world.two.bodies).toEqual(['patient'])
  })

  // Routes lag behind; who is not the master says so, and that counts.
  test('is held though the routes still name the old one', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')

    const sending = world.send('front', 'patient')
    expect(await world.isSettledAfter(sending, 1_000)).toBe(false)
    world.elect('two')

    expect((await world.run(sending)).status?.code).toBe('OK')
    expect(world.two.bodies).toEqual(['patient'])
  })

  test('is held though the process of the old one is gone', async () => {
    const world = await World.open()
    world.sim.machine('one').kill()

    const sending = world.send('front', 'patient')
    expect(await world.isSettledAfter(sending, 1_000)).toBe(false)
    world.elect('two')

    expect((await world.run(sending)).status?.code).toBe('OK')
    expect(world.two.bodies).toEqual(['patient'])
  })

  test('is passed on by the process that was the master itself', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')

    const sending = world.send('one', 'patient')
    expect(await world.isSettledAfter(sending, 1_000)).toBe(false)
    world.elect('two')

    expect((await world.run(sending)).status?.code).toBe('OK')
    expect(world.two.bodies).toEqual(['patient'])
  })

  // A master that has just been elected is not ready for a moment, and nobody tells when it is.
  test('is tried again where it is, too', async () => {
    const world = await World.open()
    world.one.refuse('NOT_READY')

    const sending = world.send('front', 'patient')
    await world.sim.advance(200)
    world.one.refusal = undefined

    expect(await world.isSettledAfter(sending, 400)).toBe(true)
    expect(world.one.bodies).toEqual(['patient'])
  })

  test('goes to another broker group at once, if it has no message group', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' })
    world.one.refuse('NOT_MASTER')

    const sends = [0, 1, 2, 3].map((i) => world.send('front', `free-${i}`))
    expect(await world.isSettledAfter(Promise.all(sends), MOMENT_MS)).toBe(true)

    const codes = (await Promise.all(sends)).map(({ status }) => status?.code)
    expect(codes).toEqual(['OK', 'OK', 'OK', 'OK'])
    expect(world.three.bodies).toHaveLength(4)
  })

  // Elsewhere it would overtake what was sent before it.
  test('waits for it, if it has a message group of its', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' }, 'fifo')
    const groups = Array.from({ length: 8 }, (_, i) => `customer-${i}`)
    await world.run(Promise.all(groups.map((group) => world.send('front', `1 ${group}`, group))))
    world.one.refuse('NOT_MASTER')
    world.cluster.elect('a', undefined)

    const sends = groups.map((group) => world.send('front', `2 ${group}`, group))
    await world.sim.advance(1_000)
    world.elect('two')
    await world.run(Promise.all(sends))

    const customers = (bodies: readonly string[], round: string): string[] =>
      bodies.filter((body) => body.startsWith(round)).map((body) => body.slice(2))
    expect(customers(world.two.bodies, '2').toSorted()).toEqual(
      customers(world.one.bodies, '1').toSorted(),
    )
    expect(world.two.bodies.length).toBeGreaterThan(0)
    expect(customers(world.three.bodies, '2')).not.toEqual([])
  })

  // Callers wait three seconds, and want to hear why it failed, not that nobody answered.
  test('fails after two seconds, or before its caller stops waiting', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')
    world.cluster.elect('a', undefined)

    const long = world.send('front', 'long')
    expect(await world.isSettledAfter(long, 1_950)).toBe(false)
    expect(await world.isSettledAfter(long, 150)).toBe(true)
    const short = world.send('front', 'short', undefined, 1_000)
    expect(await world.isSettledAfter(short, 1_000)).toBe(true)

    expect((await long).status).toMatchObject({ code: 'HA_NOT_AVAILABLE' })
    expect((await short).status).toMatchObject({ code: 'HA_NOT_AVAILABLE' })
  })

  test('goes to another broker group at once when this one has too few slaves', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' })
    world.one.refuse('IN_SYNC_SET_TOO_SMALL')

    const sends = [0, 1, 2, 3].map((i) => world.send('front', `free-${i}`))
    expect(await world.isSettledAfter(Promise.all(sends), MOMENT_MS)).toBe(true)

    expect(world.three.bodies).toHaveLength(4)
    expect(world.one.bodies).toEqual([])
  })

  test('is answered as official brokers do when a slave was too slow', async () => {
    const world = await World.open()
    world.one.refuse('REPLICATION_TIMEOUT')

    const sending = world.send('front', 'once')

    expect(await world.isSettledAfter(sending, MOMENT_MS)).toBe(true)
    expect((await sending).status?.code).toBe('SLAVE_PERSISTENCE_TIMEOUT')
  })

  // Nobody would recognise it: it would be there twice.
  test('is not sent a second time when it may have been stored', async () => {
    const world = await World.open()
    world.one.refuse('NOT_CONFIRMED')

    const sending = world.send('front', 'once')

    expect(await world.isSettledAfter(sending, MOMENT_MS)).toBe(true)
    expect((await sending).status?.code).toBe('HA_NOT_AVAILABLE')
    expect(world.one.bodies).toEqual(['once'])
  })
})

describe('a receive, when the master changes,', () => {
  // The old one may be a host that is gone: it says nothing, and will not for long.
  test('leaves one that does not answer, and waits at the new one', async () => {
    const world = await World.open()
    const polling = world.receive('front')
    await world.sim.advance(1_000)
    expect(world.one.waiting).toBe(1)
    world.sim.network.partition('one', 'front')

    world.elect('two')
    await world.sim.advance(MOMENT_MS)
    expect(world.two.waiting).toBe(1)
    world.two.deliver(batchOf('news'))
    await world.sim.advance(MOMENT_MS)

    expect(polling).toEqual({ bodies: ['news'], codes: ['OK'], outcome: 'ended' })
  })

  test('is passed on by the process whose own broker steps down', async () => {
    const world = await World.open()
    const polling = world.receive('one')
    await world.sim.advance(1_000)

    world.one.refuse('NOT_MASTER')
    await world.sim.advance(1_000)
    world.elect('two')
    await world.sim.advance(MOMENT_MS)
    world.two.deliver(batchOf('news'))
    await world.sim.advance(MOMENT_MS)

    expect(polling).toEqual({ bodies: ['news'], codes: ['OK'], outcome: 'ended' })
  })

  test('waits no longer than its caller', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')
    world.cluster.elect('a', undefined)

    const polling = world.receive('front')
    await world.sim.advance(19_000)
    expect(polling.outcome).toBe('')
    await world.sim.advance(2_000)

    expect(polling).toMatchObject({ codes: ['HA_NOT_AVAILABLE'], outcome: 'ended' })
  })
})

describe('what was received from an old master', () => {
  const handle = encodeHandle({
    brokerName: 'a',
    group: 'billing',
    topic: 'orders',
    generation: 'first',
    retry: false,
    queueId: 0,
    offset: 7,
    attempt: 1,
  })
  const about = { group: { name: 'billing' }, topic: { name: 'orders' } }

  // A message that was handled would be delivered again.
  test('is acknowledged at the new one', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')

    const entries = [{ messageId: 'm', receiptHandle: handle }]
    const acknowledging = world.call('front', 'AckMessage', { ...about, entries })
    expect(await world.isSettledAfter(acknowledging, 2_500)).toBe(false)
    world.elect('two')

    expect((await world.run(acknowledging)).status?.code).toBe('OK')
    expect(world.two.settled).toEqual(['acknowledge 7'])
  })

  test('has its lease changed at the new one', async () => {
    const world = await World.open()
    world.cluster.elect('a', undefined)

    const changing = world.call('front', 'ChangeInvisibleDuration', {
      ...about,
      receiptHandle: handle,
      invisibleDuration: { seconds: 30, nanos: 0 },
    })
    expect(await world.isSettledAfter(changing, 2_500)).toBe(false)
    world.elect('two')

    const answer = await world.run(changing)
    expect(answer.status?.code).toBe('OK')
    expect(answer.receiptHandle).not.toBe(handle)
    expect(world.two.settled).toEqual(['change 7'])
  })

  test('goes to the dead letters at the new one', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')

    const request = { ...about, receiptHandle: handle, messageId: 'm', deliveryAttempt: 3 }
    const giving = world.call('one', 'ForwardMessageToDeadLetterQueue', request)
    expect(await world.isSettledAfter(giving, 1_000)).toBe(false)
    world.elect('two')

    expect((await world.run(giving)).status?.code).toBe('OK')
    expect(world.two.settled).toEqual(['dead-letter 7'])
  })

  test('is acknowledged at the slave that stands in for it', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')
    world.standIn('two')

    const entries = [{ messageId: 'm', receiptHandle: handle }]
    const answer = await world.run(world.call('front', 'AckMessage', { ...about, entries }))

    expect(answer.status?.code).toBe('OK')
    expect(world.two.settled).toEqual(['acknowledge 7'])
  })

  test('is refused when nobody has heard of its broker group', async () => {
    const world = await World.open({ b: 'three:8081' })

    const entries = [{ messageId: 'm', receiptHandle: handle }]
    const answer = await world.run(world.call('front', 'AckMessage', { ...about, entries }))

    expect(answer.status?.code).toBe('BAD_REQUEST')
  })
})

describe('a slave that stands in for its master', () => {
  test('is received from, wherever clients have called', async () => {
    const world = await World.open()
    world.one.refuse('NOT_MASTER')
    world.standIn('two')

    const polls = ['front', 'one', 'two'].map((machine) => world.receive(machine))
    await world.sim.advance(MOMENT_MS)
    world.two.deliver(batchOf('news'))
    await world.sim.advance(MOMENT_MS)

    const got = { bodies: ['news'], codes: ['OK'], outcome: 'ended' }
    expect(polls).toEqual([got, got, got])
  })

  // Its log would fork.
  test('is sent nothing: messages go elsewhere, or fail as without it', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' })
    world.one.refuse('NOT_MASTER')
    world.standIn('two')

    const sends = ['front', 'two', 'front', 'two'].map((machine, i) => world.send(machine, `${i}`))
    const codes = (await world.run(Promise.all(sends))).map(({ status }) => status?.code)
    const alone = await World.open()
    alone.one.refuse('NOT_MASTER')
    alone.standIn('two')
    const refused = await alone.run(alone.send('front', 'nowhere to go'))

    expect(codes).toEqual(['OK', 'OK', 'OK', 'OK'])
    expect(world.three.bodies).toHaveLength(4)
    expect(refused.status?.code).toBe('HA_NOT_AVAILABLE')
    expect([...world.two.bodies, ...alone.two.bodies]).toEqual([])
  })

  // Producers leave out what cannot be written, and consumers ask whoever is named.
  test('is in routes and assignments at once, to be read', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' })
    world.standIn('two')

    const routing = world.call('front', 'QueryRoute', { topic: { name: 'orders' } })
    const group = { topic: { name: 'orders' }, group: { name: 'billing' } }
    const assigning = world.call('two', 'QueryAssignment', group)
    expect(await world.isSettledAfter(Promise.all([routing, assigning]), MOMENT_MS)).toBe(true)

    const shown = (await routing).messageQueues?.map(({ broker, permission }) => {
      const { host } = broker?.endpoints?.addresses?.[0] ?? {}
      return { name: broker?.name, id: broker?.id, host, permission }
    })
    const { assignments } = await assigning
    expect(shown).toEqual([
      { name: 'a', id: 0, host: 'two', permission: 'READ' },
      { name: 'b', id: 0, host: 'three', permission: 'READ_WRITE' },
    ])
    expect(assignments?.map(({ messageQueue }) => messageQueue?.permission)).toEqual([
      'READ',
      'READ_WRITE',
    ])
  })
})

describe('a question for the routes, while a broker group has no master,', () => {
  const question = { topic: { name: 'orders' }, endpoints: undefined }

  // A consumer that is told of one broker less drops what it has from that one.
  test('waits for the new one', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' })
    world.cluster.elect('a', undefined)

    const asking = world.call('front', 'QueryRoute', question)
    expect(await world.isSettledAfter(asking, 1_000)).toBe(false)
    world.elect('two')

    const { messageQueues } = await world.run(asking)
    expect(messageQueues?.map(({ broker }) => broker?.name)).toEqual(['a', 'b'])
  })

  test('is answered with the others after a while', async () => {
    const world = await World.open({ a: 'one:8081', b: 'three:8081' })
    world.cluster.elect('a', undefined)

    const asking = world.call('front', 'QueryRoute', question)
    expect(await world.isSettledAfter(asking, 2_100)).toBe(true)

    const { messageQueues } = await asking
    expect(messageQueues?.map(({ broker }) => broker?.name)).toEqual(['b'])
  })
})

function batchOf(body: string): RecordBatch {
  const bytes = encodeBatch({
    topic: 'orders',
    queueId: 0,
    producer: {
      producerId: NO_PRODUCER_ID,
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1_000,
    messages: [{ body: Buffer.from(body), messageId: body }],
  })
  stampRecord(bytes, {
    epoch: 1,
    logOffset: 0,
    confirmedBefore: 0,
    storeTimeMs: 2_000,
    baseQueueOffset: 0,
    continues: false,
  })
  return RecordBatch.parse(bytes)
}
