import { setTimeout as delay } from 'node:timers/promises'
import { linesOf, type OutputOptions, show, type View } from './output.ts'
import { reportFailure } from './report.ts'
import type { Terminal } from './terminal.ts'
import { formatDuration, formatTime } from './units.ts'

export interface WatchOptions extends OutputOptions {
  /** Milliseconds between two looks; `true`: the usual; missing: one look. */
  readonly watch?: number | true
}

const USUAL_INTERVAL_MS = 2_000

/**
 * Shows what `look` finds, with `--watch` again and again until the user ends it: in place on a
 * terminal, one document per line with `--json`.
 *
 * The first look must succeed. Later ones may fail, since a watch is most wanted while brokers
 * come and go: they show the failure in the place of what they would have found.
 */
export async function showOrWatch(
  terminal: Terminal,
  options: WatchOptions,
  look: () => Promise<View>,
): Promise<void> {
  const first = await look()
  if (options.watch === undefined) {
    show(terminal, options, first)
    return
  }
  const intervalMs = options.watch === true ? USUAL_INTERVAL_MS : options.watch
  showAgain(terminal, options, first, intervalMs)
  while (await isNextLook(intervalMs, terminal.stop)) {
    try {
      showAgain(terminal, options, await look(), intervalMs)
    } catch (error) {
      if (terminal.stop.aborted) return
      reportFailure(error, terminal, { json: options.json === true })
    }
  }
}

const CLEAR = '\u001b[H\u001b[2J\u001b[3J'

function showAgain(
  terminal: Terminal,
  options: WatchOptions,
  view: View,
  intervalMs: number,
): void {
  if (options.json === true) {
    show(terminal, options, view)
    return
  }
  const head = `every ${formatDuration(intervalMs)}, last at ${formatTime(Date.now())}`
  const clear = terminal.out.isTTY === true ? CLEAR : ''
  terminal.out.write(`${clear}${head}\n\n${linesOf(terminal, view)}${clear === '' ? '\n' : ''}`)
}

async function isNextLook(intervalMs: number, stop: AbortSignal): Promise<boolean> {
  try {
    await delay(intervalMs, undefined, { signal: stop })
    return true
  } catch {
    return false
  }
}
