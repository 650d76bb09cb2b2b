import type {
  CometError,
  RegisteredTopic,
  Registration,
  RouteUpdate,
  WatchRequest,
} from '@cometmq/protocol'
import type { Clock, MessageStream } from '@cometmq/runtime'
import { describe, expect, test } from 'vitest'
import { RouteTable } from './route-table.ts'
import { RouteWatchers } from './route-watchers.ts'

/** The end of a client that reads when the test says so. */
class ClientEnd implements MessageStream<RouteUpdate, WatchRequest> {
  readonly updates: RouteUpdate[] = []
  isSlow = false
  #taken = Promise.withResolvers<void>()

  /** The client reads all there is. */
  catchUp(): void {
    this.isSlow = false
    this.#taken.resolve()
    this.#taken = Promise.withResolvers()
  }

  send(update: RouteUpdate): boolean {
    this.updates.push(update)
    return !this.isSlow
  }

  writable(): Promise<void> {
    return this.#taken.promise
  }

  flushed(): Promise<void> {
    return this.#taken.promise
  }

  end(): void {}
  cancel(_error?: CometError): void {}
  receive(): void {}
  pause(): void {}
  resume(): void {}
}

const TICK_MS = 250

function openWatchers(options: { warmupMs?: number; maxWatchers?: number } = {}) {
  const { warmupMs = 0, maxWatchers = 100 } = options
  const table = new RouteTable(
    {
      cluster: 'blue',
      silenceMs: 3_000,
      tickMs: TICK_MS,
      rememberMs: 0,
      warmupMs,
      maxBrokers: 10,
      maxTopicsPerBroker: 10_000,
    },
    0,
  )
  const clock = { yieldTurn: () => Promise.resolve() } as Clock
  const watchers = new RouteWatchers(table, clock, {
    cluster: 'blue',
    maxWatchers,
    maxTopicsPerWatcher: 3,
  })
  let connection = 0
  return {
    table,
    watchers,
    watch: (topics: string[] | 'all'): ClientEnd => {
      const client = new ClientEnd()
      const request =
        topics === 'all' ? { topics: [], allTopics: true } : { topics, allTopics: false }
      watchers.add(request, client, 'clients')
      return client
    },
    register: (...topics: string[]): number => {
      const answer = table.register(registrationOf(topics), ++connection)
      if (answer.kind === 'registered') watchers.announce(answer.change)
      return connection
    },
    /** The broker says that a topic has so many queues now. */
    resize: (topic: string, queueCount: number): void => {
      const changed = [topicOf(topic, queueCount)]
      const change = table.change(connection, {
        changed,
        removed: [],
        writable: false,
        hasWritable: false,
      })
      if (change !== undefined) watchers.announce(change)
    },
  }
}

function registrationOf(topics: readonly string[]): Registration {
  return {
    cluster: 'blue',
    brokerName: 'a',
    brokerId: 0,
    epoch: 1,
    storeId: 'store-a',
    listeners: [{ listener: 'clients', address: 'host-a:8081' }],
    topics: topics.map((topic) => topicOf(topic, 1)),
    autoCreateTopics: true,
    version: 'test',
    standsIn: false,
  }
}

function topicOf(topic: string, queueCount: number): RegisteredTopic {
  return { topic, type: 'normal', queueCount, readable: true, writable: true }
}

/** Lets what is due in this turn happen. */
async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

