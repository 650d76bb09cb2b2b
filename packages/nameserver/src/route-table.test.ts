import {
  type QueueGroup,
  queueGroupsAfter,
  type RegisteredTopic,
  type Registration,
  type TopicRoute,
} from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RouteChange, RouteTable } from './route-table.ts'

const SILENCE_MS = 3_000
const TICK_MS = 250
const REMEMBER_MS = 60_000

function openTable(
  options: { warmupMs?: number; rememberMs?: number; maxTopicsPerBroker?: number } = {},
): RouteTable {
  return new RouteTable(
    {
      cluster: 'blue',
      silenceMs: SILENCE_MS,
      tickMs: TICK_MS,
      warmupMs: options.warmupMs ?? 0,
      rememberMs: options.rememberMs ?? REMEMBER_MS,
      maxBrokers: 4,
      maxTopicsPerBroker: options.maxTopicsPerBroker ?? 100,
    },
    0,
  )
}

function registrationOf(fields: Partial<Registration> = {}): Registration {
  return {
    cluster: 'blue',
    brokerName: 'a',
    brokerId: 0,
    epoch: 1,
    storeId: 'store-a',
    listeners: [{ listener: 'client', address: 'host-a:8081' }],
    topics: [],
    autoCreateTopics: false,
    version: 'test',
    standsIn: false,
    ...fields,
  }
}

function topicOf(topic: string, fields: Partial<RegisteredTopic> = {}): RegisteredTopic {
  return { topic, type: 'normal', queueCount: 4, readable: true, writable: true, ...fields }
}

/** The broker groups that serve the topic. */
function openGroupsOf(table: RouteTable, topic: string): string[] {
  const groups = table.route(topic)?.queueGroups ?? []
  return groups.filter(({ readable }) => readable).map(({ brokerName }) => brokerName)
}

/** Lets time pass in ticks, from `fromMs` to `toMs`. */
function passTime(table: RouteTable, fromMs: number, toMs: number): void {
  for (let nowMs = fromMs + TICK_MS; nowMs <= toMs; nowMs += TICK_MS) table.tick(nowMs)
}

