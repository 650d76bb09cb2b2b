import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { inspectStore, verifyStore } from './inspect.ts'
import { openMemberOn, REIGN } from './testing/members.ts'
import { changeGroup, groupOf, openStoreOn, put } from './testing/scenario.ts'

const SEGMENT = '/data/log/00000000000000000000'

describe('inspect and verify', () => {
  test('report what is there', async () => {
    const { disk, store } = await open()
    await store.append(groupOf({ bodies: ['a', 'b'] }))
    await store.append(groupOf({ queueId: 1 }))
    await store.append(changeGroup(put('topics', 'k', 'v')))
    for (let message = 0; message < 40; message++) await store.append(groupOf())
    const { maxOffset } = store.status
    await store.close()

    for (const look of [inspectStore, verifyStore]) {
      const report = await look(disk, '/data')

      expect(report).toMatchObject({
        storeId: store.storeId,
        minOffset: 0,
        endOffset: maxOffset,
        records: { messages: 42, change: 1, epochOpened: 1 },
        epochs: [{ epoch: 1, from: 0 }],
        damagedBodies: [],
        verdict: { kind: 'intact' },
      })
      expect(report.queues).toEqual([
        { topic: 'orders', queueId: 0, minOffset: 0, maxOffset: 42, batches: 41 },
        { topic: 'orders', queueId: 1, minOffset: 0, maxOffset: 1, batches: 1 },
      ])
      expect(report.segments.map((segment) => segment.from)).toEqual([0, 4096])
      const records = report.segments.reduce((sum, segment) => sum + segment.records, 0)
      expect(records).toBe(44)
    }
  })

  test('name every body that is damaged, and go on behind it', async () => {
    const { disk, store } = await open()
    const { records } = await store.append(groupOf({ bodies: ['damaged'] }))
    await store.append(groupOf())
    await store.close()
    const end = records[0]?.endOffset ?? 0
    disk.flipBit(SEGMENT, { at: end - 1 })

    const report = await verifyStore(disk, '/data')

    expect(report.damagedBodies).toMatchObject([{ segment: SEGMENT, byte: records[0]?.logOffset }])
    expect(report.records.messages).toBe(2)
    expect(report.verdict).toEqual({ kind: 'intact' })
  })

  test('tell a torn tail from damage, and change nothing', async () => {
    const { disk, store } = await open()
    const first = await store.append(groupOf())
    await store.append(groupOf())
    const last = await store.append(groupOf())
    disk.crash()
    disk.flipBit(SEGMENT, { at: (last.records[0]?.logOffset ?? 0) + 5 })
    const bytes = await disk.files.readFile(SEGMENT)

    const torn = await verifyStore(disk, '/data')
    expect(torn.verdict).toMatchObject({
      kind: 'torn-tail',
      isInDoubt: false,
      damage: { byte: last.records[0]?.logOffset },
    })
    expect(await disk.files.readFile(SEGMENT)).toEqual(bytes)
    disk.flipBit(SEGMENT, { at: (first.records[0]?.logOffset ?? 0) + 5 })
    const corrupt = await verifyStore(disk, '/data')
    expect(corrupt.verdict).toMatchObject({
      kind: 'corrupt',
      damage: { segment: SEGMENT, byte: first.records[0]?.logOffset },
    })
  })

  // In a member a record behind the damage is no proof, and not nothing.
  test('tell of a tail in doubt in the log of a member', async () => {
    const disk = new SimulatedDisk()
    const store = await openMemberOn(disk, new VirtualClock())
    await store.log.lead(REIGN)
    const { records } = await store.append(groupOf(), 'flushed')
    await store.append(groupOf(), 'flushed')
    disk.crash()
    const byte = records[0]?.logOffset ?? 0
    disk.flipBit(SEGMENT, { at: byte + 5 })

    const { verdict } = await verifyStore(disk, '/data')

    expect(verdict).toMatchObject({ kind: 'torn-tail', isInDoubt: true, damage: { byte } })
  })

  test('refuse a folder that is in use, or no store', async () => {
    const { disk, store } = await open()

    await expect(inspectStore(disk, '/data')).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await expect(inspectStore(disk, '/elsewhere')).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
    await store.close()
  })
})

async function open() {
  const disk = new SimulatedDisk()
  return { disk, store: await openStoreOn(disk, new VirtualClock()) }
}
