import type { Start } from '../arguments.ts'
import { type OperatorOptions, withCluster } from '../operator.ts'
import { showOutcome } from '../outcome-view.ts'
import type { Terminal } from '../terminal.ts'

export interface GroupCreateOptions extends OperatorOptions {
  readonly maxAttempts?: number
  readonly invisible?: number
  readonly retryDelays?: readonly number[]
  readonly start?: Start
  readonly fifo?: boolean
}

export async function groupCreate(
  terminal: Terminal,
  group: string,
  options: GroupCreateOptions,
): Promise<void> {
  const { start } = options
  await withCluster(terminal, options, async (cluster) => {
    const { brokers } = await cluster.change('CreateGroup', {
      group,
      maxAttempts: options.maxAttempts ?? 0,
      invisibleMs: options.invisible ?? 0,
      retryDelaysMs: [...(options.retryDelays ?? [])],
      start: start?.kind ?? '',
      startTimestampMs: start?.kind === 'timestamp' ? start.timestampMs : 0,
      fifo: options.fifo === true,
      everywhere: true,
      ifMissing: false,
    })
    showOutcome(terminal, options, brokers, {
      done: `created group ${group}`,
      document: { group },
    })
  })
}
