import { Command } from 'commander'
import { addClusterCommands } from './program/cluster-commands.ts'
import { addDaemonCommands } from './program/daemon-commands.ts'
import { addDeadLetterCommands } from './program/dead-letter-commands.ts'
import { addGroupCommands } from './program/group-commands.ts'
import { addMessageCommands } from './program/message-commands.ts'
import { addToolCommands } from './program/tool-commands.ts'
import { addTopicCommands } from './program/topic-commands.ts'
import type { Terminal } from './terminal.ts'
import { readVersion } from './version.ts'

/**
 * Every command with its options, which are in `program/`. What a command does is loaded when it
 * runs, so that `--help` and a mistyped option cost no more than these.
 */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('comet')
    .description('CometMQ: its daemons, and every operation on a cluster.')
    .version(readVersion(), '-V, --version', 'the version of this program')
    .helpOption('-h, --help', 'this help')
    .helpCommand(false)
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      // Reported by `runComet`, in our own words.
      outputError: () => {},
      getOutHelpWidth: () => terminal.out.columns ?? 100,
      getErrHelpWidth: () => terminal.err.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  program.commandsGroup('Daemons:')
  addDaemonCommands(program, terminal)
  program.commandsGroup('Operations:')
  addTopicCommands(program, terminal)
  addGroupCommands(program, terminal)
  addMessageCommands(program, terminal)
  addDeadLetterCommands(program, terminal)
  addClusterCommands(program, terminal)
  program.commandsGroup('Tools:')
  addToolCommands(program, terminal)
  return program
}
