import { commitLogOffset, type StateChange } from '@cometmq/protocol'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { deleteQueuesOf, putQueue } from './state/store-tables.ts'
import type { StoreListener } from './store-listener.ts'
import {
  batchOf,
  bodiesOf,
  changeGroup,
  groupOf,
  openStoreOn,
  PRODUCER,
  put,
  QUEUE,
  rowsOf,
} from './testing/scenario.ts'

const ORIGIN = {
  topic: 'orders',
  queueId: 0,
  queueOffset: 0,
  storeTimeMs: 0,
  attempts: 1,
  reason: 'rejected',
  dueAtMs: 0,
}

describe('append', () => {
  test('numbers the messages of each queue from 0 without gaps', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())

    const receipts = await Promise.all([
      store.append(groupOf({ bodies: ['a', 'b'] })),
      store.append(groupOf({ queueId: 1, bodies: ['x'] })),
      store.append(groupOf({ bodies: ['c'] })),
    ])

    expect(receipts.map((receipt) => receipt.records[0]?.baseQueueOffset)).toEqual([0, 0, 2])
    expect(await bodiesOf(store)).toEqual({ from: 0, bodies: ['a', 'b', 'c'] })
    expect(store.bounds(QUEUE)).toEqual({ minOffset: 0, maxOffset: 3 })
  })

  // One sync for each would make a busy broker as slow as its disk is late.
  test('answers everything that waits with one sync', async () => {
    const disk = new SimulatedDisk()
    const counted = countSyncs(disk)
    await using store = await openStoreOn(counted, new VirtualClock())
    const before = counted.syncs()

    await Promise.all(Array.from({ length: 20 }, () => store.append(groupOf())))

    expect(counted.syncs() - before).toBe(1)
  })

  test('answers before the sync what only has to be written', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({
      clock,
      latency: { read: [0, 0], write: [0, 0], sync: [9, 9] },
    })
    const store = await clock.runUntil(openStoreOn(disk, clock), { limitMs: 1_000 })
    const answers: string[] = []
    const note = (level: 'written' | 'flushed') => () =>
      answers.push(`${level} ${clock.elapsedMs()}`)
    const began = clock.elapsedMs()
    const appends = [
      store.append(groupOf(), 'written').then(note('written')),
      store.append(groupOf(), 'flushed').then(note('flushed')),
    ]
    await clock.runUntil(Promise.all(appends), { limitMs: 100 })

    expect(answers).toEqual([`written ${began}`, `flushed ${began + 9}`])
  })

  test('tells listeners in log order, before it answers', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    const heard: string[] = []
    const listener: StoreListener = {
      appended: ({ queue, from, to }) => heard.push(`${queue.queueId}: [${from}, ${to})`),
      changed: (changes: readonly StateChange[]) => heard.push(`${changes.length} changes`),
    }
    const unsubscribe = store.subscribe(listener)

    await store.append({
      records: [
        { kind: 'batch', batch: batchOf({ bodies: ['a', 'b'] }), idempotent: true },
        { kind: 'change', changes: [put('topics', 'a', '1'), put('topics', 'b', '2')] },
        { kind: 'batch', batch: batchOf({ queueId: 3 }), idempotent: true },
      ],
    })
    unsubscribe()
    await store.append(groupOf())

    expect(heard).toEqual(['0: [0, 2)', '2 changes', '3: [0, 1)'])
  })

  test('refuses what would wait behind too much', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock(), {
      maxPendingBytes: 500,
    })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 9 }, () => store.append(groupOf())),
    )

    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.reason).toMatchObject({ code: 'STORE_BUSY' })
    expect((await bodiesOf(store)).bodies.length).toBe(9 - refused.length)
    await expect(store.append(groupOf())).resolves.toBeDefined()
  })

  test('refuses a record that fits no segment', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())

    const appended = store.append(groupOf({ bodies: ['x'.repeat(4000)] }))

    await expect(appended).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE' })
  })

  // A clock that is set back must not make the index unsearchable by time.
  test('never stamps a lower time than before, whatever the clock does', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const store = await openStoreOn(disk, clock)
    await store.append(groupOf())
    clock.jump(-3_600_000)
    await store.append(groupOf())
    await store.close()
    await using reopened = await openStoreOn(disk, clock)
    await reopened.append(groupOf())

    const result = await reopened.read(QUEUE, { from: 0, maxBytes: 10_000 })
    const times = result.kind === 'batches' ? result.batches.map((batch) => batch.storeTimeMs) : []
    expect(times).toHaveLength(3)
    expect(new Set(times).size).toBe(1)
  })
})

