import { type Command, Option } from 'commander'
import { bytes, count, duration, durationOrNone } from '../arguments.ts'
import type { BenchOptions } from '../commands/bench.ts'
import type { DrillOptions } from '../commands/drill.ts'
import type { OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { noun, operator, risky, storeCommand } from './command-kinds.ts'

export function addToolCommands(program: Command, terminal: Terminal): void {
  operator(program.command('bench'), 'publish to a running cluster, consume it, and tell the speed')
    .option('--topic <topic>', 'use this topic; without it, one is made and deleted')
    .option('--messages <n>', 'how many', count(1), 100_000)
    .addOption(new Option('--size <bytes>', 'of each body').argParser(bytes).default(1024, '1KiB'))
    .option('--window <n>', 'messages sent and not yet answered', count(1), 4096)
    .option('--queues <n>', 'of the topic that is made', count(1), 8)
    .option('--no-consume', 'only publish')
    .action(async (options: BenchOptions) => {
      await (await import('../commands/bench.ts')).bench(terminal, options)
    })
  risky(
    program.command('drill'),
    'put a running cluster under load, break something, and tell what became of every message',
  )
    .argument('<scenario>', 'hand-over, kill-master, …: docs/drills.md lists them')
    .option('--fault-command <command>', 'what breaks something; {master}, {brokerName}, … are set')
    .option('--heal-command <command>', 'what puts it right again')
    .option('--manual', 'be told what to do, and when')
    .option('--broker <name>', 'which broker group it is about (default: the first one)')
    .option('--faults <n>', 'how many, one after the other', count(1), 1)
    .addOption(
      new Option('--down <duration>', 'from the fault to its end')
        .argParser(duration)
        .default(5_000, '5s'),
    )
    .addOption(
      new Option('--duration <duration>', 'of the load, at least')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .option('--producers <n>', 'clients that send', count(1), 4)
    .option('--consumers <n>', 'clients that receive', count(1), 4)
    .option('--rate <n>', 'messages per second, of all producers together', count(1), 500)
    .option('--goal <duration>', 'how long a group may be away, or none', durationOrNone)
    .option('--ledger <dir>', 'where to write down what was seen (default: a new folder)')
    .option('--keep', 'leave the topic and the groups')
    .action(async (scenario: string, options: DrillOptions) => {
      await (await import('../commands/drill.ts')).drill(terminal, scenario, options)
    })
  const store = noun(
    program.command('store'),
    'the files of a broker that does not run: inspect, verify',
  )
  storeCommand(store.command('inspect'), 'what is in the commit log, by segment and queue').action(
    async (directory: string, options: OutputOptions) => {
      await (await import('../commands/store.ts')).storeInspect(terminal, directory, options)
    },
  )
  storeCommand(store.command('verify'), 'check every byte; the first bad one, if any').action(
    async (directory: string, options: OutputOptions) => {
      await (await import('../commands/store.ts')).storeVerify(terminal, directory, options)
    },
  )
}
