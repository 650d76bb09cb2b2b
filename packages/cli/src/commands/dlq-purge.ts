import { confirm } from '../confirm.ts'
import { type RiskyOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import { sum } from '../spec-of.ts'
import type { Terminal } from '../terminal.ts'

export async function dlqPurge(
  terminal: Terminal,
  group: string,
  options: RiskyOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    if (options.yes !== true) {
      const answers = await cluster.askAll('ListDeadLetters', { group }, 'GROUP_NOT_FOUND')
      const counts = answers.flatMap(({ answer }) => answer.counts)
      const messages = sum(counts.map((count) => count.messages))
      await confirm(terminal, options, `delete ${messages} dead letters of ${group}`)
    }
    const { messages } = await cluster.change('PurgeDeadLetters', {
      group,
      everywhere: true,
    })
    show(terminal, options, {
      document: { group, purged: messages },
      lines: () => [`deleted ${messages} dead letters of ${group}`],
    })
  })
}