describe('a repeated batch', () => {
  test('is answered with the place of the first, also while that is under way', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    const shape = { producerId: PRODUCER, sequence: 0, bodies: ['a', 'b'] }

    const [first, second] = await Promise.all([
      store.append(groupOf(shape)),
      store.append(groupOf(shape)),
    ])
    const third = await store.append(groupOf(shape))

    const { logOffset, endOffset } = first.records[0] ?? {}
    const repeated = { baseQueueOffset: 0, logOffset, endOffset, duplicate: true }
    expect(first.records[0]?.duplicate).toBe(false)
    expect([second.records[0], third.records[0]]).toEqual([repeated, repeated])
    expect((await bodiesOf(store)).bodies).toEqual(['a', 'b'])
  })

  test('is known after a restart, with and without the level folder', async () => {
    const disk = new SimulatedDisk()
    const clock = new VirtualClock()
    const store = await openStoreOn(disk, clock)
    for (let sequence = 0; sequence < 3; sequence++) {
      await store.append(groupOf({ producerId: PRODUCER, sequence }))
    }
    await store.close()
    for (const folder of ['/nothing', '/data/level']) {
      await disk.files.removeDirectory(folder)
      await using reopened = await openStoreOn(disk, clock)

      const receipt = await reopened.append(groupOf({ producerId: PRODUCER, sequence: 1 }))

      expect(receipt.records[0]).toMatchObject({ baseQueueOffset: 1, duplicate: true })
    }
  })

  test('is refused when something before it is missing, or it is too old', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    for (let sequence = 0; sequence < 12; sequence++) {
      await store.append(groupOf({ producerId: PRODUCER, sequence, producerEpoch: 1 }))
    }
    const shape = { producerId: PRODUCER, producerEpoch: 1 }

    await expect(store.append(groupOf({ ...shape, sequence: 13 }))).rejects.toMatchObject({
      code: 'SEQUENCE_GAP',
    })
    await expect(store.append(groupOf({ ...shape, sequence: 3 }))).rejects.toMatchObject({
      code: 'SEQUENCE_TOO_OLD',
    })
    await expect(
      store.append(groupOf({ ...shape, producerEpoch: 0, sequence: 0 })),
    ).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  })

  // What the broker makes of a batch keeps the producer's stamp, so that messages keep their
  // identity; it must not look like that producer's next batch.
  test('is not seen in batches that the broker made', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    const shape = { producerId: PRODUCER, sequence: 5, origin: ORIGIN, topic: '%RETRY%g' }

    await store.append(groupOf(shape))
    const again = await store.append(groupOf(shape))

    expect(again.records[0]).toMatchObject({ baseQueueOffset: 1, duplicate: false })
  })
})

