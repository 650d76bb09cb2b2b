import { CometError, type ErrorCode, errorTable, type StateChange } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { deleteTopic } from '../topic-registry.ts'
import {
  ACKNOWLEDGE,
  GROUP,
  RETRY,
  type TestMember,
  TOPIC,
  topic,
  World,
  type WorldOptions,
} from './testing/delivery-world.ts'

describe('a group', () => {
  // The first thing everybody does.
  test('delivers what is published while it reads, and is done when it is acknowledged', async () => {
    const world = await start()
    const member = await world.join()

    await world.publish(['a', 'b', 'c'])

    expect(member.bodies).toEqual(['a', 'b', 'c'])
    expect(await world.backlog()).toMatchObject({ ready: 0, inFlight: 3, delayed: 0 })
    expect(await member.acknowledgeAll()).toEqual([])
    expect(await world.backlog()).toEqual({ ready: 0, inFlight: 0, delayed: 0, backlog: 0 })
  })

  // Latency is one flush and two hops only if nothing polls.
  test('delivers in the moment in which a message is confirmed', async () => {
    const world = await start()
    const member = await world.join()
    await world.simulation.advance(10_000)

    await world.publish(['now'])

    expect(member.received[0]?.atMs).toBe(world.publishedAtMs)
  })

  // Otherwise members that come together get every message twice.
  test('gives each message to one member', async () => {
    const world = await start({ queueCount: 4 })
    const members = [await world.join({ sessionId: 'one' }), await world.join({ sessionId: 'two' })]

    for (let i = 0; i < 40; i++) await world.publish([`m${i}`], { queueId: i % 4 })

    const bodies = members.flatMap((member) => member.bodies).toSorted()
    expect(bodies).toEqual(Array.from({ length: 40 }, (_, i) => `m${i}`).toSorted())
    for (const member of members) expect(member.received.length).toBeGreaterThan(0)
  })

  // A consumer that comes late must not wait behind one that is busy.
  test('gives to an idle member what a busy one would have to queue', async () => {
    const world = await start()
    const busy = await world.join({ sessionId: 'busy' })
    await world.publish(['first'])
    const idle = await world.join({ sessionId: 'idle' })

    await world.publish(['second'])

    expect(busy.bodies).toEqual(['first'])
    expect(idle.bodies).toEqual(['second'])
  })

  test.each([
    ['latest', { start: 'latest' }, []],
    ['earliest', { start: 'earliest' }, ['old', 'older']],
  ])('starts at the %s messages when told so', async (_, wish, expected) => {
    const world = await start()
    await world.publish(['old', 'older'])
    await world.createGroup(wish)

    const member = await world.join()
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(expected)
  })

  test('starts at a moment when told so', async () => {
    const world = await start()
    await world.publish(['before'])
    await world.simulation.advance(5_000)
    const startTimestampMs = world.nowMs
    await world.publish(['after'])
    await world.createGroup({ start: 'timestamp', startTimestampMs })

    const member = await world.join()
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(['after'])
  })

  // Messages sent while the only consumer was away would be skipped.
  test('keeps its start in a topic when its members come later', async () => {
    const world = await start()
    await world.publish(['old'])
    const first = await world.join()
    first.handle.leave()
    first.handle.end()
    await world.publish(['while away'])

    const member = await world.join({ sessionId: 'later' })
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(['while away'])
  })

  test('reads a queue that is added later from its start', async () => {
    const world = await start({ queueCount: 1 })
    const member = await world.join()
    await world.defineTopic(TOPIC, 2)

    await world.publish(['in the new queue'], { queueId: 1 })

    expect(member.bodies).toEqual(['in the new queue'])
  })

  // An operator's switch that only held for the next consumer would be no switch.
  test('grants nothing while its topic is not readable, and goes on when it is', async () => {
    const world = await start()
    const member = await world.join()
    await world.defineTopic(TOPIC, 1, { readable: false })
    await world.publish(['a'])
    await world.simulation.advance(1_000)
    expect(member.bodies).toEqual([])

    await world.defineTopic(TOPIC, 1)
    await world.simulation.advance(1)

    expect(member.bodies).toEqual(['a'])
  })

  // Reads are bounded over all groups: who found no slot has to be told when there is one.
  test('gets its turn among many groups when reads are few', async () => {
    const world = await start({ delivery: { readsMax: 1 } })
    const members: TestMember[] = []
    for (let i = 0; i < 8; i++) members.push(await world.join({ group: `g${i}` }))

    for (let i = 0; i < 10; i++) await world.publish([`m${i}`])
    await world.simulation.advance(100)

    for (const member of members) expect(member.received.length).toBe(10)
  })

  test('gets its turn when the group before it has nothing to read any more', async () => {
    const store = { tailCacheBytes: 0, readCacheBytes: 0 }
    const world = await start({ delivery: { readsMax: 1 }, store })
    await world.join({ group: 'reads' })
    const gone = await world.join({ group: 'gone' })
    const waits = await world.join({ group: 'waits' })
    await world.publish(['a'])
    expect(waits.bodies).toEqual([])

    gone.handle.end()
    await world.simulation.advance(100)

    expect(waits.bodies).toEqual(['a'])
  })

  test('grants nothing while it is paused, and goes on when resumed', async () => {
    const world = await start()
    const member = await world.join()
    await world.pause()
    await world.publish(['a'])
    await world.simulation.advance(1_000)
    expect(member.bodies).toEqual([])

    await world.pause(false)
    await world.simulation.advance(10)

    expect(member.bodies).toEqual(['a'])
  })

  test('cannot be deleted while it has members, unless forced', async () => {
    const world = await start()
    const member = await world.join()
    await expect(world.run(world.engine.deleteGroup(GROUP, { force: false }))).rejects.toThrow(
      expect.objectContaining({ code: 'GROUP_ACTIVE' }),
    )

    await world.run(world.engine.deleteGroup(GROUP, { force: true }))

    expect(member.endedBy).toBe('GROUP_NOT_FOUND')
    await expect(world.run(world.engine.describeGroup(GROUP))).rejects.toThrow(
      expect.objectContaining({ code: 'GROUP_NOT_FOUND' }),
    )
  })

  // Positions of the old group would skip messages of the new one.
  test('begins anew under the name of a deleted one', async () => {
    const world = await start()
    const before = await world.join()
    await world.publish(['a', 'b'])
    await before.acknowledgeAll()
    await world.run(world.engine.deleteGroup(GROUP, { force: true }))
    await world.createGroup({ start: 'earliest' })

    const member = await world.join()
    await world.simulation.advance(100)

    expect(member.bodies).toEqual(['a', 'b'])
  })
})

