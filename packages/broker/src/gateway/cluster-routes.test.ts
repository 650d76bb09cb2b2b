import {
  type BrokerAddress,
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
  /** Whether broker "a" knows that it is no master. */
  isSlave = false
  #stream: MessageStream<RouteUpdate, WatchRequest> | undefined

  constructor(...others: readonly string[]) {
    const isSlave = (): boolean => this.isSlave
    this.routes = new ClusterRoutes(this.simulation.machine('a').runtime(), {
      services,
      nameservers: ['names:9876', ...others],
      own: {
        brokerName: 'a',
        address: 'a:8081',
        get isSlave() {
          return isSlave()
        },
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
      const message = ({ allTopics }: WatchRequest): void => {
        if (allTopics) this.#stream = stream
      }
      stream.receive({ message, ended: () => {}, failed: () => {} })
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
    const masters = heard.map((brokerName) => member({ brokerName, address: `${brokerName}:8081` }))
    await this.tellOf(masters, orders, forgotten)
  }

  /** The same, of brokers in any role. */
  async tellOf(
    brokers: readonly BrokerAddress[],
    orders: readonly QueueGroup[] | 'missing' | 'nothing' = 'nothing',
    forgotten: readonly string[] = [],
  ): Promise<void> {
    this.#stream?.send({
      brokers: [...brokers],
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

describe('the master of a broker group', () => {
  // Calls would be passed on to one whose reign is over.
  test('is never again one of a lower epoch, also with another name server', async () => {
    const world = new World()
    await world.startNameServer()
    await world.tellOf([member({ brokerName: 'b', epoch: 5, address: 'new:1' })])

    await world.startNameServer()
    await world.tellOf([member({ brokerName: 'b', epoch: 4, address: 'old:1' })])

    expect(world.routes.placeOfMaster('b')).toBe('there')
    expect(world.routes.addressOf('b')).toBe('new:1')
  })

  // Of a host that is lost with both, no connection breaks for seconds; calls are held for two.
  test('is learned from every name server, by its epoch, and nothing else is', async () => {
    const world = new World('others:9876')
    const { simulation, routes } = world
    await world.startNameServer()
    await world.tell(['a', 'b'], [open('a'), open('b')])
    const watches: MessageStream<RouteUpdate, WatchRequest>[] = []
    const other = accept(services.routes.Watch, (stream) => {
      stream.receive({ message: () => watches.push(stream), ended: () => {}, failed: () => {} })
    })
    const { transport } = simulation.machine('others').runtime()
    const listening = transport.listen({ address: 'others:9876', handlers: [other] })
    await simulation.runUntil(listening, MINUTE)
    await simulation.runUntil(() => watches.length > 0, MINUTE)
    simulation.network.partition('names', 'a')

    const news = [member({ brokerName: 'b', epoch: 2, address: 'new:1' })]
    watches.at(-1)?.send({ ...silence, brokers: news, missing: ['orders'], forgotten: ['a'] })
    await simulation.advance(100)

    expect(routes.addressOf('b')).toBe('new:1')
    expect(world.queueGroups).toEqual([open('a'), open('b')])
    routes.close()
  })

  // What this broker would do itself is for another member of its group now.
  test('is another one in the group of this broker, and this one again', async () => {
    const world = new World()
    await world.startNameServer()
    expect(world.routes.placeOfMaster('a')).toBe('here')

    await world.tellOf([
      member({ epoch: 5, address: 'other:8081' }),
      member({ brokerId: 1, epoch: 5, address: 'a:8081' }),
    ])
    expect(world.routes.placeOfMaster('a')).toBe('there')
    expect(world.routes.addressOf('a')).toBe('other:8081')
    expect(world.routes.addressFor('a', 'public')).toBe('other:8081')
    expect(world.routes.brokerNames()).toEqual(['a'])

    await world.tellOf([member({ epoch: 6, address: 'a:8081' })])
    expect(world.routes.placeOfMaster('a')).toBe('here')
    expect(world.routes.addressOf('a')).toBe('a:8081')
  })

  // A call is held for a group that is being elected, and refused for a name that was made up.
  test('is nowhere while only slaves are heard, and after that; of others nothing is known', async () => {
    const world = new World()
    await world.startNameServer()

    await world.tellOf([member({ brokerName: 'b', brokerId: 2, epoch: 5, address: 'slave:1' })])
    expect(world.routes.placeOfMaster('b')).toBe('nowhere')
    expect(world.routes.addressOf('b')).toBeUndefined()

    await world.tell(['c'], 'nothing')
    await world.tell([], 'nothing')
    expect(world.routes.placeOfMaster('c')).toBe('nowhere')
    expect(world.routes.placeOfMaster('made-up')).toBe('unknown')
  })

  // It would be asked in vain, and shown to clients as one that takes messages.
  test('is not this broker while it is a slave, and nobody else is heard', async () => {
    const world = new World()
    await world.startNameServer()
    world.isSlave = true

    await world.tellOf([member({ brokerId: 1, epoch: 5 })])
    expect(world.routes.placeOfMaster('a')).toBe('nowhere')
    expect(world.routes.placeOfConsumers('a')).toBe('nowhere')

    // It leads; name servers have not heard of it yet.
    world.isSlave = false
    expect(world.routes.placeOfMaster('a')).toBe('here')
  })

  // Whoever waits for it would wait for a timer.
  test('is told to those who listen as soon as it is known', async () => {
    const world = new World()
    await world.startNameServer()
    const told: unknown[] = []
    const stop = world.routes.onChange(() => told.push(world.routes.addressOf('b')))

    await world.tell(['b'], 'nothing')
    stop()
    await world.tell([], 'nothing')

    expect(told).toEqual(['b:8081'])
  })
})

describe('a slave that stands in for its master', () => {
  test('serves consumers, and takes no messages', async () => {
    const world = new World()
    await world.startNameServer()

    const standIn = { brokerName: 'b', brokerId: 2, epoch: 5, standsIn: true }
    await world.tellOf([member({ ...standIn, address: 'slave:1' })])

    expect(world.routes.placeOfMaster('b')).toBe('nowhere')
    expect(world.routes.placeOfConsumers('b')).toBe('there')
    expect(world.routes.addressOf('b')).toBe('slave:1')
    expect(world.routes.addressFor('b', 'public')).toBe('slave:1')
    expect(world.routes.brokerNames()).toEqual(['b', 'a'])
  })

  test('does so here, if it is this broker', async () => {
    const world = new World()
    await world.startNameServer()
    world.isSlave = true

    await world.tellOf([member({ brokerId: 1, epoch: 5, standsIn: true })])

    expect(world.routes.placeOfMaster('a')).toBe('nowhere')
    expect(world.routes.placeOfConsumers('a')).toBe('here')
  })

  // Two would hand out the same messages.
  test('does so no longer when there is a master', async () => {
    const world = new World()
    await world.startNameServer()

    const slave = { brokerName: 'b', brokerId: 2, epoch: 5, address: 'slave:1', standsIn: true }
    await world.tellOf([member(slave), member({ brokerName: 'b', epoch: 6, address: 'new:1' })])

    expect(world.routes.placeOfConsumers('b')).toBe('there')
    expect(world.routes.addressOf('b')).toBe('new:1')
  })
})

const silence: RouteUpdate = {
  brokers: [],
  topics: [],
  missing: [],
  cluster: 'blue',
  autoCreateTopics: false,
  version: 1,
  forgotten: [],
}

function member(fields: Partial<BrokerAddress>): BrokerAddress {
  return {
    brokerName: 'a',
    brokerId: 0,
    epoch: 1,
    address: 'a:8081',
    listeners: [],
    standsIn: false,
    ...fields,
  }
}

function open(brokerName: string): QueueGroup {
  return { brokerName, queueCount: 4, readable: true, writable: true }
}

function closed(brokerName: string): QueueGroup {
  return { brokerName, queueCount: 4, readable: false, writable: false }
}
