import {
  type CometError,
  type SubscribeRequest,
  type SubscribeResponse,
  subscribeMethod,
} from '@cometmq/protocol'
import type { Listener, MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test } from 'vitest'
import { newBrokerCounters } from '../broker-counters.ts'
import { subscribeHandlers, SubscribeService } from '../rpc/subscribe-service.ts'
import { GROUP, TOPIC, topic, World } from './testing/delivery-world.ts'

const OPEN: SubscribeRequest = {
  kind: 'open',
  group: GROUP,
  sessionId: 'session',
  clientId: 'client',
  topics: [topic('')],
  invisibleMs: 0,
  creditBytes: 1024 * 1024,
  held: [],
}
const FIRST = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 1 }

describe('a subscribe stream', () => {
  test('opens, delivers and answers settlements', async () => {
    const { world, connect } = await serve()
    const peer = connect()
    peer.stream.send(OPEN)
    await world.simulation.advance(100)
    await world.publish(['a'])
    await world.simulation.advance(100)

    peer.settle(7, FIRST)
    peer.settle(8, { ...FIRST, from: 5, to: 6 })
    await world.simulation.advance(100)

    expect(peer.kinds).toEqual(['opened', 'deliver', 'settled', 'settled'])
    expect(peer.got).toContainEqual({ kind: 'settled', id: 7, failures: [] })
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  // Messages that come before it would be taken for somebody's who did not ask for them.
  test('says that it is open before it delivers', async () => {
    const { world, connect } = await serve()
    await world.createGroup({ start: 'earliest' })
    await world.publish(['a'])
    const peer = connect()
    peer.stream.send(OPEN)
    peer.stream.send({ kind: 'credit', bytes: 1_000 })
    await world.simulation.advance(100)

    expect(peer.kinds).toEqual(['opened', 'deliver'])
  })

  test.each<[string, SubscribeRequest[], string]>([
    ['that begins with something else', [{ kind: 'leave' }], 'MALFORMED_REQUEST'],
    ['that is opened twice', [OPEN, OPEN], 'MALFORMED_REQUEST'],
    [
      'for a topic that is missing',
      [{ ...OPEN, topics: [{ topic: 'x', filter: '' }] }],
      'TOPIC_NOT_FOUND',
    ],
  ])('%s fails', async (_, requests, code) => {
    const { world, connect } = await serve()
    const peer = connect()

    for (const request of requests) peer.stream.send(request)
    await world.simulation.advance(1_000)

    expect(peer.failedBy).toBe(code)
  })

  test('whose member leaves gives back at once what it held', async () => {
    const { world, connect } = await serve()
    const leaving = connect()
    leaving.stream.send(OPEN)
    await world.simulation.advance(100)
    await world.publish(['a'])
    const other = connect()
    other.stream.send({ ...OPEN, sessionId: 'other' })
    await world.simulation.advance(100)

    leaving.stream.send({ kind: 'leave' })
    leaving.stream.end()
    await world.simulation.advance(200)

    expect(leaving.hasEnded).toBe(true)
    expect(other.kinds).toEqual(['opened', 'deliver'])
  })

  // Its messages would wait for the end of their leases, a minute or more.
  test('that breaks gives back what its member held after a grace', async () => {
    const { world, connect } = await serve()
    const broken = connect()
    broken.stream.send(OPEN)
    await world.simulation.advance(100)
    await world.publish(['a'])
    const other = connect()
    other.stream.send({ ...OPEN, sessionId: 'other' })
    await world.simulation.advance(100)

    broken.stream.cancel()
    await world.simulation.advance(1_000)
    expect(other.kinds).toEqual(['opened'])
    await world.simulation.advance(2_000)

    expect(other.kinds).toEqual(['opened', 'deliver'])
  })

  // The bound on what somebody costs us who asks for everything and reads nothing.
  test('whose peer does not read is sent a window of messages and no more', async () => {
    const { world, connect, counters } = await serve({ frameMaxBytes: 16 * 1024 })
    const peer = connect()
    peer.stream.send({ ...OPEN, creditBytes: 2 ** 40 })
    await world.simulation.advance(100)
    peer.stream.pause()
    for (let i = 0; i < 100; i++) await world.publish(['x'.repeat(10_000)])
    await world.simulation.advance(10_000)

    expect(counters.bytesOut).toBeGreaterThan(0)
    expect(counters.bytesOut).toBeLessThan(600_000)
    peer.stream.resume()
    await world.simulation.advance(10_000)
    expect(peer.kinds.filter((kind) => kind === 'deliver').length).toBeGreaterThan(50)
    expect(counters.messagesOut).toBe(100)
  })

  test('is told of a drain, and may settle what it holds', async () => {
    const { world, connect, service } = await serve()
    const peer = connect()
    peer.stream.send(OPEN)
    await world.simulation.advance(100)
    await world.publish(['a'])
    await world.simulation.advance(100)

    const drained = service.drain(new AbortController().signal)
    await world.simulation.advance(100)
    expect(peer.kinds).toEqual(['opened', 'deliver', 'draining'])
    peer.settle(1, FIRST)
    peer.stream.send({ kind: 'leave' })
    peer.stream.end()
    await world.run(drained)

    expect(peer.got.at(-1)).toEqual({ kind: 'settled', id: 1, failures: [] })
  })
})

/** The other end of a stream. */
class Peer {
  readonly stream: MessageStream<SubscribeRequest, SubscribeResponse>
  readonly got: SubscribeResponse[] = []
  failedBy: string | undefined
  hasEnded = false

  constructor(stream: MessageStream<SubscribeRequest, SubscribeResponse>) {
    this.stream = stream
    stream.receive({
      message: (response) => void this.got.push(response),
      ended: () => {
        this.hasEnded = true
      },
      failed: (error: CometError) => {
        this.failedBy = error.code
      },
    })
  }

  get kinds(): string[] {
    return this.got.map(({ kind }) => kind)
  }

  settle(id: number, range: typeof FIRST): void {
    const settlements = [{ range, action: { kind: 'acknowledge' as const } }]
    this.stream.send({ kind: 'settle', id, settlements })
  }
}

async function serve(delivery = {}): Promise<{
  readonly world: World
  readonly service: SubscribeService
  readonly counters: ReturnType<typeof newBrokerCounters>
  readonly connect: () => Peer
}> {
  const simulation = new Simulation(1)
  const world = await World.start(simulation, { delivery })
  onTestFinished(() => world.stop())
  const { transport, log } = simulation.machine('a').runtime()
  const counters = newBrokerCounters()
  const service = new SubscribeService({ delivery: world.engine, counters, log })
  const listener: Listener = await world.run(
    transport.listen({ address: 'a:8081', handlers: subscribeHandlers(() => service) }),
  )
  const connection = simulation.machine('b').runtime().transport.connect(listener.address)
  return { world, service, counters, connect: () => new Peer(connection.open(subscribeMethod)) }
}
