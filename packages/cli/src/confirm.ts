import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { CommandError } from './command-error.ts'
import { exitCodes } from './exit-codes.ts'
import type { Terminal } from './terminal.ts'

/**
 * Asks before something that cannot be undone. `action` begins the question: `delete topic orders`.
 *
 * Without a terminal nobody can answer, so a script has to say `--yes`.
 */
export async function confirm(
  terminal: Terminal,
  options: { readonly yes?: boolean },
  action: string,
): Promise<void> {
  if (options.yes === true) return
  if (terminal.input.isTTY !== true || terminal.err.isTTY !== true) {
    const hint = 'add --yes where no terminal can be asked'
    throw new CommandError(exitCodes.precondition, `this would ${action}`, hint)
  }
  terminal.err.write(`This will ${action}. Go on? [y/N] `)
  const answer = await readAnswer(terminal)
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new CommandError(exitCodes.precondition, 'nothing was changed')
  }
}

/** The next line that is typed; empty where there is none any more. */
export async function readAnswer(terminal: Terminal): Promise<string> {
  if (terminal.input.readableEnded) return ''
  const lines = createInterface({ input: terminal.input })
  try {
    const [line] = await Promise.race([
      once(lines, 'line', { signal: terminal.stop }),
      once(lines, 'close', { signal: terminal.stop }).then(() => ['']),
    ])
    return String(line)
  } finally {
    lines.close()
  }
}