describe('credit', () => {
  // The bound on what a consumer that does not read costs us.
  test('is all that a member is sent', async () => {
    const world = await start()
    const member = await world.join({ creditBytes: 1_000 })
    for (let i = 0; i < 20; i++) await world.publish(['x'.repeat(100)])

    expect(member.bytes).toBeGreaterThan(0)
    expect(member.bytes).toBeLessThanOrEqual(1_000)
    const { received } = member
    const count = received.length
    member.handle.addCredit(1_000)
    await world.simulation.advance(10)

    expect(received.length).toBeGreaterThan(count)
    expect(member.bytes).toBeLessThanOrEqual(2_000)
  })

  // Otherwise a large message blocks its queue for ever.
  test('lets a larger batch pass when the member holds nothing', async () => {
    const world = await start()
    const member = await world.join({ creditBytes: 1_000 })

    await world.publish(['small'])
    await world.publish(['x'.repeat(10_000)])

    expect(member.bodies).toEqual(['small'])
    await member.acknowledgeAll()
    await world.simulation.advance(10)
    expect(member.received.length).toBe(2)
  })

  // Its connection is full: what is sent now only fills our memory.
  test('is not used while the sink does not take more', async () => {
    const world = await start()
    const member = await world.join({}, { takesAtOnce: 1 })
    await world.publish(['a'])
    await world.publish(['b'])
    expect(member.bodies).toEqual(['a'])

    member.open()
    await world.simulation.advance(1)

    expect(member.bodies).toEqual(['a', 'b'])
  })
})

