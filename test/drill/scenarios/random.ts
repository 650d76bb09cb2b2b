import type { Scene } from '../scene.ts'
import { sharedNowMs } from '../../../packages/cli/src/drill/shared-clock.ts'
import {
  freezeMasterFor,
  freezeSlaveFor,
  killMasterFor,
  killSlaveFor,
  killTwiceFor,
} from './members.ts'
import { partition } from './partitions.ts'
import { handOverOnce, powerCut } from './restarts.ts'
import type { Scenario } from './scenario.ts'
import { loseHost, withoutEtcd } from './surroundings.ts'

export const randomFaults: Scenario = {
  name: 'random',
  about: 'one fault after another, drawn from --seed, for --duration',
  fittings: ['ways'],
  run: async (scene) => {
    const endMs = sharedNowMs() + scene.settings.durationMs
    while (sharedNowMs() < endMs) await anyFault(scene)
  },
}

async function anyFault(scene: Scene): Promise<void> {
  const { random, hasSlaves } = scene
  const forMs = Math.round(random.between(20, random.chance(0.2) ? 8_000 : 1_500))
  const direction = random.pick(['both', 'there', 'back'] as const)
  const anywhere = [
    () => killMasterFor(scene, forMs),
    () => freezeMasterFor(scene, forMs),
    () => powerCut(scene, forMs),
    () => loseHost(scene, forMs),
    () => partition(scene, { from: 'all', direction, forMs }),
  ]
  const withSlaves = [
    () => killSlaveFor(scene, forMs),
    () => freezeSlaveFor(scene, forMs),
    () => killTwiceFor(scene, forMs),
    () => handOverOnce(scene),
    () => partition(scene, { from: random.pick(['members', 'etcd']), direction, forMs }),
    async () => withoutEtcd(scene, 'the leader', [await scene.cluster.etcd.leader()], forMs),
  ]
  await random.pick([...anywhere, ...(hasSlaves ? withSlaves : [])])()
}
