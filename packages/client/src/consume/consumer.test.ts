import { Simulation } from '@cometmq/simulation'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'
import { fates, numbers, settledOffsets } from '../scripted/fates.ts'
import { storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'
import { Reject, RetryLater } from './outcomes.ts'

describe('consume', () => {
  test('acknowledges what its handler returns from', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: unknown[] = []
    world.comet.topic<number>('orders').consume({ group: 'billing' }, (order, message) => {
      seen.push([order, message.id, message.queueOffset, message.attempt])
    })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 5, ['1', '2', '3'])],
      ranges: [5, 8],
    })
    await world.sim.advance(50)

    expect(seen).toEqual([
      [1, '00000000000000aa-5', 5, 1],
      [2, '00000000000000aa-6', 6, 1],
      [3, '00000000000000aa-7', 7, 1],
    ])
    expect(fates(member)).toEqual(['acknowledge 5-8'])
  })

  // A client that starts while a broker is away has no address of it.
  test('does not wait for a broker that is away, and joins it when it is back', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const orders = { topic: 'orders', queues: { a: 1, b: 1 } }
    world.nameServer.set({ a: 'a:8081' }, [orders])
    const consumer = world.comet.topic('orders').consume({ group: 'billing' }, () => {})
    await world.member()
    await world.run(consumer.ready())
    expect(world.b.members).toEqual([])

    world.nameServer.set({ a: 'a:8081', b: 'b:8081' }, [orders])

    await world.until(() => world.b.members[0]?.open !== undefined)
  })

  test('handles only what was leased of a batch', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    world.comet.topic<number>('orders').consume({ group: 'billing' }, (order) => {
      seen.push(order)
    })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0', '1', '2', '3', '4', '5'])],
      ranges: [1, 2, 4, 6],
    })
    await world.sim.advance(50)

    expect(seen).toEqual([1, 4, 5])
    expect(fates(member)).toEqual(['acknowledge 1-2', 'acknowledge 4-6'])
  })

  test('sends back what its handler throws on, as it was thrown', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet.topic<number>('orders').consume({ group: 'billing' }, (order) => {
      if (order === 1) throw new RetryLater('5s', 'not yet')
      if (order === 2) throw new Reject('never')
      if (order === 3) throw new TypeError('a bug')
    })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0', '1', '2', '3'])],
      ranges: [0, 4],
    })
    await world.sim.advance(50)

    expect(member.settlements.map(({ action }) => action)).toEqual([
      { kind: 'acknowledge' },
      { kind: 'retry', delayMs: 5_000, reason: 'not yet' },
      { kind: 'reject', reason: 'never' },
      { kind: 'retry', delayMs: undefined, reason: 'TypeError: a bug' },
    ])
  })

  test('runs as many handlers at once as it was told, and no more', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    let running = 0
    let most = 0
    world.comet.topic<number>('orders').consume({ group: 'billing', concurrency: 3 }, async () => {
      running += 1
      most = Math.max(most, running)
      await world.sim.clock.sleep(10)
      running -= 1
    })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(20))],
      ranges: [0, 20],
    })
    await world.sim.advance(500)

    expect(most).toBe(3)
    expect(settledOffsets(member, 'acknowledge')).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })

  // Each settlement that is a request of its own costs the broker a flush.
  test('sends what is settled while an answer is awaited in one request', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1 }, () => world.sim.clock.sleep(1))
    const member = await world.member()
    member.answers = false

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(50))],
      ranges: [0, 50],
    })
    await world.sim.advance(200)
    member.answer(1)
    await world.sim.advance(50)

    expect(fates(member)).toEqual(['acknowledge 0-1', 'acknowledge 1-50'])
  })

  // Ten thousand handlers a second would otherwise mean as many flushes as the disk can do.
  test('tells of handled messages every two milliseconds at most', async () => {
    const world = await ScriptedWorld.open(
      new Simulation(1, {
        network: { latency: { usualMs: [0.1, 0.1], lateFraction: 0, lateMaxMs: 1 } },
      }),
    )
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1 }, () => world.sim.clock.sleep(0.1))
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(100))],
      ranges: [0, 100],
    })
    await world.sim.advance(50)

    const requests = member.requests.filter(({ kind }) => kind === 'settle')
    expect(settledOffsets(member, 'acknowledge')).toHaveLength(100)
    expect(requests.length).toBeGreaterThan(2)
    expect(requests.length).toBeLessThan(10)
  })

  test('lets no more bytes lie ready than it was told', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const release = Promise.withResolvers<void>()
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 1, bufferBytes: 50_000 }, () => release.promise)
    const member = await world.member()
    const batch = storedBatch('orders', 0, ['1'.repeat(49_000)])

    member.deliver({ topic: 'orders', batches: [batch], ranges: [0, 1] })
    await world.sim.advance(1_000)
    const creditWhileBusy = member.creditBytes
    release.resolve()
    await world.sim.advance(50)

    expect(creditWhileBusy).toBe(50_000)
    expect(member.creditBytes).toBeGreaterThan(50_000)
  })

  // A flipped bit on the way must not reach a handler as a value.
  test('sends back a damaged batch', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    world.comet.topic<number>('orders').consume({ group: 'billing' }, (order) => {
      seen.push(order)
    })
    const member = await world.member()
    const damaged = storedBatch('orders', 0, ['10', '11'])
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1

    member.deliver({ topic: 'orders', batches: [damaged], ranges: [0, 2] })
    await world.sim.advance(50)

    expect(seen).toEqual([])
    expect(fates(member)).toEqual(['retry 0-2'])
  })

  test('gives dead letters what does not fit the schema', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: unknown[] = []
    world.comet
      .topic('orders', { schema: positiveNumber })
      .consume({ group: 'billing' }, (order) => {
        seen.push(order)
      })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['1', '-1', 'no JSON'])],
      ranges: [0, 3],
    })
    await world.sim.advance(50)

    expect(seen).toEqual([1])
    expect(member.settlements.map(({ action }) => action)).toEqual([
      { kind: 'acknowledge' },
      { kind: 'reject', reason: 'SCHEMA_MISMATCH: not positive' },
      {
        kind: 'reject',
        reason: expect.stringMatching(/^SCHEMA_MISMATCH: the body cannot be decoded/),
      },
    ])
  })

  test('shows a redelivered message as it was sent', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: unknown[] = []
    world.comet.topic('orders').consume({ group: 'billing' }, (_, message) => {
      const { topic, queueId, queueOffset, attempt, lastFailure } = message
      seen.push({ topic, queueId, queueOffset, attempt, lastFailure })
    })
    const member = await world.member()

    member.deliver({
      topic: '',
      retry: true,
      attempt: 2,
      batches: [
        storedBatch('%RETRY%billing', 9, ['1'], {
          origin: {
            topic: 'orders',
            queueId: 3,
            queueOffset: 77,
            storeTimeMs: 5,
            attempts: 1,
            reason: 'try again',
            dueAtMs: 0,
          },
        }),
      ],
      ranges: [9, 10],
    })
    await world.sim.advance(50)

    expect(seen).toEqual([
      { topic: 'orders', queueId: 3, queueOffset: 77, attempt: 2, lastFailure: 'try again' },
    ])
    expect(member.settlements[0]?.range).toEqual({
      topic: '',
      queueId: 0,
      retry: true,
      from: 9,
      to: 10,
    })
  })

  test('makes the group on each broker before it joins, when told how', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet
      .topic('orders')
      .consume(
        { group: 'billing', from: 'earliest', maxAttempts: 3, retryDelays: ['1s', '1m'] },
        () => {},
      )

    await world.member()

    expect(world.a.groups).toMatchObject([
      {
        group: 'billing',
        start: 'earliest',
        maxAttempts: 3,
        retryDelaysMs: [1_000, 60_000],
        ifMissing: true,
      },
    ])
  })

  test('tells whoever asks that a broker refuses it for good', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const consumer = world.comet
      .topic('orders')
      .consume({ group: 'billing', filter: '||' }, () => {})
    await world.until(() => world.a.members.length === 1)

    world.a.members[0]?.break(world.error('ILLEGAL_FILTER'))

    await expect(world.run(consumer.done)).rejects.toMatchObject({ code: 'ILLEGAL_FILTER' })
  })

  test('asks with SQL where it is told to, and refuses what is not SQL before it asks', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const orders = world.comet.topic('orders')

    orders.consume({ group: 'billing', filter: { sql: "price > 5 AND TAGS = 'new'" } }, () => {})
    const member = await world.member()

    expect(member.open?.topics).toEqual([
      { topic: 'orders', filter: '', sql: `"price" > 5 AND "TAGS" = 'new'` },
    ])
    // Nothing may mean everything only where it is no SQL.
    for (const sql of ['price >', '']) {
      expect(() => orders.consume({ group: 'other', filter: { sql } }, () => {})).toThrow(
        expect.objectContaining({ code: 'ILLEGAL_FILTER' }),
      )
    }
  })

  // While a new version with another filter is rolled out, the old one is still there for a while.
  test('keeps trying while other members have another filter', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet.topic('orders').consume({ group: 'billing', filter: 'new' }, () => {})
    await world.until(() => world.a.members.length === 1)

    world.a.members[0]?.break(world.error('SUBSCRIPTION_CONFLICT'))

    await world.until(() => world.a.members.length === 2)
    expect(world.a.members).toHaveLength(2)
  })
})

