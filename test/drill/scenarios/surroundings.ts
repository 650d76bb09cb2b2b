import type { Scene } from '../scene.ts'
import type { Scenario } from './scenario.ts'

export const killNameServers: Scenario = {
  name: 'kill-nameservers',
  about: 'kill -9 of one name server, then of both, started again after 3 s',
  run: async (scene) => {
    const [downMs = 3_000] = scene.timesMs([3_000])
    const [first] = scene.cluster.nameServers
    if (first !== undefined) {
      await scene.fault(`kill ${first.name} for ${downMs} ms`, { elects: false }, () =>
        first.kill(),
      )
      await scene.pause(downMs)
      await scene.mend(`start ${first.name}`, () => first.start())
      await scene.untilRecovered()
    }
    await killAllNameServers(scene, downMs)
  },
}

export async function killAllNameServers(scene: Scene, downMs: number): Promise<void> {
  const { nameServers } = scene.cluster
  await scene.fault(`kill all name servers for ${downMs} ms`, { elects: false }, () =>
    Promise.all(nameServers.map((nameServer) => nameServer.kill())),
  )
  await scene.pause(downMs)
  await scene.mend('start all name servers', () =>
    Promise.all(nameServers.map((nameServer) => nameServer.start())),
  )
  await scene.untilRecovered()
}
