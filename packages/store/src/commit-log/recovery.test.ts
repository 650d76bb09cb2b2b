import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { verifyStore } from '../inspect.ts'
import {
  batchOf,
  bodiesOf,
  changeGroup,
  groupOf,
  openStoreOn,
  put,
  QUEUE,
  rowsOf,
  viewOf,
} from '../testing/scenario.ts'

const FIRST_SEGMENT = '/data/log/00000000000000000000'

interface Extent {
  readonly from: number
  readonly to: number
}

describe('recovery', () => {
  test('after a clean close replays nothing', async () => {
    const { disk, clock, store } = await open()
    for (let message = 0; message < 30; message++) await store.append(groupOf())
    const before = await viewOf(store)
    await store.close()

    await using reopened = await openStoreOn(disk, clock)

    expect(reopened.recovery).toMatchObject({
      closedCleanly: true,
      replayedRecords: 0,
      cutBytes: 0,
    })
    expect(await viewOf(reopened)).toEqual(before)
  })

  test('after a crash replays what was not checkpointed', async () => {
    const { disk, clock, store } = await open()
    await store.append(groupOf({ bodies: ['a'] }))
    await clock.advance(1_000)
    await store.append(groupOf({ bodies: ['b'] }))
    await store.append(changeGroup(put('topics', 'k', 'v')))
    disk.crash()

    await using recovered = await openStoreOn(disk, clock)

    expect(recovered.recovery).toMatchObject({
      closedCleanly: false,
      replayedRecords: 2,
      cutBytes: 0,
    })
    expect((await bodiesOf(recovered)).bodies).toEqual(['a', 'b'])
    expect(await rowsOf(recovered, 'topics')).toEqual([['k', 'v']])
  })

  // The promise of the product: whatever a power cut takes, it takes nothing that was acknowledged.
  test('after a power cut has everything that was acknowledged, in order, and no half group', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const clock = new VirtualClock()
      const disk = new SimulatedDisk({ clock, random: new SeededRandom(seed) })
      const store = await clock.runUntil(openStoreOn(disk, clock), { limitMs: 10_000 })
      const acknowledged: string[] = []
      let sent = 0
      for (let wave = 0; wave < 6; wave++) {
        for (let group = 0; group < 4; group++) {
          const body = String(sent++)
          const row = put('progress', body.padStart(4, '0'), body)
          const appended = store.append({
            records: [
              { kind: 'batch', batch: batchOf({ bodies: [body] }), idempotent: true },
              { kind: 'change', changes: [row] },
            ],
          })
          appended.then(
            () => acknowledged.push(body),
            () => {},
          )
        }
        await clock.advance(1 + (seed % 7) * 0.35)
      }
      disk.powerCut()

      const after = await clock.runUntil(openStoreOn(disk, clock), { limitMs: 10_000 })

      const { bodies } = await clock.runUntil(bodiesOf(after), { limitMs: 10_000 })
      const rows = await clock.runUntil(rowsOf(after, 'progress'), { limitMs: 10_000 })
      expect(bodies.slice(0, acknowledged.length), `seed ${seed}`).toEqual(acknowledged)
      expect(bodies, `seed ${seed}`).toEqual(bodies.map((_, index) => String(index)))
      expect(
        rows.map(([, value]) => value),
        `seed ${seed}`,
      ).toEqual(bodies)
      await clock.runUntil(after.close(), { limitMs: 10_000 })
    }
  })

  test('cuts a last group that is torn at any byte, and goes on there', async () => {
    const { last } = await threeGroups()
    for (let at = last.from; at < last.to; at += 7) {
      const { disk, clock, last: group } = await threeGroups()
      await overwrite(disk, { from: at, to: group.to }, 0)

      const recovered = await openStoreOn(disk, clock)

      expect(recovered.status.maxOffset, `torn at ${at}`).toBe(group.from)
      expect((await bodiesOf(recovered)).bodies).toEqual(['first', 'second'])
      expect(await rowsOf(recovered, 'progress')).toEqual([])
      await recovered.append(groupOf({ bodies: ['fourth'] }))
      await recovered.close()
      await using again = await openStoreOn(disk, clock)
      expect((await bodiesOf(again)).bodies).toEqual(['first', 'second', 'fourth'])
    }
  })

  // A write over the end of a segment makes the next one before it is synced. A power cut may take the
  // bytes and leave the file.
  test('goes on in the segment in which the log ends when an empty one follows', async () => {
    const { disk, clock, store } = await open()
    await store.append(groupOf({ bodies: ['a'] }))
    disk.crash()
    const next = await disk.files.openFile('/data/log/00000000000000004096', { create: true })
    await next.truncate(4096)
    await next.close()
    await disk.files.syncDirectory('/data/log')

    const recovered = await openStoreOn(disk, clock)
    await recovered.append(groupOf({ bodies: ['b'] }))

    expect((await bodiesOf(recovered)).bodies).toEqual(['a', 'b'])
    expect(await disk.files.list('/data/log')).toEqual(['00000000000000000000'])
    await recovered.close()
  })

  // A crash leaves it behind, and a start that cuts a torn tail over several segments does not know it.
  test('does not mind an empty file far behind the end', async () => {
    const { disk, clock, store } = await open()
    await store.append(groupOf({ bodies: ['a'] }))
    disk.crash()
    await disk.files.openFile('/data/log/00000000000000012288', { create: true })

    await using recovered = await openStoreOn(disk, clock)

    expect((await bodiesOf(recovered)).bodies).toEqual(['a'])
    for (let n = 0; n < 120; n++) await recovered.append(groupOf())
    expect(recovered.status.maxOffset).toBeGreaterThan(12288)
  })

  // The process may die between making a segment and syncing the folder. The next one goes on in that
  // file, and a power cut would take it with everything that was acknowledged in it.
  test('makes the name of a segment durable that an earlier process has made', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const disk = new SimulatedDisk({ random: new SeededRandom(seed) })
      const clock = new VirtualClock()
      await openStoreOn(disk, clock, { confirm: 'external' })
      disk.crash()
      const made = await disk.files.openFile(FIRST_SEGMENT, { create: true })
      await made.truncate(4096)
      await made.close()
      const store = await openStoreOn(disk, clock)
      await store.append(groupOf({ bodies: ['a'] }))

      disk.powerCut()

      await using recovered = await openStoreOn(disk, clock)
      expect((await bodiesOf(recovered)).bodies, `seed ${seed}`).toEqual(['a'])
    }
  })

  // Bytes after the cut that look like records must not come back behind a later, shorter record.
  test('leaves nothing of a torn tail behind', async () => {
    const { disk, clock, last } = await threeGroups()
    await overwrite(disk, { from: last.from + 20, to: last.from + 24 }, 0xff)
    const recovered = await openStoreOn(disk, clock)
    expect(recovered.recovery.cutBytes).toBeGreaterThan(0)
    disk.crash()

    const bytes = await disk.files.readFile(FIRST_SEGMENT)

    expect(bytes?.length).toBe(4096)
    expect(bytes?.subarray(last.from).every((byte) => byte === 0)).toBe(true)
  })

  test('drops a segment that was made and not written', async () => {
    const { disk, clock, store } = await open()
    await store.append(groupOf())
    const { maxOffset } = store.status
    disk.crash()
    await disk.files.openFile('/data/log/00000000000000004096', { create: true })

    await using recovered = await openStoreOn(disk, clock)
    for (let message = 0; message < 40; message++) await recovered.append(groupOf())

    expect(recovered.status.maxOffset).toBeGreaterThan(maxOffset + 4096)
    expect((await bodiesOf(recovered)).bodies).toHaveLength(41)
  })
})

