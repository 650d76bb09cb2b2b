import { CometError } from '@cometmq/protocol'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DrillLoad } from './load/load.ts'
import { type MachineReport, watchMachine } from './machine-watch.ts'
import type { Span } from './outage.ts'
import { sharedNowMs } from './shared-clock.ts'

/** What is left to do when all sends are answered. */
const DRAIN_MS = 60_000
const PROGRESS_MS = 1_000

interface Watched {
  readonly load: DrillLoad
  /** Is given what went wrong; only an interruption is thrown. */
  readonly complaints: string[]
  readonly say: (line: string) => void
  readonly stop?: AbortSignal
}

/** A scenario under load, from its calm beginning to its calm end. */
export async function playUnderLoad(
  { load, complaints, stop }: Watched,
  scenario: { readonly calmMs: number; readonly run: () => Promise<void> },
  onProgress: (line: string) => void,
): Promise<{ readonly span: Span; readonly machine: MachineReport }> {
  const fromMs = sharedNowMs()
  const tell = (): void => onProgress(progressOf(load, sharedNowMs() - fromMs))
  const progress = setInterval(tell, PROGRESS_MS)
  const machine = watchMachine()
  const pause = (): Promise<void> =>
    sleep(scenario.calmMs, undefined, stop === undefined ? {} : { signal: stop })
  try {
    await pause()
    await scenario.run()
    await pause()
  } catch (error) {
    if (stop?.aborted === true) throw error
    complaints.push(error instanceof Error ? error.message : String(error))
  } finally {
    clearInterval(progress)
  }
  return { span: { fromMs, toMs: sharedNowMs() }, machine: machine() }
}

/** Lets everything come to rest, and reads what is stored. */
export async function settleLoad(
  { load, complaints, say, stop }: Watched,
  brokerGroups: number,
): Promise<void> {
  say('no more sends; waiting until everything is consumed')
  try {
    await inTime(load.stopSending(), 'sends were not answered', stop)
    await inTime(untilDrained(load, brokerGroups), 'a backlog was left', stop)
    await inTime(load.stopConsuming(), 'consumers did not end', stop)
    await inTime(load.readQueues(), 'queues could not be read', stop)
  } catch (error) {
    if (stop?.aborted === true) throw error
    complaints.push(error instanceof Error ? error.message : String(error))
  }
}

async function untilDrained(load: DrillLoad, brokerGroups: number): Promise<void> {
  while (!load.isOver && (await load.backlog(brokerGroups)) !== 0) await sleep(50)
}

async function inTime(work: Promise<void>, otherwise: string, stop?: AbortSignal): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${otherwise} in ${DRAIN_MS} ms`)), DRAIN_MS)
  const onStop = (): void => reject(new CometError('CANCELLED', 'interrupted'))
  stop?.addEventListener('abort', onStop)
  await Promise.race([work, late]).finally(() => {
    clearTimeout(timer)
    stop?.removeEventListener('abort', onStop)
  })
}

function progressOf(load: DrillLoad, elapsedMs: number): string {
  const { acknowledged, delivered, redelivered, failed } = load.progress
  const groups = Object.entries(acknowledged).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const sends = groups.map(([group, count]) => `${group} ${count}`).join('  ')
  const seconds = (elapsedMs / 1e3).toFixed(0).padStart(4)
  return `${seconds} s  acknowledged ${sends}  delivered ${delivered} (${redelivered} again)  given up ${failed}`
}
