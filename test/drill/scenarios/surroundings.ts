import type { EtcdMember } from '../../etcd/local-etcd.ts'
import type { Scene } from '../scene.ts'
import { handOverOnce } from './restarts.ts'
import { needsSlaves, type Scenario } from './scenario.ts'

export const killNameServers: Scenario = {
  name: 'kill-nameservers',
  about: 'kill -9 of one name server, then of both, started again after 3 s',
  goalMs: 200,
  run: async (scene) => {
    const [downMs = 3_000] = scene.timesMs([3_000])
    const { nameServers } = scene.cluster
    for (const chosen of [nameServers.slice(0, 1), nameServers]) {
      const names = chosen.map(({ name }) => name).join(', ')
      await scene.fault(`kill ${names} for ${downMs} ms`, { elects: false }, () =>
        Promise.all(chosen.map((nameServer) => nameServer.kill())),
      )
      await scene.pause(downMs)
      await scene.mend(`start ${names}`, () =>
        Promise.all(chosen.map((nameServer) => nameServer.start())),
      )
      await scene.untilRecovered()
    }
  },
}

export const killEtcd: Scenario = {
  name: 'kill-etcd',
  about:
    'a member of etcd, its leader, and all of it: killed for 3 s, frozen for 3 s, away for 20 s',
  goalMs: 500,
  missing: needsSlaves,
  run: async (scene) => {
    const { etcd } = scene.cluster
    const [shortMs = 3_000, longMs = 20_000] = scene.timesMs([3_000, 20_000])
    await withoutEtcd(scene, 'a follower', [await etcd.follower()], shortMs)
    await withoutEtcd(scene, 'the leader', [await etcd.leader()], shortMs)
    await withFrozenEtcd(scene, await etcd.leader(), shortMs)
    await withoutEtcd(scene, 'all', etcd.members, longMs)
  },
}

export const etcdRestore: Scenario = {
  name: 'etcd-restore',
  about: 'etcd is restored from a backup that knows nothing of the latest hand-over',
  missing: needsSlaves,
  run: async (scene) => {
    const { cluster, group } = scene
    const { etcd } = cluster
    await stopEtcdTo(scene, 'back it up', async () => {
      for (const member of etcd.members) await member.backUp()
    })
    await scene.untilRecovered()
    await handOverOnce(scene)
    const master = await cluster.masterOf(group)
    await stopEtcdTo(scene, 'restore the backup', async () => {
      for (const member of etcd.members) await member.restore()
    })
    // Long enough for all that could go wrong: leases of the old time, an election, a bootstrap.
    await scene.pause(scene.timesMs([15_000])[0] ?? 0)
    await scene.untilServing()
    if (cluster.masterNow(group) !== master) scene.complain(`${master.name} is master no longer`)
    const alarms = await cluster.alarmsOf(master)
    if (alarms.includes('elector_went_back')) return
    scene.complain(`${master.name} says nothing of it; its alarms: ${alarms.join(', ') || 'none'}`)
  },
}

export const hostLoss: Scenario = {
  name: 'host-loss',
  about:
    'the master, the leader of etcd and a name server fall silent at once, and come back after 6 s',
  goalMs: 4_000,
  run: async (scene) => {
    for (const downMs of scene.timesMs([6_000])) await loseHost(scene, downMs)
  },
}

export async function withoutEtcd(
  scene: Scene,
  which: string,
  members: readonly EtcdMember[],
  downMs: number,
): Promise<void> {
  await scene.fault(`kill ${which} of etcd for ${downMs} ms`, { elects: false }, () =>
    Promise.all(members.map((member) => member.kill())),
  )
  await scene.pause(downMs)
  await scene.mend(`start ${which} of etcd`, () => {
    for (const member of members) member.restart()
  })
  await scene.untilRecovered()
}

async function stopEtcdTo(scene: Scene, what: string, act: () => Promise<void>): Promise<void> {
  const { members } = scene.cluster.etcd
  await scene.fault(`stop etcd to ${what}`, { elects: false, goalMs: 500 }, () =>
    Promise.all(members.map((member) => member.kill())),
  )
  await act()
  await scene.mend('start all of etcd', () => {
    for (const member of members) member.restart()
  })
}

/** A host that is lost answers nobody and refuses nobody, as a frozen process; then it is gone. */
export async function loseHost(scene: Scene, downMs: number): Promise<void> {
  const { cluster, group } = scene
  const master = await cluster.masterOf(group)
  const [nameServer] = cluster.nameServers
  const etcdLeader = scene.hasSlaves ? await cluster.etcd.leader() : undefined
  const names = [master.name, ...(etcdLeader === undefined ? [] : ['the leader of etcd'])]
  const what = `lose the host of ${names.join(', ')} and ${nameServer?.name} for ${downMs} ms`
  const options = { groups: [group], elects: true, goalMs: 4_000 }
  await scene.fault(what, options, () =>
    Promise.all([master.freeze(), etcdLeader?.freeze(), nameServer?.freeze()]),
  )
  await scene.pause(downMs)
  await scene.mend('start all of it', async () => {
    await Promise.all([master.kill(), etcdLeader?.kill(), nameServer?.kill()])
    etcdLeader?.restart()
    await Promise.all([master.start(), nameServer?.start()])
  })
  await scene.untilRecovered()
}

async function withFrozenEtcd(scene: Scene, member: EtcdMember, frozenMs: number): Promise<void> {
  await scene.fault(`freeze the leader of etcd for ${frozenMs} ms`, { elects: false }, () =>
    member.freeze(),
  )
  await scene.pause(frozenMs)
  await scene.mend('thaw it', () => member.thaw())
  await scene.untilRecovered()
}