describe('a record that must be there', () => {
  // Taken for the end of the log, it would silently take every message after it away.
  test('is named when any of its bytes is flipped, proven by a record behind it', async () => {
    const { first } = await threeGroups()
    for (let at = first.from; at < first.to; at += 3) {
      const { disk, clock } = await threeGroups()
      disk.flipBit(FIRST_SEGMENT, { at, bit: at % 8 })

      const opening = openStoreOn(disk, clock)

      await expect(opening, `flipped at ${at}`).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        message: expect.stringContaining(`segment ${FIRST_SEGMENT}, byte ${first.from} `),
      })
    }
  })

  test('is named when it is the last, proven by the checkpoint beside the log', async () => {
    const { disk, clock, last } = await threeGroups({ waitForCheckpoint: true })
    await disk.files.removeDirectory('/data/level')
    await overwrite(disk, last, 0)

    const opening = openStoreOn(disk, clock)

    await expect(opening).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(`byte ${last.from} `),
    })
    expect(await verifyStore(disk, '/data').catch((error: unknown) => error)).toMatchObject({
      verdict: { kind: 'corrupt', damage: { segment: FIRST_SEGMENT, byte: last.from } },
    })
  })

  test('is missed after a clean close, too', async () => {
    const { disk, clock, store } = await open()
    await store.append(groupOf())
    await store.close()
    await disk.files.removeDirectory('/data/level')
    disk.flipBit(FIRST_SEGMENT, { at: 200 })

    await expect(openStoreOn(disk, clock)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  // What was applied before the restart is not read again by it; so the reader has to notice.
  test('is named by the read when the restart does not pass it', async () => {
    const { disk, clock, store } = await open()
    const { records } = await store.append(groupOf({ bodies: ['damaged'] }))
    await store.append(groupOf({ bodies: ['intact'] }))
    await store.close()
    const from = records[0]?.logOffset ?? 0
    for (let at = from; at < (records[0]?.endOffset ?? 0); at += 5) {
      disk.flipBit(FIRST_SEGMENT, { at })
      await using reopened = await openStoreOn(disk, clock)

      const read = reopened.read(QUEUE, { from: 0, maxBytes: 1 })

      await expect(read, `flipped at ${at}`).rejects.toMatchObject({
        code: 'RECORD_CORRUPT',
        message: expect.stringContaining(`segment ${FIRST_SEGMENT}, byte ${from} `),
      })
      const next = await reopened.read(QUEUE, { from: 1, maxBytes: 1 })
      expect(next).toMatchObject({ kind: 'batches', next: 2 })
      disk.flipBit(FIRST_SEGMENT, { at })
    }
  })

  test('is missed with the segment that held it', async () => {
    const { disk, clock, store } = await open()
    for (let message = 0; message < 120; message++) await store.append(groupOf())
    await store.close()
    const names = await disk.files.list('/data/log')
    expect(names.length).toBeGreaterThan(3)
    for (const name of [names[0], names[1], names.at(-1)]) {
      const path = `/data/log/${name}`
      const bytes = (await disk.files.readFile(path)) ?? Buffer.alloc(0)
      await disk.files.removeFile(path)

      await expect(openStoreOn(disk, clock)).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        message: expect.stringContaining(`segment ${name} is missing`),
      })

      await disk.files.replaceFile(path, bytes)
    }
    await using reopened = await openStoreOn(disk, clock)
    expect((await bodiesOf(reopened)).bodies).toHaveLength(120)
  })
})

