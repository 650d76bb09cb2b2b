import { commitLogOffset, EpochHistory } from '@cometmq/protocol'
import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { inspectStore } from '../inspect.ts'
import type { MessageStore } from '../message-store.ts'
import { copy, EndingDisk, openMemberOn } from '../testing/members.ts'
import { groupOf, openStoreOn } from '../testing/scenario.ts'
import { encodeEpochs, parseEpochs } from './lineage-text.ts'

const EPOCHS = '/data/replication/epochs'

describe('the epoch history after a start', () => {
  // Folders from before there were broker groups have none, and one may get lost.
  test('is made anew from the records when the file is missing or damaged', async () => {
    const { disk, clock, epochs, store } = await threeReigns()
    await store.close()

    for (const harm of ['missing', 'damaged'] as const) {
      if (harm === 'missing') await disk.files.removeFile(EPOCHS)
      else disk.flipBit(EPOCHS, { at: 20 })
      await using again = await openMemberOn(disk, clock)

      expect(again.log.epochs.entries).toEqual(epochs.entries)
      expect(await fileOf(disk)).toEqual(encodeEpochs(epochs))
    }
  })

  // The file of a copied folder may be older than its log.
  test('is completed with the epochs that only records know', async () => {
    const { disk, clock, epochs, store } = await threeReigns()
    store.log.confirm(store.log.offsets.max)
    disk.crash()
    const old = EpochHistory.of(epochs.entries.slice(0, 1))
    await disk.files.replaceFile(EPOCHS, encodeEpochs(old))

    await using again = await openMemberOn(disk, clock)

    expect(again.log.epochs.entries).toEqual(epochs.entries)
  })

  // An epoch begins with a record; where the segment has no room for it, with the filler before.
  test('begins an epoch with the filler that it wrote', async () => {
    const { disk, clock, store } = await member()
    await store.log.lead({ epoch: 1 })
    await store.append(groupOf({ bodies: ['x'.repeat(3700)] }), 'flushed')
    const start = store.log.offsets.max
    const opened = await store.log.lead({ epoch: 2 })
    expect(opened.logOffset).toBe(4096)
    disk.crash()
    await disk.files.removeFile(EPOCHS)

    await using again = await openMemberOn(disk, clock)

    expect(again.log.epochs.entries).toEqual([
      { epoch: 1, start: 0 },
      { epoch: 2, start },
    ])
  })

  test.each([
    [
      'an epoch that no record has',
      [
        [1, 0],
        [2, 1000],
        [7, 2000],
      ],
    ],
    [
      'an epoch that begins elsewhere',
      [
        [1, 0],
        [3, 1000],
      ],
    ],
    ['another master', [[2, 0]]],
  ] as const)('refuses to start beside a file that tells of %s', async (_what, entries) => {
    const { disk, clock } = await threeReigns()
    disk.crash()
    const told = entries.map(([epoch, start]) => ({ epoch, start: commitLogOffset(start) }))
    await disk.files.replaceFile(EPOCHS, encodeEpochs(EpochHistory.of(told)))

    const opening = openMemberOn(disk, clock)

    await expect(opening).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(EPOCHS),
    })
    expect(await fileOf(disk)).toEqual(encodeEpochs(EpochHistory.of(told)))
  })

  // E2: what comes there next may be of another epoch, even of an older one.
  test('forgets an epoch of which the crash left nothing', async () => {
    const { disk, clock, store } = await member()
    await store.log.lead({ epoch: 1 })
    await store.append(groupOf(), 'flushed')
    const end = store.log.offsets.max
    disk.crash()
    const opened = EpochHistory.of([
      { epoch: 1, start: commitLogOffset(0) },
      { epoch: 2, start: end },
    ])
    await disk.files.replaceFile(EPOCHS, encodeEpochs(opened))

    await using again = await openMemberOn(disk, clock)

    expect(again.log.epochs.entries).toEqual([{ epoch: 1, start: 0 }])
    expect(await fileOf(disk)).toEqual(encodeEpochs(again.log.epochs))
  })

  // E5: the entry that holds the first byte stays, with the start that it really had.
  test('loses what retention deletes, and keeps where the oldest epoch began', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const retention = {
      maxAgeMs: Number.POSITIVE_INFINITY,
      maxBytes: 2 * 4096,
      minFreeBytes: 0,
      checkIntervalMs: 1000,
    }
    const store = await openStoreOn(disk, clock, { retention })
    for (const epoch of [2, 3, 4]) {
      for (let n = 0; n < 30; n++) await store.append(groupOf())
      await store.log.lead({ epoch })
    }
    const before = store.log.epochs
    for (let n = 0; n < 30; n++) await store.append(groupOf())

    await clock.advance(5000)

    const { min } = store.log.offsets
    expect(store.log.epochs.entries.length).toBeLessThan(4)
    expect(store.log.epochs.entries).toEqual(before.retain(min).entries)
    expect(await fileOf(disk)).toEqual(encodeEpochs(store.log.epochs))
    await store.close()
    const { entries } = store.log.epochs
    await using again = await openStoreOn(disk, clock, { retention })
    expect(again.log.epochs.entries).toEqual(entries)
  })
})

