import { CometError, errorTable, queueOfGroup } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { ReadMessage } from './read/reader.ts'
import { ScriptedBroker } from './scripted/scripted-broker.ts'
import { ScriptedNameServer } from './scripted/scripted-name-server.ts'
import { storedBatch } from './scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from './scripted/scripted-world.ts'

/** What an answer and the next attempt need, far below any wait. */
const MOMENT_MS = 15

describe('a producer, when the master changes,', () => {
  // The old one does not answer, and will not for as long as keep-alive takes to notice.
  test('sends again what was not acknowledged, to the new one at once, under the same numbers', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const orders = world.comet.topic('orders')
    await world.run(orders.send('known'))
    world.sim.network.block('a', 'client')
    const sends = [orders.send('first'), orders.send('second', { key: 'k' })]
    await world.sim.advance(100)

    world.b.takeOver(world.a)
    world.elect(2, { a: 1 })
    await world.sim.advance(MOMENT_MS)

    expect(numbersOf(world.b)).toEqual(numbersOf(world.a).slice(1))
    const receipts = await world.run(Promise.all(sends))
    expect(new Set(receipts.map(({ queueOffset }) => queueOffset))).toEqual(new Set([1, 2]))
    expect(world.b.bodies().toSorted()).toEqual(['"first"', '"known"', '"second"'])
  })

  // It may have been written, and the next master may have it: as new it would be there twice.
  test('sends under the same number what was not confirmed, though another group would take it', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    world.a.script = (_, count) => (count === 1 ? 'unconfirmed' : undefined)
    const orders = world.comet.topic('orders')

    const sends = [0, 1, 2, 3].map((i) => orders.send(i, { key: keyOfQueue(0, 2) }))
    const free = await world.run(orders.send('free'))
    const receipts = await world.run(Promise.all(sends))

    expect(free.brokerName).toMatch(/^[ab]$/)
    expect(receipts.map(({ brokerName }) => brokerName)).toEqual(['a', 'a', 'a', 'a'])
    const numbers = numbersOf(world.a)
    expect(numbers[1]).toEqual(numbers[0])
    expect(world.a.bodies().filter((body) => body !== '"free"')).toEqual(['0', '1', '2', '3'])
  })

  test('keeps a message without a key where it may have been written', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    const orders = world.comet.topic('orders')
    world.a.script = (_, count) => (count === 1 ? 'unconfirmed' : 'NOT_MASTER')
    world.b.script = (_, count) => (count === 1 ? 'unconfirmed' : undefined)

    // Either of the two has the first one.
    const sends = [orders.send('one'), orders.send('two')]
    await world.sim.advance(3_000)
    world.a.script = () => undefined
    await world.run(Promise.all(sends))

    const bodies = [...world.a.bodies(), ...world.b.bodies()]
    expect(bodies.toSorted()).toEqual(['"one"', '"two"'])
  })

  // Stored for good or not: as a new one it would be there twice.
  test('sends under the same number what its slaves did not have in time', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    world.a.script = (_, count) => (count <= 2 ? 'late' : undefined)
    const orders = world.comet.topic('orders')

    const sends = [0, 1, 2, 3].map((i) => orders.send(i, { key: keyOfQueue(0, 2) }))
    const receipts = await world.run(Promise.all(sends))

    expect(receipts.map(({ brokerName }) => brokerName)).toEqual(['a', 'a', 'a', 'a'])
    expect(world.a.bodies()).toEqual(['0', '1', '2', '3'])
  })

  // Without slaves it takes nothing for a while, and others do.
  test('sends elsewhere at once what has no key, while one has too few slaves', async () => {
    const world = await openWorld({ queues: { a: 2, b: 2 } })
    world.a.script = () => 'IN_SYNC_SET_TOO_SMALL'
    const orders = world.comet.topic('orders')
    const kept = orders.send('kept', { key: keyOfQueue(0, 4) })
    await world.sim.advance(MOMENT_MS)
    const attempts = world.a.arrived.length

    const free = Array.from({ length: 8 }, (_, i) => orders.send(`free ${i}`))
    await world.sim.advance(MOMENT_MS)

    expect(world.b.bodies()).toHaveLength(8)
    expect(world.a.arrived.length - attempts).toBeLessThan(3)
    world.a.script = () => undefined
    await expect(world.run(kept)).resolves.toMatchObject({ brokerName: 'a' })
    await expect(world.run(Promise.all(free))).resolves.toHaveLength(8)
  })

  // A poll of the routes would cost a second or more. A loop would cost a broker its processor.
  test('asks one that is no master again after 20 to 400 ms, until it is', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const times: number[] = []
    world.a.script = () => {
      times.push(world.sim.clock.elapsedMs())
      return times.length < 12 ? 'NOT_MASTER' : undefined
    }

    await world.run(world.comet.topic('orders').send('patient', { key: 'k' }))

    const waits = times.slice(1).map((time, i) => time - (times[i] as number))
    expect(waits[0]).toBeGreaterThanOrEqual(20)
    expect(waits[0]).toBeLessThan(40 + MOMENT_MS)
    expect(Math.max(...waits)).toBeLessThan(400 + MOMENT_MS)
    expect(waits.at(-1)).toBeGreaterThan(200)
    expect(new Set(numbersOf(world.a).map(({ sequence }) => sequence))).toEqual(new Set([0]))
  })

  test('does not wait any longer once the route names another master', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    world.a.script = () => 'NOT_MASTER'
    const sending = world.comet.topic('orders').send('patient', { key: 'k' })
    // Waits have become long by now.
    await world.sim.advance(5_000)
    const attempts = world.a.arrived.length
    await world.until(() => world.a.arrived.length > attempts)

    world.elect(2, { a: 1 })
    await world.sim.advance(MOMENT_MS)

    expect(world.b.bodies()).toEqual(['"patient"'])
    await expect(world.run(sending)).resolves.toMatchObject({ brokerName: 'a' })
  })

  // The process was no master for a moment, and is one of a higher epoch at the same address.
  test('does not wait any longer once the same broker begins another reign', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    world.a.script = () => 'NOT_MASTER'
    const sending = world.comet.topic('orders').send('patient', { key: 'k' })
    await world.sim.advance(5_000)
    const attempts = world.a.arrived.length
    await world.until(() => world.a.arrived.length > attempts)
    await world.sim.advance(MOMENT_MS)

    world.a.script = () => undefined
    world.nameServer.set({ a: { address: 'a:8081', epoch: 2 } }, [
      { topic: 'orders', queues: { a: 1 } },
    ])
    await world.sim.advance(MOMENT_MS)

    expect(world.a.bodies()).toEqual(['"patient"'])
    await world.run(sending)
  })

  // With each message, the group without a master would cost a round trip.
  test('sends what has no key to another broker group at once, and goes on to', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    world.a.script = () => 'NOT_MASTER'
    const orders = world.comet.topic('orders')
    const startMs = world.sim.clock.elapsedMs()

    const receipts = []
    for (let i = 0; i < 20; i++) receipts.push(await world.run(orders.send(i)))

    expect(new Set(receipts.map(({ brokerName }) => brokerName))).toEqual(new Set(['b']))
    expect(world.a.arrived).toHaveLength(1)
    expect(world.sim.clock.elapsedMs() - startMs).toBeLessThan(500)

    world.a.script = () => undefined
    await world.sim.advance(500)
    for (let i = 0; i < 4; i++) receipts.push(await world.run(orders.send(i)))
    expect(world.a.bodies()).not.toEqual([])
  })

  // A second without a message for each restart of a process that takes a tenth of it.
  test('finds a process that is started again within moments', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))
    world.sim.machine('a').kill()
    const sending = orders.send('after', { key: 'k' })
    await world.sim.advance(60)

    const a = await world.run(ScriptedBroker.open(world.sim.machine('a').runtime(), 'a:8081'))
    await world.sim.advance(300)

    expect(a.bodies()).toEqual(['"after"'])
    await world.run(sending)
  })
})

