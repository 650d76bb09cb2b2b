import { confirm } from '../confirm.ts'
import { type RiskyOptions, withCluster } from '../operator.ts'
import { showOutcome } from '../outcome-view.ts'
import type { Terminal } from '../terminal.ts'

export interface GroupRmOptions extends RiskyOptions {
  readonly force?: boolean
}

export async function groupRm(
  terminal: Terminal,
  group: string,
  options: GroupRmOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    if (options.yes !== true) {
      await cluster.askAll('DescribeGroup', { group }, 'GROUP_NOT_FOUND')
      await confirm(terminal, options, `delete group ${group} and forget what it has consumed`)
    }
    const { brokers } = await cluster.change('DeleteGroup', {
      group,
      everywhere: true,
      force: options.force === true,
    })
    showOutcome(terminal, options, brokers, {
      done: `deleted group ${group}`,
      document: { group },
    })
  })
}
