import { Simulation } from '@cometmq/simulation'
import { History, type Violation } from '../../packages/cli/src/history/history.ts'
import { MessageOrder } from '../../packages/cli/src/history/message-order.ts'
import { causeFaults, faults } from './faults.ts'
import { SimulatedCluster } from './simulated-cluster.ts'
import { settleWorkload } from './settle-workload.ts'
import { createTopicAndGroups, FIFO_GROUP, SimulatedClient } from './workload.ts'

export interface SeedReport {
  readonly seed: number
  readonly counts: History['counts']
  /** How often each fault happened. */
  readonly faults: ReadonlyMap<string, number>
  readonly violations: readonly Violation[]
  /** What happened, for a seed that fails. */
  readonly story: readonly string[]
}

const FAULTS_MAX = 8
const FAULTS_WITHIN_MS = 8_000

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
  const { nameServers, brokers } = cluster
  const happened = await causeFaults(
    { simulation, nameServers, brokers, clients },
    { faults, count, withinMs: FAULTS_WITHIN_MS },
  )

  try {
    const violations = await settleWorkload({ simulation, clients, history, order })
    return reportOf(simulation, history, { violations, faults: happened })
  } catch (error) {
    const violations = [{ kind: 'stuck', why: String(error) }] as const
    return reportOf(simulation, history, { violations, faults: happened })
  }
}

function reportOf(
  simulation: Simulation,
  history: History,
  found: Pick<SeedReport, 'violations' | 'faults'>,
): SeedReport {
  return {
    seed: simulation.seed,
    counts: history.counts,
    ...found,
    story: simulation.story.lines,
  }
}
