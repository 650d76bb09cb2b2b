import type { Command } from 'commander'
import { count } from '../arguments.ts'
import type { DlqPeekOptions } from '../commands/dlq-peek.ts'
import type { DlqRedriveOptions } from '../commands/dlq-redrive.ts'
import type { RiskyOptions, WatchedOptions } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import { noun, operator, risky, watched } from './command-kinds.ts'

export function addDeadLetterCommands(program: Command, terminal: Terminal): void {
  const dlq = noun(program.command('dlq'), 'dead letters: list, look, send again, delete')
  watched(dlq.command('ls'), 'groups that have dead letters').action(
    async (options: WatchedOptions) => {
      await (await import('../commands/dlq-ls.ts')).dlqLs(terminal, options)
    },
  )
  operator(dlq.command('peek'), 'the dead letters of a group, oldest first')
    .argument('<group>')
    .option('--max <n>', 'at most so many', count(1), 10)
    .option('--from <offset>', 'from this offset of the dead letter queue', count(0))
    .action(async (group: string, options: DlqPeekOptions) => {
      await (await import('../commands/dlq-peek.ts')).dlqPeek(terminal, group, options)
    })
  operator(dlq.command('redrive'), 'give dead letters of a group to it again')
    .argument('<group>')
    .option('--max <n>', 'at most so many of each broker, oldest first', count(1))
    .action(async (group: string, options: DlqRedriveOptions) => {
      await (await import('../commands/dlq-redrive.ts')).dlqRedrive(terminal, group, options)
    })
  risky(dlq.command('purge'), 'delete the dead letters of a group')
    .argument('<group>')
    .action(async (group: string, options: RiskyOptions) => {
      await (await import('../commands/dlq-purge.ts')).dlqPurge(terminal, group, options)
    })
}