describe('a group', () => {
  test('is refused whole when one of its records is', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    const good = batchOf({ producerId: PRODUCER, sequence: 0, bodies: ['good'] })
    const gap = batchOf({ producerId: PRODUCER, sequence: 7, queueId: 1 })

    const refused = store.append({
      records: [
        { kind: 'batch', batch: good, idempotent: true },
        { kind: 'change', changes: [put('topics', 'a', '1')] },
        { kind: 'batch', batch: gap, idempotent: true },
      ],
    })
    const after = store.append(groupOf({ producerId: PRODUCER, sequence: 0, bodies: ['after'] }))

    await expect(refused).rejects.toMatchObject({ code: 'SEQUENCE_GAP' })
    expect((await after).records[0]).toMatchObject({ baseQueueOffset: 0, duplicate: false })
    expect(await bodiesOf(store)).toEqual({ from: 0, bodies: ['after'] })
    expect(await rowsOf(store, 'topics')).toEqual([])
  })

  // The repeated batch was to end the group: without it, the records before would wait for an end
  // that never comes, and recovery would cut them.
  test('whose last batch is a repeated one survives a crash', async () => {
    const disk = new SimulatedDisk()
    const clock = new VirtualClock()
    const store = await openStoreOn(disk, clock)
    const shape = { producerId: PRODUCER, sequence: 0 }
    await store.append(groupOf(shape))
    await store.append({
      records: [
        { kind: 'change', changes: [put('topics', 'a', '1')] },
        { kind: 'batch', batch: batchOf(shape), idempotent: true },
      ],
    })
    disk.crash()
    await using recovered = await openStoreOn(disk, clock)

    expect(await rowsOf(recovered, 'topics')).toEqual([['a', '1']])
    expect((await bodiesOf(recovered)).bodies).toHaveLength(1)
  })
})

describe('read', () => {
  test('answers at least one batch however little is asked for', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    await store.append(groupOf({ bodies: ['a', 'b', 'c'] }))
    await store.append(groupOf({ bodies: ['d'] }))

    const result = await store.read(QUEUE, { from: 1, maxBytes: 1 })

    expect(result).toMatchObject({ kind: 'batches', next: 3 })
    expect(
      result.kind === 'batches' && result.batches.map((batch) => batch.baseQueueOffset),
    ).toEqual([0])
  })

  test('answers that it has caught up at and beyond the end', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    await store.append(groupOf())

    for (const from of [1, 5]) {
      expect(await store.read(QUEUE, { from, maxBytes: 100 })).toEqual({ kind: 'caught-up' })
    }
    const unknown = { topic: 'nothing', queueId: 0 }
    expect(await store.read(unknown, { from: 0, maxBytes: 100 })).toEqual({ kind: 'caught-up' })
    expect(store.bounds(unknown)).toBeUndefined()
  })

  test('reads from disk what the caches have let go, over many checkpoints and blocks', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    await using store = await openStoreOn(disk, clock, {
      tailCacheBytes: 0,
      segmentMaxBytes: 65_536,
    })
    const expected: string[] = []
    for (let round = 0; round < 12; round++) {
      const appends: Promise<unknown>[] = []
      for (let message = 0; message < 150; message++) {
        expected.push(`${round}-${message}`)
        appends.push(store.append(groupOf({ bodies: [`${round}-${message}`] })))
        appends.push(store.append(groupOf({ queueId: 1, bodies: ['between'] })))
      }
      await Promise.all(appends)
      await clock.advance(1_000)
    }

    expect((await bodiesOf(store, QUEUE, 5_000)).bodies).toEqual(expected)
    const middle = await store.read(QUEUE, { from: 777, maxBytes: 1 })
    expect(middle).toMatchObject({ kind: 'batches', next: 778 })
  })

  test('reads a record by its place in the log', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock(), {
      tailCacheBytes: 0,
    })
    const { records } = await store.append(groupOf({ bodies: ['here'] }))
    const place = records[0]?.logOffset ?? commitLogOffset(0)

    const batch = await store.readAt(place)

    expect(batch.messages().map((message) => Buffer.from(message.body).toString())).toEqual([
      'here',
    ])
    await expect(store.readAt(commitLogOffset(1_000_000))).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    })
    await expect(store.readAt(commitLogOffset(place + 1))).rejects.toMatchObject({
      code: 'RECORD_CORRUPT',
    })
  })
})