describe('a watcher', () => {
  // A client that hears nothing does not know whether it is connected.
  test('is first told the brokers and the topics it asked for', async () => {
    const { watch, register } = openWatchers()
    register('orders', 'invoices')

    const client = watch(['orders', 'nowhere'])
    await turn()

    expect(client.updates).toMatchObject([
      {
        cluster: 'blue',
        autoCreateTopics: true,
        brokers: [{ brokerName: 'a', address: 'host-a:8081' }],
        topics: [{ topic: 'orders' }],
        missing: ['nowhere'],
      },
    ])
  })

  // A producer that is told "missing" too early fails, or makes a topic that is there.
  test('is told that a topic is missing only once the name server is ready', async () => {
    const { table, watchers, watch } = openWatchers({ warmupMs: TICK_MS })
    const client = watch(['nowhere'])
    await turn()
    expect(client.updates).toMatchObject([{ topics: [], missing: [] }])

    table.tick(TICK_MS)
    watchers.announceReady()
    await turn()

    expect(client.updates.at(-1)).toMatchObject({ missing: ['nowhere'] })
  })

  // Every client would be woken by every topic of a large cluster.
  test('hears of its own topics only', async () => {
    const { watch, register, resize } = openWatchers()
    register('orders', 'invoices')
    const client = watch(['orders'])
    await turn()

    resize('invoices', 2)
    await turn()
    expect(client.updates).toHaveLength(1)

    resize('orders', 2)
    await turn()
    expect(client.updates[1]?.topics).toMatchObject([
      { topic: 'orders', queueGroups: [{ queueCount: 2 }] },
    ])
  })

  // A broker that registers with a thousand topics would send a thousand updates.
  test('gets one update for all that changes in a turn', async () => {
    const { watch, register, resize } = openWatchers()
    const client = watch(['orders', 'invoices'])
    await turn()

    register('orders', 'invoices')
    resize('orders', 2)
    resize('orders', 3)
    await turn()

    expect(client.updates).toHaveLength(2)
    expect(client.updates[1]?.topics).toHaveLength(2)
  })

  // A client that does not read would take the memory of the name server.
  test('that reads slowly is told once, and then only what holds by then', async () => {
    const { watch, register, resize } = openWatchers()
    register('orders')
    const client = watch(['orders'])
    client.isSlow = true
    await turn()

    for (let queues = 2; queues <= 100; queues++) {
      resize('orders', queues)
      await turn()
    }
    expect(client.updates).toHaveLength(1)

    client.catchUp()
    await turn()
    expect(client.updates).toHaveLength(2)
    expect(client.updates[1]?.topics).toMatchObject([{ queueGroups: [{ queueCount: 100 }] }])
  })

  // One gRPC message has a bound, and a cluster may have more topics than fit.
  test('of every topic is told them in updates of bounded size', async () => {
    const { watch, register } = openWatchers()
    const topics = Array.from({ length: 10_000 }, (_, index) => `t${index}`)
    register(...topics)

    const client = watch('all')
    await turn()

    expect(client.updates.map((update) => update.topics.length)).toEqual([4_096, 4_096, 1_808])
  })

  // A tool that lists topics would show one that is gone.
  test('of every topic hears that one is gone', async () => {
    const { table, watchers, watch, register } = openWatchers()
    const connection = register('orders')
    const client = watch('all')
    await turn()

    watchers.announce(table.goodbye(connection))
    await turn()

    expect(client.updates.at(-1)).toMatchObject({ brokers: [], missing: ['orders'] })
  })

  // Streams end all the time; what they leave behind would add up.
  test('that has gone is not told anything', async () => {
    const { watchers, register } = openWatchers()
    const client = new ClientEnd()
    const watcher = watchers.add({ topics: ['orders'], allTopics: false }, client, 'clients')
    await turn()

    watchers.remove(watcher)
    register('orders')
    await turn()

    expect(client.updates).toHaveLength(1)
    expect(watchers.count).toBe(0)
  })
})

// Memory of the name server is bounded.
test('more watchers, or more topics of one, than allowed are refused', () => {
  const { watch } = openWatchers({ maxWatchers: 1 })
  watch(['orders'])

  expect(() => watch(['orders'])).toThrow(expect.objectContaining({ code: 'OVERLOADED' }))
  expect(() => openWatchers().watch(['a', 'b', 'c', 'd'])).toThrow(
    expect.objectContaining({ code: 'TOO_MANY' }),
  )
})
