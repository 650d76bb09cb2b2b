import { peekRecord } from '@cometmq/protocol'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import { bytesOf, openMemberOn } from '../testing/members.ts'
import { bodiesOf, groupOf, QUEUE } from '../testing/scenario.ts'

const LIMIT = { limitMs: 60_000 }
const SEGMENT_BYTES = 4096

describe('verifying the log', () => {
  test('finds nothing where nothing is wrong', async () => {
    const { store, run, told } = await storeOf(60)

    expect(await run(store.log.verify(0, store.log.offsets.max))).toBeUndefined()
    expect(told).toEqual([])
  })

  // Wherever the bit is: in a header, a body, or what nobody ever writes. Each of them makes the log
  // another than that of the other members.
  test('finds the record of every bit that is another', async () => {
    const { store, disk, run, told, boundaries } = await storeOf(60)

    for (let at = 0; at < 2 * SEGMENT_BYTES; at += 37) {
      const record = boundaries.findLast((begin) => begin <= at)
      flip(disk, at)
      expect(await run(store.log.verify(at, at + 1)), `byte ${at}`).toBe(record)
      expect(told.at(-1), `byte ${at}`).toBe(record)
      flip(disk, at)
      expect(await run(store.log.verify(at, at + 1)), `byte ${at}`).toBeUndefined()
    }
    expect(store.log.damaged).toEqual([])
  })

  // Behind a damaged header nothing says where the next record begins; a log must not be given up from
  // there on, for the rest of it can still be mended.
  test('goes on behind records that cannot be made out', async () => {
    const { store, disk, run, told, boundaries } = await storeOf(60)
    const [, second = 0, third = 0, , , sixth = 0] = boundaries
    const inNextSegment = boundaries.find((begin) => begin > SEGMENT_BYTES) ?? 0
    for (const at of [second + 8, third + 8, sixth + 115, inNextSegment + 8]) flip(disk, at)

    const first = await run(store.log.verify(0, store.log.offsets.max))

    expect(first).toBe(second)
    // Two side by side are one place until the first of them is mended.
    expect(told).toEqual([second, sixth, inNextSegment])
    expect(store.status.damage).toMatchObject({ foundRecords: 3, damagedRecords: 3 })
  })

  test('tells of a place once, however often it is read', async () => {
    const { store, disk, run, told, boundaries } = await storeOf(60)
    const record = boundaries[3] ?? 0
    flip(disk, record + 115)

    for (let n = 0; n < 3; n++) {
      await expect(run(bodiesOf(store))).rejects.toMatchObject({ code: 'RECORD_CORRUPT' })
      await expect(run(store.log.readRange(record, 1))).rejects.toMatchObject({
        code: 'RECORD_CORRUPT',
      })
      await run(store.log.verify(0, store.log.offsets.max))
    }

    expect(told).toEqual([record])
    expect(await run(store.log.isDamaged(store.log.damaged[0] ?? store.log.offsets.min))).toBe(true)
  })

  // Ids of messages hold log offsets, and whoever asks may have made them up.
  test('does not take what is asked for at no record for damage', async () => {
    const { store, run, clock, told, boundaries } = await storeOf(60)
    const within = (boundaries[3] ?? 0) + 1

    const read = run(store.readAt(within as never))
    await expect(read).rejects.toMatchObject({ code: 'RECORD_CORRUPT' })
    await expect(run(store.log.readRange(within, 1))).rejects.toMatchObject({
      code: 'RECORD_CORRUPT',
    })
    await clock.advance(1_000)

    expect(told).toEqual([])
  })

  test('forgets damage that was cut with the tail of the log', async () => {
    const { store, disk, run, boundaries } = await storeOf(10, { confirms: false })
    const last = boundaries.at(-1) ?? 0
    flip(disk, last + 115)
    await run(store.log.verify(0, store.log.offsets.max))
    expect(store.log.damaged).toEqual([last])
    await run(store.log.follow())

    await run(store.log.truncateTo(last))

    expect(store.log.damaged).toEqual([])
  })

  test('ends when the store is closed', async () => {
    const { store, run } = await storeOf(60)

    const verified = store.log.verify(0, store.log.offsets.max)
    verified.catch(() => {})
    await run(store.close())

    await expect(verified).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

async function storeOf(
  messages: number,
  options: { readonly confirms: boolean } = { confirms: true },
) {
  const clock = new VirtualClock()
  const disk = new SimulatedDisk()
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntil(work, LIMIT)
  const config = { scrubBytesPerSecond: 0, tailCacheBytes: 0 }
  const store = await run(openMemberOn(disk, clock, config))
  await run(store.log.lead({ epoch: 1, openedBy: { brokerId: 1, incarnation: 1 } }))
  for (let n = 0; n < messages; n++) {
    await run(store.append(groupOf({ ...QUEUE, bodies: [`message ${n}`] }), 'flushed'))
  }
  if (options.confirms) store.log.confirm(store.log.offsets.max)
  const told: number[] = []
  store.log.onDamaged((at) => told.push(at))
  return { store, disk, run, clock, told, boundaries: await boundariesOf(store) }
}

async function boundariesOf(store: MessageStore): Promise<number[]> {
  const bytes = await bytesOf(store)
  const boundaries: number[] = []
  for (let at = 0; at < bytes.length; ) {
    boundaries.push(at)
    const peek = peekRecord(bytes, at)
    if (peek.kind !== 'record') throw new Error(`no record begins at ${at}`)
    at += peek.totalBytes
  }
  return boundaries
}

function flip(disk: SimulatedDisk, at: number): void {
  const start = at - (at % SEGMENT_BYTES)
  disk.flipBit(`/data/log/${String(start).padStart(20, '0')}`, { at: at - start })
}
