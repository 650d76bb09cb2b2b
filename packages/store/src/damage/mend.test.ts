import { RecordBatch } from '@cometmq/protocol'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import type { LogRange } from '../replication/log-range.ts'
import { bytesOf, copy, EndingDisk, openMemberOn } from '../testing/members.ts'
import { batchOf, bodiesOf, groupOf, put } from '../testing/scenario.ts'

const LIMIT = { limitMs: 60_000 }
const SEGMENT = '/data/log/00000000000000000000'
/** Behind the record that opens the epoch. */
const FIRST_AT = 132

describe('a log that is mended', () => {
  // Consumers come back to a message that they could not be given; the bytes must come from the disk
  // then, and not from what was kept of it while it was damaged.
  test('gives readers what they could not be given before', async () => {
    const { master, slave, disk, clock, run } = await pair({ tailCacheBytes: 0 })
    disk.flipBit(SEGMENT, { at: FIRST_AT + 120 })
    await expect(run(bodiesOf(slave))).rejects.toMatchObject({ code: 'RECORD_CORRUPT' })
    await clock.advance(100)
    expect(slave.log.damaged).toEqual([FIRST_AT])
    const piece = await rangeAt(master, FIRST_AT)

    await run(slave.log.mend(FIRST_AT, piece.bytes, piece))

    expect((await run(bodiesOf(slave))).bodies).toEqual((await run(bodiesOf(master))).bodies)
    expect(await run(bytesOf(slave))).toEqual(await run(bytesOf(master)))
    expect(slave.log.damaged).toEqual([])
    expect(slave.status.damage).toMatchObject({ foundRecords: 1, mendedRecords: 1 })
  })

  test('is whole on the disk, also after a power cut', async () => {
    const { master, slave, disk, run, reopen } = await pair()
    const piece = await rangeAt(master, FIRST_AT)
    for (const at of [FIRST_AT + 3, FIRST_AT + 50, FIRST_AT + 120]) disk.flipBit(SEGMENT, { at })

    await run(slave.log.mend(FIRST_AT, piece.bytes, piece))
    disk.powerCut()
    const again = await reopen()

    expect(await run(bytesOf(again))).toEqual(await run(bytesOf(master)))
  })

  // A range may end a segment and begin another: files are written one by one.
  test('takes bytes that lie in several segments', async () => {
    const { master, slave, disk, run } = await pair()
    const piece = await rangeAt(master, FIRST_AT, 12_000)
    disk.flipBit(SEGMENT, { at: FIRST_AT + 120 })
    disk.flipBit('/data/log/00000000000000004096', { at: 5 })

    await run(slave.log.mend(FIRST_AT, piece.bytes, piece))

    expect(piece.to).toBeGreaterThan(8192)
    expect(await run(bytesOf(slave))).toEqual(await run(bytesOf(master)))
  })

  test('takes the rest of an append group from its second record on', async () => {
    const { master, slave, disk, run } = await pair()
    const { records } = await master.append(
      {
        records: [
          { kind: 'batch', batch: batchOf(), idempotent: true },
          { kind: 'change', changes: [put('topics', 'a', 'b')] },
        ],
      },
      'flushed',
    )
    await run(copy(master, slave))
    const at = records[1]?.logOffset ?? 0
    const segment = `/data/log/${String(at - (at % 4096)).padStart(20, '0')}`
    disk.flipBit(segment, { at: (at % 4096) + 20 })
    const piece = await rangeAt(master, at)

    await run(slave.log.mend(at, piece.bytes, piece))

    expect(piece.from).toBe(at)
    expect(await run(bytesOf(slave))).toEqual(await run(bytesOf(master)))
  })

  // Whatever is written here is what consumers are given, and nobody looks at it a second time.
  test('refuses bytes that are damaged, of another place or another reign', async () => {
    const { master, slave, run } = await pair()
    const before = await run(bytesOf(slave))
    const piece = await rangeAt(master, FIRST_AT)
    const { bytes } = piece
    const flipped = (at: number): Buffer => {
      const copied = Buffer.from(bytes)
      copied[at] = (copied[at] ?? 0) ^ 1
      return copied
    }
    const mend = (at: number, wanted: Buffer, epoch = 1, epochStart = 0) =>
      run(slave.log.mend(at, wanted, { epoch, epochStart }))

    await expect(mend(FIRST_AT, flipped(bytes.length - 1))).rejects.toMatchObject({
      code: 'CHECKSUM_MISMATCH',
    })
    await expect(mend(FIRST_AT, flipped(30))).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    await expect(mend(FIRST_AT, bytes.subarray(0, -1))).rejects.toMatchObject({
      code: 'MALFORMED_BATCH',
    })
    await expect(mend(FIRST_AT, Buffer.alloc(0))).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    await expect(mend(0, bytes)).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    await expect(mend(FIRST_AT, bytes, 2)).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    await expect(mend(FIRST_AT, bytes, 1, 4)).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    const { max } = slave.log.offsets
    await expect(mend(max, bytes)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })

    expect(await run(bytesOf(slave))).toEqual(before)
  })

  // A slave that is behind asks others that have more: what it lacks comes in order, from its master.
  test('takes no more than it has', async () => {
    const { master, slave, disk, run } = await pair()
    const end = slave.log.offsets.max
    for (let n = 0; n < 5; n++) await master.append(groupOf(), 'flushed')
    const piece = await rangeAt(master, FIRST_AT, 1e6)
    disk.flipBit(SEGMENT, { at: FIRST_AT + 120 })

    const to = await run(slave.log.mend(FIRST_AT, piece.bytes, piece))

    expect(to).toBe(end)
    expect(slave.log.offsets.max).toBe(end)
    expect(await run(bytesOf(slave))).toEqual((await run(bytesOf(master))).subarray(0, end))
  })

  // Its own epoch went on elsewhere: the same offsets hold something else there.
  test('refuses what reaches beyond what the same reign wrote here', async () => {
    const { master, slave, run } = await pair()
    const end = slave.log.offsets.max
    await master.append(groupOf({ bodies: ['of epoch 1, and only here'] }), 'flushed')
    const piece = await rangeAt(master, end)
    await run(slave.log.lead({ epoch: 2 }))
    await run(slave.append(groupOf({ bodies: ['of epoch 2, at the same offsets'] }), 'flushed'))

    const mended = run(slave.log.mend(end, piece.bytes, piece))

    await expect(mended).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    expect(RecordBatch.parse((await rangeAt(slave, end)).bytes).epoch).toBe(2)
  })

  // Nobody notes that something is being mended: what a crash leaves has to be found like any damage.
  test('is damaged at the same place, or whole, after a crash in the middle', async () => {
    const outcomes = new Set<number>()
    for (let operations = 1; operations <= 2; operations++) {
      for (const powerCut of [false, true]) {
        const { master, slave, disk, clock, run } = await pair()
        const piece = await rangeAt(master, FIRST_AT)
        await run(slave.close())
        const ending = new EndingDisk(disk, { operations: 1_000, powerCut })
        const mending = await run(openMemberOn(ending, clock, { scrubBytesPerSecond: 0 }))
        disk.flipBit(SEGMENT, { at: FIRST_AT + 115 })
        disk.flipBit(SEGMENT, { at: FIRST_AT + 120 })
        ending.endAfter(operations)

        const mended = mending.log.mend(FIRST_AT, piece.bytes, piece).catch(() => {})
        await run(Promise.race([ending.ended, mended]))
        const again = await run(openMemberOn(disk, clock))
        const damaged = await run(again.log.verify(0, again.log.offsets.max))
        if (damaged !== undefined) await run(again.log.mend(damaged, piece.bytes, piece))

        outcomes.add(damaged ?? 0)
        expect(await run(bytesOf(again))).toEqual(await run(bytesOf(master)))
      }
    }
    expect([...outcomes].every((at) => at === 0 || at === FIRST_AT)).toBe(true)
  })
})

/** Two members with one log of three segments, all of it confirmed. */
async function pair(changes: { readonly tailCacheBytes?: number } = {}) {
  const clock = new VirtualClock()
  const disk = new SimulatedDisk()
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntil(work, LIMIT)
  const open = () => run(openMemberOn(disk, clock, { scrubBytesPerSecond: 0, ...changes }))
  const master = await openMemberOn(new SimulatedDisk(), clock)
  await master.log.lead({ epoch: 1, openedBy: { brokerId: 1, incarnation: 1 } })
  for (let n = 0; n < 60; n++) await master.append(groupOf({ bodies: [`message ${n}`] }), 'flushed')
  const slave = await open()
  await run(copy(master, slave))
  for (const { log } of [master, slave]) log.confirm(log.offsets.max)
  return { master, slave, disk, clock, run, reopen: open }
}

async function rangeAt(store: MessageStore, at: number, maxBytes = 1): Promise<LogRange> {
  const range = await store.log.readRange(at, maxBytes)
  if (range === undefined) throw new Error(`nothing lies at ${at}`)
  return range
}
