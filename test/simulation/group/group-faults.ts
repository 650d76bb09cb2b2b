import { type CutWay, NO_FAULTS } from '@cometmq/replication/testing'
import type { SeededRandom } from '@cometmq/simulation'
import { DISK_FAULTS, type Fault, faults, later, pause, type Scene } from '../faults.ts'
import type { MemberDaemon, SimulatedGroup } from './group-cluster.ts'
import { masterAmong, whenCutting, whenMaster, whenUnconfirmed } from './moments.ts'
import type { SimulatedOperator } from './simulated-operator.ts'

export interface GroupScene extends Scene {
  readonly groups: readonly SimulatedGroup[]
  readonly operator: SimulatedOperator
}

const ALONE_MS = 200
/** Somebody else is master by then. */
const BACK_MS = 1_000

const PAUSE_MS = { from: 300, to: 6_000 }

/** Before the member has noted that what it is in was flushed. */
const FRESH_FLIP = 'a bit flips in the log of a member that is killed, and so is its master'
/** In the log of a member that is replaced for it, or that mends it. */
const FLIPS = ['a bit of a log flips', 'a bit of a log flips, and is mended']

/** Of these a member may end by itself, or come to be distrusted. */
export const GROUP_DISK_FAULTS = [...DISK_FAULTS, ...FLIPS, FRESH_FLIP]

/**
 * With one member damaged, what another one can no more be trusted with is nowhere: two disks of a group
 * do not fail at once. It ends with somebody who is elected at a loss.
 */
const faultsOfBrokers = faults.map(([name, weight, happen]): Fault<GroupScene> => {
  if (name !== 'a sync fails' && name !== 'a write fails') return [name, weight, happen]
  return [name, weight, (scene, random) => scene.operator.isDone && happen(scene, random)]
})

/** What can go wrong with broker groups beside all that can go wrong with brokers. */
export const groupFaults: readonly Fault<GroupScene>[] = [
  ...faultsOfBrokers,
  [
    'a master is killed',
    5,
    (scene, random) => masterOf(scene, random).crash('kill', pause(random)),
  ],
  [
    'the power of a master is cut',
    4,
    (scene, random) => masterOf(scene, random).crash('power-cut', pause(random)),
  ],
  [
    'a master is killed with bytes that are not confirmed',
    6,
    (scene, random) => {
      const group = random.pick(scene.groups)
      return whenUnconfirmed(scene, group, random, (master) => master.crash('kill', pause(random)))
    },
  ],
  [
    'the power of a master is cut with bytes that are not confirmed',
    5,
    (scene, random) => {
      const group = random.pick(scene.groups)
      return whenUnconfirmed(scene, group, random, (master) =>
        master.crash('power-cut', pause(random)),
      )
    },
  ],
  [
    'a whole group loses power with bytes that are not confirmed',
    2,
    (scene, random) => {
      const group = random.pick(scene.groups)
      return whenUnconfirmed(scene, group, random, () => {
        for (const member of group.members) member.crash('power-cut', pause(random))
      })
    },
  ],
  [
    'two masters are killed, one right after the other',
    5,
    (scene, random) => {
      const { members } = random.pick(scene.groups)
      const first = masterAmong(members)
      if (first === undefined) return false
      first.crash('kill', pause(random))
      return whenMaster(scene, members, (second) => {
        scene.simulation.clock.schedule(random.between(0, 60), () => {
          second.crash('kill', pause(random))
        })
      })
    },
  ],
  [
    'a member is killed while it cuts its log',
    4,
    (scene, random) => {
      const group = random.pick(scene.groups)
      const master = masterAmong(group.members)
      if (master === undefined) return false
      writesAloneAndDies(scene, group, master)
      const how = random.pick(['kill', 'power-cut'] as const)
      return whenCutting(scene, group, random, (member) => member.crash(how, pause(random)))
    },
  ],
  [
    'all members are killed',
    2,
    ({ groups }, random) => {
      for (const { members } of groups)
        for (const member of members) member.crash('kill', pause(random))
    },
  ],
  ['a member is stopped', 3, (scene, random) => memberOf(scene, random).stop(pause(random))],
  ['a master is stopped', 4, (scene, random) => masterOf(scene, random).stop(pause(random))],
  ['a master is paused', 4, (scene, random) => sigstop(scene, masterOf(scene, random), random)],
  ['a member is paused', 2, (scene, random) => sigstop(scene, memberOf(scene, random), random)],
  [
    'two members are parted',
    4,
    (scene, random) => {
      const [one, other] = twoMembersOf(scene, random)
      scene.simulation.network.partition(one, other)
      later(scene, random, () => scene.simulation.network.heal(one, other))
    },
  ],
  [
    'one member hears the other no more',
    3,
    (scene, random) => {
      const [one, other] = twoMembersOf(scene, random)
      scene.simulation.network.block(one, other)
      later(scene, random, () => scene.simulation.network.heal(one, other))
    },
  ],
  [
    'connections of members are cut',
    2,
    (scene, random) => scene.simulation.network.cutConnections(...twoMembersOf(scene, random)),
  ],
  [
    'members are far from each other',
    2,
    (scene, random) => {
      const [one, other] = twoMembersOf(scene, random)
      scene.simulation.network.slowDown(one, other, random.between(5, 300))
      later(scene, random, () => scene.simulation.network.slowDown(one, other, 0))
    },
  ],
  [
    'packets between members are lost',
    3,
    (scene, random) => {
      const [one, other] = twoMembersOf(scene, random)
      scene.simulation.network.lose(one, other, random.between(0.01, 0.3))
      later(scene, random, () => scene.simulation.network.lose(one, other, 0))
    },
  ],
  [
    'a master is cut off from its group and the elector',
    3,
    (scene, random) => {
      const { members, elector } = random.pick(scene.groups)
      const master = masterAmong(members) ?? random.pick(members)
      const { name } = master.machine
      const others = members.map(({ machine }) => machine.name).filter((other) => other !== name)
      for (const other of others) scene.simulation.network.partition(name, other)
      elector.cutOff(name)
      later(scene, random, () => {
        for (const other of others) scene.simulation.network.heal(name, other)
        elector.rejoin(name)
      })
    },
  ],
  [
    'a member is parted from the elector',
    4,
    (scene, random) => {
      const { members, elector } = random.pick(scene.groups)
      const { name } = random.pick(members).machine
      elector.cutOff(name, random.pick<readonly CutWay[]>(CUT_WAYS))
      later(scene, random, () => elector.rejoin(name))
    },
  ],
  [
    'the elector is away',
    2,
    (scene, random) => {
      const { members, elector } = random.pick(scene.groups)
      for (const { machine } of members) elector.cutOff(machine.name)
      later(scene, random, () => {
        for (const { machine } of members) elector.rejoin(machine.name)
      })
    },
  ],
  [
    'the elector is slow',
    2,
    (scene, random) => {
      const { elector } = random.pick(scene.groups)
      const before = elector.faults
      const slow = { ...before, lateChance: 0.5, lateMaxMs: random.between(300, 1_500) }
      elector.faults = slow
      later(scene, random, () => {
        // Unless it has been made slower since, or all is over.
        if (elector.faults === slow) elector.faults = before
      })
    },
  ],
  [
    'a disk stands still',
    3,
    (scene, random) => {
      const { disk } = random.chance(0.5)
        ? masterOf(scene, random).machine
        : memberOf(scene, random).machine
      disk.slowDown(random.between(300, 3_000))
      later(scene, random, () => disk.slowDown(1))
    },
  ],
  [
    'an operator hands over',
    2,
    ({ groups, operator }, random) => operator.handOver(random.pick(groups)),
  ],
  [
    'a member is replaced by an empty one',
    3,
    ({ groups, operator }, random) => {
      const group = random.pick(groups)
      return operator.replace(group, random.pick(group.members))
    },
  ],
  ...FLIPS.map((name): Fault<GroupScene> => {
    const isLeft = name.endsWith('mended')
    return [
      name,
      3,
      ({ groups, operator }, random) => {
        const group = random.pick(groups)
        return operator.flip(group, random.pick(group.members), { random, isLeft })
      },
    ]
  }),
  [
    FRESH_FLIP,
    4,
    ({ groups, operator }, random) => {
      const group = random.pick(groups)
      const member = random.pick(group.members)
      const struck = (): void => {
        const master = masterAmong(group.members)
        member.crash('kill', ALONE_MS)
        master?.crash('kill', BACK_MS)
      }
      return operator.flip(group, member, { random, isLeft: true, isFresh: true, struck })
    },
  ],
]

