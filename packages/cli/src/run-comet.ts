import { toCometError } from '@cometmq/protocol'
import { type Command, CommanderError } from 'commander'
import { CommandError } from './command-error.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { buildProgram } from './program.ts'
import { reportFailure } from './report.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line to its end. Never throws; answers how the process should exit. */
export async function runComet(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const program = buildProgram(terminal)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok
    const failure = terminal.stop.aborted ? interruption(error) : usageError(error, program, args)
    return reportFailure(failure, terminal, { json: args.includes('--json') })
  }
}

/** What an interrupted command fails with is only that it was interrupted, unless it is a real failure. */
function interruption(error: unknown): unknown {
  if (toCometError(error).code !== 'CANCELLED') return error
  return new CommandError(exitCodes.failed, 'interrupted')
}

/** A mistake in the arguments, told our way. */
function usageError(error: unknown, program: Command, args: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error
  const names = commandNames(program, args)
  const help = `\`${names.join(' ')} --help\` shows what it takes`
  // A command with subcommands, and none named.
  if (error.code === 'commander.help') {
    const message =
      names.length === 1 ? 'no command was given' : `no ${names.at(-1)} command was given`
    return new CommandError(exitCodes.usage, message, help)
  }
  return new CommandError(exitCodes.usage, sentenceOf(error.message), help)
}

/** Commander's sentences as one, without their ends: `unknown option '--jsn' (did you mean --json?)`. */
function sentenceOf(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/^command-argument value '(.*)' is invalid for argument '(.*)'\./, "'$1' is no $2:")
    .replace(/^option '(.*)' argument '(.*)' is invalid\./, "$1 cannot be '$2':")
    .replace(': Give ', ': give ')
    .replace('\n(Did ', ' (did ')
    .replace(/\.$/, '')
    .trim()
}

/** `['comet', 'topic', 'ls']` of `topic ls --jsn`. */
function commandNames(program: Command, args: readonly string[]): readonly string[] {
  const names = ['comet']
  let command = program
  for (const arg of args) {
    const next = command.commands.find((candidate) => candidate.name() === arg)
    if (next === undefined) continue
    names.push(arg)
    command = next
  }
  return names
}
