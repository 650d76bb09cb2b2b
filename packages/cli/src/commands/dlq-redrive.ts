import { type OperatorOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import type { Terminal } from '../terminal.ts'

export interface DlqRedriveOptions extends OperatorOptions {
  readonly max?: number
}

export async function dlqRedrive(
  terminal: Terminal,
  group: string,
  options: DlqRedriveOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    const { messages } = await cluster.change('RedriveDeadLetters', {
      group,
      maxMessages: options.max ?? 0,
      everywhere: true,
    })
    show(terminal, options, {
      document: { group, redriven: messages },
      lines: () => [`gave ${messages} dead letters to ${group} again`],
    })
  })
}
