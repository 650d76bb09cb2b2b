import type { Scene } from '../scene.ts'
import { needsSlaves, type Scenario } from './scenario.ts'

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  about: 'every broker and name server in turn: SIGTERM, and started again',
  goalMs: 200,
  run: async (scene) => {
    for (const { name, members } of scene.cluster.groups) {
      for (const member of members) {
        await scene.fault(`restart ${member.name}`, { groups: [name], elects: true }, () =>
          member.stop(),
        )
        await scene.mend(`start ${member.name}`, () => member.start())
        await scene.untilRecovered()
      }
    }
    for (const nameServer of scene.cluster.nameServers) {
      await scene.fault(`restart ${nameServer.name}`, { elects: false }, () => nameServer.stop())
      await scene.mend(`start ${nameServer.name}`, () => nameServer.start())
      await scene.untilRecovered()
    }
  },
}

export const handOver: Scenario = {
  name: 'hand-over',
  about: 'the master is asked to hand over, ten times, each 2 s after the group was whole',
  goalMs: 200,
  missing: needsSlaves,
  run: async (scene) => {
    for (let time = 0; time < 10; time++) {
      await handOverOnce(scene)
      await scene.pause(2_000)
    }
  },
}

export const powerCutAll: Scenario = {
  name: 'power-cut-all',
  about:
    'kill -9 of all brokers at once, started again in any order; what the kernel holds survives',
  run: async (scene) => {
    for (const downMs of scene.timesMs([500, 2_000])) await powerCut(scene, downMs)
  },
}

export async function handOverOnce(scene: Scene): Promise<void> {
  const { cluster, group } = scene
  const before = await cluster.masterOf(group)
  const what = `hand over from ${before.name}`
  await scene.fault(what, { groups: [group], elects: true, goalMs: 200 }, () =>
    cluster.askForHandOver(group),
  )
  await scene.untilElsewhere(before)
  await scene.untilRecovered()
}

export async function powerCut(scene: Scene, downMs: number): Promise<void> {
  const brokers = scene.cluster.groups.flatMap(({ members }) => members)
  const what = `kill all brokers for ${downMs} ms`
  await scene.fault(what, { elects: true, goalMs: 'none' }, () =>
    Promise.all(brokers.map((broker) => broker.kill())),
  )
  await scene.pause(downMs)
  const order = brokers
    .map((broker) => ({ broker, place: scene.random.fraction() }))
    .toSorted((a, b) => a.place - b.place)
  await scene.mend(`start ${order.map(({ broker }) => broker.name).join(', ')}`, async () => {
    const starts: Promise<void>[] = []
    for (const { broker } of order) {
      // A member may wait for another one before it is ready.
      starts.push(broker.start())
      await scene.pause(scene.random.between(0, 300))
    }
    await Promise.all(starts)
  })
  await scene.untilRecovered()
}
