import { type Command, Option } from 'commander'
import { count, gatherProperties, place, start, type Place } from '../arguments.ts'
import type { MsgSendOptions } from '../commands/msg-send.ts'
import type { MsgTailOptions } from '../commands/msg-tail.ts'
import type { OperatorOptions } from '../operator.ts'
import type { Terminal } from '../terminal.ts'
import { noun, operator } from './command-kinds.ts'

export function addMessageCommands(program: Command, terminal: Terminal): void {
  const msg = noun(program.command('msg'), 'messages: send, get, tail')
  operator(msg.command('send'), 'send messages')
    .argument('<topic>')
    .argument('[body]', 'the body; `-`: each line of the standard input is one')
    .option('--file <path>', 'the body is what is in the file')
    .option('--lines', 'each line, of the file or of the standard input, is a message')
    .option('--tag <tag>', 'one word to filter by')
    .option('--key <key>', 'messages of one key keep their order')
    .option('--keys <keys>', 'business keys, with commas between')
    .option('--property <key=value>', 'a property; may be repeated', gatherProperties)
    .option('--count <n>', 'send it so many times', count(1))
    .action(async (topic: string, body: string | undefined, options: MsgSendOptions) => {
      await (await import('../commands/msg-send.ts')).msgSend(terminal, { topic, body }, options)
    })
  operator(msg.command('get'), 'one message by its place')
    .argument('<topic>')
    .argument('<place>', 'BROKER/QUEUE/OFFSET', place)
    .action(async (topic: string, at: Place, options: OperatorOptions) => {
      await (await import('../commands/msg-get.ts')).msgGet(terminal, { topic, at }, options)
    })
  operator(msg.command('tail'), 'show messages as they come, without a group')
    .argument('<topic>')
    .addOption(
      new Option('--from <start>', 'earliest, latest or a time')
        .argParser(start)
        .default({ kind: 'latest' }, 'latest'),
    )
    .option('--filter <tags>', 'only these tags: `a||b`')
    .addOption(
      new Option(
        '--sql <condition>',
        'only where that holds of properties, TAGS and KEYS',
      ).conflicts('filter'),
    )
    .option('--max <n>', 'end after so many', count(1))
    .action(async (topic: string, options: MsgTailOptions) => {
      await (await import('../commands/msg-tail.ts')).msgTail(terminal, topic, options)
    })
}
