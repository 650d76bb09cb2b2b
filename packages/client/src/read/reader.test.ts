import { crc32 } from 'node:zlib'
import { type ErrorCode, errorTable, HEADER_BYTES, layout } from '@cometmq/protocol'
import { type Logger, silentLogger } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { connect } from '../comet-client.ts'
import { type ScriptedReader, storedBatch } from '../scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'
import type { Reader } from './reader.ts'

describe('reader', () => {
  test('reads every queue from where it was told, in the order of each queue', async () => {
    const { world, reader, broker } = await open({ from: 'earliest' })

    expect(broker.assignments.map(({ queueId, start }) => [queueId, start])).toEqual([
      [0, { kind: 'earliest' }],
      [1, { kind: 'earliest' }],
    ])
    assigned(broker, 0, { from: 0, maxOffset: 2 })
    assigned(broker, 1, { from: 0, maxOffset: 1 })
    batches(broker, 0, 0, ['1', '2'])
    batches(broker, 1, 0, ['3'])

    expect(await take(world, reader, 3)).toEqual([1, 2, 3])
    expect(reader.positions).toEqual({ 'a/0': 2, 'a/1': 1 })
  })

  test('begins within a batch', async () => {
    const { world, reader, broker } = await open({ from: { 'a/0': 1, 'a/1': 0 } })
    expect(broker.assignments[0]?.start).toEqual({ kind: 'offset', offset: 1 })
    assigned(broker, 0, { from: 1, maxOffset: 3 })

    batches(broker, 0, 0, ['0', '1', '2'], { from: 1 })

    expect(await take(world, reader, 2)).toEqual([1, 2])
  })

  test('asks with SQL where it is told to', async () => {
    const { broker } = await open({ from: 'earliest', filter: { sql: 'price>5' } })

    expect(broker.assignments[0]).toMatchObject({ filter: '', sql: '"price" > 5' })
  })

  test('hands out only what the filter lets through, and knows how far it got', async () => {
    const { world, reader, broker } = await open({ from: 'earliest', filter: 'new' })
    expect(broker.assignments[0]?.filter).toBe('new')
    assigned(broker, 0, { from: 0, maxOffset: 9 })
    const [assignment] = broker.assignments

    broker.send({
      kind: 'batches',
      assignmentId: assignment?.assignmentId ?? 0,
      from: 0,
      next: 9,
      maxOffset: 9,
      batches: [storedBatch('orders', 0, ['0', '1', '2', '3', '4'])],
      ranges: [1, 2, 4, 5],
      suggested: '',
      nearEnd: false,
    })

    expect(await take(world, reader, 1)).toEqual([1])
    expect(reader.positions['a/0']).toBe(4)
    expect(await take(world, reader, 1)).toEqual([4])
    // The rest, up to 9, held nothing for it.
    expect(reader.positions['a/0']).toBe(9)
  })

  test('ends at what was the end, if it is to', async () => {
    const { world, reader, broker } = await open({ from: 'earliest', untilEnd: true })
    assigned(broker, 0, { from: 0, maxOffset: 1 })
    assigned(broker, 1, { from: 7, maxOffset: 7 })
    batches(broker, 0, 0, ['1'])

    expect(await take(world, reader, 1)).toEqual([1])
    expect(await world.run(reader.next())).toEqual({ done: true, value: undefined })
  })

  // An end without the messages of a broker that restarts would look like the whole topic.
  test('waits before its end for a broker that is away, and says so', async () => {
    const warnings: unknown[] = []
    const { world, reader } = await openWithout('b', warnings)

    const ending = reader.next()
    await world.sim.advance(60_000)
    expect(world.b.readers).toEqual([])
    expect(warnings).toEqual([
      { topic: 'orders', broker: 'b', sentence: expect.stringContaining('a broker is away') },
    ])
    world.nameServer.set(EVERYWHERE, [{ topic: 'orders', queues: { a: 1, b: 1 } }])
    await world.until(() => world.b.readers[0]?.assignments.length === 1)
    const back = world.b.readers[0] as ScriptedReader
    assigned(back, 0, { from: 0, maxOffset: 1 })
    batches(back, 0, 0, ['2'])

    expect(await world.run(ending)).toMatchObject({ value: { body: 2 } })
    expect(await world.run(reader.next())).toEqual({ done: true, value: undefined })
  })

  // Nothing would ever end it.
  test('ends without a broker that is forgotten', async () => {
    const { world, reader } = await openWithout('b', [])
    const ending = reader.next()
    await world.sim.advance(1_000)

    const rest = [{ topic: 'orders', queues: { a: 1 } }]
    world.nameServer.set({ a: 'a:8081' }, rest, { forgotten: ['b'] })

    expect(await world.run(ending)).toEqual({ done: true, value: undefined })
  })

  test('goes on after a lost connection where it was', async () => {
    const { world, reader, broker } = await open({ from: 'latest' })
    assigned(broker, 0, { from: 5, maxOffset: 5 })
    batches(broker, 0, 5, ['5', '6'])
    await take(world, reader, 1)

    broker.break()
    await world.until(() => world.a.readers[1]?.assignments.length === 2)

    const again = world.a.readers[1] as ScriptedReader
    expect(again.assignments[0]?.start).toEqual({ kind: 'offset', offset: 7 })
    assigned(again, 0, { from: 7, maxOffset: 8 })
    batches(again, 0, 7, ['7'])
    expect(await take(world, reader, 2)).toEqual([6, 7])
  })

  // Retention deletes what nobody may be waiting for; a reader that stands still for ever is no help.
  test('passes over what was deleted, and counts it', async () => {
    const { world, reader, broker } = await open({ from: { 'a/0': 3, 'a/1': 0 } })

    problem(broker, 0, 'OFFSET_OUT_OF_RANGE', { minOffset: 10, maxOffset: 20 })
    await world.until(() => broker.assignments.length === 3)

    expect(broker.assignments[2]?.start).toEqual({ kind: 'offset', offset: 10 })
    expect(reader.skipped).toBe(7)
  })

  // A sender that lies about its batch must not stand in the way of every reader for ever.
  test('passes over a batch that nobody can decode', async () => {
    const { world, reader, broker } = await open({ from: 'earliest' })
    assigned(broker, 0, { from: 0, maxOffset: 4 })
    const lying = storedBatch('orders', 0, ['0', '1'])
    // Says that it holds three messages, with checksums to match.
    const batch = relabelled(lying, 3)

    broker.send({
      kind: 'batches',
      assignmentId: broker.assignments[0]?.assignmentId ?? 0,
      from: 0,
      next: 4,
      maxOffset: 4,
      batches: [batch, storedBatch('orders', 3, ['3'])],
      ranges: [],
      suggested: '',
      nearEnd: false,
    })

    expect(await take(world, reader, 1)).toEqual([3])
    expect(reader.skipped).toBe(3)
  })

  test('reads again what was damaged on its way', async () => {
    const { world, reader, broker } = await open({ from: 'earliest' })
    assigned(broker, 0, { from: 0, maxOffset: 1 })
    const damaged = storedBatch('orders', 0, ['10'])
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1
    const { assignmentId = 0 } = broker.assignments[0] ?? {}

    broker.send({
      kind: 'batches',
      assignmentId,
      from: 0,
      next: 1,
      maxOffset: 1,
      batches: [damaged],
      ranges: [],
      suggested: '',
      nearEnd: false,
    })
    await world.until(() => world.a.readers[1]?.assignments.length === 2)
    const again = world.a.readers[1] as ScriptedReader
    assigned(again, 0, { from: 0, maxOffset: 1 })
    batches(again, 0, 0, ['10'])

    expect(again.assignments[0]?.start).toEqual({ kind: 'offset', offset: 0 })
    expect(await take(world, reader, 1)).toEqual([10])
  })

  test('commits under its name how far it got', async () => {
    const { world, reader, broker } = await open({ from: 'earliest', name: 'screen-1' })
    expect(broker.assignments[0]?.start).toEqual({
      kind: 'named',
      name: 'screen-1',
      otherwiseLatest: false,
    })
    assigned(broker, 0, { from: 0, maxOffset: 2 })
    batches(broker, 0, 0, ['0', '1'])
    await take(world, reader, 1)

    const committing = reader.commit()
    await world.until(() => broker.requests.some(({ kind }) => kind === 'commit'))
    const commit = broker.requests.find((request) => request.kind === 'commit')
    broker.send({ kind: 'committed', id: commit?.id ?? 0, error: 0, message: '' })
    await world.run(committing)

    expect(commit).toMatchObject({ name: 'screen-1', topic: 'orders', queueId: 0, offset: 1 })
  })

  test('cannot commit without a name', async () => {
    const { world, reader } = await open({ from: 'earliest' })

    expect(await world.failure(reader.commit())).toMatchObject({ code: 'ILLEGAL_ARGUMENT' })
  })

  test('drops what it had read ahead when it is sent elsewhere', async () => {
    const { world, reader, broker } = await open({ from: 'earliest' })
    assigned(broker, 0, { from: 0, maxOffset: 100 })
    batches(broker, 0, 0, ['0', '1', '2'])
    await take(world, reader, 1)

    reader.seek({ 'a/0': 50 })
    await world.until(() => broker.assignments.length === 4)
    // Sent before the broker had heard of it.
    batches(broker, 0, 3, ['3'])
    const assignmentId = broker.assignments[2]?.assignmentId ?? 0
    assigned(broker, 2, { from: 50, maxOffset: 100 })
    broker.send({
      kind: 'batches',
      assignmentId,
      from: 50,
      next: 51,
      maxOffset: 100,
      batches: [storedBatch('orders', 50, ['50'])],
      ranges: [],
      suggested: '',
      nearEnd: false,
    })

    expect(await take(world, reader, 1)).toEqual([50])
  })

  test('gives as much credit as it may hold, and no more while nothing is read', async () => {
    const { world, reader, broker } = await open({ from: 'earliest', bufferBytes: 10_000 })
    assigned(broker, 0, { from: 0, maxOffset: 100 })
    batches(broker, 0, 0, ['1'.repeat(9_000)])
    await world.sim.advance(100)
    const before = credit(broker)

    await take(world, reader, 1)
    await world.sim.advance(100)

    expect(before).toBe(10_000)
    expect(credit(broker)).toBeGreaterThan(18_000)
  })

  // A broker sends a batch larger than the credit that is left. Were that forgotten, each of them
  // would cost credit for good, until the broker sends nothing more.
  test('gives the credit back that a batch took beyond it', async () => {
    const { world, reader, broker } = await open({ from: 'earliest', bufferBytes: 10_000 })
    assigned(broker, 0, { from: 0, maxOffset: 100 })
    let atBroker = 0
    let sent = 0
    for (let given = 0; given < 10; given++) {
      await world.sim.advance(100)
      atBroker = credit(broker) - sent
      expect(atBroker).toBeGreaterThan(0)
      const body = String(given + 1).repeat(12_000)
      sent += storedBatch('orders', given, [body]).length
      batches(broker, 0, given, [body])
      await take(world, reader, 1)
    }
    await world.sim.advance(100)

    expect(credit(broker) - sent).toBe(10_000)
  })

  test('says that there is no such topic', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const reader = world.comet.topic('ordres').reader()

    expect(await world.failure(reader.next())).toMatchObject({ code: 'TOPIC_NOT_FOUND' })
  })

  test('ends when its signal is aborted', async () => {
    const stop = new AbortController()
    const { world, reader } = await open({ from: 'earliest', signal: stop.signal })
    const next = reader.next()

    stop.abort()

    expect(await world.run(next)).toEqual({ done: true, value: undefined })
  })

  // With a name, a broker looks for committed positions; a date or positions would be ignored.
  test('refuses a name together with positions', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))

    expect(() =>
      world.comet.topic('orders').reader({ name: 'x', from: { 'a/0': 1 } }),
    ).toThrowError(expect.objectContaining({ code: 'ILLEGAL_ARGUMENT' }))
  })
})