describe('a filter', () => {
  test('delivers what matches; the rest is done and never backlog', async () => {
    const world = await start()
    const member = await world.join({ topics: [topic('paid||sent')] })

    await world.publish(['1', '2', '3', '4', '5'], {
      tags: ['paid', 'new', undefined, 'sent', 'paid'],
    })

    expect(member.bodies).toEqual(['1', '4', '5'])
    expect(await world.backlog()).toMatchObject({ ready: 0, inFlight: 3, backlog: 3 })
    await member.acknowledgeAll()
    await world.simulation.advance(2_000)
    await world.restart('kill')
    const later = await world.join({ sessionId: 'later', topics: [topic('paid||sent')] })
    await world.simulation.advance(1_000)
    expect(later.bodies).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('in SQL delivers what it holds of, over restarts, and compares by what it means', async () => {
    const world = await start()
    const sql = (text: string) => ({ topic: TOPIC, filter: '', sql: text })
    const member = await world.join({ topics: [sql('price > 5')] })
    const prices = ['1', '6', '10', 'x'].map((price) => ({ price }))

    await world.publish(['1', '6', '10', 'x'], { properties: prices })

    expect(member.bodies).toEqual(['6', '10'])
    expect(await world.backlog()).toMatchObject({ ready: 0, inFlight: 2, backlog: 2 })
    await expect(
      world.join({ sessionId: 'other', topics: [sql('price > 6')] }),
    ).rejects.toMatchObject({ code: 'SUBSCRIPTION_CONFLICT' })
    await world.join({ sessionId: 'same', topics: [sql('(price>5)')] })
    await member.acknowledgeAll()
    await world.simulation.advance(2_000)
    await world.restart('kill')
    const later = await world.join({ sessionId: 'later', topics: [sql('price > 5')] })
    await world.simulation.advance(1_000)
    expect(later.bodies).toEqual([])
    expect(world.engine.groups.subscriptionOf(GROUP)).toMatchObject({
      version: 1,
      topics: { [TOPIC]: { sql: '"price" > 5' } },
    })
  })

  // What is wanted goes to one of them, what is not to nobody; a retry asks no filter again.
  test('in SQL is shared by members that spell it in their own way', async () => {
    const world = await start({ queueCount: 2 })
    const members = [
      await world.join({ sessionId: 'one', topics: [{ ...topic(''), sql: 'price > 5' }] }),
      await world.join({ sessionId: 'two', topics: [{ ...topic(''), sql: '((price>5.0))' }] }),
    ]
    const got = () => members.flatMap(({ bodies }) => bodies).toSorted()

    for (const queueId of [0, 1]) {
      const properties = ['1', '6', '7'].map((price) => ({ price }))
      await world.publish(
        ['a', 'b', 'c'].map((body) => `${body}${queueId}`),
        { queueId, properties },
      )
    }

    expect(got()).toEqual(['b0', 'b1', 'c0', 'c1'])
    expect(members.map(({ bodies }) => bodies.length)).toEqual([2, 2])
    for (const member of members) await member.settleAll({ ...RETRY, delayMs: 1_000 })
    await world.simulation.advance(5_000)
    expect(got()).toEqual(['b0', 'b0', 'b1', 'b1', 'c0', 'c0', 'c1', 'c1'])
    for (const member of members) await member.acknowledgeAll()
    expect(await world.backlog()).toMatchObject({ ready: 0, inFlight: 0, delayed: 0, backlog: 0 })
  })

  // Equal texts do not make them equal: one is a tag of that name.
  test('in SQL differs from tags with the same text', async () => {
    const world = await start()
    await world.join({ sessionId: 'one', topics: [{ ...topic(''), sql: '"vip"' }] })

    await expect(world.join({ sessionId: 'two', topics: [topic('"vip"')] })).rejects.toMatchObject({
      code: 'SUBSCRIPTION_CONFLICT',
    })
  })

  test('in SQL that is wrong is refused', async () => {
    const world = await start()
    const wrong = { topic: TOPIC, filter: '', sql: 'price >' }

    await expect(world.join({ topics: [wrong] })).rejects.toMatchObject({ code: 'ILLEGAL_FILTER' })
  })

  // Two members with two filters silently lose messages to each other in RocketMQ.
  test('that differs from that of the other members is refused, by name', async () => {
    const world = await start()
    await world.join({ sessionId: 'one', topics: [topic('a')] })

    await expect(world.join({ sessionId: 'two', topics: [topic('b')] })).rejects.toThrow(
      expect.objectContaining({ code: 'SUBSCRIPTION_CONFLICT' }),
    )
    await expect(world.join({ sessionId: 'three', topics: [topic('a')] })).resolves.toBeDefined()
  })

  test('of a member that is alone becomes the one of the group', async () => {
    const world = await start()
    const first = await world.join({ sessionId: 'one', topics: [topic('a')] })
    first.handle.leave()
    first.handle.end()

    const member = await world.join({ sessionId: 'two', topics: [topic('b')] })
    await world.publish(['1', '2'], { tags: ['a', 'b'] })

    expect(member.bodies).toEqual(['2'])
    expect(world.engine.groups.subscriptionOf(GROUP).topics[TOPIC]?.filter).toBe('b')
  })
})

describe('a reset', () => {
  test('to the earliest message delivers everything again, and ends the leases', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settle(member.received[0], ACKNOWLEDGE)

    const outcome = await world.reset({ to: 'earliest' })
    await world.simulation.advance(10)

    expect(outcome).toEqual([{ topic: TOPIC, queueId: 0, before: 1, after: 0 }])
    expect(member.bodies).toEqual(['a', 'b', 'a', 'b'])
  })

  test('to the latest message skips the backlog, durably', async () => {
    const world = await start()
    const member = await world.join({ creditBytes: 1 })
    for (const body of ['a', 'b', 'c']) await world.publish([body])
    member.handle.lose()

    await world.reset({ to: 'latest' })
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
    await world.restart('power')

    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })

  test('to an offset or a moment lands there', async () => {
    const world = await start()
    await world.join()
    await world.publish(['a', 'b', 'c'])
    await world.simulation.advance(1_000)
    const timestampMs = world.nowMs
    await world.publish(['d'])

    expect(await world.reset({ to: 'offset', offset: 2, hasQueueId: true })).toMatchObject([
      { after: 2 },
    ])
    expect(await world.reset({ to: 'timestamp', timestampMs })).toMatchObject([{ after: 3 }])
    await expect(world.reset({ to: 'offset', offset: 9, hasQueueId: true })).rejects.toThrow(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE' }),
    )
  })

  test('that is only tried changes nothing', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a'])

    const outcome = await world.reset({ to: 'latest', dryRun: true })

    expect(outcome).toMatchObject([{ before: 0, after: 1 }])
    expect(await member.acknowledgeAll()).toEqual([])
  })

  // Whoever acknowledges what was leased before the reset would undo it.
  test('makes acknowledgements of older leases fail', async () => {
    const world = await start()
    const member = await world.join({ creditBytes: 300 })
    await world.publish(['a'])
    await world.pause()
    await world.reset({ to: 'earliest' })

    const failures = await member.settle(member.received[0], ACKNOWLEDGE)

    expect(failures).toMatchObject([{ error: idOf('LEASE_LOST') }])
    expect(await world.backlog()).toMatchObject({ ready: 1, backlog: 1 })
  })
})

