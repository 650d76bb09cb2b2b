import { crc32 } from 'node:zlib'
import { layout } from '@cometmq/protocol'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import { deleteQueuesOf } from '../state/store-tables.ts'
import { bytesOf, copy, openMemberOn, REIGN } from '../testing/members.ts'
import {
  batchOf,
  bodiesOf,
  changeGroup,
  groupOf,
  PRODUCER,
  put,
  QUEUE,
  rowsOf,
} from '../testing/scenario.ts'

describe('a member that follows', () => {
  test('is sent no more than it asked for, yet a whole group, and of one epoch', async () => {
    const { master } = await pair()
    const { records } = await master.append(groupOf(), 'flushed')
    await master.append(groupOf({ bodies: ['x'.repeat(900)] }), 'flushed')
    const first = records[0]?.endOffset ?? 0
    const end = master.log.offsets.max
    await master.log.lead({ epoch: 2 })

    expect((await master.log.readRange(0, 1))?.to).toBe(132)
    expect((await master.log.readRange(0, first))?.to).toBe(first)
    expect((await master.log.readRange(0, first + 1))?.to).toBe(first)
    expect((await master.log.readRange(first, 1))?.to).toBe(end)
    expect(await master.log.readRange(0, 1e6)).toMatchObject({ to: end, epoch: 1, epochStart: 0 })
    expect(await master.log.readRange(end, 1e6)).toMatchObject({ epoch: 2, epochStart: end })
    expect(await master.log.readRange(master.log.offsets.max, 1)).toBeUndefined()
    const beyond = master.log.readRange(master.log.offsets.max + 1, 1)
    await expect(beyond).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })

  // A slave would refuse it again and again, and only the master can say which file is damaged.
  test('is not sent what the disk of its master has damaged', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const master = await openMemberOn(disk, clock)
    await master.log.lead(REIGN)
    const { records } = await master.append(groupOf(), 'flushed')
    disk.flipBit('/data/log/00000000000000000000', { at: (records[0]?.endOffset ?? 0) - 1 })

    expect((await master.log.readRange(0, 1))?.to).toBe(132)
    const damaged = master.log.readRange(132, 1)

    await expect(damaged).rejects.toMatchObject({ code: 'RECORD_CORRUPT' })
  })

  test('counts checksums over any part of its log', async () => {
    const { master, slave, clock } = await pair()
    for (let n = 0; n < 40; n++) await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    const { max } = master.log.offsets
    const checksum = (store: MessageStore, from: number, to: number) =>
      clock.runUntil(store.log.checksum(from, to), { limitMs: 1000 })

    expect(await checksum(slave, 0, max)).toBe(await checksum(master, 0, max))
    expect(await checksum(slave, 777, 4200)).toBe(
      crc32((await bytesOf(master)).subarray(777, 4200)),
    )
    await expect(checksum(slave, 0, max + 1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
  })

  test('has the bytes of its master, and after confirmation what is derived from them', async () => {
    const { master, slave } = await pair()
    await master.append(
      {
        records: [
          { kind: 'batch', batch: batchOf({ bodies: ['a'] }), idempotent: true },
          { kind: 'change', changes: [put('topics', 'orders', '{}')] },
        ],
      },
      'flushed',
    )
    for (let n = 0; n < 40; n++) await master.append(groupOf({ bodies: [`${n}`] }), 'flushed')
    const flushed: number[] = []
    slave.log.onFlushed((offset) => flushed.push(offset))

    await copy(master, slave)

    const { max } = master.log.offsets
    expect(max).toBeGreaterThan(4096)
    expect(slave.log.offsets).toEqual({ ...master.log.offsets, confirm: 0 })
    expect(flushed.at(-1)).toBe(max)
    expect(slave.log.epochs.entries).toEqual(master.log.epochs.entries)
    expect(await bytesOf(slave)).toEqual(await bytesOf(master))
    expect(slave.bounds(QUEUE)).toBeUndefined()
    slave.log.confirm(max)
    expect((await bodiesOf(slave)).bodies).toHaveLength(41)
    expect(await rowsOf(slave, 'topics')).toEqual([['orders', '{}']])
  })

  test('refuses what does not belong where its log ends', async () => {
    const { master, slave } = await pair()
    await master.append(groupOf(), 'flushed')
    await master.append(groupOf(), 'flushed')
    const all = await range(master, 0)
    const epochStart = 0
    const raw = (offset: number, bytes: Buffer, epoch = 1) =>
      slave.log.appendRaw(offset, bytes, { epoch, epochStart })
    const flipped = (at: number) => {
      const bytes = Buffer.from(all.bytes)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return bytes
    }

    const { length } = all.bytes
    await expect(raw(112, all.bytes)).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    await expect(raw(0, all.bytes.subarray(0, length - 1))).rejects.toMatchObject({
      code: 'MALFORMED_BATCH',
    })
    await expect(raw(0, Buffer.alloc(0))).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    await expect(raw(0, flipped(layout.epoch))).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    await expect(raw(0, flipped(length - 1))).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' })
    await expect(raw(0, all.bytes, 2)).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    expect(slave.log.offsets.max).toBe(0)
    await raw(0, all.bytes)
    await expect(raw(0, all.bytes)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(slave.log.offsets.max).toBe(length)
  })

  // Half a group would be cut by the next start, below what had been told to be flushed.
  test('takes append groups as a whole only', async () => {
    const { master, slave } = await pair()
    const first = { kind: 'batch', batch: batchOf(), idempotent: true } as const
    const second = { kind: 'change', changes: [put('topics', 'a', 'b')] } as const
    const { records } = await master.append({ records: [first, second] }, 'flushed')
    const { bytes } = await range(master, 0)

    const half = bytes.subarray(0, records[0]?.endOffset ?? 0)
    const refused = slave.log.appendRaw(0, half, { epoch: 1, epochStart: 0 })

    await expect(refused).rejects.toMatchObject({ code: 'MALFORMED_BATCH' })
    const piece = await master.log.readRange(records[0]?.logOffset ?? 0, 1)
    expect(piece?.to).toBe(records[1]?.endOffset)
  })

  test('refuses an epoch that is over, or that begins where others wrote', async () => {
    const { master, slave } = await pair()
    await copy(master, slave)
    const { max } = slave.log.offsets
    await master.log.lead({ epoch: 5 })
    const opened = await range(master, max)

    const early = { epoch: 5, epochStart: max - 1 }
    await expect(slave.log.appendRaw(max, opened.bytes, early)).rejects.toMatchObject({
      code: 'STALE_EPOCH',
    })
    await slave.log.appendRaw(max, opened.bytes, opened)
    await slave.log.lead({ epoch: 7 })
    const late = slave.log.appendRaw(max, opened.bytes, opened)

    await expect(late).rejects.toMatchObject({ code: 'STALE_EPOCH' })
    expect(slave.log.epochs.entries.map(({ epoch }) => epoch)).toEqual([1, 5, 7])
  })

  test('refuses bytes of a master whose segments end elsewhere', async () => {
    const clock = new VirtualClock()
    const master = await openMemberOn(new SimulatedDisk(), clock, { segmentMaxBytes: 2048 })
    await master.log.lead(REIGN)
    for (let n = 0; n < 30; n++) await master.append(groupOf(), 'flushed')
    const slave = await openMemberOn(new SimulatedDisk(), clock)

    await expect(copy(master, slave, 100)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })

    expect(slave.log.offsets.max).toBeLessThan(2048)
  })

  // A promoted slave that counted from the confirmed part alone would give an offset twice.
  test('numbers on with all that it has copied when it is promoted', async () => {
    const { master, slave } = await pair()
    const shape = { producerId: PRODUCER }
    const first = await master.append(
      groupOf({ ...shape, sequence: 0, bodies: ['a', 'b'] }),
      'flushed',
    )
    await master.append(changeGroup(deleteQueuesOf('gone')), 'flushed')
    await copy(master, slave)

    await slave.log.lead({ epoch: 2 })
    const repeated = await slave.append(
      groupOf({ ...shape, sequence: 0, bodies: ['a', 'b'] }),
      'flushed',
    )
    const next = await slave.append(groupOf({ ...shape, sequence: 1 }), 'flushed')

    expect(repeated.records[0]).toEqual({ ...first.records[0], duplicate: true })
    expect(next.records[0]?.baseQueueOffset).toBe(2)
    slave.log.confirm(slave.log.offsets.max)
    expect((await bodiesOf(slave)).bodies).toEqual(['a', 'b', 'hello'])
  })

  test('never stamps a record with an earlier time than its master did', async () => {
    const { master, slave, clock } = await pair()
    clock.jump(3_600_000)
    await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    clock.jump(-3_600_000)

    await slave.log.lead({ epoch: 2 })
    await slave.append(groupOf(), 'flushed')

    slave.log.confirm(slave.log.offsets.max)
    const read = await slave.read(QUEUE, { from: 0, maxBytes: 1000 })
    const times = read.kind === 'batches' ? read.batches.map(({ storeTimeMs }) => storeTimeMs) : []
    expect(times).toHaveLength(2)
    expect(times[1]).toBeGreaterThanOrEqual(times[0] ?? 0)
  })

  test('goes on after a restart with what it had, and knows what was confirmed', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    for (let n = 0; n < 10; n++) await master.append(groupOf({ bodies: [`${n}`] }), 'flushed')
    await copy(master, slave)
    const { max } = slave.log.offsets
    slave.log.confirm(max)
    const early = master.log.offsets.max
    for (let n = 10; n < 20; n++) await master.append(groupOf({ bodies: [`${n}`] }), 'flushed')
    await copy(master, slave)

    let member = slave
    for (const end of ['crash', 'close'] as const) {
      if (end === 'crash') slaveDisk.crash()
      else await member.close()
      member = await openMemberOn(slaveDisk, clock)

      expect(member.log.offsets.max).toBe(master.log.offsets.max)
      // Its records tell what the master knew to be confirmed: nothing.
      expect(member.log.offsets.confirm).toBe(end === 'crash' ? 0 : early)
      member.log.confirm(early)
      expect((await bodiesOf(member)).bodies).toHaveLength(10)
    }
    member.log.confirm(member.log.offsets.max)
    expect((await bodiesOf(member)).bodies).toHaveLength(20)
  })

  // A slave without a master has shown it to consumers, and nobody would confirm it again.
  test('still knows after a power cut what was confirmed behind everything that it had noted', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    await slave.noteConfirmed()
    const { max } = slave.log.offsets
    slave.log.confirm(max)

    await slave.noteConfirmed()
    slaveDisk.powerCut()
    await using again = await openMemberOn(slaveDisk, clock)

    expect(again.log.offsets.confirm).toBe(max)
  })

  test('learns from records what had been confirmed', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    await master.append(groupOf(), 'flushed')
    const { max } = master.log.offsets
    master.log.confirm(max)
    await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    slaveDisk.crash()

    await using again = await openMemberOn(slaveDisk, clock)

    expect(again.log.offsets.confirm).toBe(max)
    expect((await bodiesOf(again)).bodies).toEqual(['hello'])
  })
})

