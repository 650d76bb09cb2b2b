import { RecordBatch, stampRecord } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import {
  flip,
  type GroupProcess,
  groupWithRows,
  haveOneLog,
  type SimulatedGroup,
} from '../testing/simulated-group.ts'
import { LIMIT } from '../testing/simulated-member.ts'

/** What both ends of a stream compare before a byte is sent. */
describe('the end of a log', () => {
  // The slave is the one that can be mended; it used to stop for good, and its operator had to find
  // out why.
  test('that is damaged at a slave is mended, and the slave follows', async () => {
    const { group, slave, at } = await parted(1)

    flip(group, slave, at)
    group.rejoin(slave.name)
    await group.simulation.runUntil(() => group.areLevel && isFollowing(slave), LIMIT)

    expect(await haveOneLog(group)).toBe(true)
    expect(slave.store.status.damage.mendedRecords).toBe(1)
    expect(group.tale).toContain('the end of the log is damaged, and is checked again')
    expect(group.tale).not.toContain('alarm=quarantined')
  })

  // All slaves stopped, one after the other, for what the disk of their master had done.
  test('that is damaged at the master is mended from the slave that comes back', async () => {
    const { group, master, slave, at } = await parted(2)

    flip(group, master, at)
    await group.simulation.advance(5_000)
    expect(master.member.status.alarms).toContain('log_damaged')
    group.rejoin(slave.name)
    await group.simulation.runUntil(() => group.areLevel && isFollowing(slave), LIMIT)

    expect(await haveOneLog(group)).toBe(true)
    expect(master.store.status.damage.mendedRecords).toBe(1)
    expect(group.tale).toContain('the end of the log cannot be compared, and is checked again')
    expect(group.tale).not.toContain('alarm=quarantined')
  })

  // Two histories under one name, each of them good: nothing may be taken from either.
  test('that is intact on both sides, and not the same, stops the slave', async () => {
    const { group, slave, at } = await parted(3)

    await group.run(forge(group, slave, at))
    group.rejoin(slave.name)
    await group.simulation.runUntil(() => slave.member.status.role === 'quarantined', LIMIT)

    expect(group.tale).toContain('alarm=quarantined')
    expect(await haveOneLog(group)).toBe(false)
    expect(slave.store.status.damage.foundRecords).toBe(0)
  })
})

/** Two members, of which the slave is cut off; and a record of their logs. */
async function parted(seed: number) {
  const { group, master, slaves, at } = await groupWithRows(new Simulation(seed), 'a', 'b')
  const slave = slaves[0] as GroupProcess
  group.part(slave.name)
  await group.simulation.runUntil(() => !isFollowing(slave), LIMIT)
  return { group, master, slave, at }
}

function isFollowing({ member }: GroupProcess): boolean {
  return member.status.role === 'following' && member.status.isInTouch
}

/** Replaces a record by one that was stored a millisecond later, with all its checksums. */
async function forge(
  group: SimulatedGroup<Simulation>,
  { name, store }: GroupProcess,
  at: number,
): Promise<void> {
  const range = await store.log.readRange(at, 1)
  if (range === undefined) throw new Error(`nothing lies at ${at}`)
  const record = RecordBatch.parse(range.bytes)
  const { epoch, logOffset, confirmedBefore, storeTimeMs, baseQueueOffset, continues } = record
  const stamp = { epoch, logOffset, confirmedBefore, baseQueueOffset, continues }
  stampRecord(record.bytes, { ...stamp, storeTimeMs: storeTimeMs + 1 })
  const { files } = group.simulation.machine(name).disk
  const file = await files.openFile('/data/log/00000000000000000000')
  await file.writeAt([record.bytes], at)
  await file.sync()
  await file.close()
}
