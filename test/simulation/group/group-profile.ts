import { type ElectorFaults, NO_FAULTS } from '@cometmq/replication/testing'
import type { SeededRandom } from '@cometmq/simulation'

/** What kind of world a seed is. */
export interface GroupProfile {
  readonly groups: readonly BrokerGroupShape[]
  readonly faultCount: number
  /** Nobody is killed or loses power: masters live to see that they are masters no more. */
  readonly isGentle: boolean
  /** What goes wrong on the way to the elector all the time; other things do for a while. */
  readonly electorFaults: ElectorFaults
}

/** One broker group. */
export interface BrokerGroupShape {
  readonly brokerName: string
  readonly memberCount: number
  readonly minInSync: number
  /** Who leads: whom the elector says, or whom the configuration and its operator say. */
  readonly roles: 'elected' | 'configured'
}

const FAULTS_MAX = 14

export function groupProfileOf(random: SeededRandom): GroupProfile {
  const names = random.chance(0.25) ? ['broker-a', 'broker-b'] : ['broker-a']
  return {
    groups: names.map((brokerName) => {
      const memberCount = random.chance(0.6) ? 3 : 2
      const minInSync = random.chance(0.6) ? 2 : 1
      return { brokerName, memberCount, minInSync, roles: 'elected' }
    }),
    faultCount: 1 + random.below(FAULTS_MAX),
    isGentle: random.chance(0.35),
    electorFaults: random.chance(0.6)
      ? NO_FAULTS
      : {
          lostRequestChance: random.pick([0, 0.01, 0.1]),
          lostAnswerChance: random.pick([0, 0.01, 0.1]),
          lateChance: random.pick([0, 0.02, 0.2]),
          lateMaxMs: random.pick([300, 900]),
          lostHintChance: random.pick([0, 0.1, 1]),
          hintLagMaxMs: random.pick([0, 300]),
        },
  }
}

/** A world without an elector. */
export function staticProfileOf(random: SeededRandom): GroupProfile {
  const profile = groupProfileOf(random)
  return {
    ...profile,
    groups: profile.groups.map((shape) => ({ ...shape, roles: 'configured' })),
    electorFaults: NO_FAULTS,
  }
}