// Name servers and brokers share hosts. Of a host that is lost no connection breaks for seconds.
describe('when the name server in use is lost together with the master,', () => {
  test('a producer learns of the new one from another name server', async () => {
    const { world, other } = await openWithTwoNameServers()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))
    lose(world, ['ns', 'a'])
    const sending = orders.send('after', { key: 'k' })
    await world.sim.advance(1_600)

    other.set({ a: { address: 'b:8081', epoch: 2 } }, [])
    await world.sim.advance(MOMENT_MS)

    expect(world.b.bodies()).toEqual(['"after"'])
    await world.run(sending)
  })

  test('so does a consumer that has something to settle', async () => {
    const { world, other } = await openWithTwoNameServers()
    world.comet.topic<number>('orders').consume({ group: 'billing' }, () => {})
    const member = await world.member()
    lose(world, ['ns'])
    member.answers = false
    member.deliver({ topic: 'orders', batches: [storedBatch('orders', 0, ['0'])], ranges: [0, 1] })
    await world.sim.advance(1_800)

    other.set({ a: { address: 'b:8081', epoch: 2 } }, [])
    await world.sim.advance(MOMENT_MS)

    expect(world.b.members).toHaveLength(1)
  })

  // It may have been cut off, or have just started: clients would lose their routes by a question.
  test('nothing else counts that the other name server says', async () => {
    const { world, other } = await openWithTwoNameServers()
    const orders = world.comet.topic('orders')
    world.a.script = () => 'NOT_MASTER'
    const sending = orders.send('patient', { key: 'k' })
    await world.until(() => other.watches.length > 0)

    other.set({ b: 'b:8081' }, [], { forgotten: ['a'] })
    await world.sim.advance(100)
    world.a.script = () => undefined

    await expect(world.run(sending)).resolves.toMatchObject({ brokerName: 'a' })
    await expect(world.run(orders.send('on'))).resolves.toMatchObject({ brokerName: 'a' })
  })

  // In a hand-over that would be every client at once, while all that it needs is busy.
  test('the others are not asked while the one in use tells within a moment', async () => {
    const { world, other } = await openWithTwoNameServers()
    world.a.script = () => 'NOT_MASTER'
    const sending = world.comet.topic('orders').send('patient', { key: 'k' })
    await world.sim.advance(200)

    world.elect(2)
    await world.run(sending)
    await world.sim.advance(10_000)

    expect(world.b.bodies()).toEqual(['"patient"'])
    expect(other.watches).toEqual([])
  })

  // Of every client, for as long as a broker is away.
  test('the others are not asked again and again', async () => {
    const { world, other } = await openWithTwoNameServers()
    world.a.script = () => 'NOT_MASTER'
    const sending = world.comet.topic('orders').send('patient', { key: 'k', timeout: '2m' })

    await world.sim.advance(60_000)

    expect(other.watches.length).toBeGreaterThan(1)
    expect(other.watches.length).toBeLessThan(8)
    world.a.script = () => undefined
    await world.run(sending)
  })
})

