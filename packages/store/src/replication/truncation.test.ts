import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import { agree, bytesOf, copy, EndingDisk, openMemberOn } from '../testing/members.ts'
import { batchOf, bodiesOf, groupOf, put, QUEUE } from '../testing/scenario.ts'

const LIMIT = { limitMs: 60_000 }

describe('cutting the log of a member', () => {
  test('leaves exactly what the new master has, and its bytes after it', async () => {
    const { clock, slave, next, disk } = await parted()
    const { max } = slave.log.offsets

    await clock.runUntil(agree(next, slave), LIMIT)

    const point = slave.log.offsets.max
    expect(point).toBeLessThan(max)
    expect(slave.log.offsets).toMatchObject({ flushed: point })
    expect(slave.log.epochs.entries).toEqual([{ epoch: 1, start: 0 }])
    const cut = await clock.runUntil(disk.files.readFile(`/data/replication/cut.1.${point}`), LIMIT)
    expect(cut).toHaveLength(max - point)
    await clock.runUntil(copy(next, slave), LIMIT)
    slave.log.confirm(slave.log.offsets.max)
    const all = await clock.runUntil(Promise.all([bytesOf(slave), bytesOf(next)]), LIMIT)
    expect(all[0]).toEqual(all[1])
    const { bodies } = await clock.runUntil(bodiesOf(slave), LIMIT)
    expect(bodies.filter((body) => body.startsWith('lost'))).toEqual([])
  })

  // The promise: a crash at any moment leaves all of the tail or nothing of it, and what has been cut
  // never comes back behind what the next master writes.
  test.each([
    ['crash', false],
    ['power cut', true],
  ])('is done wholly or not at all whenever a %s ends it', async (_end, powerCut) => {
    let operations = 0
    for (let isUnused = false; !isUnused; ) {
      operations++
      for (const seed of [1, 2, 3]) {
        const world = await parted(seed)
        const ended = await interrupted(world, { operations, powerCut })
        isUnused = ended === undefined
        if (ended === undefined) break
        const { clock, disk, next, before, point } = world
        const label = `operation ${operations}, seed ${seed}`

        const slave = await clock.runUntil(openMemberOn(disk, clock), LIMIT)

        expect([before, point], label).toContain(slave.log.offsets.max)
        await clock.runUntil(agree(next, slave), LIMIT)
        await clock.runUntil(copy(next, slave), LIMIT)
        disk.powerCut()
        const again = await clock.runUntil(openMemberOn(disk, clock), LIMIT)
        const all = await clock.runUntil(Promise.all([bytesOf(again), bytesOf(next)]), LIMIT)
        expect(all[0].equals(all[1]), label).toBe(true)
        expect(again.log.epochs.entries, label).toEqual(next.log.epochs.entries)
        const folder = await clock.runUntil(disk.files.list('/data/replication'), LIMIT)
        expect(folder, label).not.toContain('truncating')
      }
    }
    expect(operations).toBeGreaterThan(15)
  })

  // A start that goes on with it may be interrupted as well.
  test('is gone on with by any number of starts', async () => {
    for (let operations = 1, isUnused = false; !isUnused; operations++) {
      const world = await parted(operations)
      const { clock, disk, next, point } = world
      // Far enough to have noted what it is about, and no further.
      await interruptedOnceNoted(world)
      const restart = new EndingDisk(disk, { operations, powerCut: true })
      await clock.runUntil(Promise.race([openMemberOn(restart, clock), restart.ended]), LIMIT)
      isUnused = restart.isUnused
      if (isUnused) disk.crash()

      const slave = await clock.runUntil(openMemberOn(disk, clock), LIMIT)

      expect(slave.log.offsets.max, `operation ${operations}`).toBe(point)
      await clock.runUntil(copy(next, slave), LIMIT)
      const all = await clock.runUntil(Promise.all([bytesOf(slave), bytesOf(next)]), LIMIT)
      expect(all[0].equals(all[1]), `operation ${operations}`).toBe(true)
    }
  })

  // The other slot would say that bytes had been durable which are cut, and the start be refused.
  test.each(['checkpoint.0', 'checkpoint.1'])('stands a loss of %s', async (slot) => {
    const { clock, disk, next, slave, point } = await parted()
    await clock.runUntil(agree(next, slave), LIMIT)
    disk.crash()
    disk.flipBit(`/data/${slot}`, { at: 16 })

    const again = await clock.runUntil(openMemberOn(disk, clock), LIMIT)

    expect(again.log.offsets.max).toBe(point)
  })

  test('forgets the epochs that it cuts, also one that begins right there', async () => {
    const { clock, disk, next, slave } = await parted()
    await clock.runUntil(agree(next, slave), LIMIT)
    await clock.runUntil(copy(next, slave), LIMIT)
    const starts: number[] = []
    for (const epoch of [5, 6]) {
      starts.push((await clock.runUntil(slave.log.lead({ epoch }), LIMIT)).logOffset)
    }
    await clock.runUntil(slave.log.follow(), LIMIT)

    await clock.runUntil(slave.log.truncateTo(starts[0] ?? 0), LIMIT)

    expect(slave.log.epochs.entries.map(({ epoch }) => epoch)).toEqual([1, 2])
    const file = await clock.runUntil(disk.files.readFile('/data/replication/epochs'), LIMIT)
    expect(file?.toString().split('\n').slice(0, 3)).toEqual([
      'cometmq-epochs 1',
      '1 0',
      `2 ${next.log.epochs.last?.start}`,
    ])
  })

  // Whoever asks for that has another history under the same name, or has lost confirmed bytes.
  test('is refused below what is confirmed, and nothing is deleted', async () => {
    const { clock, slave, before, point } = await parted()
    slave.log.confirm(point + 1)
    const { confirm } = slave.log.offsets

    const cutting = clock.runUntil(slave.log.truncateTo(point), LIMIT)

    await expect(cutting).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    expect(slave.log.offsets).toMatchObject({ max: before, confirm })
    await clock.runUntil(slave.close(), LIMIT)
  })

  test('is refused within an append group, beyond the end, and to a master', async () => {
    const { clock, slave, before } = await parted()
    const cut = (to: number) => clock.runUntil(slave.log.truncateTo(to), LIMIT)

    await expect(cut(before - 1)).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    await expect(cut(before + 1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await clock.runUntil(slave.log.lead({ epoch: 9 }), LIMIT)
    await expect(cut(before)).rejects.toMatchObject({ code: 'NOT_ALLOWED' })

    expect(slave.log.offsets.max).toBe(before + 120)
  })

  test('never parts an append group', async () => {
    const { clock, slave, next } = await parted()
    await clock.runUntil(agree(next, slave), LIMIT)
    await clock.runUntil(copy(next, slave), LIMIT)
    const first = { kind: 'batch', batch: batchOf(), idempotent: true } as const
    const second = { kind: 'change', changes: [put('topics', 'a', 'b')] } as const
    const group = { records: [first, second] }
    const { records } = await clock.runUntil(next.append(group, 'flushed'), LIMIT)
    await clock.runUntil(copy(next, slave), LIMIT)
    const cut = (to: number) => clock.runUntil(slave.log.truncateTo(to), LIMIT)

    const within = cut(records[1]?.logOffset ?? 0)

    await expect(within).rejects.toMatchObject({ code: 'LOG_DIVERGED' })
    await cut(records[0]?.logOffset ?? 0)
    expect(slave.log.offsets.max).toBe(records[0]?.logOffset)
  })

  test('keeps of what was cut the newest, up to a bound', async () => {
    const { clock, disk, next, slave } = await parted(1, { cutKeptBytes: 3000 })
    await clock.runUntil(agree(next, slave), LIMIT)
    const point = slave.log.offsets.max
    await clock.runUntil(copy(next, slave), LIMIT)
    await clock.runUntil(slave.log.lead({ epoch: 3 }), LIMIT)
    await clock.runUntil(slave.append(groupOf({ bodies: ['lost again'] }), 'flushed'), LIMIT)
    await clock.runUntil(slave.log.follow(), LIMIT)

    await clock.runUntil(slave.log.truncateTo(next.log.offsets.max), LIMIT)

    const names = await clock.runUntil(disk.files.list('/data/replication'), LIMIT)
    expect(names).toEqual([`cut.3.${next.log.offsets.max}`, 'epochs'])
    expect(next.log.offsets.max).toBeGreaterThan(point)
  })

  // A member that cannot follow is worth less than a copy of what nobody was told to be stored.
  test('does not wait for room to keep what it cuts', async () => {
    const { clock, disk, next, slave, point } = await parted()
    const freeBytes = await clock.runUntil(disk.files.freeBytes('/data'), LIMIT)
    disk.setCapacity(2 ** 40 - freeBytes + 4096)

    await clock.runUntil(agree(next, slave), LIMIT)

    expect(slave.log.offsets.max).toBe(point)
    const names = await clock.runUntil(disk.files.list('/data/replication'), LIMIT)
    expect(names).toEqual(['epochs'])
  })
})

interface World {
  readonly clock: VirtualClock
  /** Of the slave that has too much. */
  readonly disk: SimulatedDisk
  readonly master: MessageStore
  readonly slave: MessageStore
  /** Master of epoch 2, which begins at `point`. */
  readonly next: MessageStore
  readonly point: number
  /** Where the log of the slave ends. */
  readonly before: number
}

/**
 * Three members: the slave has a tail of several segments that the new master has not, and nothing of
 * what the new master has put in its place.
 */
async function parted(seed = 1, changes: Parameters<typeof openMemberOn>[2] = {}): Promise<World> {
  const clock = new VirtualClock()
  const disks = [1, 2, 3].map(
    (each) => new SimulatedDisk({ clock, random: new SeededRandom(10 * seed + each) }),
  )
  const [first, disk, third] = disks as [SimulatedDisk, SimulatedDisk, SimulatedDisk]
  const open = (on: SimulatedDisk) => clock.runUntil(openMemberOn(on, clock, changes), LIMIT)
  const [master, slave, next] = [await open(first), await open(disk), await open(third)]
  await clock.runUntil(master.log.lead({ epoch: 1 }), LIMIT)
  const send = async (store: MessageStore, count: number, word: string): Promise<void> => {
    const groups = Array.from({ length: count }, (_, n) => groupOf({ bodies: [`${word} ${n}`] }))
    await clock.runUntil(Promise.all(groups.map((group) => store.append(group, 'flushed'))), LIMIT)
  }
  await send(master, 30, 'kept')
  await clock.runUntil(copy(master, next), LIMIT)
  await send(master, 40, 'lost')
  await clock.runUntil(copy(master, slave), LIMIT)
  const point = next.log.offsets.max
  await clock.runUntil(next.log.lead({ epoch: 2 }), LIMIT)
  await send(next, 25, 'next')
  expect(slave.bounds(QUEUE)).toBeUndefined()
  return { clock, disk, master, slave, next, point, before: slave.log.offsets.max }
}

/** Has the process of the slave end with an operation of the cut; `undefined` if there are fewer. */
async function interrupted(
  world: World,
  end: { readonly operations: number; readonly powerCut: boolean },
): Promise<'ended' | undefined> {
  const { clock, disk, slave, next } = world
  await clock.runUntil(slave.close(), LIMIT)
  // Opening takes its own operations, which are not meant here.
  const ending = new EndingDisk(disk, { ...end, operations: Number.POSITIVE_INFINITY })
  const member = await clock.runUntil(openMemberOn(ending, clock), LIMIT)
  ending.endAfter(end.operations)
  const cut = agree(next, member).then(() => undefined)
  return clock.runUntil(Promise.race([cut, ending.ended]), LIMIT)
}

/** Has it end when what is intended has been noted, and nothing has been cut. */
async function interruptedOnceNoted(world: World): Promise<void> {
  const { clock, disk, slave, next } = world
  agree(next, slave).catch(() => {})
  const isNoted = async (): Promise<boolean> =>
    (await disk.files.list('/data/replication')).includes('truncating')
  while (!(await clock.runUntil(isNoted(), LIMIT))) await clock.advance(0.1)
  disk.powerCut()
}
