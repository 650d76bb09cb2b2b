import { CometError } from '@cometmq/client'
import type { Simulation } from '@cometmq/simulation'
import { backlogOf } from '../cluster/backlog.ts'
import type { History, Violation } from '../../packages/cli/src/history/history.ts'
import type { MessageOrder } from '../../packages/cli/src/history/message-order.ts'
import { GROUPS, readQueues, type SimulatedClient } from './workload.ts'

/** After the last fault; far more than any retry takes. */
const CALM_LIMIT_MS = 200_000

export interface Workload {
  readonly simulation: Simulation
  readonly clients: readonly SimulatedClient[]
  readonly history: History
  readonly order: MessageOrder
}

/**
 * Nothing goes wrong any more: waits until all that was sent has been consumed, reads every queue, and
 * holds what the clients saw against what was promised. Rejects if it does not come to that.
 */
export async function settleWorkload(workload: Workload): Promise<readonly Violation[]> {
  const { simulation, clients, history, order } = workload
  for (const client of clients) client.stopSending()
  simulation.tell('no more is sent')
  await simulation.runUntil(() => clients.every(({ isQuiet }) => isQuiet), {
    limitMs: CALM_LIMIT_MS,
  })
  await simulation.runUntil(untilConsumed(workload), { limitMs: CALM_LIMIT_MS })
  const comet = clients.find((client) => client.comet !== undefined)?.comet
  if (comet === undefined) throw new Error('no client is connected after the faults')
  const { queues, keys } = await simulation.runUntil(readQueues(comet), {
    limitMs: CALM_LIMIT_MS,
  })
  for (const messages of queues) history.finalQueue(messages)
  const overtaken = queues.flatMap((queue) => order.violations(queue, (id) => keys.get(id)))
  return [...history.violations({ groups: GROUPS, finalReads: true }), ...overtaken]
}

/** Until the groups have been given every acknowledged message, and nothing is owed to them. */
async function untilConsumed({ simulation, clients, history }: Workload): Promise<void> {
  let told = ''
  for (;;) {
    const comet = clients.find((client) => client.comet !== undefined)?.comet
    // A broker that is just starting answers later.
    const backlogs: (number | undefined)[] = []
    for (const group of GROUPS) {
      backlogs.push(comet && (await backlogOf(comet, group).catch(unlessWrong)))
    }
    const missing = GROUPS.flatMap((group) => history.missingFor(group))
    if (backlogs.every((backlog) => backlog === 0) && missing.length === 0) return
    const now = `backlogs ${backlogs.join(' ')}, not delivered: ${missing.slice(0, 5).join(' ') || 'none'}`
    if (now !== told) simulation.tell(now)
    told = now
    await simulation.clock.sleep(200)
  }
}

/** Nobody can tell just now; everything else is for the test to know. */
function unlessWrong(error: unknown): undefined {
  if (error instanceof CometError) return undefined
  throw error
}
