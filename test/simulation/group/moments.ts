import type { SeededRandom, Simulation } from '@cometmq/simulation'
import type { MemberDaemon, SimulatedGroup } from './group-cluster.ts'
import type { Scene } from '../faults.ts'

/** A process that is gone has a successor in this time. */
const ELECTED_WITHIN_MS = 500

/** Somebody sends something in this time. */
const UNCONFIRMED_WITHIN_MS = 400

/** A master that was killed is back in this time, and follows another one. */
const CUT_WITHIN_MS = 3_000

const LOOK_MS = 0.5

/** Strikes soon, as soon as a master has written what is not confirmed; resolves to whether it does. */
export function whenUnconfirmed(
  { simulation }: Pick<Scene, 'simulation'>,
  { members }: SimulatedGroup,
  random: SeededRandom,
  strike: (master: MemberDaemon) => void,
): Promise<boolean> {
  return soon(simulation, UNCONFIRMED_WITHIN_MS, () => {
    const master = masterAmong(members)
    const store = master?.present?.status.store
    if (master === undefined || store === undefined) return false
    if (store.maxOffset <= store.confirmOffset) return false
    // Now before and now after the slaves have it.
    simulation.clock.schedule(random.between(0, 4), () => strike(master))
    return true
  })
}

/** Strikes as soon as there is a master, if that is soon; resolves to whether it did. */
export function whenMaster(
  { simulation }: Pick<Scene, 'simulation'>,
  members: readonly MemberDaemon[],
  strike: (master: MemberDaemon) => void,
): Promise<boolean> {
  return soon(simulation, ELECTED_WITHIN_MS, () => {
    const master = masterAmong(members)
    if (master !== undefined) strike(master)
    return master !== undefined
  })
}

/** Strikes the next member that cuts its log, somewhere on its way; resolves to whether one did. */
export function whenCutting(
  { simulation }: Pick<Scene, 'simulation'>,
  { members }: SimulatedGroup,
  random: SeededRandom,
  strike: (member: MemberDaemon) => void,
): Promise<boolean> {
  const { clock, story } = simulation
  return new Promise((resolve) => {
    const undo = story.listen((who, sentence) => {
      const member = members.find(({ machine }) => machine.name === who)
      if (member === undefined || !sentence.endsWith('unconfirmed tail is cut')) return
      undo()
      clock.schedule(random.between(0, 12), () => strike(member))
      resolve(true)
    })
    clock.schedule(CUT_WITHIN_MS, () => {
      undo()
      resolve(false)
    })
  })
}

/** Whoever takes himself for the master. */
export function masterAmong(members: readonly MemberDaemon[]): MemberDaemon | undefined {
  return members.find(({ present }) => present?.status.member?.role === 'master')
}

function soon({ clock }: Simulation, withinMs: number, attempt: () => boolean): Promise<boolean> {
  const deadlineMs = clock.elapsedMs() + withinMs
  return new Promise((resolve) => {
    const look = (): void => {
      if (attempt()) resolve(true)
      else if (clock.elapsedMs() < deadlineMs) clock.schedule(LOOK_MS, look)
      else resolve(false)
    }
    look()
  })
}