describe('a broker', () => {
  // Without it nobody finds a topic.
  test('is in the routes of its topics as soon as it has registered', () => {
    const table = openTable()

    const answer = table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    expect(answer).toMatchObject({ kind: 'registered', change: { brokers: true } })
    expect(table.route('orders')).toEqual({
      topic: 'orders',
      type: 'normal',
      queueGroups: [{ brokerName: 'a', queueCount: 4, readable: true, writable: true }],
    })
  })

  // Clients would go on sending to a broker that has left.
  test('is out of the routes at its goodbye', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    const change = table.goodbye(1)

    expect(change).toEqual({ topics: new Set(['orders']), brokers: true })
    expect(openGroupsOf(table, 'orders')).toEqual([])
    expect(table.brokers()).toEqual([])
  })

  // A crashed or cut-off broker says no goodbye.
  test('that is silent for three seconds is out, and not before', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    passTime(table, 0, SILENCE_MS)
    expect(table.route('orders')).toBeDefined()

    const answer = table.tick(SILENCE_MS + TICK_MS)
    expect(answer).toEqual({
      change: { topics: new Set(['orders']), brokers: true },
      silent: [expect.objectContaining({ brokerName: 'a', connection: 1 })],
    })
    expect(table.beat(1)).toBe(false)
  })

  // Beats that do not count would throw every broker out.
  test('that beats stays', () => {
    const table = openTable()
    table.register(registrationOf(), 1)

    for (let second = 0; second < 20; second++) {
      passTime(table, second * 1_000, (second + 1) * 1_000)
      expect(table.beat(1)).toBe(true)
    }

    expect(table.brokers()).toHaveLength(1)
  })

  // A name server stopped by its host would wake up and forget the whole cluster.
  test('is not taken for silent because the name server itself was stopped', () => {
    const table = openTable()
    table.register(registrationOf(), 1)

    table.tick(60_000)

    expect(table.brokers()).toHaveLength(1)
  })

  // A broken connection would make routes flicker while the broker reconnects.
  test('whose stream breaks stays until it counts as silent', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    table.lost(1)

    expect(openGroupsOf(table, 'orders')).toEqual(['a'])
    passTime(table, 0, SILENCE_MS + TICK_MS)
    expect(openGroupsOf(table, 'orders')).toEqual([])
  })

  // Messages of a stream that was replaced would undo what the new one said.
  test('that registers on a new stream is not heard on the old one', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    const answer = table.register(registrationOf({ topics: [topicOf('orders')] }), 2)

    expect(answer).toMatchObject({ kind: 'registered', replaced: [1] })
    expect(table.goodbye(1)).toEqual({ topics: new Set(), brokers: false })
    expect(table.route('orders')).toBeDefined()
  })

  // Watchers would be woken for nothing by each reconnect.
  test('that registers again with the same topics changes nothing', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    const answer = table.register(registrationOf({ topics: [topicOf('orders')] }), 2)

    expect(answer).toMatchObject({ change: { topics: new Set(), brokers: false } })
  })

  // Producers would go on sending to a full disk.
  test('that takes no writes stays readable in its routes', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [topicOf('orders')] }), 1)

    const change = table.change(1, {
      changed: [],
      removed: [],
      writable: false,
      hasWritable: true,
    })

    expect(change?.topics).toEqual(new Set(['orders']))
    expect(table.route('orders')?.queueGroups[0]).toMatchObject({ readable: true, writable: false })
  })

  // Slaves do not take writes; routing a producer to one costs it a round trip and an error.
  test('other than the master is never writable', () => {
    const table = openTable()
    table.register(registrationOf({ brokerId: 1, topics: [topicOf('orders')] }), 1)

    expect(table.route('orders')?.queueGroups[0]).toMatchObject({ readable: true, writable: false })
  })
})

