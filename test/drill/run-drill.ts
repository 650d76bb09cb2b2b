import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openNodeRuntime } from '@cometmq/runtime/node'
import { SeededRandom } from '@cometmq/simulation'
import { DrillCluster } from './cluster/drill-cluster.ts'
import type { ClusterShape } from './cluster/layout.ts'
import { Faults } from '../../packages/cli/src/drill/faults.ts'
import { playUnderLoad, settleLoad } from '../../packages/cli/src/drill/under-load.ts'
import { judge } from '../../packages/cli/src/drill/judge.ts'
import { readLedgers } from '../../packages/cli/src/drill/ledger.ts'
import { DrillLoad } from '../../packages/cli/src/drill/load/load.ts'
import { faultsInLogs } from './logs.ts'
import { type DrillReport, reportOf } from '../../packages/cli/src/drill/report.ts'
import { Scene, type SceneSettings } from './scene.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { type Observation, timelineOf } from '../../packages/cli/src/drill/timeline.ts'

export interface DrillOptions extends SceneSettings {
  readonly scenario: Scenario
  readonly shape: ClusterShape
  readonly seed: number
  readonly perSecond: number
  /** How long a calm cluster is watched before the first fault, and after the last. */
  readonly calmMs: number
  /** As of `DrillCluster.start`. */
  readonly ways?: 'relays'
  readonly say: (line: string) => void
}

const CLIENTS = 4

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
    const { ways } = options
    await using cluster = await DrillCluster.start({
      shape,
      fittings,
      ...(ways === undefined ? {} : { ways }),
      directory,
      onObservation,
    })
    const { waysKind } = cluster
    say(`the cluster is up: groups ${shape.groups}, members ${shape.members}, in ${directory}`)
    const { endpoints } = cluster
    const { perSecond, calmMs } = options
    const clients = { producers: CLIENTS, consumers: CLIENTS }
    const drill = { endpoints, directory, name: 'drill', perSecond, ...clients }
    await using load = await DrillLoad.start(drill)
    const random = new SeededRandom(seed)
    const faults = new Faults({
      cluster,
      acknowledged: () => load.progress.acknowledged,
      goals: { ofScenario: goalMs, given: options.goalMs },
      say,
    })
    const { complaints } = faults
    const scene = new Scene({ cluster, faults, random, settings: options })
    const watched = { load, complaints, say }
    const run = (): Promise<void> => scenario.run(scene)
    const { span, machine } = await playUnderLoad(watched, { calmMs, run }, say)
    await settleLoad(watched, cluster.groups.length)
    const lines = readLedgers(load.directory)
    const runtime = openNodeRuntime({ name: 'drill', logLevel: 'silent' })
    for (const group of await cluster.stopBrokers()) {
      const seen = { topic: load.topic, lines }
      complaints.push(...(await faultsInLogs(runtime.files, group, seen)))
    }
    return reportOf({
      scenario: scenario.name,
      seed,
      ...shape,
      ...(waysKind === undefined ? {} : { ways: waysKind }),
      machine,
      judgement: judge(lines, load.groups),
      timeline: timelineOf({ faults: faults.all, observations, lines }, span),
      complaints,
    })
  })()
  if (report.verdict === 'PASS') await rm(directory, { recursive: true, force: true })
  else say(`logs, ledgers and data are kept in ${directory}`)
  return report
}
