import type { Scene } from '../scene.ts'
import { needsSlaves, type Scenario } from './scenario.ts'

export const killMaster: Scenario = {
  name: 'kill-master',
  about: 'kill -9 of the master, started again after 0.2, 2 and 20 s',
  goalMs: 1_500,
  run: async (scene) => {
    for (const downMs of scene.timesMs([200, 2_000, 20_000])) await killMasterFor(scene, downMs)
  },
}

export const freezeMaster: Scenario = {
  name: 'freeze-master',
  about: 'the master stands still (SIGSTOP) for 0.5, 1, 3 and 10 s',
  goalMs: 3_000,
  run: async (scene) => {
    for (const frozenMs of scene.timesMs([500, 1_000, 3_000, 10_000])) {
      await freezeMasterFor(scene, frozenMs)
    }
  },
}

export const killSlave: Scenario = {
  name: 'kill-slave',
  about: 'kill -9 of a slave, started again after 0.2, 2 and 20 s',
  goalMs: 1_200,
  missing: needsSlaves,
  run: async (scene) => {
    for (const downMs of scene.timesMs([200, 2_000, 20_000])) await killSlaveFor(scene, downMs)
  },
}

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

export const powerCutAll: Scenario = {
  name: 'power-cut-all',
  about:
    'kill -9 of all brokers at once, started again in any order; what the kernel holds survives',
  run: async (scene) => {
    for (const downMs of scene.timesMs([500, 2_000])) await powerCut(scene, downMs)
  },
}

export async function killMasterFor(scene: Scene, downMs: number): Promise<void> {
  const { group } = scene
  const master = await scene.cluster.masterOf(group)
  const what = `kill ${master.name} for ${downMs} ms`
  await scene.fault(what, { groups: [group], elects: true }, () => master.kill())
  await scene.pause(downMs)
  await scene.mend(`start ${master.name}`, () => master.start())
  await scene.untilRecovered()
}

export async function freezeMasterFor(scene: Scene, frozenMs: number): Promise<void> {
  const { group } = scene
  const master = await scene.cluster.masterOf(group)
  const what = `freeze ${master.name} for ${frozenMs} ms`
  // Below a second nobody may be deposed; beyond it somebody may.
  const elects = frozenMs >= 1_000
  await scene.fault(what, { groups: [group], elects }, () => master.freeze())
  await scene.pause(frozenMs)
  await scene.mend(`thaw ${master.name}`, () => master.thaw())
  await scene.untilRecovered()
}

export async function killSlaveFor(scene: Scene, downMs: number): Promise<void> {
  const { group } = scene
  const slave = scene.random.pick(await scene.cluster.slavesOf(group))
  const what = `kill slave ${slave.name} for ${downMs} ms`
  await scene.fault(what, { groups: [group], elects: false }, () => slave.kill())
  await scene.pause(downMs)
  await scene.mend(`start ${slave.name}`, () => slave.start())
  await scene.untilRecovered()
}

export async function powerCut(scene: Scene, downMs: number): Promise<void> {
  const brokers = scene.cluster.groups.flatMap(({ members }) => members)
  await scene.fault(`kill all brokers for ${downMs} ms`, { elects: true }, () =>
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