describe('a member whose disk fails', () => {
  test('takes nothing without room for it, and goes on where it was when there is room', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    await copy(master, slave)
    const before = slave.log.offsets
    for (let n = 0; n < 60; n++) await master.append(groupOf(), 'flushed')
    slaveDisk.setCapacity(0)

    await expect(copy(master, slave, 5_000)).rejects.toMatchObject({ code: 'DISK_FULL' })

    expect(slave.log.offsets).toEqual(before)
    slaveDisk.setCapacity(2 ** 40)
    await clock.advance(1_000)
    await copy(master, slave)
    expect(await bytesOf(slave)).toEqual(await bytesOf(master))
  })

  // The system may have dropped the pages, so a second sync would tell a lie.
  test('stops when a sync fails, and tells nobody that it was flushed', async () => {
    const { master, slave, slaveDisk } = await pair()
    const flushed: number[] = []
    slave.log.onFlushed((offset) => flushed.push(offset))
    slaveDisk.failNextSync('/data/log/00000000000000000000')
    const opened = await range(master, 0)
    await slave.log.appendRaw(0, opened.bytes, opened)

    await expect(slave.failed).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })

    expect(flushed).toEqual([])
    const { max } = slave.log.offsets
    const unusable = { code: 'STORE_UNUSABLE' }
    await expect(slave.log.appendRaw(max, opened.bytes, opened)).rejects.toMatchObject(unusable)
    await expect(slave.log.lead({ epoch: 7 })).rejects.toMatchObject(unusable)
    await expect(slave.log.truncateTo(0)).rejects.toMatchObject(unusable)
  })
})

