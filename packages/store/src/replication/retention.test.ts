import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import { copy, openMemberOn } from '../testing/members.ts'
import { changeGroup, groupOf, PRODUCER, put, rowsOf, viewOf } from '../testing/scenario.ts'

const LIMIT = { limitMs: 60_000 }

describe('retention in a broker group', () => {
  test('is the master’s: a slave deletes what the log says, once it has applied that', async () => {
    const { clock, master, slave, fill, confirm } = await group()
    await fill(150)
    await confirm()
    const before = slave.log.offsets.min

    const { min } = await retained(clock, master)

    expect(min).toBeGreaterThan(0)
    // It has the row and the snapshot before it only when they are confirmed.
    await clock.advance(20_000)
    expect(slave.log.offsets.min).toBe(before)
    await confirm()
    await clock.advance(20_000)
    expect(slave.log.offsets.min).toBe(min)
    expect(slave.log.epochs.entries).toEqual(master.log.epochs.entries)
    expect(await clock.runUntil(viewOf(slave), LIMIT)).toEqual(
      await clock.runUntil(viewOf(master), LIMIT),
    )
  })

  // The slave wrote no snapshot of its own: what its log holds has to be enough.
  test('leaves a slave enough to make everything anew from its log alone', async () => {
    const { clock, master, slave, slaveDisk, fill, confirm } = await group()
    const rare = { topic: 'rare', producerId: PRODUCER, sequence: 0 }
    const appended = master.append(changeGroup(put('topics', 'old', 'kept')), 'flushed')
    await clock.runUntil(appended, LIMIT)
    await clock.runUntil(master.append(groupOf(rare), 'flushed'), LIMIT)
    await fill(150)
    await confirm()
    await retained(clock, master)
    await confirm()
    await clock.advance(20_000)
    const before = await clock.runUntil(viewOf(slave), LIMIT)
    expect(slave.log.offsets.min).toBeGreaterThan(0)
    await clock.runUntil(slave.close(), LIMIT)
    await clock.runUntil(slaveDisk.files.removeDirectory('/data/level'), LIMIT)

    const again = await clock.runUntil(openMemberOn(slaveDisk, clock), LIMIT)

    again.log.confirm(again.log.offsets.max)
    expect(await clock.runUntil(viewOf(again), LIMIT)).toEqual(before)
    expect(await clock.runUntil(rowsOf(again, 'topics'), LIMIT)).toEqual([['old', 'kept']])
    await clock.runUntil(again.log.lead({ epoch: 2 }), LIMIT)
    const repeated = await clock.runUntil(again.append(groupOf(rare), 'flushed'), LIMIT)
    expect(repeated.records[0]?.duplicate).toBe(true)
  })

  test('leaves what a slave still needs, as the master is told', async () => {
    const { clock, master, fill, confirm } = await group()
    master.log.retainFrom(5_000)
    await fill(150)
    await confirm()

    const { min } = await retained(clock, master)

    expect(min).toBe(4096)
    master.log.retainFrom(Number.POSITIVE_INFINITY)
    expect((await retained(clock, master)).min).toBeGreaterThan(4096)
  })

  // Rows are put again as they are confirmed; behind a newer one that would bring the old one back.
  test('never puts an older row behind a newer one that waits to be confirmed', async () => {
    const { clock, master, fill, confirm } = await group()
    await clock.runUntil(master.append(changeGroup(put('progress', 'k', 'old')), 'flushed'), LIMIT)
    await fill(150)
    await confirm()
    await clock.runUntil(master.append(changeGroup(put('progress', 'k', 'new')), 'flushed'), LIMIT)
    await clock.advance(15_000)

    const { min } = await retained(clock, master)

    expect(min).toBeGreaterThan(0)
    expect(await clock.runUntil(rowsOf(master, 'progress'), LIMIT)).toEqual([['k', 'new']])
  })

  // Else a group whose in-sync set is too small would stand still for longer with each try.
  test('is put off while nothing is confirmed, and appends go on', async () => {
    const { clock, master, fill, confirm } = await group()
    await fill(150)
    await confirm()
    const waiting = master.append(groupOf())
    waiting.catch(() => {})
    await clock.advance(10_000)

    const appended = master.append(groupOf(), 'flushed')

    await clock.runUntil(appended, { limitMs: 500 })
    await clock.advance(60_000)
    expect(master.log.offsets.min).toBe(0)
    await confirm()
    expect((await retained(clock, master)).min).toBeGreaterThan(0)
  })
})

/** Lets the master take its time to retain, with everything that it writes for that confirmed. */
async function retained(
  clock: VirtualClock,
  master: MessageStore,
): Promise<{ readonly min: number }> {
  const unsubscribe = master.log.onFlushed((flushed) => master.log.confirm(flushed))
  master.log.confirm(master.log.offsets.flushed)
  await clock.advance(25_000)
  unsubscribe()
  return master.log.offsets
}

/** A master that keeps three segments, and a slave. */
async function group() {
  const clock = new VirtualClock()
  const retention = {
    maxAgeMs: Number.POSITIVE_INFINITY,
    maxBytes: 3 * 4096,
    minFreeBytes: 0,
    checkIntervalMs: 10_000,
  }
  const [disk, slaveDisk] = [new SimulatedDisk(), new SimulatedDisk()]
  const master = await openMemberOn(disk, clock, { retention })
  await master.log.lead({ epoch: 1 })
  const slave = await openMemberOn(slaveDisk, clock, { retention })
  const fill = async (count: number): Promise<void> => {
    const groups = Array.from({ length: count }, () => master.append(groupOf(), 'flushed'))
    await clock.runUntil(Promise.all(groups), LIMIT)
  }
  const confirm = async (): Promise<void> => {
    await clock.runUntil(copy(master, slave), LIMIT)
    for (const { log } of [master, slave]) log.confirm(master.log.offsets.max)
  }
  return { clock, master, slave, slaveDisk, fill, confirm }
}