describe('a client', () => {
  // The name server was cut off from the group: it has not heard of the new reign.
  test('does not go back to an old master with a name server that still lists it', async () => {
    const { world, other: stale } = await openWithTwoNameServers()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))
    world.elect(2)
    await world.sim.advance(MOMENT_MS)
    await world.run(orders.send('between'))

    world.nameServer.refuse(new CometError('UNAVAILABLE', 'down'))
    await world.until(() => stale.watches.length > 0)
    await world.sim.advance(100)
    await world.run(orders.send('after'))

    expect(world.a.bodies()).toEqual(['"before"'])
    expect(world.b.bodies()).toEqual(['"between"', '"after"'])
  })

  // Nothing was done there, and any other broker knows how to do it everywhere.
  test('makes a change through another broker when one is no master', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    world.a.onCreateTopic = () => {
      throw world.error('NOT_MASTER')
    }

    await world.run(world.comet.admin.topics.create('fresh'))

    expect(world.b.created).toMatchObject([{ topic: 'fresh' }])
  })
})

describe('a consumer, when the master changes,', () => {
  test('goes on with what it holds at the new one, and settles it there', async () => {
    const world = await openWorld()
    const seen: number[] = []
    const going = Promise.withResolvers<void>()
    world.comet.topic<number>('orders').consume({ group: 'billing', concurrency: 1 }, async (n) => {
      seen.push(n)
      if (n === 1) await going.promise
    })
    const before = await world.member()
    before.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0', '1', '2'])],
      ranges: [0, 3],
    })
    await world.sim.advance(50)
    // Nothing of it is heard any more.
    world.sim.network.partition('a', 'client')

    world.elect(2)
    await world.sim.advance(MOMENT_MS)
    const after = await world.arrivedMember(world.b)
    expect(after.open?.held).toEqual([
      { topic: 'orders', queueId: 0, retry: false, from: 1, to: 3 },
    ])
    after.welcome()
    going.resolve()
    await world.sim.advance(50)

    expect(seen).toEqual([0, 1, 2])
    const settled = after.settlements.map(({ range, action }) => [
      action.kind,
      range.from,
      range.to,
    ])
    expect(settled).toEqual([
      ['acknowledge', 1, 2],
      ['acknowledge', 2, 3],
    ])
  })

  // It would wait for an answer that never comes, and only then look for the new one.
  test('does not wait for an old one that is still to make the group', async () => {
    const world = await openWorld()
    // Over the connection that there is, the question still gets there.
    await world.run(world.comet.topic('orders').send('hello'))
    world.sim.network.block('a', 'client')
    world.comet.topic('orders').consume({ group: 'billing', from: 'earliest' }, () => {})
    await world.sim.advance(500)
    expect(world.a.groups).toHaveLength(1)

    world.elect(2)
    await world.sim.advance(2 * MOMENT_MS)

    expect(world.b.members[0]?.open?.group).toBe('billing')
    world.sim.network.healAll()
    await world.sim.advance(15_000)
    expect(world.a.members).toEqual([])
    expect(world.b.members).toHaveLength(1)
  })

  test('is back at once, though it had been refused for long', async () => {
    const world = await openWorld()
    world.comet.topic('orders').consume({ group: 'billing' }, () => {})
    for (let index = 0; index < 8; index++) {
      const member = await world.arrivedMember(world.a, index)
      member.break(world.error('NOT_MASTER'))
    }
    await world.sim.advance(MOMENT_MS)

    world.elect(2)
    await world.sim.advance(MOMENT_MS)

    expect(world.b.members).toHaveLength(1)
  })

  // A master that has just been elected is not ready for some tens of milliseconds.
  test('settles again soon what the new one is not ready for', async () => {
    const world = await openWorld()
    world.comet.topic<number>('orders').consume({ group: 'billing' }, () => {})
    const member = await world.member()
    member.answers = false
    member.deliver({
      topic: 'orders',
      batches: [storedBatch('orders', 0, ['0'])],
      ranges: [0, 1],
    })
    await world.until(() => member.settlements.length === 1)

    for (let attempt = 1; attempt <= 3; attempt++) {
      member.answer(attempt, [{ index: 0, code: 'NOT_READY' }])
      await world.sim.advance(40 * 2 ** (attempt - 1) + MOMENT_MS)
      expect(member.settlements).toHaveLength(attempt + 1)
    }
  })
})

