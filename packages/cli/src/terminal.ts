import type { Readable } from 'node:stream'

/** What a command sees of the process that it runs in; a test gives it one of its own. */
export interface Terminal {
  /** Answers. */
  readonly out: Screen
  /** Errors, questions and progress: whatever a pipe behind the command should not get. */
  readonly err: Screen
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted when the user or the machine asks the command to end. */
  readonly stop: AbortSignal
}

export interface Screen {
  write(text: string): unknown
  /** Missing or false: a file or a pipe. */
  readonly isTTY?: boolean
  /** Missing where it is no terminal. */
  readonly columns?: number
}
