import { CometError, toCometError } from '@cometmq/protocol'
import { CommandError } from './command-error.ts'
import { ConfigError, mistakeLine } from './config/mistake.ts'
import { type ExitCode, exitCodeOf, exitCodes, hints } from './exit-codes.ts'
import { printable } from './table.ts'
import type { Terminal } from './terminal.ts'

/** A failure as it is shown. */
export interface Report {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  readonly exitCode: ExitCode
  /** Found by the command line itself: the code says no more than the message. */
  readonly isOwn: boolean
  /** Only of a configuration. */
  readonly mistakes?: readonly string[]
}

/** Writes a failure to the error stream, in one line with a hint, and answers the exit code. */
export function reportFailure(
  thrown: unknown,
  terminal: Terminal,
  options: { readonly json: boolean },
): ExitCode {
  const report = reportOf(thrown)
  if (options.json) {
    const { isOwn: _, ...error } = report
    terminal.err.write(`${JSON.stringify({ error })}\n`)
    return report.exitCode
  }
  const { message, hint } = report
  const code = report.isOwn ? '' : ` [${report.code}]`
  terminal.err.write(
    `comet: ${printable(message)}${code}${hint === undefined ? '' : `; ${hint}`}\n`,
  )
  for (const mistake of report.mistakes ?? []) terminal.err.write(`  ${printable(mistake)}\n`)
  return report.exitCode
}

function reportOf(thrown: unknown): Report {
  if (thrown instanceof CommandError) {
    const { exitCode, message, hint } = thrown
    return { code: codeNames[exitCode], message, hint, exitCode, isOwn: true }
  }
  if (thrown instanceof ConfigError) {
    return {
      code: 'CONFIG_INVALID',
      message: thrown.message,
      hint: undefined,
      exitCode: exitCodes.usage,
      isOwn: true,
      mistakes: thrown.mistakes.map(mistakeLine),
    }
  }
  const { code, message } = toCometError(thrown)
  const exitCode = exitCodeOf(code)
  // What is no CometError is a bug of ours: where it happened is what one needs to report it.
  const where =
    !(thrown instanceof CometError) && thrown instanceof Error ? ` (${originOf(thrown)})` : ''
  return { code, message: message + where, hint: hints[code], exitCode, isOwn: false }
}

const codeNames: Record<ExitCode, string> = {
  0: 'OK',
  1: 'FAILED',
  2: 'USAGE',
  3: 'NOT_FOUND',
  4: 'NOT_ALLOWED',
  5: 'CONNECT_FAILED',
  6: 'TIMEOUT',
  7: 'PRECONDITION',
}

function originOf(error: Error): string {
  const line = error.stack?.split('\n').find((candidate) => candidate.trimStart().startsWith('at '))
  return line?.trim() ?? error.name
}