test('offsetAtTime finds the first message stored at a moment or later', async () => {
  const clock = new VirtualClock({ nowMs: 1_000_000 })
  await using store = await openStoreOn(new SimulatedDisk(), clock, { segmentMaxBytes: 65_536 })
  const times: number[] = []
  for (let batch = 0; batch < 300; batch++) {
    const { records } = await store.append(groupOf({ bodies: ['a', 'b'] }))
    expect(records[0]?.baseQueueOffset).toBe(batch * 2)
    times.push(clock.nowMs())
    await clock.advance(batch % 3 === 0 ? 0 : 700)
  }

  for (const timestampMs of [0, 1_000_000, ...times.map((time) => time + 1), 10 ** 12]) {
    const first = times.findIndex((time) => time >= timestampMs)
    const expected = first === -1 ? 600 : first * 2
    expect(await store.offsetAtTime(QUEUE, timestampMs)).toBe(expected)
  }
})

describe('deleting a topic', () => {
  test('forgets its queues, and their offsets start at 0 again', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const store = await openStoreOn(disk, clock)
    await store.append(groupOf({ bodies: ['old', 'old'], producerId: PRODUCER }))
    await store.append(groupOf({ topic: 'orders2', bodies: ['other'] }))
    await clock.advance(1_000)

    await store.append(changeGroup(deleteQueuesOf('orders')))
    expect(store.bounds(QUEUE)).toBeUndefined()
    await store.append(groupOf({ bodies: ['new'], producerId: PRODUCER }))

    const look = async (of: typeof store) => [
      await bodiesOf(of),
      await bodiesOf(of, { topic: 'orders2', queueId: 0 }),
    ]
    const expected = [
      { from: 0, bodies: ['new'] },
      { from: 0, bodies: ['other'] },
    ]
    expect(await look(store)).toEqual(expected)
    await clock.advance(1_000)
    await store.close()
    const reopened = await openStoreOn(disk, clock, { tailCacheBytes: 0 })
    expect(await look(reopened)).toEqual(expected)
    await reopened.close()
    await disk.files.removeDirectory('/data/level')
    await using rebuilt = await openStoreOn(disk, clock)
    expect(await look(rebuilt)).toEqual(expected)
  })

  test('putQueue raises what comes next', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    await store.append(changeGroup(putQueue(QUEUE, { nextOffset: 40, minOffset: 0 })))

    const { records } = await store.append(groupOf())

    expect(records[0]?.baseQueueOffset).toBe(40)
    expect(store.bounds(QUEUE)).toEqual({ minOffset: 40, maxOffset: 41 })
  })
})

describe('a store that is open', () => {
  test('keeps its folder to itself', async () => {
    const disk = new SimulatedDisk()
    await using store = await openStoreOn(disk, new VirtualClock())

    const second = openStoreOn(disk, new VirtualClock())

    await expect(second).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    expect(store.status.writable).toBe(true)
  })

  test('refuses appends once it is closed, and closes twice', async () => {
    const store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    const underWay = store.append(groupOf())
    await Promise.all([store.close(), store.close()])

    await expect(underWay).resolves.toBeDefined()
    await expect(store.append(groupOf())).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

/** The disk, with its syncs of log segments counted. */
function countSyncs(disk: SimulatedDisk) {
  let count = 0
  const { files, keyValueStores } = disk
  const counting: typeof files = {
    openFile: async (path, options) => {
      const file = await files.openFile(path, options)
      return {
        path: file.path,
        size: () => file.size(),
        readAt: (target, position) => file.readAt(target, position),
        writeAt: (buffers, position) => file.writeAt(buffers, position),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        close: () => file.close(),
        sync: () => {
          if (path.includes('/log/')) count++
          return file.sync()
        },
      }
    },
    makeDirectory: (path) => files.makeDirectory(path),
    list: (path) => files.list(path),
    readFile: (path) => files.readFile(path),
    replaceFile: (path, content) => files.replaceFile(path, content),
    removeFile: (path) => files.removeFile(path),
    removeDirectory: (path) => files.removeDirectory(path),
    syncDirectory: (path) => files.syncDirectory(path),
    freeBytes: (path) => files.freeBytes(path),
    lockDirectory: (path) => files.lockDirectory(path),
  }
  return { files: counting, keyValueStores, syncs: () => count }
}
