import { defaultSettings, type ReplicationSettings } from '@cometmq/replication'
import type { SeededRandom } from '@cometmq/simulation'

/** What kind of world a seed is: how large, how hasty, and what goes wrong how often. */
export interface Profile {
  readonly memberCount: number
  readonly settings: ReplicationSettings
  readonly hasPowerCuts: boolean
  /** How often a slave is told that nothing listens at an address where its master does. */
  readonly slander: number
  readonly crashes: number
  /** How often a crash falls between two actions of one step. */
  readonly crashesInside: number
  /** How often a crash falls between the entry of an epoch and its first record. */
  readonly emptyEpochs: number
  /** How often a connection breaks. */
  readonly breaks: number
  /** How often a link is blocked, at least one way. */
  readonly cuts: number
  /** How often a link that is cut is one to or from the elector. */
  readonly electorCuts: number
  /** How soon a member that lost the elector has it back, for one that loses it. */
  readonly electorHeals: number
  /** How often a connection ends up at another member than was dialled. */
  readonly misdirected: number
  readonly lostAnswers: number
  readonly handOvers: number
  /** How often a disk stops to flush, for some ten ticks. */
  readonly stalls: number
  readonly leaseLosses: number
  /** How often an operator has a member forgotten, and one elected when nobody in sync is left. */
  readonly forgets: number
  readonly elects: number
  readonly writes: number
  /** How much sooner than other things messages, and calls of the elector, arrive. */
  readonly linkSpeed: number
  readonly electorSpeed: number
}

export function profileOf(random: SeededRandom): Profile {
  const memberCount = random.chance(0.5) ? 3 : 2
  const threeFloor = random.chance(0.7) ? 2 : 1
  const twoFloor = random.chance(0.8) ? 1 : 2
  const confirmOn = random.chance(0.4) ? 'flushed' : 'received'
  return {
    memberCount,
    settings: hasty(random, {
      memberCount,
      minInSync: memberCount === 3 ? threeFloor : twoFloor,
      confirmOn,
    }),
    hasPowerCuts: random.chance(0.5),
    slander: random.pick([0.005, 0.02, 0.1, 0.5]),
    crashes: random.pick([0.01, 0.05, 0.3]),
    crashesInside: random.pick([0, 0.0005, 0.005]),
    emptyEpochs: random.pick([0, 0, 0.05, 0.4]),
    breaks: random.pick([0.0005, 0.005, 0.03]),
    cuts: random.pick([0, 0.004, 0.02, 0.05]),
    electorCuts: random.pick([0.2, 0.8]),
    electorHeals: random.pick([0.5, 0.05]),
    misdirected: random.pick([0, 0.05, 0.5]),
    lostAnswers: random.pick([0.001, 0.005, 0.03]),
    handOvers: random.pick([0, 0, 0.01]),
    stalls: random.pick([0, 0.002, 0.02]),
    leaseLosses: random.pick([0, 0.002, 0.02]),
    writes: random.pick([0.02, 0.1, 0.1]),
    linkSpeed: random.pick([0, 0.3, 0.8]),
    electorSpeed: random.pick([0.1, 0.4, 0.8]),
    forgets: random.pick([0, 0, 0.002, 0.01]),
    elects: random.pick([0, 0, 0.01, 0.1]),
  }
}

/** Milliseconds where a group has seconds: whatever time allows to try, it is tried. */
function hasty(
  random: SeededRandom,
  group: Pick<ReplicationSettings, 'memberCount' | 'minInSync' | 'confirmOn'>,
): ReplicationSettings {
  return {
    ...defaultSettings,
    ...group,
    beatMs: random.pick([4, 20]),
    silenceMs: random.pick([20, 60, 200]),
    inspectMs: random.pick([5, 30]),
    hearsayMs: random.pick([1, 50]),
    leaseGoneMs: random.pick([20, 200]),
    readMs: random.pick([10, 100, 1_000]),
    redialMs: random.pick([1, 10]),
    memberSilentMs: random.pick([30, 100, 300]),
    memberBehindMs: random.pick([40, 200]),
    rejoinLevelMs: random.pick([0, 0, 10]),
    removalsMs: 0,
    levelBytes: random.pick([2, 1_000]),
    canvassMs: random.pick([1, 10]),
    rankDelayMs: random.pick([0, 10]),
    deposedMs: random.pick([0, 50]),
    electionsMs: 0,
    peerLeaseMs: random.pick([5, 50]),
    // Nobody forgives himself for having slept: suspicion is what the world is after.
    lateMs: 1_000_000,
    drainMs: random.pick([20, 100]),
    handOverMs: random.pick([5, 50]),
    handOverAgainMs: random.pick([10, 100]),
    shutdownMs: random.pick([10, 100]),
    stallMs: random.pick([1, 50]),
  }
}