describe('drain', () => {
  test('lets running handlers finish, gives back the rest, and leaves', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: number[] = []
    const consumer = world.comet
      .topic<number>('orders')
      .consume({ group: 'billing', concurrency: 2 }, async (order) => {
        seen.push(order)
        await world.sim.clock.sleep(1_000)
      })
    const member = await world.member()
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(6))],
      ranges: [0, 6],
    })
    await world.sim.advance(100)

    await world.run(consumer.drain())
    await world.sim.advance(50)

    expect(seen).toEqual([0, 1])
    expect(settledOffsets(member, 'release')).toEqual([2, 3, 4, 5])
    expect(settledOffsets(member, 'acknowledge')).toEqual([0, 1])
    expect(member.hasLeft).toBe(true)
    expect(member.isOver).toBe(true)
  })

  test('aborts the signal of handlers that take too long', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const aborted: boolean[] = []
    const consumer = world.comet
      .topic('orders')
      .consume({ group: 'billing', drainTimeout: '2s' }, async (_, message) => {
        await new Promise((resolve) => message.signal.addEventListener('abort', resolve))
        aborted.push(message.signal.aborted)
      })
    const member = await world.member()
    member.deliver({ topic: 'orders', batches: [storedBatch('orders', 0, ['1'])], ranges: [0, 1] })
    await world.sim.advance(100)

    await world.run(consumer.drain())
    await world.sim.advance(10)

    expect(aborted).toEqual([true])
  })

  test('is what aborting the signal does', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const stop = new AbortController()
    const consumer = world.comet
      .topic('orders')
      .consume({ group: 'billing', signal: stop.signal }, () => {})
    const member = await world.member()

    stop.abort()
    await world.run(consumer.done)
    await world.sim.advance(10)

    expect(member.hasLeft).toBe(true)
  })
})

