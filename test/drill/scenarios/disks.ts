import { SmallDisk } from '../../integration/small-disk.ts'
import type { DrillProcess } from '../cluster/drill-process.ts'
import type { Scene } from '../scene.ts'
import type { Scenario } from './scenario.ts'

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
