import {
  loadServices,
  type QueueGroup,
  type RouteUpdate,
  type WatchRequest,
} from '@cometmq/protocol'
import { accept, type MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { ClusterRoutes } from './cluster-routes.ts'

const services = loadServices()
const MINUTE = { limitMs: 60_000 }

/** What broker "a" knows, told by name servers that are written here. */
class World {
  readonly simulation = new Simulation(1)
  readonly routes: ClusterRoutes
  #stream: MessageStream<RouteUpdate, WatchRequest> | undefined

  constructor() {
    this.routes = new ClusterRoutes(this.simulation.machine('a').runtime(), {
      services,
      nameservers: ['names:9876'],
      own: {
        brokerName: 'a',
        address: 'a:8081',
        addressFor: () => 'a:8081',
        topic: () => undefined,
      },
    })
    this.routes.start()
  }

  /** Starts the name server, or starts it again with nothing in its memory. */
  async startNameServer(): Promise<void> {
    this.simulation.machine('names').kill()
    this.#stream = undefined
    const { transport } = this.simulation.machine('names').runtime()
    const watch = accept(services.routes.Watch, (stream) => {
      stream.receive({ message: () => (this.#stream = stream), ended: () => {}, failed: () => {} })
    })
    const listening = transport.listen({ address: 'names:9876', handlers: [watch] })
    await this.simulation.runUntil(listening, MINUTE)
    await this.simulation.runUntil(() => this.#stream !== undefined, MINUTE)
  }

  /** Brokers that are heard, and what is said of the topic "orders". */
  async tell(
    heard: readonly string[],
    orders: readonly QueueGroup[] | 'missing' | 'nothing',
    forgotten: readonly string[] = [],
  ): Promise<void> {
    this.#stream?.send({
      brokers: heard.map((brokerName) => ({
        brokerName,
        brokerId: 0,
        epoch: 1,
        address: `${brokerName}:8081`,
        listeners: [],
      })),
      topics:
        typeof orders === 'string'
          ? []
          : [{ topic: 'orders', type: 'fifo', queueGroups: [...orders] }],
      missing: orders === 'missing' ? ['orders'] : [],
      cluster: 'blue',
      autoCreateTopics: false,
      version: 1,
      forgotten: [...forgotten],
    })
    await this.simulation.advance(100)
  }

  get queueGroups(): readonly QueueGroup[] | undefined {
    return this.routes.route('orders')?.queueGroups
  }
}

describe('ClusterRoutes', () => {
  // A name server that was started while a broker is away cannot know its queues. Message groups
  // would move, and come back with the broker.
  test('keep the queues of a broker that is away, whatever a new name server knows', async () => {
    const world = new World()
    await world.startNameServer()
    await world.tell(['a', 'b'], [open('a'), open('b')])

    await world.startNameServer()
    await world.tell(['a'], [open('a')])

    expect(world.queueGroups).toEqual([open('a'), closed('b')])
    expect(world.routes.addressOf('b')).toBeUndefined()
  })

  // Message groups would wait for a broker that never comes back.
  test('do not keep those of a broker that is forgotten', async () => {
    const world = new World()
    await world.startNameServer()
    await world.tell(['a', 'b'], [open('a'), open('b')])
    await world.tell(['a'], [open('a'), closed('b')])

    await world.tell(['a'], 'nothing', ['b'])
    expect(world.queueGroups).toEqual([open('a')])

    await world.tell([], 'nothing', ['b', 'a'])
    expect(world.queueGroups).toBeUndefined()
  })

  test('do not keep those of a broker that has given the topic up, or of a topic made anew', async () => {
    const world = new World()
    await world.startNameServer()
    await world.tell(['a', 'b', 'c'], [open('a'), open('b'), open('c')])
    await world.tell(['a', 'b'], [open('a'), closed('c')])
    expect(world.queueGroups).toEqual([open('a'), closed('c')])

    await world.tell(['a', 'b'], 'missing')
    expect(world.queueGroups).toBeUndefined()
    await world.tell(['a', 'b'], [open('a')])

    expect(world.queueGroups).toEqual([open('a')])
  })
})

function open(brokerName: string): QueueGroup {
  return { brokerName, queueCount: 4, readable: true, writable: true }
}

function closed(brokerName: string): QueueGroup {
  return { brokerName, queueCount: 4, readable: false, writable: false }
}
