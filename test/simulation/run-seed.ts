import { Simulation } from '@cometmq/simulation'
import { backlogOf } from '../cluster/backlog.ts'
import { History, type Violation } from '../history/history.ts'
import { MessageOrder } from '../history/message-order.ts'
import { causeFaults } from './faults.ts'
import { SimulatedCluster } from './simulated-cluster.ts'
import {
  createTopicAndGroups,
  FIFO_GROUP,
  GROUPS,
  readQueues,
  SimulatedClient,
} from './workload.ts'

export interface SeedReport {
  readonly seed: number
  readonly counts: History['counts']
  readonly violations: readonly Violation[]
  /** What happened, for a seed that fails. */
  readonly story: readonly string[]
}

const FAULTS_MAX = 8
const FAULTS_WITHIN_MS = 8_000
/** After the last fault; far more than any retry takes. */
const CALM_LIMIT_MS = 200_000

/**
 * Runs one world: load, faults, calm; then everything that was promised is checked. The story tells
 * each event of the messages in `watch`.
 */
export async function runSeed(
  seed: number,
  watch: ReadonlySet<string> = new Set(),
): Promise<SeedReport> {
  // Small buffers would share memory with those of earlier runs, and a cache that counts memory would
  // then hold more or less than it does in a process of its own.
  Buffer.poolSize = 0
  const simulation = new Simulation(seed)
  const history = new History()
  const order = new MessageOrder(FIFO_GROUP)
  const cluster = new SimulatedCluster(simulation)
  const { endpoints } = cluster
  await simulation.runUntil(cluster.start(), { limitMs: 60_000 })
  // Registration takes a moment, and a topic is made on the brokers that are known.
  await simulation.advance(100)
  await createTopicAndGroups(simulation, endpoints)

  const clients = ['client-1', 'client-2'].map(
    (name) => new SimulatedClient(simulation, { name, endpoints, history, order, watch }),
  )
  for (const client of clients) client.start()
  const count = 1 + simulation.random.below(FAULTS_MAX)
  await causeFaults({ simulation, cluster, clients }, { count, withinMs: FAULTS_WITHIN_MS })

  for (const client of clients) client.stopSending()
  try {
    simulation.tell('no more is sent')
    await simulation.runUntil(() => clients.every(({ isQuiet }) => isQuiet), {
      limitMs: CALM_LIMIT_MS,
    })
    await simulation.runUntil(untilConsumed(simulation, clients, history), {
      limitMs: CALM_LIMIT_MS,
    })
    const comet = clients.find((client) => client.comet !== undefined)?.comet
    if (comet === undefined) throw new Error('no client is connected after the faults')
    const { queues, keys } = await simulation.runUntil(readQueues(comet), {
      limitMs: CALM_LIMIT_MS,
    })
    for (const messages of queues) history.finalQueue(messages)
    const overtaken = queues.flatMap((queue) => order.violations(queue, (id) => keys.get(id)))
    const violations = history.violations({ groups: GROUPS, finalReads: true })
    return reportOf(simulation, history, [...violations, ...overtaken])
  } catch (error) {
    return reportOf(simulation, history, [{ kind: 'stuck', why: String(error) }])
  }
}

/** Until the groups have been given every acknowledged message, and nothing is owed to them. */
async function untilConsumed(
  simulation: Simulation,
  clients: readonly SimulatedClient[],
  history: History,
): Promise<void> {
  let told = ''
  for (;;) {
    const comet = clients.find((client) => client.comet !== undefined)?.comet
    // A broker that is just starting answers later.
    const backlogs: (number | undefined)[] = []
    for (const group of GROUPS) {
      backlogs.push(comet && (await backlogOf(comet, group).catch(() => undefined)))
    }
    const missing = GROUPS.flatMap((group) => history.missingFor(group))
    if (backlogs.every((backlog) => backlog === 0) && missing.length === 0) return
    const now = `backlogs ${backlogs.join(' ')}, not delivered: ${missing.slice(0, 5).join(' ') || 'none'}`
    if (now !== told) simulation.tell(now)
    told = now
    await simulation.clock.sleep(200)
  }
}

function reportOf(
  simulation: Simulation,
  history: History,
  violations: readonly Violation[],
): SeedReport {
  return {
    seed: simulation.seed,
    counts: history.counts,
    violations,
    story: simulation.story.lines,
  }
}
