import type { Command } from 'commander'
import { count, duration, durations, resetTarget, start } from '../arguments.ts'
import type { GroupCreateOptions } from '../commands/group-create.ts'
import type { GroupResetOptions } from '../commands/group-reset.ts'
import type { GroupRmOptions } from '../commands/group-rm.ts'
import type { OperatorOptions, WatchedOptions } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import { noun, operator, risky, watched } from './command-kinds.ts'

export function addGroupCommands(program: Command, terminal: Terminal): void {
  const group = noun(program.command('group'), 'consumer groups: list, lag, reset, pause')
  watched(group.command('ls'), 'every group, with members and backlog').action(
    async (options: WatchedOptions) => {
      await (await import('../commands/group-ls.ts')).groupLs(terminal, options)
    },
  )
  watched(group.command('info'), 'one group: settings and members')
    .argument('<group>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('../commands/group-info.ts')).groupInfo(terminal, name, options)
    })
  operator(group.command('create'), 'create a group on every broker')
    .argument('<group>')
    .option(
      '--max-attempts <count>',
      'deliveries of a message before it is a dead letter',
      count(1),
    )
    .option('--invisible <duration>', 'how long a consumer may keep a message', duration)
    .option('--retry-delays <durations>', 'wait before attempt 2, 3, …, with commas', durations)
    .option('--start <from>', 'earliest, latest or a time: where it begins in a queue', start)
    .option('--fifo', 'messages of one message group one after the other, in their order')
    .action(async (name: string, options: GroupCreateOptions) => {
      await (await import('../commands/group-create.ts')).groupCreate(terminal, name, options)
    })
  risky(group.command('rm'), 'delete a group with its positions from every broker')
    .argument('<group>')
    .option('--force', 'also while it has members')
    .action(async (name: string, options: GroupRmOptions) => {
      await (await import('../commands/group-rm.ts')).groupRm(terminal, name, options)
    })
  watched(group.command('lag'), 'per queue: ready + in flight + delayed = backlog')
    .argument('<group>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('../commands/group-lag.ts')).groupLag(terminal, name, options)
    })
  risky(group.command('reset'), 'move a group to another place; what it holds is given up')
    .argument('<group>')
    .requiredOption('--to <place>', 'earliest, latest, a time, or an offset', resetTarget)
    .option('--topic <topic>', 'only this one (default: every topic the group has read)')
    .option('--queue <id>', 'only this queue of the topic', count(0))
    .option('--dry-run', 'only show what would move')
    .action(async (name: string, options: GroupResetOptions) => {
      await (await import('../commands/group-reset.ts')).groupReset(terminal, name, options)
    })
  operator(group.command('pause'), 'deliver nothing more to a group until it is resumed')
    .argument('<group>')
    .action(async (name: string, options: OperatorOptions) => {
      await (await import('../commands/group-pause.ts')).groupPause(terminal, name, options)
    })
  operator(group.command('resume'), 'deliver to a paused group again')
    .argument('<group>')
    .action(async (name: string, options: OperatorOptions) => {
      await (await import('../commands/group-pause.ts')).groupResume(terminal, name, options)
    })
}
