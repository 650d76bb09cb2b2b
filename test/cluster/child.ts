import type { ChildProcess } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whoever is broken off in the middle leaves no process behind. */
export function killWithUs(child: ChildProcess): void {
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}

/**
 * Resolves when a process that got a SIGSTOP has stopped: a signal is answered for before a busy
 * machine delivers it.
 */
export async function hasStopped(child: ChildProcess): Promise<void> {
  while (!(await standsStill(child.pid))) await sleep(5)
}

/** All of its threads do; where there is no /proc, after a while in which they should. */
async function standsStill(pid: number | undefined): Promise<boolean> {
  const tasks = `/proc/${pid}/task`
  const threads = await readdir(tasks).catch(() => undefined)
  if (threads === undefined) return sleep(200, true)
  const stats = await Promise.all(
    threads.map((thread) => readFile(`${tasks}/${thread}/stat`, 'utf8').catch(() => ') T')),
  )
  return stats.every((stat) => /\) [Tt]/.test(stat))
}
