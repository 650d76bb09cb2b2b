import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import type { RetentionConfig } from '../store-config.ts'
import {
  bodiesOf,
  changeGroup,
  groupOf,
  openStoreOn,
  PRODUCER,
  put,
  QUEUE,
  rowsOf,
  viewOf,
} from '../testing/scenario.ts'

const OFF: RetentionConfig = {
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  minFreeBytes: 0,
  checkIntervalMs: 10_000,
}

describe('retention', () => {
  test('deletes the oldest segments beyond the size, and readers are told', async () => {
    const { clock, store, files } = await open({ maxBytes: 3 * 4096 })
    await fill(store, 200)

    await clock.advance(10_000)

    // One more than the limit allows, for the snapshot that was written before.
    expect((await files()).length).toBeLessThanOrEqual(5)
    const { from, bodies } = await bodiesOf(store)
    expect(from).toBeGreaterThan(0)
    expect(bodies).toEqual(Array.from({ length: 200 - from }, (_, index) => String(from + index)))
    expect(await store.read(QUEUE, { from: 0, maxBytes: 100 })).toEqual({
      kind: 'too-old',
      minOffset: from,
    })
    expect(store.status.minOffset).toBe(Number((await files())[0]))
  })

  test('deletes segments once their last message is old enough, never the newest', async () => {
    const { clock, store, files } = await open({ maxAgeMs: 3_600_000 })
    await fill(store, 100)
    const all = (await files()).length
    await clock.advance(3_590_000)
    expect((await files()).length).toBe(all)
    await fill(store, 1, 100)

    await clock.advance(20_000)

    const { from, bodies } = await bodiesOf(store)
    expect(from).toBeGreaterThan(0)
    expect(bodies.at(-1)).toBe('100')
    await clock.advance(7_200_000)
    expect((await files()).length).toBeGreaterThan(0)
    await expect(store.append(groupOf())).resolves.toBeDefined()
  })

  test('deletes to keep space free', async () => {
    const { disk, clock, store, files } = await open({ minFreeBytes: 100_000 })
    await fill(store, 100)
    const all = (await files()).length
    await clock.advance(10_000)
    expect((await files()).length).toBe(all)
    disk.setCapacity(100_000 + 4 * 4096)
    await clock.advance(1_000)

    await clock.advance(10_000)

    expect((await files()).length).toBeLessThan(all)
    expect((await bodiesOf(store)).from).toBeGreaterThan(0)
  })

  // The log is the only place where rows are safe: a segment that takes the last copy of one with it
  // would lose a topic months after it was made.
  test('loses no row and no offset, even when level is deleted afterwards', async () => {
    const { disk, clock, store } = await open({ maxBytes: 2 * 4096 })
    await store.append(changeGroup(put('topics', 'old', 'kept'), put('topics', 'gone', 'x')))
    await store.append(changeGroup({ kind: 'delete', table: 'topics', key: Buffer.from('gone') }))
    await store.append(groupOf({ topic: 'quiet', bodies: ['a', 'b', 'c'] }))
    await store.append(groupOf({ queueId: 7, producerId: PRODUCER, sequence: 0 }))
    for (let round = 0; round < 4; round++) {
      await fill(store, 120)
      await store.append(changeGroup(put('progress', 'orders', `${round}`)))
      await clock.advance(10_000)
    }
    const before = await viewOf(store)
    expect(store.bounds({ topic: 'quiet', queueId: 0 })).toEqual({ minOffset: 3, maxOffset: 3 })

    for (const end of ['close', 'crash'] as const) {
      if (end === 'close') await store.close()
      else disk.crash()
      await disk.files.removeDirectory('/data/level')
      const reopened = await openStoreOn(disk, clock)

      expect(await viewOf(reopened)).toEqual(before)
      expect(await rowsOf(reopened, 'topics')).toEqual([['old', 'kept']])
      const repeated = await reopened.append(
        groupOf({ queueId: 7, producerId: PRODUCER, sequence: 0 }),
      )
      expect(repeated.records[0]).toMatchObject({ baseQueueOffset: 0, duplicate: true })
    }
    await using last = await openStoreOn(await crashed(disk), clock)
    const { records } = await last.append(groupOf({ topic: 'quiet' }))
    expect(records[0]?.baseQueueOffset).toBe(3)
  })

  test('lets the owner carry forward what is owed, and waits when it cannot', async () => {
    const { clock, store, files } = await open({ maxBytes: 2 * 4096 })
    const ranges: { readonly from: number; readonly to: number }[] = []
    let carried = false
    store.beforeDelete(async (range) => {
      ranges.push(range)
      if (!carried) throw new Error('not yet')
      await store.append(groupOf({ topic: 'carried', bodies: ['owed'] }))
    })
    await fill(store, 100)
    const all = (await files()).length
    await clock.advance(10_000)
    expect((await files()).length).toBe(all)
    carried = true

    await clock.advance(10_000)

    expect((await files()).length).toBeLessThan(all)
    expect(ranges.at(-1)).toMatchObject({ from: 0, to: store.status.minOffset })
    expect((await bodiesOf(store, { topic: 'carried', queueId: 0 })).bodies).toEqual(['owed'])
  })

  test('puts nothing old behind something new while writes go on', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ clock })
    const retention = { ...OFF, maxBytes: 2 * 4096, checkIntervalMs: 500 }
    const store = await clock.runUntil(openStoreOn(disk, clock, { retention }), { limitMs: 1_000 })
    const latest = new Map<string, string>()
    let stop = false
    const writing = (async () => {
      for (let round = 0; !stop; round++) {
        const key = `k${round % 40}`
        latest.set(key, String(round))
        await store.append(changeGroup(put('progress', key, String(round))))
        await store.append(groupOf())
      }
    })()
    await clock.advance(3_000)
    stop = true
    await clock.runUntil(writing, { limitMs: 1_000 })
    expect(store.status.minOffset).toBeGreaterThan(0)
    disk.startProcess()
    await clock.runUntil(disk.files.removeDirectory('/data/level'), { limitMs: 1_000 })

    const rebuilt = await clock.runUntil(openStoreOn(disk, clock), { limitMs: 10_000 })

    const rows = await clock.runUntil(rowsOf(rebuilt, 'progress'), { limitMs: 1_000 })
    expect(rebuilt.recovery.rebuilt).toBeDefined()
    expect(new Map(rows)).toEqual(latest)
  })

  test('goes on with a deletion that a crash cut short', async () => {
    const { disk, clock, store, files } = await open({ maxBytes: 2 * 4096 })
    const segments = new Map<string, Buffer>()
    await fill(store, 100)
    for (const name of await files()) {
      segments.set(name, (await disk.files.readFile(`/data/log/${name}`)) ?? Buffer.alloc(0))
    }
    await clock.advance(11_000)
    const before = await viewOf(store)
    const kept = await files()
    disk.crash()
    for (const [name, bytes] of segments) {
      if (!kept.includes(name)) await disk.files.replaceFile(`/data/log/${name}`, bytes)
    }
    await disk.files.removeDirectory('/data/level')

    await using recovered = await openStoreOn(disk, clock)

    expect(await files()).toEqual(kept)
    expect(await viewOf(recovered)).toEqual(before)
  })
})

async function open(retention: Partial<RetentionConfig>) {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  const store = await openStoreOn(disk, clock, { retention: { ...OFF, ...retention } })
  return { disk, clock, store, files: () => disk.files.list('/data/log') }
}

async function fill(store: MessageStore, count: number, from = 0): Promise<void> {
  for (let message = from; message < from + count; message++) {
    await store.append(groupOf({ bodies: [String(message)] }))
  }
}

async function crashed(disk: SimulatedDisk): Promise<SimulatedDisk> {
  disk.crash()
  await disk.files.removeDirectory('/data/level')
  return disk
}