const CUT_WAYS: readonly (readonly CutWay[])[] = [
  ['requests', 'answers'],
  ['requests'],
  ['answers'],
]

/** Those after which the processes that they struck live on. */
export const gentleFaults = groupFaults.filter(([name]) => !/killed|power/.test(name))

/** Those of groups without an elector. */
export const staticFaults: readonly Fault<GroupScene>[] = [
  ...groupFaults.filter(
    ([name]) => !/elector|hands over|replaced/.test(name) && !FLIPS.includes(name),
  ),
  [
    'an operator promotes',
    12,
    ({ groups, operator }, random) => {
      const group = random.pick(groups)
      return operator.promote(group, 1 + random.below(group.members.length))
    },
  ],
]

/** What does not end by itself. */
export function endGroupFaults({ groups, simulation }: GroupScene): void {
  for (const { members, elector } of groups) {
    elector.faults = NO_FAULTS
    for (const { machine } of members) {
      elector.rejoin(machine.name)
      machine.disk.setCapacity(2 ** 40)
      machine.disk.slowDown(1)
      if (machine.isPaused) machine.resume()
    }
  }
  simulation.network.healAll()
}

function sigstop(
  { simulation }: GroupScene,
  { machine }: MemberDaemon,
  random: SeededRandom,
): boolean {
  if (!machine.isUp || machine.isPaused) return false
  machine.pause()
  simulation.clock.schedule(random.between(PAUSE_MS.from, PAUSE_MS.to), () => {
    if (machine.isPaused) machine.resume()
  })
  return true
}

/** What it writes in that time nobody else has; the others go on without it. */
function writesAloneAndDies(
  { simulation }: GroupScene,
  { members }: SimulatedGroup,
  master: MemberDaemon,
): void {
  const { clock, network } = simulation
  const { name } = master.machine
  const others = members.map(({ machine }) => machine.name).filter((other) => other !== name)
  for (const other of others) network.partition(name, other)
  clock.schedule(ALONE_MS, () => master.crash('kill', ALONE_MS))
  clock.schedule(BACK_MS, () => {
    for (const other of others) network.heal(name, other)
  })
}

function memberOf({ groups }: GroupScene, random: SeededRandom): MemberDaemon {
  return random.pick(random.pick(groups).members)
}

/** Whoever takes himself for the master; anybody if nobody does. */
function masterOf({ groups }: GroupScene, random: SeededRandom): MemberDaemon {
  const { members } = random.pick(groups)
  return masterAmong(members) ?? random.pick(members)
}

function twoMembersOf({ groups }: GroupScene, random: SeededRandom): [string, string] {
  const { members } = random.pick(groups)
  const one = random.below(members.length)
  const other = (one + 1 + random.below(members.length - 1)) % members.length
  return [members[one]?.machine.name as string, members[other]?.machine.name as string]
}
