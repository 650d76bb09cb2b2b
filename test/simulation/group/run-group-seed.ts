import { Simulation } from '@cometmq/simulation'
import { History, type Violation } from '../../../packages/cli/src/history/history.ts'
import { MessageOrder } from '../../../packages/cli/src/history/message-order.ts'
import { causeFaults, type Fault } from '../faults.ts'
import { settleWorkload } from '../settle-workload.ts'
import { createTopicAndGroups, FIFO_GROUP, GROUPS, SimulatedClient } from '../workload.ts'
import { GroupCluster, type LeftOut } from './group-cluster.ts'
import {
  endGroupFaults,
  gentleFaults,
  GROUP_DISK_FAULTS,
  groupFaults,
  type GroupScene,
  staticFaults,
} from './group-faults.ts'
import { type GroupProfile, groupProfileOf, staticProfileOf } from './group-profile.ts'
import { type GroupCounts, type GroupViolation, GroupWatch } from './group-watch.ts'
import { areLevel, compareLogs } from './member-logs.ts'
import { ProgressWatch } from './progress-watch.ts'
import { SimulatedOperator } from './simulated-operator.ts'

export interface GroupReport {
  readonly seed: number
  readonly counts: History['counts'] & GroupCounts
  /** How often each fault happened. */
  readonly faults: ReadonlyMap<string, number>
  readonly violations: readonly (Violation | GroupViolation)[]
  /** What happened, for a seed that fails. */
  readonly story: readonly string[]
}

export interface GroupWorldOptions extends LeftOut {
  readonly profileOf?: typeof groupProfileOf
}

const FAULTS_WITHIN_MS = 5_000
/** Of what lasts longer, the end is hastened. */
const REST_MS = 2_000
const STILL_MS = 500
const LIMIT = { limitMs: 100_000 }

/**
 * Runs one world of broker groups that fail over: load, faults, calm; then everything that was
 * promised is checked. The story tells each event of the messages in `watch`.
 */
export async function runGroupSeed(
  seed: number,
  watch: ReadonlySet<string> = new Set(),
  { profileOf = groupProfileOf, ...leftOut }: GroupWorldOptions = {},
): Promise<GroupReport> {
  // As for worlds of single brokers.
  Buffer.poolSize = 0
  const simulation = new Simulation(seed)
  const profile = profileOf(simulation.random.fork('profile'))
  simulation.tell(JSON.stringify(profile))
  const history = new History()
  const order = new MessageOrder(FIFO_GROUP)
  const cluster = new GroupCluster(simulation, profile, leftOut)
  const { endpoints, groups, nameServers, members } = cluster
  const groupWatch = new GroupWatch(simulation, groups)
  let faults: GroupReport['faults'] = new Map()
  const reportOf = (violations: GroupReport['violations']): GroupReport => ({
    seed,
    counts: { ...history.counts, ...groupWatch.counts },
    faults,
    violations: [...groupWatch.violations, ...violations],
    story: simulation.story.lines,
  })
  groupWatch.start()
  try {
    await simulation.runUntil(cluster.start(), LIMIT)
    await simulation.runUntil(() => groups.every(({ members }) => members.some(isServing)), LIMIT)
    // Registration takes a moment, and a topic is made on the brokers that are known.
    await simulation.advance(100)
    await createTopicAndGroups(simulation, endpoints)

    const clients = ['client-1', 'client-2'].map((name, index) => {
      const reads = index === 0
      return new SimulatedClient(simulation, { name, endpoints, history, order, watch, reads })
    })
    for (const client of clients) client.start()
    for (const { elector } of groups) elector.faults = profile.electorFaults
    const operator = await simulation.runUntil(
      SimulatedOperator.connect(simulation, endpoints),
      LIMIT,
    )
    const progress = new ProgressWatch(simulation, operator.comet)
    progress.start()
    const scene = { simulation, nameServers, brokers: members, clients, groups, operator }
    faults = await causeFaults(scene, {
      faults: faultsOf(profile),
      count: profile.faultCount,
      withinMs: FAULTS_WITHIN_MS,
      restMs: REST_MS,
    })
    endGroupFaults(scene)
    await simulation.runUntil(() => operator.isDone, LIMIT)
    await simulation.runUntil(operator.untilLed(groups), LIMIT)

    const violations = (await settleWorkload({ simulation, clients, history, order })).filter(
      (violation) => violation.kind !== 'returned' || !isStoodIn(simulation),
    )
    await simulation.runUntil(operator.forgetReplaced(), LIMIT)
    for (const { name } of clients) simulation.machine(name).kill()
    // What a master still writes of its own accord comes to rest.
    await simulation.advance(STILL_MS)
    await simulation.runUntil(() => groups.every(areLevel), LIMIT)
    groupWatch.stop()
    progress.stop()
    for (const daemon of [...nameServers, ...members]) daemon.end()
    const hasFailedDisks = GROUP_DISK_FAULTS.some((name) => faults.has(name))
    const failures = hasFailedDisks ? [] : failuresOf(scene, members, groupWatch.counts)
    const differing = groups.map((group) => compareLogs(simulation, group, groupWatch))
    return reportOf([
      ...progress.violations,
      ...operator.violations,
      ...violations,
      ...failures,
      ...(await simulation.runUntil(Promise.all(differing), LIMIT)).flat(),
    ])
  } catch (error) {
    // What nobody was given is why, most often.
    const lost = history.violations({ groups: GROUPS, finalReads: false })
    return reportOf([...lost, { kind: 'stuck', why: String(error) }])
  }
}

/** A world whose brokers have roles by configuration, and an operator who promotes. */
export function runStaticSeed(
  seed: number,
  watch: ReadonlySet<string> = new Set(),
): Promise<GroupReport> {
  return runGroupSeed(seed, watch, { profileOf: staticProfileOf })
}

/**
 * A slave stands in with what it has heard of. What was acknowledged to a master that did not wait for
 * it may come once more.
 */
function isStoodIn({ story }: Simulation): boolean {
  return story.lines.some((line) => line.includes('stands in for its master'))
}

function faultsOf({ groups, isGentle }: GroupProfile): readonly Fault<GroupScene>[] {
  if (groups.some(({ roles }) => roles === 'configured')) return staticFaults
  return isGentle ? gentleFaults : groupFaults
}

function isServing({ present }: GroupCluster['members'][number]): boolean {
  return present?.status.writable === true
}

/** A power cut has torn a write as damage would: whoever is alone with that is elected as a last resort. */
function isInDoubt({ story }: Simulation): boolean {
  return story.lines.some((line) => line.includes('a tail is cut that has records in it'))
}

/** With disks that do what they should, nobody has a reason to end by himself, nor to be distrusted. */
function failuresOf(
  { simulation }: GroupScene,
  members: GroupCluster['members'],
  { recoveries }: GroupCounts,
): GroupViolation[] {
  const failed = (what: string) => ({ kind: 'invariant', rule: 'failure', what }) as const
  const ended = members.flatMap(({ machine, failures }) =>
    failures.map((error) => failed(`${machine.name} ended by itself: ${String(error)}`)),
  )
  return recoveries === 0 || isInDoubt(simulation)
    ? ended
    : [...ended, failed('nobody in sync was trusted')]
}
