/** Runs the command line in this process. Wiring only: every decision is in `runComet`. */
import process from 'node:process'
import { runComet } from './run-comet.ts'

const stop = new AbortController()
let interruptedExitCode = 0
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.on(signal, () => {
    interruptedExitCode = 128 + number
    // The first one asks, the second one does not.
    if (stop.signal.aborted) process.exit(interruptedExitCode)
    stop.abort(signal)
  })
}
// The reader of a pipe has gone: `comet msg tail orders | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const exitCode = await runComet(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  input: process.stdin,
  env: process.env,
  stop: stop.signal,
})
// Not `process.exit` before the answer is out: on some systems pipes are written later.
process.stdout.write('', () => {
  process.exit(exitCode !== 0 && interruptedExitCode !== 0 ? interruptedExitCode : exitCode)
})
