import { errorTable, type ErrorCode, type ReadRequest } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { ScriptedBroker } from '../scripted/scripted-broker.ts'
import type { ScriptedSlave } from '../scripted/scripted-name-server.ts'
import { type ScriptedReader, storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'
import type { ReaderOptions } from '../topic.ts'
import type { Reader } from './reader.ts'

const ORDERS = [{ topic: 'orders', queues: { a: 1 } }]
const SLAVE: ScriptedSlave = { brokerName: 'a', brokerId: 2, address: 'b:8081' }
const STAND_IN: ScriptedSlave = { ...SLAVE, standsIn: true }
const SECOND_REIGN = { address: 'a:8081', epoch: 2 }

describe('a reader whose master is away', () => {
  test('goes on at a slave, at its position, and is back when the master is', async () => {
    const { world, reader, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0', '1'])
    expect(await take(world, reader, 2)).toEqual([0, 1])

    world.nameServer.set({}, ORDERS, {}, [SLAVE])
    const slave = await at(world.b)
    expect(startOf(slave)).toEqual({ kind: 'offset', offset: 2 })
    give(slave, 2, ['2'])
    expect(await take(world, reader, 1)).toEqual([2])

    world.nameServer.set({ a: SECOND_REIGN }, ORDERS, {}, [SLAVE])
    const master = await at(world.a, 1)
    expect(startOf(master)).toEqual({ kind: 'offset', offset: 3 })
    give(master, 3, ['3'])
    expect(await take(world, reader, 1)).toEqual([3])
  })

  // Name servers notice after some seconds only.
  test('goes to a slave as soon as the master fails', async () => {
    const { world, reader, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0'])
    expect(await take(world, reader, 1)).toEqual([0])
    const failedAtMs = world.sim.clock.elapsedMs()

    world.sim.machine('a').kill()
    const slave = await at(world.b)

    expect(world.sim.clock.elapsedMs() - failedAtMs).toBeLessThan(100)
    expect(startOf(slave)).toEqual({ kind: 'offset', offset: 1 })
  })

  // It was only a moment; nobody else would ever tell it to come back.
  test('comes back by itself to a master that nobody has missed', async () => {
    const { world, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0'])

    world.a.readers[0]?.break()
    await at(world.b)
    const master = await at(world.a, 1)

    expect(startOf(master)).toEqual({ kind: 'offset', offset: 1 })
  })

  test('commits nothing, and has committed the last of it when the master is back', async () => {
    const { world, reader, at } = await open({ from: 'earliest', name: 'mine' })
    give(await at(world.a), 0, ['0', '1', '2'])
    expect(await take(world, reader, 1)).toEqual([0])
    world.sim.machine('a').kill()
    world.nameServer.set({}, ORDERS, {}, [SLAVE])
    await at(world.b)

    expect(await world.failure(reader.commit())).toMatchObject({ code: 'UNAVAILABLE' })
    await take(world, reader, 1)
    expect(await world.failure(reader.commit())).toMatchObject({ code: 'UNAVAILABLE' })
    expect(commits(world.b)).toEqual([])
    const { sim } = world
    const again = await world.run(ScriptedBroker.open(sim.machine('a').runtime(), 'a:8081'))
    world.nameServer.set({ a: SECOND_REIGN }, ORDERS, {}, [SLAVE])
    await world.until(() => commits(again).length > 0)
    await world.sim.advance(5_000)

    expect(commits(again).map(({ offset }) => offset)).toEqual([2])
  })

  // No route changes when it is ready, or another stream is made.
  test('commits again by itself what a master was not ready for, or has not answered', async () => {
    const { world, reader, at } = await open({ from: 'earliest', name: 'mine' })
    const master = await at(world.a)
    give(master, 0, ['0'])
    await take(world, reader, 1)

    const refused = reader.commit()
    await world.until(() => commits(world.a).length === 1)
    const error = errorTable.NOT_READY.id
    master.send({ kind: 'committed', id: commits(world.a)[0]?.id ?? 0, error, message: 'no' })
    expect(await world.failure(refused)).toMatchObject({ code: 'NOT_READY' })
    await world.until(() => commits(world.a).length === 2)
    master.break()
    await world.until(() => commits(world.a).length === 3)

    expect(commits(world.a).map(({ offset }) => offset)).toEqual([1, 1, 1])
  })

  // A newer one has been committed meanwhile: the older one would set it back.
  test('does not go back to a position that it has committed behind since', async () => {
    const { world, reader, at } = await open({ from: 'earliest', name: 'mine' })
    const first = await at(world.a)
    give(first, 0, ['0', '1', '2'])
    await take(world, reader, 1)
    const lost = reader.commit()
    await world.until(() => commits(world.a).length === 1)

    world.nameServer.set({ a: { address: 'b:8081', epoch: 2 } }, ORDERS)
    expect(await world.failure(lost)).toMatchObject({ code: 'UNAVAILABLE' })
    const second = await at(world.b)
    await world.until(() => commits(world.b).length === 1)
    await take(world, reader, 1)
    const committed = reader.commit()
    await world.until(() => commits(world.b).length === 2)
    for (const { id } of commits(world.b)) {
      second.send({ kind: 'committed', id, error: 0, message: '' })
    }
    await world.run(committed)
    await world.sim.advance(5_000)

    expect(commits(world.b).map(({ offset }) => offset)).toEqual([1, 2])
  })

  test('commits at the slave that stands in for it', async () => {
    const { world, reader, at } = await open({ from: 'earliest', name: 'mine' })
    give(await at(world.a), 0, ['0'])
    await take(world, reader, 1)
    world.nameServer.set({}, ORDERS, {}, [STAND_IN])
    const standIn = await at(world.b)

    const committed = reader.commit()
    await world.until(() => commits(world.b).length === 1)
    const id = commits(world.b)[0]?.id ?? 0
    standIn.send({ kind: 'committed', id, error: 0, message: '' })
    await world.run(committed)

    expect(commits(world.b)).toMatchObject([{ name: 'mine', offset: 1 }])
  })

  test('waits for it where slaves are not to serve', async () => {
    const { world, at } = await open({ from: 'earliest', fromSlaves: false })
    await at(world.a)

    world.sim.machine('a').kill()
    world.nameServer.set({}, ORDERS, {}, [SLAVE])
    await world.sim.advance(60_000)

    expect(world.b.readers).toEqual([])
  })
})

describe('a reader at a slave', () => {
  // It would read again what it has read, from the end of the slave.
  test('waits for a slave that has not heard of its position, and does not go back', async () => {
    const { world, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0', '1'])
    world.nameServer.set({}, ORDERS, {}, [SLAVE])
    const slave = await at(world.b)

    refuse(slave, 'NOT_READY', { minOffset: 0, maxOffset: 1 })
    await world.until(() => slave.assignments.length === 2)

    expect(startOf(slave)).toEqual({ kind: 'offset', offset: 2 })
  })

  test('leaves one that stays behind, if there is another', async () => {
    const { world, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0', '1'])
    const other = await world.run(ScriptedBroker.open(world.sim.machine('c').runtime(), 'c:8081'))
    const another = { brokerName: 'a', brokerId: 3, address: other.address }
    world.nameServer.set({}, ORDERS, {}, [SLAVE, another])
    const slave = await at(world.b)

    for (let asked = 1; asked <= 6; asked++) {
      await world.until(() => slave.assignments.length === asked)
      refuse(slave, 'NOT_READY', { minOffset: 0, maxOffset: 1 })
    }

    expect(startOf(await at(other))).toEqual({ kind: 'offset', offset: 2 })
  })

  // What this slave has deleted may still be there.
  test('goes back to the master for what the slave has no more', async () => {
    const { world, reader, at } = await open({ from: 'earliest' })
    const master = await at(world.a)
    give(master, 0, ['0'], { suggested: SLAVE.address })
    const slave = await at(world.b)

    refuse(slave, 'OFFSET_OUT_OF_RANGE', { minOffset: 7, maxOffset: 9 })

    expect(startOf(await at(world.a, 1))).toEqual({ kind: 'offset', offset: 1 })
    expect(reader.skipped).toBe(0)
  })

  // "Newest" has been named already; what lies before it is not new to this client.
  test('never begins before an end that it was told', async () => {
    const { world, reader, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0', '1', '2'])
    await take(world, reader, 3)
    world.nameServer.set({}, ORDERS, {}, [SLAVE])
    const slave = await at(world.b)

    reader.seek('latest')
    await world.until(() => slave.assignments.length === 2)
    assigned(slave, { from: 1, maxOffset: 1 })
    await world.until(() => slave.assignments.length === 3)

    expect(startOf(slave)).toEqual({ kind: 'offset', offset: 3 })
  })
})

describe('a reader that is far behind', () => {
  test('reads where the master sends it, commits there, and comes back near the end', async () => {
    const { world, reader, at } = await open({ from: 'earliest', name: 'mine' })
    give(await at(world.a), 0, ['0', '1'], { suggested: SLAVE.address, end: 100 })
    const slave = await at(world.b)
    expect(startOf(slave)).toEqual({ kind: 'offset', offset: 2 })
    give(slave, 2, ['2'], { end: 100 })
    expect(await take(world, reader, 3)).toEqual([0, 1, 2])

    const committing = reader.commit()
    await world.until(() => commits(world.a).length === 1)
    const [commit] = commits(world.a)
    const id = commit?.id ?? 0
    world.a.readers[1]?.send({ kind: 'committed', id, error: 0, message: '' })
    await world.run(committing)
    expect(commit?.offset).toBe(3)
    expect(commits(world.b)).toEqual([])

    give(slave, 3, ['3'], { end: 100, nearEnd: true })
    const master = await at(world.a, 2)
    expect(startOf(master)).toEqual({ kind: 'offset', offset: 4 })
    give(master, 4, ['4'], { end: 100 })
    expect(await take(world, reader, 2)).toEqual([3, 4])
  })

  // Over two streams the second one may come first, and the first one would set it back.
  test('commits in turn, though it has moved in between', async () => {
    const { world, reader, at } = await open({ from: 'earliest', name: 'mine' })
    const master = await at(world.a)
    master.endsWithClient = false
    give(master, 0, ['0', '1'], { end: 100 })
    await take(world, reader, 1)
    const first = reader.commit()
    await world.until(() => commits(world.a).length === 1)

    give(master, 2, ['2'], { suggested: SLAVE.address, end: 100 })
    await at(world.b)
    await take(world, reader, 1)
    const second = reader.commit()
    await world.sim.advance(500)
    expect(commits(world.a)).toHaveLength(1)
    master.send({ kind: 'committed', id: commits(world.a)[0]?.id ?? 0, error: 0, message: '' })
    await world.run(first)
    await world.until(() => commits(world.a).length === 2)
    const { id } = commits(world.a)[1] as { readonly id: number }
    world.a.readers[1]?.send({ kind: 'committed', id, error: 0, message: '' })
    await world.run(second)

    expect(commits(world.a).map(({ offset }) => offset)).toEqual([1, 2])
  })

  // There is nothing left to come for a while, which the slave would be the last to notice.
  test('comes back when it has read all that the slave has', async () => {
    const { world, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0'], { suggested: SLAVE.address, end: 100 })

    give(await at(world.b), 1, ['1'], { end: 2 })

    expect(startOf(await at(world.a, 1))).toEqual({ kind: 'offset', offset: 2 })
  })

  // One that is sent to a slave that fails, and back, and there again, reads nothing.
  test('comes back when the slave fails, and is not sent there again for a while', async () => {
    const { world, reader, at } = await open({ from: 'earliest' })
    give(await at(world.a), 0, ['0'], { suggested: SLAVE.address, end: 100 })
    const slave = await at(world.b)

    slave.break()
    const master = await at(world.a, 1)
    give(master, 1, ['1'], { suggested: SLAVE.address, end: 100 })
    expect(await take(world, reader, 2)).toEqual([0, 1])
    await world.sim.advance(1_000)
    expect(world.b.readers).toHaveLength(1)

    await world.sim.advance(30_000)
    give(master, 2, ['2'], { suggested: SLAVE.address, end: 100 })
    await at(world.b, 1)
  })

  test('stays where slaves are not to serve, or where nobody hears that slave', async () => {
    const own = await open({ from: 'earliest', fromSlaves: false })
    give(await own.at(own.world.a), 0, ['0'], { suggested: SLAVE.address, end: 100 })
    const unheard = await open({ from: 'earliest' })
    give(await unheard.at(unheard.world.a), 0, ['0'], { suggested: 'nobody:8081', end: 100 })

    await own.world.sim.advance(5_000)
    await unheard.world.sim.advance(5_000)

    expect(own.world.b.readers).toEqual([])
    expect(unheard.world.b.readers).toEqual([])
  })
})

/** A reader of one queue of broker group "a": its master is on "a", its slave on "b". */
async function open(options: ReaderOptions) {
  const world = await ScriptedWorld.open(new Simulation(1, calmNetwork), { queues: { a: 1 } })
  world.nameServer.set({ a: 'a:8081' }, ORDERS, {}, [SLAVE])
  await world.sim.advance(100)
  const reader = world.comet.topic<number>('orders').reader(options)
  const at = async (broker: ScriptedBroker, index = 0): Promise<ScriptedReader> => {
    await world.until(() => (broker.readers[index]?.assignments.length ?? 0) > 0)
    return broker.readers[index] as ScriptedReader
  }
  return { world, reader, at }
}

/** The broker says where the last assignment begins, and sends messages from there on. */
function give(
  reader: ScriptedReader,
  from: number,
  bodies: readonly string[],
  told: { readonly suggested?: string; readonly nearEnd?: boolean; readonly end?: number } = {},
): void {
  const next = from + bodies.length
  const { suggested = '', nearEnd = false, end: maxOffset = next } = told
  assigned(reader, { from, maxOffset })
  reader.send({
    kind: 'batches',
    assignmentId: lastAssignment(reader)?.assignmentId ?? 0,
    from,
    next,
    maxOffset,
    batches: [storedBatch('orders', from, bodies)],
    ranges: [],
    suggested,
    nearEnd,
  })
}

function assigned(
  reader: ScriptedReader,
  range: { readonly from: number; readonly maxOffset: number },
): void {
  const assignmentId = lastAssignment(reader)?.assignmentId ?? 0
  reader.send({ kind: 'assigned', assignmentId, minOffset: 0, ...range })
}

function refuse(
  reader: ScriptedReader,
  code: ErrorCode,
  range: { readonly minOffset: number; readonly maxOffset: number },
): void {
  const assignmentId = lastAssignment(reader)?.assignmentId ?? 0
  const error = errorTable[code].id
  reader.send({ kind: 'problem', assignmentId, error, message: code, ...range })
}

function lastAssignment(reader: ScriptedReader) {
  return reader.assignments.at(-1)
}

function startOf(reader: ScriptedReader) {
  return lastAssignment(reader)?.start
}

/** That have reached the broker. */
function commits(broker: ScriptedBroker): Extract<ReadRequest, { kind: 'commit' }>[] {
  return broker.readers.flatMap(({ requests }) =>
    requests.filter((request) => request.kind === 'commit'),
  )
}

async function take(
  world: ScriptedWorld<Simulation>,
  reader: Reader<number>,
  count: number,
): Promise<number[]> {
  const bodies: number[] = []
  while (bodies.length < count) {
    const { value } = await world.run(reader.next())
    if (value !== undefined) bodies.push(value.body)
  }
  return bodies
}
