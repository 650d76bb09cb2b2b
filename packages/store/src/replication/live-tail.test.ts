import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { bytesOf, copy, openMemberOn, REIGN } from '../testing/members.ts'
import { groupOf } from '../testing/scenario.ts'
import type { LiveBytes } from './live-tail.ts'

describe('the live tail', () => {
  test('hands on what is written, in the buffers that were written, fillers included', async () => {
    const [master, slave] = [await member(), await member()]
    await master.log.lead(REIGN)
    await copy(master, slave)
    const heard: LiveBytes[] = []
    master.log.tap((bytes) => heard.push(bytes))
    const group = groupOf({ bodies: ['mine'] })
    const [record] = group.records
    for (let n = 0; n < 60; n++) {
      const groups = [master.append(groupOf(), 'flushed'), master.append(groupOf(), 'flushed')]
      await Promise.all(groups)
    }
    await master.append(group, 'flushed')

    for (const { from, buffers, epoch, epochStart } of heard) {
      await slave.log.appendRaw(from, Buffer.concat(buffers), { epoch, epochStart })
    }

    const { max } = master.log.offsets
    expect(max).toBeGreaterThan(3 * 4096)
    expect(slave.log.offsets.max).toBe(max)
    expect(await bytesOf(slave)).toEqual(await bytesOf(master))
    expect(record?.kind === 'batch' && heard.at(-1)?.buffers.at(-1)).toBe(
      record?.kind === 'batch' && record.batch.bytes,
    )
  })

  // What did not fit is cut off again: a slave that had it would differ within an epoch.
  test('says nothing of what found no space', async () => {
    const disk = new SimulatedDisk()
    const store = await member(disk)
    await store.log.lead(REIGN)
    const heard: LiveBytes[] = []
    store.log.tap((bytes) => heard.push(bytes))
    disk.setCapacity(0)

    const appends = [1, 2].map(() => store.append(groupOf({ bodies: ['x'.repeat(3000)] })))
    const outcomes = await Promise.allSettled(appends)

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(heard).toEqual([])
  })
})

function member(disk = new SimulatedDisk()) {
  return openMemberOn(disk, new VirtualClock())
}