// Message groups map onto the list of a topic's queues: it must not become another one because a
// broker restarts, not even for a producer that starts meanwhile.
describe('a broker group that has left', () => {
  const topics = [topicOf('orders', { queueCount: 3 })]
  const closed = { brokerName: 'a', queueCount: 3, readable: false, writable: false }

  test('keeps its place in the list of queues, closed', () => {
    const table = openTable()
    table.register(registrationOf({ topics }), 1)
    table.register(
      registrationOf({ brokerName: 'b', storeId: 'store-b', topics: [topicOf('orders')] }),
      2,
    )

    table.goodbye(1)

    expect(table.route('orders')?.queueGroups).toEqual([
      closed,
      { brokerName: 'b', queueCount: 4, readable: true, writable: true },
    ])
    expect(table.topics()).toEqual(new Set(['orders']))
  })

  test('has no closed queues as long as one of its brokers is heard', () => {
    const table = openTable()
    table.register(registrationOf({ topics }), 1)
    table.register(registrationOf({ brokerId: 1, storeId: 'store-1', topics }), 2)

    table.goodbye(1)

    expect(table.route('orders')?.queueGroups).toEqual([
      { brokerName: 'a', queueCount: 3, readable: true, writable: false },
    ])
  })

  test('has what it says when it is back, and nothing else', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [...topics, topicOf('invoices')] }), 1)
    table.goodbye(1)

    const more = [topicOf('orders', { queueCount: 5 })]
    const answer = table.register(registrationOf({ topics: more }), 2)

    expect(answer).toMatchObject({ change: { topics: new Set(['orders', 'invoices']) } })
    expect(table.route('orders')?.queueGroups).toEqual([
      { brokerName: 'a', queueCount: 5, readable: true, writable: true },
    ])
    expect(table.route('invoices')).toBeUndefined()
  })

  // Producers would wait for a topic that an operator has deleted.
  test('keeps no queues of a topic that the last broker with it deletes', () => {
    const table = openTable()
    table.register(registrationOf({ topics: [...topics, topicOf('invoices')] }), 1)
    for (const [connection, name] of [
      [2, 'b'],
      [3, 'c'],
    ] as const) {
      table.register(registrationOf({ brokerName: name, storeId: name, topics }), connection)
    }
    table.goodbye(1)
    const deleted = { changed: [], removed: ['orders'], writable: true, hasWritable: false }

    table.change(2, deleted)
    expect(table.route('orders')?.queueGroups).toHaveLength(2)
    table.change(3, deleted)
    expect(table.route('orders')).toBeUndefined()

    expect(table.route('invoices')?.queueGroups).toMatchObject([{ brokerName: 'a' }])
  })

  // The broker's stream may break between the deletion and the word of it.
  test('keeps no queues of a topic that a broker no longer names when it registers again', () => {
    const table = openTable()
    table.register(registrationOf({ topics }), 1)
    const other = { brokerName: 'b', storeId: 'b' }
    table.register(registrationOf({ ...other, topics }), 2)
    table.goodbye(1)

    table.register(registrationOf({ ...other, topics: [] }), 3)

    expect(table.route('orders')).toBeUndefined()
  })

  // A new broker with an empty disk has deleted nothing.
  test('keeps its queues when another one loses its data', () => {
    const table = openTable()
    table.register(registrationOf({ topics }), 1)
    table.register(registrationOf({ brokerName: 'b', storeId: 'b', topics }), 2)
    table.goodbye(1)

    table.register(registrationOf({ brokerName: 'b', storeId: 'new', epoch: 2 }), 3)

    expect(table.route('orders')?.queueGroups).toEqual([closed])
  })

  test('is forgotten after a while', () => {
    const table = openTable()
    table.register(registrationOf({ topics }), 1)
    table.goodbye(1)

    passTime(table, 0, REMEMBER_MS - TICK_MS)
    expect(table.route('orders')).toBeDefined()

    expect(table.forgotten()).toEqual([])
    expect(table.tick(REMEMBER_MS).change).toEqual({ topics: new Set(['orders']), brokers: true })
    expect(table.route('orders')).toBeUndefined()
    expect(table.forgotten()).toEqual(['a'])
  })

  test('is forgotten when an operator says so, and not before it has left', () => {
    const table = openTable()
    table.register(registrationOf({ topics }), 1)

    expect(() => table.forget('a')).toThrow(expect.objectContaining({ code: 'BROKER_ACTIVE' }))
    table.goodbye(1)
    expect(table.forget('a')).toEqual({
      change: { topics: new Set(['orders']), brokers: true },
      wasKnown: true,
    })

    expect(table.route('orders')).toBeUndefined()
    expect(table.forgotten()).toEqual(['a'])
  })

  // A name server that was started after it had left knows nothing of it; its clients may.
  test('is forgotten by clients when an operator says so, even if it is not known here', () => {
    const table = openTable()

    const answer = table.forget('a')

    expect(answer).toEqual({ change: { topics: new Set(), brokers: true }, wasKnown: false })
    expect(table.forgotten()).toEqual(['a'])
    expect(() => table.forget('not a name')).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_NAME' }),
    )
  })

  test('is not forgotten any more when it is back', () => {
    const table = openTable()
    table.forget('a')

    table.register(registrationOf({ topics }), 1)

    expect(table.forgotten()).toEqual([])
  })

  // Names can be made up, and every client is told all of them.
  test('is one of a bounded number of forgotten ones', () => {
    const table = openTable()

    for (let number = 0; number < 1_000; number++) table.forget(`broker-${number}`)

    expect(table.forgotten()).toHaveLength(100)
    expect(table.forgotten().at(-1)).toBe('broker-999')
  })

  test('is forgotten at once where nothing is to be remembered', () => {
    const table = openTable({ rememberMs: 0 })
    table.register(registrationOf({ topics }), 1)

    const change = table.goodbye(1)

    expect(change).toEqual({ topics: new Set(['orders']), brokers: true })
    expect(table.route('orders')).toBeUndefined()
    expect(table.forgotten()).toEqual(['a'])
  })

  // Names can be made up; what is kept of them must not grow.
  test('is forgotten when too many have left after it', () => {
    const table = openTable()
    let last: RouteChange | undefined
    for (let number = 0; number < 5; number++) {
      const name = `broker-${number}`
      const own = [topicOf('orders'), topicOf(`of-${name}`)]
      table.register(registrationOf({ brokerName: name, storeId: name, topics: own }), number)
      last = table.goodbye(number)
    }

    expect(last?.topics).toEqual(new Set(['orders', 'of-broker-0', 'of-broker-4']))
    const names = table.route('orders')?.queueGroups.map(({ brokerName }) => brokerName)
    expect(names).toEqual(['broker-1', 'broker-2', 'broker-3', 'broker-4'])
  })
})

