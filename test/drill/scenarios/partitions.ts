import type { Neighbours } from '../cluster/member-ways.ts'
import type { Direction } from '../cluster/relay.ts'
import type { Scene } from '../scene.ts'
import type { Scenario } from './scenario.ts'

export const partitionMaster: Scenario = {
  name: 'partition-master',
  about:
    'the master is cut off for 5 s: from all, both ways and one way; from slaves; from etcd, 15 s',
  goalMs: 3_000,
  fittings: ['relays'],
  run: async (scene) => {
    const [all, members, etcd] = scene.timesMs([5_000, 5_000, 15_000])
    await partition(scene, { from: 'all', direction: 'both', forMs: all ?? 0 })
    if (!scene.hasSlaves) return
    await partition(scene, { from: 'all', direction: 'back', forMs: all ?? 0 })
    await partition(scene, { from: 'all', direction: 'there', forMs: all ?? 0 })
    if (members !== undefined) {
      await partition(scene, { from: 'members', direction: 'both', forMs: members })
    }
    if (etcd !== undefined) {
      await partition(scene, { from: 'etcd', direction: 'both', forMs: etcd })
    }
  },
}

const WORDS: Readonly<Record<Direction, string>> = {
  both: 'is cut off',
  there: 'hears nothing',
  back: 'is not heard',
}

export async function partition(
  scene: Scene,
  cut: { readonly from: Neighbours; readonly direction: Direction; readonly forMs: number },
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
