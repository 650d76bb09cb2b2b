import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import { bytesOf, copy, EndingDisk, memberOn, openMemberOn } from '../testing/members.ts'
import { changeGroup, groupOf, PRODUCER, put, rowsOf, viewOf } from '../testing/scenario.ts'
import { StartingOver } from './starting-over.ts'

const LIMIT = { limitMs: 60_000 }

describe('a member that starts over', () => {
  test('has the state of its master without the log that it comes from, and follows', async () => {
    const { clock, master, disk } = await farBehind()
    const run = <T>(work: Promise<T>) => clock.runUntil(work, LIMIT)

    await run(startOver(disk, clock, master))

    const member = await run(openMemberOn(disk, clock))
    expect(member.log.offsets.min).toBeGreaterThan(0)
    await run(master.append(groupOf({ bodies: ['later'] }), 'flushed'))
    await run(copy(master, member))
    member.log.confirm(master.log.offsets.max)
    master.log.confirm(master.log.offsets.max)
    expect(await run(rowsOf(member, 'topics'))).toEqual([['old', 'kept']])
    expect(member.log.epochs.entries).toEqual(master.log.epochs.entries)
    expect(await run(bytesOf(member))).toEqual(
      (await run(bytesOf(master))).subarray(member.log.offsets.min - master.log.offsets.min),
    )
    await run(member.log.lead({ epoch: 9 }))
    const repeated = await run(member.append(groupOf(RARE), 'flushed'))
    expect(repeated.records[0]?.duplicate).toBe(true)
    expect(endsOf(member)).toEqual(endsOf(master))
    await run(member.close())
  })

  test('replaces whatever the folder had, and keeps whose it is', async () => {
    const { clock, master, disk } = await farBehind()
    const run = <T>(work: Promise<T>) => clock.runUntil(work, LIMIT)
    const before = await run(openMemberOn(disk, clock))
    await run(before.log.lead({ epoch: 1 }))
    for (let n = 0; n < 100; n++) await run(before.append(groupOf({ topic: 'other' }), 'flushed'))
    before.log.confirm(before.log.offsets.max)
    await run(before.close())

    await run(startOver(disk, clock, master))

    const member = await run(openMemberOn(disk, clock))
    expect(member.storeId).toBe(before.storeId)
    expect([...member.queues()].map(({ topic }) => topic)).not.toContain('other')
    expect(member.log.epochs.entries).toEqual(master.log.epochs.entries)
  })

  // Half of a copy must never pass for a store: it has either nothing or all.
  test('is empty or complete whenever a power cut ends it', async () => {
    let [empty, complete] = [0, 0]
    for (let operations = 1, isUnused = false; !isUnused; operations++) {
      const { clock, master, disk } = await farBehind(operations)
      const run = <T>(work: Promise<T>) => clock.runUntil(work, LIMIT)
      const ending = new EndingDisk(disk, { operations, powerCut: true })
      await run(Promise.race([startOver(ending, clock, master), ending.ended]))
      isUnused = ending.isUnused

      const member = await run(openMemberOn(disk, clock))

      const label = `operation ${operations}`
      const isEmpty = member.log.offsets.max === 0
      const topics = await run(rowsOf(member, 'topics'))
      expect(topics, label).toEqual(isEmpty ? [] : [['old', 'kept']])
      if (isEmpty) empty++
      else {
        complete++
        await run(copy(master, member))
      }
      expect([0, master.log.offsets.max], label).toContain(member.log.offsets.max)
      await run(member.close())
    }
    expect(empty).toBeGreaterThan(5)
    expect(complete).toBeGreaterThan(0)
  })

  // Its log does not hold the state that it was given: made anew from the log alone, topics would be
  // missing. Deleting level costs time here as anywhere.
  test('makes its state anew from what it was given, for as long as its log needs that', async () => {
    const { clock, master, disk } = await farBehind()
    const run = <T>(work: Promise<T>) => clock.runUntil(work, LIMIT)
    await run(startOver(disk, clock, master))
    let member = await run(openMemberOn(disk, clock, { retention: RETENTION }))
    const isKept: boolean[] = []
    for (let round = 1; round <= 4; round++) {
      await run(copy(master, member))
      member.log.confirm(master.log.offsets.max)
      await clock.advance(20_000)
      const before = await run(viewOf(member))
      await run(member.close())
      await run(disk.files.removeDirectory('/data/level'))
      member = await run(openMemberOn(disk, clock, { retention: RETENTION }))
      member.log.confirm(master.log.offsets.max)
      expect(await run(viewOf(member)), `round ${round}`).toEqual(before)
      isKept.push((await run(disk.files.list('/data/replication'))).includes('state'))
      master.log.retainFrom(member.log.offsets.max)
      await retain(clock, master)
    }
    expect([isKept[0], isKept.at(-1)]).toEqual([true, false])
  })

  test('is told when what it was given is damaged', async () => {
    const { clock, master, disk } = await farBehind()
    const run = <T>(work: Promise<T>) => clock.runUntil(work, LIMIT)
    await run(startOver(disk, clock, master))
    disk.flipBit('/data/replication/state', { at: 100 })

    const opening = run(openMemberOn(disk, clock))

    await expect(opening).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    await run(startOver(disk, clock, master))
    const member = await run(openMemberOn(disk, clock))
    expect(await run(rowsOf(member, 'topics'))).toEqual([['old', 'kept']])
  })

  // A master that was elected at a loss may have nothing that is confirmed, and needs a slave to
  // confirm anything.
  test('begins as empty where its master has nothing confirmed', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ clock, random: new SeededRandom(1) })
    const run = <T>(work: Promise<T>) => clock.runUntil(work, LIMIT)
    const before = await run(openMemberOn(disk, clock))
    await run(before.log.lead({ epoch: 1 }))
    await run(before.append(groupOf({ topic: 'other' }), 'flushed'))
    before.log.confirm(before.log.offsets.max)
    await run(before.close())
    const master = await run(openMemberOn(new SimulatedDisk(), clock))
    await run(master.log.lead({ epoch: 3 }))

    await run(startOver(disk, clock, master))

    const member = await run(openMemberOn(disk, clock))
    expect(member.log.offsets.max).toBe(0)
    expect([...member.queues()]).toEqual([])
    await run(copy(master, member))
    expect(await run(bytesOf(member))).toEqual(await run(bytesOf(master)))
    expect(member.log.epochs.entries).toEqual(master.log.epochs.entries)
  })
})