describe('a member whose disk has lost something', () => {
  // A record tells what was durable on the disks of the in-sync set when it was written. A slave that
  // catches up writes many of those before it has flushed any, so what they tell proves nothing here;
  // but then they may have been durable here as well, and acknowledged.
  test('cuts, in doubt, what lies behind damage, and keeps a copy', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    const { records } = await master.append(groupOf(), 'flushed')
    master.log.confirm(master.log.offsets.max)
    await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    const bytes = await bytesOf(slave)
    slaveDisk.crash()
    const from = records[0]?.logOffset ?? 0
    slaveDisk.flipBit('/data/log/00000000000000000000', { at: from })

    await using again = await openMemberOn(slaveDisk, clock)

    expect(again.log.offsets.max).toBe(from)
    expect(again.recovery).toMatchObject({ isInDoubt: true, cutBytes: bytes.length - from })
    const kept = await slaveDisk.files.readFile(`/data/replication/cut.1.${from}`)
    expect(kept?.subarray(1)).toEqual(bytes.subarray(from + 1))
    await copy(master, again)
    expect(await bytesOf(again)).toEqual(await bytesOf(master))
  })

  // What a process that is killed within a write leaves behind: the begin of it.
  test.each([5, 70, 130, 240])(
    'cuts a write of which %i bytes are there without a doubt',
    async (written) => {
      const { master, slave, slaveDisk, clock } = await pair()
      const from = master.log.offsets.max
      const group = { records: [...groupOf().records, ...groupOf().records] }
      const { records } = await master.append(group, 'flushed')
      await copy(master, slave)
      slaveDisk.crash()
      const file = await slaveDisk.files.openFile('/data/log/00000000000000000000')
      const left = (records.at(-1)?.endOffset ?? 0) - from - written
      await file.writeAt([Buffer.alloc(left)], from + written)
      await file.close()

      await using again = await openMemberOn(slaveDisk, clock)

      expect(again.log.offsets.max).toBe(from)
      expect(again.recovery.isInDoubt).toBe(false)
      expect(again.recovery.cutBytes).toBeGreaterThan(0)
    },
  )

  // The start that cuts may die before anybody has heard of it.
  test('is in doubt until that is settled', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    const { records } = await master.append(groupOf(), 'flushed')
    await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    slaveDisk.crash()
    slaveDisk.flipBit('/data/log/00000000000000000000', { at: records[0]?.logOffset ?? 0 })
    await openMemberOn(slaveDisk, clock)
    slaveDisk.powerCut()

    const second = await openMemberOn(slaveDisk, clock)
    expect(second.recovery).toMatchObject({ cutBytes: 0, isInDoubt: true })
    await second.log.settleDoubt()
    slaveDisk.powerCut()

    await using third = await openMemberOn(slaveDisk, clock)
    expect(third.recovery.isInDoubt).toBe(false)
  })

  test('is not opened when its own checkpoint says that this had been flushed', async () => {
    const { master, slave, slaveDisk, clock } = await pair()
    const { records } = await master.append(groupOf(), 'flushed')
    await copy(master, slave)
    await clock.advance(1_000)
    slaveDisk.crash()
    slaveDisk.flipBit('/data/log/00000000000000000000', { at: records[0]?.logOffset ?? 0 })

    const opening = openMemberOn(slaveDisk, clock)

    await expect(opening).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })
})

/** A master of epoch 1 and a slave that has nothing yet. */
async function pair(): Promise<{
  readonly clock: VirtualClock
  readonly master: MessageStore
  readonly slave: MessageStore
  readonly slaveDisk: SimulatedDisk
}> {
  const clock = new VirtualClock()
  const master = await openMemberOn(new SimulatedDisk(), clock)
  await master.log.lead(REIGN)
  const slaveDisk = new SimulatedDisk()
  return { clock, master, slave: await openMemberOn(slaveDisk, clock), slaveDisk }
}

async function range(store: MessageStore, from: number) {
  const found = await store.log.readRange(from, 100_000)
  if (found === undefined) throw new RangeError('there is nothing')
  return found
}
