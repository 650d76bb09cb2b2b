import { DrillNetwork } from '../cluster/drill-network.ts'
import type { CutDirection, Neighbours } from '../cluster/member-ways.ts'
import type { Scene } from '../scene.ts'
import { needsSlaves, type Scenario } from './scenario.ts'

export const partitionMaster: Scenario = {
  name: 'partition-master',
  about:
    'the master is cut off for 5 s: from all, both ways and one way; from slaves; from etcd, 15 s',
  goalMs: 3_000,
  fittings: ['ways'],
  run: async (scene) => {
    const times = scene.timesMs([5_000, 5_000, 5_000, 5_000, 15_000])
    for (const [index, cut] of (scene.hasSlaves ? CUTS : CUTS.slice(0, 1)).entries()) {
      const forMs = times[index]
      if (forMs !== undefined) await partition(scene, { ...cut, forMs })
    }
  },
}

/** In the order of their times. */
const CUTS = [
  { from: 'all', direction: 'both' },
  { from: 'all', direction: 'back' },
  { from: 'all', direction: 'there' },
  { from: 'members', direction: 'both' },
  { from: 'etcd', direction: 'both' },
] as const

export const lossyLink: Scenario = {
  name: 'lossy-link',
  about: 'what the master sends is late by 50 ± 20 ms, and 1 % of it lost, for 20 s. No election',
  fittings: ['ways'],
  missing: (shape) =>
    needsSlaves(shape) ??
    (DrillNetwork.canBeBad() ? undefined : 'it takes network namespaces and a kernel with netem'),
  run: async (scene) => {
    const { cluster, group } = scene
    const [lossyMs = 20_000] = scene.timesMs([20_000])
    const master = await cluster.masterOf(group)
    const ways = cluster.waysOf(master)
    const what = `the line of ${master.name} is bad for ${lossyMs} ms`
    await scene.fault(what, { groups: [group], elects: false }, async () => ways.disturb?.())
    await scene.pause(lossyMs)
    await scene.mend('make it good', () => ways.calm?.())
    await scene.untilRecovered()
  },
}

const WORDS: Readonly<Record<CutDirection, string>> = {
  both: 'is cut off',
  there: 'hears nothing',
  back: 'is not heard',
}

export async function partition(
  scene: Scene,
  cut: { readonly from: Neighbours; readonly direction: CutDirection; readonly forMs: number },
): Promise<void> {
  const { cluster, group } = scene
  const master = await cluster.masterOf(group)
  const ways = cluster.waysOf(master)
  const what = `${master.name} ${WORDS[cut.direction]} (${cut.from}) for ${cut.forMs} ms`
  await scene.fault(what, { groups: [group], elects: true, goalMs: 3_000 }, async () =>
    ways.cut(cut.from, cut.direction),
  )
  await scene.pause(cut.forMs)
  await scene.mend('heal', () => ways.heal())
  await scene.untilRecovered()
}