describe('a deleted topic', () => {
  // Positions of the old topic would skip the first messages of the new one.
  test('that is made anew is read from its start', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a', 'b'])
    await member.settle(member.received[0], { ...RETRY, delayMs: 1_000 })
    await world.deleteTopic(TOPIC)
    await world.defineTopic(TOPIC, 1)
    await world.publish(['new'])
    await world.simulation.advance(10_000)

    expect(member.bodies).toEqual(['a', 'b', 'new'])
    expect(await member.settle(member.received[2], ACKNOWLEDGE)).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
  })
})

describe('a deletion that cannot be stored', () => {
  // Half of it would be a topic whose members get everything again, or whose acknowledgements are
  // forgotten.
  test.each(['DISK_FULL', 'STORE_BUSY'] as const)(
    'of a topic leaves everything as it was (%s)',
    async (code) => {
      const simulation = new Simulation(1)
      const world = await World.start(simulation, { store: { maxPendingBytes: 200 } })
      onTestFinished(() => world.stop())
      const member = await world.join()
      await world.publish(['a', 'b', 'c'])
      await member.settle(member.received[1], { ...RETRY, delayMs: 5_000 })
      const ends = await makeAppendsFail(simulation, world, code)

      const acknowledged = member.settleNow(member.received[2], ACKNOWLEDGE)
      await expect(world.deleteTopic(TOPIC)).rejects.toMatchObject({ code })
      expect(world.topics.get(TOPIC)).toBeDefined()
      expect(await world.backlog()).toEqual({ ready: 0, inFlight: 1, delayed: 1, backlog: 2 })
      await ends()

      await world.run(acknowledged)
      expect(await member.settle(member.received[0], ACKNOWLEDGE)).toEqual([])
      await world.publish(['d'])
      await world.simulation.advance(6_000)
      expect(member.bodies).toEqual(['a', 'b', 'c', 'd', 'b'])
      await world.restart('power')
      const later = await world.join({ sessionId: 'later' })
      await world.simulation.advance(2_000)
      expect(later.bodies.toSorted()).toEqual(['b', 'd'])
    },
  )

  // What came while it was being tried would lie there until something else comes.
  test('of a topic holds up what came meanwhile, and no longer', async () => {
    const world = await start()
    const member = await world.join()
    const { clock } = world.simulation.machine('a').runtime()
    vi.spyOn(world.store, 'append').mockImplementationOnce(async () => {
      await clock.sleep(50)
      throw new CometError('DISK_FULL', 'a write found no space')
    })

    const deleted = world.engine.deleteTopic(TOPIC, [deleteTopic(TOPIC)])
    deleted.catch(() => {})
    await world.simulation.advance(10)
    await world.publish(['a'])
    expect(member.bodies).toEqual([])
    await world.simulation.advance(50)

    await expect(deleted).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(member.bodies).toEqual(['a'])
  })

  test('of a group leaves its members in it', async () => {
    const simulation = new Simulation(1)
    const world = await World.start(simulation, {})
    onTestFinished(() => world.stop())
    const member = await world.join()
    await world.publish(['a', 'b'])
    const ends = await makeAppendsFail(simulation, world, 'DISK_FULL')

    const deleted = world.run(world.engine.deleteGroup(GROUP, { force: true }))
    await expect(deleted).rejects.toMatchObject({ code: 'DISK_FULL' })

    await ends()
    expect(member.endedBy).toBeUndefined()
    expect(await member.acknowledgeAll()).toEqual([])
    await world.publish(['c'])
    expect(member.bodies).toEqual(['a', 'b', 'c'])
  })
})

