import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import {
  batchOf,
  bodiesOf,
  changeGroup,
  groupOf,
  openStoreOn,
  put,
  rowsOf,
  viewOf,
} from './testing/scenario.ts'

const FULL = { code: 'DISK_FULL' }

describe('a disk with little space left', () => {
  test('refuses producers first, then the broker, reads on, and resumes by itself', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ capacityBytes: 10_000_000 })
    await using store = await openStoreOn(disk, clock, {
      minFreeBytes: 2_000_000,
      hardFreeBytes: 1_000_000,
    })
    await store.append(groupOf({ bodies: ['before'] }))
    const used = 10_000_000 - (await disk.files.freeBytes('/data'))

    disk.setCapacity(used + 1_500_000)
    await clock.advance(1_000)
    await expect(store.append(groupOf())).rejects.toMatchObject(FULL)
    await store.append(changeGroup(put('progress', 'k', 'v')))
    expect(store.status.writable).toBe(false)
    expect(store.status.whyNotWritable).toContain('minFreeBytes')

    disk.setCapacity(used + 500_000)
    await clock.advance(1_000)
    await expect(store.append(changeGroup(put('progress', 'k', 'w')))).rejects.toMatchObject(FULL)
    expect((await bodiesOf(store)).bodies).toEqual(['before'])

    disk.setCapacity(10_000_000)
    await clock.advance(1_000)
    await store.append(groupOf({ bodies: ['after'] }))
    expect((await bodiesOf(store)).bodies).toEqual(['before', 'after'])
    expect(await rowsOf(store, 'progress')).toEqual([['k', 'v']])
  })
})

describe('a disk that is full without warning', () => {
  // What was refused must not come back after a restart, nor stand between what comes later.
  test('refuses the write, keeps the log whole, and goes on when there is space', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const store = await openStoreOn(disk, clock)
    await store.append(groupOf({ bodies: ['before'] }))
    const capacity = 2 ** 40
    disk.setCapacity(capacity - (await disk.files.freeBytes('/data')) + 300)

    const refused = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) =>
        store.append({
          records: [
            {
              kind: 'batch',
              batch: batchOf({ bodies: [`refused ${index}`.padEnd(900)] }),
              idempotent: true,
            },
            { kind: 'change', changes: [put('progress', 'k', 'refused')] },
          ],
        }),
      ),
    )
    expect(refused.map((outcome) => outcome.status)).toEqual(Array(6).fill('rejected'))
    expect(refused[0]).toMatchObject({ reason: FULL })
    expect(store.status.writable).toBe(false)
    await expect(store.append(groupOf())).rejects.toMatchObject(FULL)
    expect((await bodiesOf(store)).bodies).toEqual(['before'])
    await clock.advance(1_000)
    await expect(store.append(groupOf())).rejects.toMatchObject(FULL)

    disk.setCapacity(capacity)
    await clock.advance(1_000)
    const { records } = await store.append(groupOf({ bodies: ['after'] }))

    expect(records[0]).toMatchObject({ baseQueueOffset: 1, duplicate: false })
    const before = await viewOf(store)
    disk.crash()
    await using recovered = await openStoreOn(disk, clock)
    expect(await viewOf(recovered)).toEqual(before)
    expect((await bodiesOf(recovered)).bodies).toEqual(['before', 'after'])
  })

  test('survives a checkpoint that finds no space', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const store = await openStoreOn(disk, clock)
    for (let row = 0; row < 50; row++) {
      await store.append(changeGroup(put('progress', `k${row}`, 'v'.repeat(40))))
    }
    const used = 2 ** 40 - (await disk.files.freeBytes('/data'))
    disk.setCapacity(used)

    await clock.advance(5_000)

    expect(await rowsOf(store, 'progress')).toHaveLength(50)
    disk.setCapacity(2 ** 40)
    await clock.advance(2_000)
    await store.append(changeGroup(put('progress', 'last', 'v')))
    await store.close()
    await using reopened = await openStoreOn(disk, clock)
    expect(reopened.recovery.replayedRecords).toBe(0)
    expect(await rowsOf(reopened, 'progress')).toHaveLength(51)
  })

  test('is a typed error when a store is opened on it', async () => {
    const disk = new SimulatedDisk({ capacityBytes: 10 })

    await expect(openStoreOn(disk, new VirtualClock())).rejects.toMatchObject(FULL)
  })
})