describe('a registration', () => {
  // Two clusters would mix their messages.
  test('of another cluster is refused', () => {
    const answer = openTable().register(registrationOf({ cluster: 'green' }), 1)

    expect(answer).toMatchObject({ kind: 'refused', error: { code: 'WRONG_CLUSTER' } })
  })

  // Two brokers with one name would take turns in the routes, each with half of the messages.
  test('with other data under a name that is in use is refused until its holder has gone', () => {
    const table = openTable()
    table.register(registrationOf(), 1)

    const second = registrationOf({ storeId: 'store-b' })
    expect(table.register(second, 2)).toMatchObject({ error: { code: 'NAME_TAKEN' } })

    table.goodbye(1)
    expect(table.register(second, 3)).toMatchObject({ kind: 'registered' })
  })

  // A copied data folder carries the same store id.
  test('with a copy of the data is refused while its holder beats', () => {
    const table = openTable()
    table.register(registrationOf(), 1)

    const copy = registrationOf({ listeners: [{ listener: 'client', address: 'host-b:8081' }] })
    expect(table.register(copy, 2)).toMatchObject({ error: { code: 'NAME_TAKEN' } })

    table.lost(1)
    expect(table.register(copy, 3)).toMatchObject({ kind: 'registered' })
  })

  // An old master that comes back would take producers from the new one.
  test('with an epoch that is over is refused, even when the newer broker has gone', () => {
    const table = openTable()
    table.register(registrationOf({ epoch: 5 }), 1)
    table.goodbye(1)

    expect(table.register(registrationOf({ epoch: 4 }), 2)).toMatchObject({
      error: { code: 'STALE_EPOCH' },
    })
  })

  // After a failover the new master may be quicker than the silence of the old one.
  test('with a higher epoch replaces a master with other data', () => {
    const table = openTable()
    table.register(registrationOf({ epoch: 1 }), 1)

    const answer = table.register(registrationOf({ epoch: 2, storeId: 'store-b' }), 2)

    expect(answer).toMatchObject({ kind: 'registered', replaced: [1] })
    expect(table.brokers()).toMatchObject([{ epoch: 2 }])
  })

  // Memory of the name server is bounded.
  test('beyond the number of brokers is refused', () => {
    const table = openTable()
    for (const [connection, name] of ['a', 'b', 'c', 'd'].entries()) {
      table.register(registrationOf({ brokerName: name, storeId: name }), connection)
    }

    expect(table.register(registrationOf({ brokerName: 'e' }), 4)).toMatchObject({
      error: { code: 'TOO_MANY' },
    })
  })

  // Half of the changes of one message would leave routes nobody meant.
  test('is unchanged by changes of which one is illegal', () => {
    const table = openTable()
    table.register(registrationOf(), 1)

    const changed = [topicOf('orders'), topicOf('')]
    const act = (): unknown =>
      table.change(1, { changed, removed: [], writable: true, hasWritable: false })

    expect(act).toThrow('a registered topic name has 0 chars')
    expect(table.route('orders')).toBeUndefined()
  })
})