describe('consumeBatches', () => {
  test('acknowledges all that its handler was given', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const sizes: number[] = []
    world.comet
      .topic<number>('orders')
      .consumeBatches({ group: 'billing', maxMessages: 4 }, async (messages) => {
        sizes.push(messages.length)
        if (messages.some(({ body }) => body === 5)) throw new Error('five')
      })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(10))],
      ranges: [0, 10],
    })
    await world.sim.advance(100)

    expect(sizes).toEqual([4, 4, 2])
    expect(settledOffsets(member, 'acknowledge')).toEqual([0, 1, 2, 3, 8, 9])
    expect(settledOffsets(member, 'retry')).toEqual([4, 5, 6, 7])
  })

  test('leaves alone what its handler has settled itself', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet.topic<number>('orders').consumeBatches({ group: 'billing' }, async (messages) => {
      await messages[1]?.reject('bad')
    })
    const member = await world.member()

    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, numbers(3))],
      ranges: [0, 3],
    })
    await world.sim.advance(100)

    expect(settledOffsets(member, 'reject')).toEqual([1])
    expect(settledOffsets(member, 'acknowledge')).toEqual([0, 2])
  })
})

const positiveNumber: StandardSchemaV1<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' && value > 0
        ? { value }
        : { issues: [{ message: 'not positive' }] },
  },
}