type Options = NonNullable<Parameters<ReturnType<typeof topicOf>['reader']>[0]>

function topicOf(world: ScriptedWorld<Simulation>) {
  return world.comet.topic<number>('orders')
}

/** A reader of two queues, and the broker's end of its stream. */
async function open(options: Options) {
  const world = await ScriptedWorld.open(new Simulation(1, calmNetwork), { queues: { a: 2 } })
  const reader = topicOf(world).reader(options)
  await world.until(() => world.a.readers[0]?.assignments.length === 2)
  return { world, reader, broker: world.a.readers[0] as ScriptedReader }
}

const EVERYWHERE = { a: 'a:8081', b: 'b:8081' } as const

/** A client that started while a broker was away, with a reader that has read the other to its end. */
async function openWithout(away: 'b', warnings: unknown[]) {
  const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
  const { [away]: _, ...heard } = EVERYWHERE
  world.nameServer.set(heard, [{ topic: 'orders', queues: { a: 1, b: 1 } }])
  const log: Logger = {
    ...silentLogger,
    warn: (fields, sentence) => warnings.push({ ...fields, sentence }),
  }
  const runtime = world.sim.machine('late').runtime()
  const comet = await world.run(connect({ endpoints: 'ns:9876', runtime, log }))
  const reader = comet.topic<number>('orders').reader({ from: 'earliest', untilEnd: true })
  await world.until(() => world.a.readers[0]?.assignments.length === 1)
  const broker = world.a.readers[0] as ScriptedReader
  assigned(broker, 0, { from: 0, maxOffset: 1 })
  batches(broker, 0, 0, ['1'])
  expect(await take(world, reader, 1)).toEqual([1])
  return { world, reader }
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

function assigned(
  broker: ScriptedReader,
  index: number,
  range: { readonly from: number; readonly maxOffset: number },
): void {
  const assignmentId = broker.assignments[index]?.assignmentId ?? 0
  broker.send({ kind: 'assigned', assignmentId, minOffset: 0, ...range })
}

function batches(
  broker: ScriptedReader,
  index: number,
  base: number,
  bodies: readonly string[],
  options: { readonly from?: number } = {},
): void {
  const next = base + bodies.length
  broker.send({
    kind: 'batches',
    assignmentId: broker.assignments[index]?.assignmentId ?? 0,
    from: options.from ?? base,
    next,
    maxOffset: next,
    batches: [storedBatch('orders', base, bodies)],
    ranges: [],
    suggested: '',
    nearEnd: false,
  })
}

function problem(
  broker: ScriptedReader,
  index: number,
  code: ErrorCode,
  range: { readonly minOffset: number; readonly maxOffset: number },
): void {
  const assignmentId = broker.assignments[index]?.assignmentId ?? 0
  broker.send({
    kind: 'problem',
    assignmentId,
    error: errorTable[code].id,
    message: code,
    ...range,
  })
}

function credit(broker: ScriptedReader): number {
  return broker.requests.reduce(
    (sum, request) => sum + (request.kind === 'credit' ? request.bytes : 0),
    0,
  )
}

/** The same batch with another count of messages, and checksums that match. */
function relabelled(bytes: Buffer, messageCount: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32LE(messageCount, layout.messageCount)
  const body = crc32(copy.subarray(layout.bornTimeMs, layout.bodyChecksum))
  copy.writeUInt32LE(crc32(copy.subarray(layout.sectionBytes), body), layout.bodyChecksum)
  const headerEnd = HEADER_BYTES + copy.readUInt16LE(layout.topicBytes)
  const header = crc32(copy.subarray(0, layout.headerChecksum))
  const checksum = crc32(copy.subarray(layout.version, headerEnd), header)
  copy.writeUInt32LE(checksum, layout.headerChecksum)
  return copy
}
