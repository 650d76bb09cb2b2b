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

export const killTwice: Scenario = {
  name: 'kill-twice',
  about: 'kill -9 of the master, and of its successor up to 300 ms after its election, five times',
  missing: needsSlaves,
  run: async (scene) => {
    for (let time = 0; time < 5; time++) await killTwiceFor(scene, 1_500)
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

export const stalls: Scenario = {
  name: 'stalls',
  about: 'the master stands still for 1 s, --count times. Nobody may be elected',
  missing: needsSlaves,
  run: async (scene) => {
    const [stalledMs = 1_000] = scene.timesMs([1_000])
    for (let time = 0; time < scene.settings.count; time++) {
      await stallMasterFor(scene, stalledMs)
      // Two of them must not add up.
      await scene.pause(1_000)
    }
  },
}

export const killSlave: Scenario = {
  name: 'kill-slave',
  about: 'kill -9 of a slave, started again after 0.2, 2 and 20 s; then one stands still for 3 s',
  goalMs: 1_200,
  missing: needsSlaves,
  run: async (scene) => {
    for (const downMs of scene.timesMs([200, 2_000, 20_000])) await killSlaveFor(scene, downMs)
    await freezeSlaveFor(scene, 3_000)
  },
}

export async function killMasterFor(scene: Scene, downMs: number): Promise<void> {
  const { group } = scene
  const master = await scene.cluster.masterOf(group)
  const what = `kill ${master.name} for ${downMs} ms`
  const options = { groups: [group], elects: true, goalMs: 1_500 }
  await scene.fault(what, options, () => master.kill())
  await scene.pause(downMs)
  await scene.mend(`start ${master.name}`, () => master.start())
  await scene.untilRecovered()
}

export async function killTwiceFor(scene: Scene, downMs: number): Promise<void> {
  const { cluster, group, random } = scene
  const first = await cluster.masterOf(group)
  const what = `kill ${first.name} and its successor for ${downMs} ms`
  const killed = [first]
  await scene.fault(what, { groups: [group], elects: true, goalMs: 'none' }, async () => {
    await first.kill()
    await scene.untilElsewhere(first)
    await scene.pause(random.between(0, 300))
    const second = await cluster.masterOf(group)
    if (second.isRunning) killed.push(second)
    await second.kill()
  })
  await scene.pause(downMs)
  await scene.mend(`start ${killed.map(({ name }) => name).join(', ')}`, () =>
    Promise.all(killed.map((member) => member.start())),
  )
  await scene.untilRecovered()
}

export async function freezeMasterFor(scene: Scene, frozenMs: number): Promise<void> {
  const { group } = scene
  const master = await scene.cluster.masterOf(group)
  const what = `freeze ${master.name} for ${frozenMs} ms`
  // Below a second nobody may be deposed; beyond it somebody may.
  const options = { groups: [group], elects: frozenMs >= 1_000, goalMs: 3_000 }
  await scene.fault(what, options, () => master.freeze())
  await scene.pause(frozenMs)
  await scene.mend(`thaw ${master.name}`, () => master.thaw())
  await scene.untilRecovered()
}

/** As a long garbage collection: nobody may be deposed for it. */
async function stallMasterFor(scene: Scene, stalledMs: number): Promise<void> {
  const { group } = scene
  const master = await scene.cluster.masterOf(group)
  const what = `stall ${master.name} for ${stalledMs} ms`
  await scene.fault(what, { groups: [group], elects: false }, () => master.freeze())
  await scene.pause(stalledMs)
  await scene.mend(`thaw ${master.name}`, () => master.thaw())
  await scene.untilRecovered()
}

export async function killSlaveFor(scene: Scene, downMs: number): Promise<void> {
  const { group } = scene
  const slave = scene.random.pick(await scene.cluster.slavesOf(group))
  const what = `kill slave ${slave.name} for ${downMs} ms`
  const options = { groups: [group], elects: false, goalMs: 1_200 }
  await scene.fault(what, options, () => slave.kill())
  await scene.pause(downMs)
  await scene.mend(`start ${slave.name}`, () => slave.start())
  await scene.untilRecovered()
}

export async function freezeSlaveFor(scene: Scene, frozenMs: number): Promise<void> {
  const { group } = scene
  const slave = scene.random.pick(await scene.cluster.slavesOf(group))
  const what = `freeze slave ${slave.name} for ${frozenMs} ms`
  const options = { groups: [group], elects: false, goalMs: 1_200 }
  await scene.fault(what, options, () => slave.freeze())
  await scene.pause(frozenMs)
  await scene.mend(`thaw ${slave.name}`, () => slave.thaw())
  await scene.untilRecovered()
}