const RETENTION = {
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxBytes: 3 * 4096,
  minFreeBytes: 0,
  checkIntervalMs: 10_000,
}

const RARE = { topic: 'rare', producerId: PRODUCER, sequence: 0 }

function endsOf(store: MessageStore): string[] {
  return [...store.queues()].map(({ topic, maxOffset }) => `${topic} ${maxOffset}`).toSorted()
}

/** As replication does it: the state, then the log that leads up to it. */
async function startOver(
  on: Pick<SimulatedDisk, 'files' | 'keyValueStores'>,
  clock: VirtualClock,
  master: MessageStore,
): Promise<void> {
  const exported = await master.log.exportState()
  await using copying = await StartingOver.begin(...memberOn(on, clock), exported)
  for await (const row of exported.rows) await copying.putRows([row])
  while (!copying.isLevel) {
    const range = await master.log.readRange(copying.maxOffset, 1500)
    if (range !== undefined) await copying.appendLog(range.from, range.bytes, range.epoch)
  }
  await copying.finish()
}

/** A master that has deleted the begin of its log, and a disk with nothing. */
async function farBehind(seed = 1): Promise<{
  readonly clock: VirtualClock
  readonly master: MessageStore
  readonly disk: SimulatedDisk
}> {
  const clock = new VirtualClock()
  const master = await openMemberOn(new SimulatedDisk(), clock, { retention: RETENTION })
  await master.log.lead({ epoch: 2 })
  await master.append(changeGroup(put('topics', 'old', 'kept')), 'flushed')
  await master.append(groupOf(RARE), 'flushed')
  await retain(clock, master)
  await master.log.lead({ epoch: 3 })
  for (let n = 0; n < 20; n++) await master.append(groupOf(), 'flushed')
  master.log.confirm(master.log.offsets.max)
  return { clock, master, disk: new SimulatedDisk({ clock, random: new SeededRandom(seed) }) }
}

/** Lets the master delete what it can, after enough has been written. */
async function retain(clock: VirtualClock, master: MessageStore): Promise<void> {
  const { min } = master.log.offsets
  for (let n = 0; n < 150; n++) await master.append(groupOf(), 'flushed')
  const unsubscribe = master.log.onFlushed((flushed) => master.log.confirm(flushed))
  master.log.confirm(master.log.offsets.max)
  await clock.advance(15_000)
  unsubscribe()
  expect(master.log.offsets.min).toBeGreaterThan(min)
}
