import { sharedNowMs } from '../shared-clock.ts'
import type { Scene } from '../scene.ts'
import { freezeMasterFor, killMasterFor, killSlaveFor, powerCut } from './members.ts'
import type { Scenario } from './scenario.ts'
import { killAllNameServers } from './surroundings.ts'

export const randomFaults: Scenario = {
  name: 'random',
  about: 'one fault after another, drawn from --seed, for --duration',
  run: async (scene) => {
    const endMs = sharedNowMs() + scene.settings.durationMs
    while (sharedNowMs() < endMs) await anyFault(scene)
  },
}

async function anyFault(scene: Scene): Promise<void> {
  const { random, hasSlaves } = scene
  const awayMs = Math.round(random.between(20, random.chance(0.2) ? 8_000 : 1_500))
  const choices = [
    () => killMasterFor(scene, awayMs),
    () => freezeMasterFor(scene, awayMs),
    () => powerCut(scene, awayMs),
    () => killAllNameServers(scene, awayMs),
    ...(hasSlaves ? [() => killSlaveFor(scene, awayMs)] : []),
  ]
  await random.pick(choices)()
}
