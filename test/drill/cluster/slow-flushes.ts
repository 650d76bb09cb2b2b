/**
 * Loaded into a broker before anything else (`--import`): as long as there is a file where
 * `DRILL_SLOW_FLUSHES` says, every flush takes as many milliseconds longer as it holds.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

const switchFile = process.env['DRILL_SLOW_FLUSHES'] ?? ''
const handle = await open(process.execPath)
// The class has no name that could be imported; all handles of the process share it.
const prototype = Object.getPrototypeOf(handle) as FileHandle
await handle.close()

for (const name of ['datasync', 'sync'] as const) {
  const flush = prototype[name]
  prototype[name] = async function slowly(this: FileHandle): Promise<void> {
    const delayMs = Number(await readFile(switchFile, 'utf8').catch(() => '0'))
    if (delayMs > 0) await sleep(delayMs)
    await flush.call(this)
  }
}
