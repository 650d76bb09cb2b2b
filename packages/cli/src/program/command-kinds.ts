import { type Command, Option } from 'commander'
import { duration, gather } from '../arguments.ts'

/** A command that reads the files of a stopped broker. */
export function storeCommand(command: Command, about: string): Command {
  return command
    .description(about)
    .argument('<dir>', 'the data folder of the broker')
    .option('--json', 'answer as one JSON document')
}

/** A command that only has commands below it. */
export function noun(command: Command, about: string): Command {
  return command.description(about).helpCommand(false)
}

/** A command that talks to a cluster. */
export function operator(command: Command, about: string): Command {
  return command
    .description(about)
    .option(
      '-n, --nameserver <addresses>',
      'host:port, with commas between (default: $COMETMQ_NAMESERVER, or localhost:9876)',
    )
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for an answer')
        .argParser(duration)
        .default(10_000, '10s'),
    )
    .option('--json', 'answer in JSON')
}

/** A command that shows something which changes. */
export function watched(command: Command, about: string): Command {
  return operator(command, about).addOption(
    new Option(
      '-w, --watch [interval]',
      'show it again and again (without interval: each 2s)',
    ).argParser(duration),
  )
}

/** A command that takes something away. */
export function risky(command: Command, about: string): Command {
  return operator(command, about).option('-y, --yes', 'do not ask')
}

/** A process that serves. Its options are settings; the others are in file and environment. */
export function daemon(command: Command, about: string): Command {
  return command
    .description(about)
    .option('-c, --config <file>', 'settings, as YAML (default: $COMETMQ_CONFIG)')
    .option('--cluster <name>', 'cluster it belongs to')
    .option('--listen <address>', 'host:port to listen on; port 0 takes a free one')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option(
      '--set <key=value>',
      'any setting, such as store.retention.maxAge=72h; may be repeated',
      gather,
    )
    .option('--check', 'only check the settings and show them')
    .option('--json', 'with --check: show them in JSON')
}
