import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { SeededRandom } from '@cometmq/simulation'
import { DrillCluster } from './cluster/drill-cluster.ts'
import type { ClusterShape } from './cluster/layout.ts'
import { judge } from './judge.ts'
import { readLedgers } from './ledger.ts'
import { DrillLoad } from './load/load.ts'
import { faultsInLogs } from './logs.ts'
import type { Span } from './outage.ts'
import { type DrillReport, reportOf } from './report.ts'
import { Scene, type SceneSettings } from './scene.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { sharedNowMs } from './shared-clock.ts'
import { type Observation, timelineOf } from './timeline.ts'

export interface DrillOptions extends SceneSettings {
  readonly scenario: Scenario
  readonly shape: ClusterShape
  readonly seed: number
  readonly perSecond: number
  /** How long a calm cluster is watched before the first fault, and after the last. */
  readonly calmMs: number
  readonly say: (line: string) => void
}

/** What is left to do when all sends are answered. */
const DRAIN_MS = 60_000
const PROGRESS_MS = 1_000

/**
 * One drill, from empty folders to the verdict. What the processes wrote is kept where the verdict
 * is FAIL, and said.
 */
export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const { scenario, shape, seed, say } = options
  const { fittings = [], goalMs = 'none' } = scenario
  const directory = await mkdtemp(path.join(tmpdir(), 'comet-drill-'))
  const observations: Observation[] = []
  const onObservation = (observation: Observation): void => void observations.push(observation)
  const report = await (async () => {
    await using cluster = await DrillCluster.start({ shape, fittings, directory, onObservation })
    say(`the cluster is up: groups ${shape.groups}, members ${shape.members}, in ${directory}`)
    const { endpoints } = cluster
    await using load = await DrillLoad.start({ endpoints, directory, perSecond: options.perSecond })
    const random = new SeededRandom(seed)
    const scene = new Scene({ cluster, load, random, settings: options, goalMs, say })
    const { span, stalledMs } = await play(options, scene, load)
    await settle(load, scene, say)
    const lines = readLedgers(load.directory)
    const { faults, complaints } = scene
    const runtime = openNodeRuntime({ name: 'drill', logLevel: 'silent' })
    for (const group of await cluster.stopBrokers()) {
      const seen = { topic: load.topic, lines }
      complaints.push(...(await faultsInLogs(runtime.files, group, seen)))
    }
    return reportOf({
      scenario: scenario.name,
      seed,
      ...shape,
      stalledMs,
      judgement: judge(lines, load.groups),
      timeline: timelineOf({ faults, observations, lines }, span),
      complaints,
    })
  })()
  if (report.verdict === 'PASS') await rm(directory, { recursive: true, force: true })
  else say(`logs, ledgers and data are kept in ${directory}`)
  return report
}

/** The scenario under load, from its calm beginning to its calm end. */
async function play(
  { scenario, calmMs, say }: DrillOptions,
  scene: Scene,
  load: DrillLoad,
): Promise<{ readonly span: Span; readonly stalledMs: number }> {
  const fromMs = sharedNowMs()
  const progress = setInterval(() => say(progressOf(load, sharedNowMs() - fromMs)), PROGRESS_MS)
  // Its timers are as late as those of every other process here.
  const lateness = monitorEventLoopDelay({ resolution: 10 })
  lateness.enable()
  try {
    await sleep(calmMs)
    await scenario.run(scene)
    await sleep(calmMs)
  } catch (error) {
    scene.complaints.push(error instanceof Error ? error.message : String(error))
  } finally {
    clearInterval(progress)
    lateness.disable()
  }
  const span = { fromMs, toMs: sharedNowMs() }
  return { span, stalledMs: Math.round(lateness.max / 1e6) }
}

/** Lets everything come to rest, and reads what is stored. */
async function settle(load: DrillLoad, scene: Scene, say: (line: string) => void): Promise<void> {
  say('no more sends; waiting until everything is consumed')
  try {
    await inTime(load.stopSending(), 'sends were not answered')
    await inTime(untilDrained(load, scene), 'a backlog was left')
    await inTime(load.stopConsuming(), 'consumers did not end')
    await inTime(load.readQueues(), 'queues could not be read')
  } catch (error) {
    scene.complaints.push(error instanceof Error ? error.message : String(error))
  }
}

async function untilDrained(load: DrillLoad, scene: Scene): Promise<void> {
  while ((await load.backlog(scene.groups.length)) !== 0) await sleep(50)
}

async function inTime(work: Promise<void>, otherwise: string): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${otherwise} in ${DRAIN_MS} ms`)), DRAIN_MS)
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function progressOf(load: DrillLoad, elapsedMs: number): string {
  const { acknowledged, delivered, redelivered, failed } = load.progress
  const groups = Object.entries(acknowledged).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const sends = groups.map(([group, count]) => `${group} ${count}`).join('  ')
  const seconds = (elapsedMs / 1e3).toFixed(0).padStart(4)
  return `${seconds} s  acknowledged ${sends}  delivered ${delivered} (${redelivered} again)  given up ${failed}`
}