describe('a reader, when the master changes,', () => {
  test('goes on at its position, in the order of each queue', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const reader = world.comet.topic<number>('orders').reader({ from: 'earliest' })
    await world.until(() => world.a.readers[0]?.assignments.length === 1)
    const [old] = world.a.readers
    give(old, { from: 0, bodies: ['0', '1'] })
    expect(await take(world, reader, 2)).toEqual([0, 1])
    world.sim.network.partition('a', 'client')

    world.elect(2, { a: 1 })
    await world.sim.advance(MOMENT_MS)

    const [next] = world.b.readers
    expect(next?.assignments.map(({ start }) => start)).toEqual([{ kind: 'offset', offset: 2 }])
    give(next, { from: 2, bodies: ['2'] })
    expect(await take(world, reader, 1)).toEqual([2])
    expect(reader.positions).toEqual({ 'a/0': 3 })
  })

  // An end that is not known yet is not an end: nothing may be skipped or read twice.
  test('asks again soon, for the same, while the new one is not ready', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const reader = world.comet.topic<number>('orders').reader({ from: { 'a/0': 7 } })
    await world.until(() => world.a.readers[0]?.assignments.length === 1)
    const [broker] = world.a.readers

    for (let attempt = 1; attempt <= 3; attempt++) {
      const assignmentId = broker?.assignments.at(-1)?.assignmentId ?? 0
      const error = errorTable.NOT_READY.id
      const bounds = { minOffset: 0, maxOffset: 0 }
      broker?.send({ kind: 'problem', assignmentId, error, message: 'settling', ...bounds })
      await world.sim.advance(40 * 2 ** (attempt - 1) + MOMENT_MS)
      expect(broker?.assignments).toHaveLength(attempt + 1)
    }

    expect(broker?.assignments.at(-1)?.start).toEqual({ kind: 'offset', offset: 7 })
    expect(reader.skipped).toBe(0)
  })
})