// Before that, a client would be told that topics are missing whose brokers only need a moment.
test('the table is ready when the warm-up is over', () => {
  const table = openTable({ warmupMs: 2_000 })

  passTime(table, 0, 1_750)
  expect(table.isReady).toBe(false)

  table.tick(2_000)
  expect(table.isReady).toBe(true)
})

describe('whatever happens', () => {
  type Step =
    | {
        readonly kind: 'register'
        readonly name: string
        readonly again: boolean
        readonly id: number
        readonly store: string
        readonly epoch: number
        readonly topics: readonly RegisteredTopic[]
      }
    | { readonly kind: 'change'; readonly back: number; readonly topic: RegisteredTopic }
    | { readonly kind: 'drop'; readonly back: number; readonly topic: string }
    | { readonly kind: 'writable'; readonly back: number; readonly writable: boolean }
    | { readonly kind: 'beat' | 'goodbye' | 'lost'; readonly back: number }
    | { readonly kind: 'tick'; readonly ticks: number }
    | { readonly kind: 'forget'; readonly name: string }

  const topicName = fc.constantFrom('t1', 't2', 't3')
  const topic = fc.record({
    topic: topicName,
    type: fc.constant('normal'),
    queueCount: fc.integer({ min: 1, max: 3 }),
    readable: fc.boolean(),
    writable: fc.boolean(),
  })
  /** Which of the latest connections speaks. */
  const back = fc.integer({ min: 0, max: 3 })
  const brokerName = fc.constantFrom('a', 'b', 'c')
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant('register' as const),
      name: brokerName,
      /** Now and then a broker speaks on the stream on which it has spoken before. */
      again: fc.constantFrom(false, false, true),
      id: fc.integer({ min: 0, max: 2 }),
      store: fc.constantFrom('s1', 's2', 's3'),
      epoch: fc.integer({ min: 1, max: 3 }),
      topics: fc.uniqueArray(topic, { selector: (each) => each.topic, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('change' as const), back, topic }),
    fc.record({ kind: fc.constant('drop' as const), back, topic: topicName }),
    fc.record({ kind: fc.constant('writable' as const), back, writable: fc.boolean() }),
    fc.record({
      kind: fc.constantFrom('beat' as const, 'goodbye' as const, 'lost' as const),
      back,
    }),
    fc.record({ kind: fc.constant('tick' as const), ticks: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant('forget' as const), name: brokerName }),
  )

  /** Carries steps out, and hands on what the table said has changed by each, and whom it took in. */
  function run(
    table: RouteTable,
    steps: Iterable<Step>,
    after: (change: RouteChange, taken?: Step & { readonly kind: 'register' }) => void,
  ): void {
    let nowMs = 0
    let connection = 0
    for (const each of steps) {
      const speaker = 'back' in each ? connection - each.back : connection
      switch (each.kind) {
        case 'register': {
          if (!each.again) connection++
          const answer = table.register(
            registrationOf({
              brokerName: each.name,
              brokerId: each.id,
              storeId: each.store,
              epoch: each.epoch,
              topics: [...each.topics],
            }),
            connection,
          )
          if (answer.kind === 'registered') after(answer.change, each)
          else after(nothing)
          break
        }
        case 'change':
        case 'drop':
        case 'writable':
          after(
            table.change(speaker, {
              changed: each.kind === 'change' ? [each.topic] : [],
              removed: each.kind === 'drop' ? [each.topic] : [],
              writable: each.kind === 'writable' && each.writable,
              hasWritable: each.kind === 'writable',
            }) ?? nothing,
          )
          break
        case 'beat':
          table.beat(speaker)
          after(nothing)
          break
        case 'goodbye':
          after(table.goodbye(speaker))
          break
        case 'lost':
          table.lost(speaker)
          after(nothing)
          break
        case 'tick':
          for (let i = 0; i < each.ticks; i++) after(table.tick((nowMs += TICK_MS)).change)
          break
        case 'forget':
          if (table.brokers().some(({ brokerName }) => brokerName === each.name)) break
          after(table.forget(each.name).change)
          break
      }
    }
  }

  const nothing: RouteChange = { topics: new Set(), brokers: false }

  // Clients learn only what is announced; an unannounced change is a route that is wrong for ever.
  test('a client that looks up again what was announced has the routes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = openTable()
        const seen = new Map<string, TopicRoute | undefined>()
        let brokers = table.brokers()

        run(table, steps, (change) => {
          for (const name of change.topics) seen.set(name, table.route(name))
          if (change.brokers) brokers = table.brokers()

          for (const name of ['t1', 't2', 't3']) {
            expect(seen.get(name)).toEqual(table.route(name))
          }
          expect(brokers).toEqual(table.brokers())
        })
      }),
    )
  })

  // Clients remember, too. One that has watched all along and one that starts now must have the
  // same list, or the messages of one group go to two queues.
  test('a client with a memory has the queues that one without it has', () => {
    const rememberMs = fc.constantFrom(0, 4 * TICK_MS, REMEMBER_MS)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), rememberMs, (steps, remembered) => {
        const table = openTable({ rememberMs: remembered })
        const client = new Map<string, QueueGroup[]>()

        run(table, steps, (change) => {
          const forgotten = new Set(table.forgotten())
          const masters = table.brokers().filter(({ brokerId }) => brokerId === 0)
          const ruled = new Set(masters.map(({ brokerName: name }) => name))
          const isGone = (name: string): boolean => ruled.has(name) || forgotten.has(name)
          for (const [name, groups] of change.brokers ? client : []) {
            const kept = groups.filter((group) => !forgotten.has(group.brokerName))
            if (kept.length > 0) client.set(name, kept)
            else client.delete(name)
          }
          for (const name of change.topics) {
            const told = table.route(name)?.queueGroups
            if (told === undefined) client.delete(name)
            else client.set(name, queueGroupsAfter(client.get(name) ?? [], told, isGone))
          }

          for (const name of ['t1', 't2', 't3']) {
            expect(client.get(name)).toEqual(table.route(name)?.queueGroups)
          }
        })
      }),
      // What has to come together is rare.
      { numRuns: 2_000 },
    )
  })

  // A route that goes back to an old master loses what is sent to it.
  test('no master is taken in, or written to, whose epoch is below one ever heard of', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = openTable()
        const highest = new Map<string, number>()

        run(table, steps, (_, taken) => {
          const before = highest.get(taken?.name ?? '') ?? 0
          const isStale = taken?.id === 0 && taken.epoch < before
          if (taken !== undefined) highest.set(taken.name, Math.max(before, taken.epoch))

          expect(isStale).toBe(false)
          for (const [name, epoch] of highest) {
            expect(table.masterOf(name)?.epoch ?? epoch).toBe(epoch)
          }
        })
      }),
    )
  })

  // A broker that changes its role would be read from in its old one until that counts as silent.
  test('a store is listed once, in the role in which it was taken in last', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const table = openTable()
        const roles = new Map<string, string>()

        run(table, steps, (_, taken) => {
          if (taken !== undefined) {
            const { name, id, store } = taken
            for (const [other, role] of roles) if (role === `${name}/${id}`) roles.delete(other)
            roles.set(`${name}/${store}`, `${name}/${id}`)
          }
          const known = new Set(roles.values())
          const listed = table.brokers().map((each) => `${each.brokerName}/${each.brokerId}`)
          expect(listed.filter((role) => !known.has(role))).toEqual([])
          expect(listed).toHaveLength(new Set(listed).size)
        })
      }),
    )
  })
})
