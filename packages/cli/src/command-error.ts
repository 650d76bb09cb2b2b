import type { ExitCode } from './exit-codes.ts'

/** A command that cannot go on for a reason of its own: the line to show, what to try, how to exit. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode
  readonly hint: string | undefined

  constructor(exitCode: ExitCode, message: string, hint?: string) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
  }
}