function openWorld(options?: Parameters<typeof ScriptedWorld.open>[1]) {
  return ScriptedWorld.open(new Simulation(1, calmNetwork), options)
}

/** The other one lists the master that there is at first, and is not used. */
async function openWithTwoNameServers() {
  const sim = new Simulation(1, calmNetwork)
  const other = await sim.runUntil(
    ScriptedNameServer.open(sim.machine('ns2').runtime(), 'ns2:9876'),
    { limitMs: 1_000 },
  )
  other.set({ a: 'a:8081' }, [{ topic: 'orders', queues: { a: 4 } }])
  const world = await ScriptedWorld.open(sim, { client: { endpoints: 'ns:9876,ns2:9876' } })
  return { world, other }
}

/** From now on, nothing is heard of these machines. */
function lose({ sim }: ScriptedWorld<Simulation>, machines: readonly string[]): void {
  for (const machine of machines) sim.network.partition(machine, 'client')
}

/** Under which numbers batches have arrived. */
function numbersOf(broker: ScriptedBroker) {
  return broker.arrived.map(({ queueId, producer: { producerEpoch, sequence } }) => ({
    queueId,
    producerEpoch,
    sequence,
  }))
}

function keyOfQueue(index: number, count: number): string {
  for (let i = 0; ; i++) if (queueOfGroup(`k${i}`, count) === index) return `k${i}`
}

type Reading = ScriptedBroker['readers'][number] | undefined

function give(reader: Reading, batch: { readonly from: number; readonly bodies: string[] }): void {
  const assignmentId = reader?.assignments.at(-1)?.assignmentId ?? 0
  const { from, bodies } = batch
  const next = from + bodies.length
  reader?.send({ kind: 'assigned', assignmentId, from, minOffset: 0, maxOffset: next })
  reader?.send({
    kind: 'batches',
    assignmentId,
    from,
    next,
    maxOffset: next,
    batches: [storedBatch('orders', from, bodies)],
    ranges: [],
    suggested: '',
    nearEnd: false,
  })
}

async function take(
  world: { run<T>(promise: Promise<T>): Promise<T> },
  reader: AsyncIterator<ReadMessage<number>, undefined>,
  count: number,
): Promise<number[]> {
  const values: number[] = []
  while (values.length < count) {
    const { value } = await world.run(reader.next())
    values.push(value?.body ?? Number.NaN)
  }
  return values
}