describe('a drain', () => {
  test('waits until the members have settled what they hold', async () => {
    const world = await start()
    const member = await world.join()
    await world.publish(['a'])
    const signal = new AbortController()
    const drained = world.engine.drain(signal.signal)
    await world.publish(['b'])
    expect(member.isDraining).toBe(true)
    expect(member.bodies).toEqual(['a'])
    await member.acknowledgeAll()

    await world.run(drained)

    await expect(world.join({ sessionId: 'late' })).rejects.toThrow(
      expect.objectContaining({ code: 'DRAINING' }),
    )
  })
})

async function start(options: WorldOptions & { readonly seed?: number } = {}): Promise<World> {
  const world = await World.start(new Simulation(options.seed ?? 1), options)
  onTestFinished(() => world.stop())
  return world
}

/** Until the answer is called and has resolved. */
async function makeAppendsFail(
  simulation: Simulation,
  world: World,
  code: 'DISK_FULL' | 'STORE_BUSY',
): Promise<() => Promise<void>> {
  if (code === 'STORE_BUSY') {
    const value = Buffer.alloc(1_000)
    const changes: StateChange[] = [{ kind: 'put', table: 'test', key: Buffer.from('x'), value }]
    const appended = world.store.append({ records: [{ kind: 'change', changes }] })
    return async () => {
      await world.run(appended)
    }
  }
  simulation.machine('a').disk.setCapacity(1024)
  await world.simulation.advance(2_000)
  return async () => {
    simulation.machine('a').disk.setCapacity(2 ** 40)
    await world.simulation.advance(2_000)
  }
}

function idOf(code: string): number {
  return errorTable[code as ErrorCode].id
}
