import type { Command } from 'commander'
import { count, yesOrNo } from '../arguments.ts'
import type { TopicCreateOptions } from '../commands/topic-create.ts'
import type { TopicEditOptions } from '../commands/topic-edit.ts'
import type { TopicLsOptions } from '../commands/topic-ls.ts'
import type { RiskyOptions, WatchedOptions } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import { noun, operator, risky, watched } from './command-kinds.ts'

export function addTopicCommands(program: Command, terminal: Terminal): void {
  const topic = noun(program.command('topic'), 'topics: list, create, change, delete')
  watched(topic.command('ls'), 'every topic, with its queues on all brokers')
    .option('--internal', 'also retry and dead letter topics')
    .action(async (options: TopicLsOptions) => {
      await (await import('../commands/topic-ls.ts')).topicLs(terminal, options)
    })
  watched(topic.command('info'), 'one topic: settings, and offsets of each queue')
    .argument('<topic>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('../commands/topic-info.ts')).topicInfo(terminal, name, options)
    })
  operator(topic.command('create'), 'create a topic on every broker')
    .argument('<topic>')
    .option('--queues <count>', "queues per broker (default: the broker's)", count(1))
    .option('--type <type>', 'normal, fifo, delay or transaction')
    .option('--flush <when>', 'answer a send after fdatasync (sync) or after the write (async)')
    .option('--replicas <which>', 'answer a send when the in-sync set has it, or the master')
    .action(async (name: string, options: TopicCreateOptions) => {
      await (await import('../commands/topic-create.ts')).topicCreate(terminal, name, options)
    })
  operator(topic.command('edit'), 'change a topic on every broker; queues are only ever added')
    .argument('<topic>')
    .option('--queues <count>', 'queues per broker', count(1))
    .option('--flush <when>', 'sync or async')
    .option('--replicas <which>', 'in-sync or master')
    .option('--readable <yes>', 'true or false: whether consumers get its messages', yesOrNo)
    .option('--writable <yes>', 'true or false: whether producers may send', yesOrNo)
    .action(async (name: string, options: TopicEditOptions) => {
      await (await import('../commands/topic-edit.ts')).topicEdit(terminal, name, options)
    })
  risky(topic.command('rm'), 'delete a topic with its messages from every broker')
    .argument('<topic>')
    .action(async (name: string, options: RiskyOptions) => {
      await (await import('../commands/topic-rm.ts')).topicRm(terminal, name, options)
    })
  watched(topic.command('route'), 'which broker serves which queues, as clients see it')
    .argument('<topic>')
    .action(async (name: string, options: WatchedOptions) => {
      await (await import('../commands/topic-route.ts')).topicRoute(terminal, name, options)
    })
  watched(topic.command('stats'), 'messages kept and, with --watch, arriving, per topic')
    .argument('[topic]')
    .action(async (name: string | undefined, options: WatchedOptions) => {
      await (await import('../commands/topic-stats.ts')).topicStats(terminal, name, options)
    })
}