describe('the level folder', () => {
  test('can be deleted, damaged, exchanged or rolled back without anybody noticing', async () => {
    const { disk, clock, store } = await open()
    for (let round = 0; round < 5; round++) {
      for (let message = 0; message < 8; message++) {
        await store.append(groupOf({ queueId: message % 3, bodies: [`${round}-${message}`] }))
      }
      await store.append(
        changeGroup(put('topics', `t${round}`, 'v'), put('progress', 'p', `${round}`)),
      )
      await store.append(
        changeGroup({ kind: 'delete', table: 'topics', key: Buffer.from(`t${round - 1}`) }),
      )
      await clock.advance(1_000)
    }
    const before = await viewOf(store)
    await store.close()
    const harms: Record<string, () => Promise<void>> = {
      deleted: () => disk.files.removeDirectory('/data/level'),
      damaged: async () => disk.damageStore('/data/level'),
      exchanged: async () => {
        await disk.files.removeDirectory('/data/level')
        const rows = await disk.keyValueStores.open('/data/level')
        const applied = Buffer.concat([Buffer.from('\x03abc'), Buffer.alloc(24)])
        const row = { key: Buffer.from('a'), value: applied }
        await rows.apply([
          { kind: 'put', ...row },
          { kind: 'put', key: Buffer.from('ttopics\0x'), value: row.value },
        ])
        await rows.close()
      },
    }
    for (const [name, harm] of Object.entries(harms)) {
      await harm()
      const reopened = await openStoreOn(disk, clock)

      expect(await viewOf(reopened), name).toEqual(before)
      expect(reopened.recovery.rebuilt, name).toBeDefined()
      await reopened.close()
    }
  })

  test('is made anew after a power cut has taken its latest batches', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const clock = new VirtualClock()
      const disk = new SimulatedDisk({ random: new SeededRandom(seed) })
      const store = await openStoreOn(disk, clock, { checkpointBytes: 500 })
      for (let message = 0; message < 40; message++) {
        await store.append(groupOf({ bodies: [String(message)] }))
        await store.append(changeGroup(put('progress', String(message % 7), String(message))))
      }
      const before = await viewOf(store)
      disk.powerCut()

      await using recovered = await openStoreOn(disk, clock)

      expect(await viewOf(recovered), `seed ${seed}`).toEqual(before)
    }
  })
})

