import type { ChildProcess } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** One listener for all of them: there are dozens. */
const children = new Set<ChildProcess>()

/** Whoever is broken off in the middle leaves no process behind. */
export function killWithUs(child: ChildProcess): void {
  if (children.size === 0) process.once('exit', killAll)
  children.add(child)
  child.once('exit', () => {
    children.delete(child)
    if (children.size === 0) process.off('exit', killAll)
  })
}

function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
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
