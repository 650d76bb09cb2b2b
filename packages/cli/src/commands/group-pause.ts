import { type OperatorOptions, withCluster } from '../operator.ts'
import { showOutcome } from '../outcome-view.ts'
import type { Terminal } from '../terminal.ts'

export async function groupPause(
  terminal: Terminal,
  group: string,
  options: OperatorOptions,
): Promise<void> {
  await setPaused(terminal, group, options, true)
}

export async function groupResume(
  terminal: Terminal,
  group: string,
  options: OperatorOptions,
): Promise<void> {
  await setPaused(terminal, group, options, false)
}

async function setPaused(
  terminal: Terminal,
  group: string,
  options: OperatorOptions,
  paused: boolean,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    const { brokers } = await cluster.change('EditGroup', {
      group,
      paused: String(paused),
      everywhere: true,
    })
    showOutcome(terminal, options, brokers, {
      done: `${paused ? 'paused' : 'resumed'} group ${group}`,
      document: { group, paused },
    })
  })
}