describe('a write or a sync that fails', () => {
  // The kernel may have dropped the pages: trying again would answer for bytes that are not there.
  test('stops the store; the next start recovers what was acknowledged', async () => {
    for (const fail of ['failNextSync', 'failNextWrite'] as const) {
      const { disk, clock, store } = await open()
      await store.append(groupOf({ bodies: ['safe'] }))
      disk[fail](FIRST_SEGMENT)

      const failing = store.append(groupOf({ bodies: ['unknown'] }))

      await expect(failing).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
      await expect(store.failed).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
      await expect(store.append(groupOf())).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
      expect(store.status.writable).toBe(false)
      expect((await bodiesOf(store)).bodies).toEqual(['safe'])
      await store.close()
      await using recovered = await openStoreOn(disk, clock)
      expect(recovered.recovery.closedCleanly).toBe(false)
      expect((await bodiesOf(recovered)).bodies[0]).toBe('safe')
    }
  })
})

describe('what a failed sync leaves in the page cache', () => {
  // The system takes pages of a failed sync for clean: a later sync passes them over, and a power cut
  // takes what a restart had found, and acknowledged when its producer asked again.
  test('is made durable by the next start, or is not there', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const clock = new VirtualClock()
      const disk = new SimulatedDisk({ random: new SeededRandom(seed) })
      const store = await openStoreOn(disk, clock)
      await store.append(groupOf({ bodies: ['first'] }))
      disk.failNextSync()
      await expect(store.append(groupOf({ bodies: ['in doubt'] }))).rejects.toThrow('sync')
      disk.crash()
      const restarted = await openStoreOn(disk, clock)
      await restarted.append(groupOf({ bodies: ['last'] }))
      const { bodies } = await bodiesOf(restarted)
      disk.powerCut()

      await using recovered = await openStoreOn(disk, clock)

      expect((await bodiesOf(recovered)).bodies).toEqual(bodies)
    }
  })
})

describe('a folder that cannot be used', () => {
  test('is refused with the reason', async () => {
    const { disk, clock, store } = await open()
    await store.append(groupOf())
    await store.close()
    const identity = (await disk.files.readFile('/data/store.json')) ?? Buffer.alloc(0)

    disk.flipBit('/data/store.json', { at: 30 })
    await expect(openStoreOn(disk, clock)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    await disk.files.removeFile('/data/store.json')
    await expect(openStoreOn(disk, clock)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })

    await disk.files.replaceFile('/data/store.json', identity)
    await using reopened = await openStoreOn(disk, clock)
    expect((await bodiesOf(reopened)).bodies).toHaveLength(1)
  })
})

async function open() {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  return { disk, clock, store: await openStoreOn(disk, clock) }
}

/** Crashed after three groups; the last is a batch and a change. Level covers none of them. */
async function threeGroups(options: { readonly waitForCheckpoint?: boolean } = {}) {
  const { disk, clock, store } = await open()
  const first = await store.append(groupOf({ bodies: ['first'] }))
  await store.append(groupOf({ bodies: ['second'] }))
  const last = await store.append({
    records: [
      { kind: 'batch', batch: batchOf({ bodies: ['third', 'more'] }), idempotent: true },
      { kind: 'change', changes: [put('progress', 'k', 'v')] },
    ],
  })
  if (options.waitForCheckpoint === true) await clock.advance(1_000)
  disk.crash()
  const extent = (records: typeof first.records): Extent => ({
    from: records[0]?.logOffset ?? 0,
    to: records.at(-1)?.endOffset ?? 0,
  })
  return { disk, clock, first: extent(first.records), last: extent(last.records) }
}

async function overwrite(disk: SimulatedDisk, extent: Extent, byte: number): Promise<void> {
  const file = await disk.files.openFile(FIRST_SEGMENT)
  await file.writeAt([Buffer.alloc(extent.to - extent.from, byte)], extent.from)
  await file.sync()
  await file.close()
}
