import { SmallDisk } from '../../integration/small-disk.ts'
import type { DrillProcess } from '../cluster/drill-process.ts'
import type { Scene } from '../scene.ts'
import { needsSlaves, type Scenario } from './scenario.ts'

export const diskFull: Scenario = {
  name: 'disk-full',
  about: 'somebody else fills the disk of a slave, then of the master, and cleans up after 4 s',
  fittings: ['small-disks'],
  missing: () =>
    SmallDisk.canBeMade() ? undefined : 'it takes the right to mount small file systems',
  run: async (scene) => {
    const [fullMs = 4_000] = scene.timesMs([4_000])
    const [slave] = await scene.cluster.slavesOf(scene.group)
    if (slave !== undefined) await fillDisk(scene, slave, fullMs)
    await fillDisk(scene, await scene.cluster.masterOf(scene.group), fullMs)
  },
}

export const slowDisk: Scenario = {
  name: 'slow-disk',
  about: 'each flush of a slave, then of the master, takes 5 s longer, for 10 s',
  fittings: ['slow-disks'],
  missing: needsSlaves,
  run: async (scene) => {
    const [slowMs = 10_000] = scene.timesMs([10_000])
    await slowDownSlave(scene, slowMs)
    await slowDownMaster(scene, slowMs)
  },
}

/** Longer than anybody waits for a disk. */
const FLUSH_MS = 5_000

/** It is taken out of the in-sync set, and let in again. */
async function slowDownSlave(scene: Scene, slowMs: number): Promise<void> {
  const { cluster, group } = scene
  const slave = scene.random.pick(await cluster.slavesOf(group))
  const disk = cluster.slowDiskOf(slave)
  const before = await cluster.inSyncCount(group)
  const what = `slow down the disk of slave ${slave.name} for ${slowMs} ms`
  const options = { groups: [group], elects: false, goalMs: 4_500 }
  await scene.fault(what, options, () => disk.slowDown(FLUSH_MS))
  await scene.pause(slowMs)
  if ((await cluster.inSyncCount(group)) >= before) scene.complain(`${what}: it stayed in sync`)
  await scene.mend('speed it up', () => disk.speedUp())
  await scene.untilRecovered()
}

/** It hands over as long as somebody else has a better one. */
async function slowDownMaster(scene: Scene, slowMs: number): Promise<void> {
  const { cluster, group } = scene
  const master = await cluster.masterOf(group)
  const disk = cluster.slowDiskOf(master)
  const what = `slow down the disk of ${master.name} for ${slowMs} ms`
  const options = { groups: [group], elects: true, goalMs: 4_500 }
  await scene.fault(what, options, () => disk.slowDown(FLUSH_MS))
  await scene.pause(slowMs)
  if (cluster.masterNow(group) === master) scene.complain(`${what}: it stayed master`)
  await scene.mend('speed it up', () => disk.speedUp())
  await scene.untilRecovered()
}

/** Below what a broker keeps free for its own records, as the layout sets it. */
const LEFT_MIB = 8

async function fillDisk(scene: Scene, member: DrillProcess, fullMs: number): Promise<void> {
  const disk = scene.cluster.diskOf(member)
  const what = `fill the disk of ${member.name} for ${fullMs} ms`
  await scene.fault(what, { groups: [scene.group], elects: true }, () => disk.leaveFree(LEFT_MIB))
  await scene.pause(fullMs)
  await scene.mend('clean up', () => disk.takeFillerAway())
  await scene.untilRecovered()
}