describe('the entry of an epoch', () => {
  // E3: bytes of an epoch that no entry tells of would pass for bytes of the epoch before.
  test.each(['leads', 'follows'] as const)(
    'is durable before its first byte when a member %s, whenever a power cut comes',
    async (role) => {
      let withBytes = 0
      for (let operations = 1, isUnused = false; !isUnused; operations++) {
        const clock = new VirtualClock()
        const random = new SeededRandom(operations)
        const disk = new SimulatedDisk({ clock, random })
        const run = <T>(work: Promise<T>) => clock.runUntil(work, { limitMs: 10_000 })
        const master = await run(openMemberOn(new SimulatedDisk({ clock }), clock))
        await run(master.log.lead({ epoch: 1 }))
        const ending = new EndingDisk(disk, { operations: 1e6, powerCut: true })
        const store = await run(openMemberOn(ending, clock))
        await run(copy(master, store))
        ending.endAfter(operations)
        const work = async (): Promise<void> => {
          if (role === 'follows') {
            await master.log.lead({ epoch: 4 })
            await copy(master, store)
          } else await store.log.lead({ epoch: 4 })
        }
        await run(Promise.race([work(), ending.ended]))
        isUnused = ending.isUnused
        if (isUnused) disk.powerCut()

        const report = await run(inspectStore(disk, '/data'))

        const file = await run(disk.files.readFile(EPOCHS))
        const told = parseEpochs(file ?? Buffer.alloc(0))?.entries.map(({ epoch }) => epoch) ?? []
        const written = report.epochs.map(({ epoch }) => epoch)
        expect(told, `operation ${operations}`).toEqual(expect.arrayContaining(written))
        if (written.includes(4)) withBytes++
      }
      expect(withBytes).toBeGreaterThan(0)
    },
  )
})

async function member(): Promise<{
  readonly disk: SimulatedDisk
  readonly clock: VirtualClock
  readonly store: MessageStore
}> {
  const [disk, clock] = [new SimulatedDisk(), new VirtualClock()]
  return { disk, clock, store: await openMemberOn(disk, clock) }
}

/** A log of several segments, of epochs 1, 3 and 4. */
async function threeReigns(): Promise<{
  readonly disk: SimulatedDisk
  readonly clock: VirtualClock
  readonly store: MessageStore
  readonly epochs: EpochHistory
}> {
  const made = await member()
  for (const epoch of [1, 3, 4]) {
    await made.store.log.lead({ epoch })
    for (let n = 0; n < 50; n++) await made.store.append(groupOf(), 'flushed')
  }
  return { ...made, epochs: made.store.log.epochs }
}

async function fileOf(disk: SimulatedDisk): Promise<Buffer | undefined> {
  return disk.files.readFile(EPOCHS)
}
