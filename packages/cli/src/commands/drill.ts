import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError } from '../command-error.ts'
import { confirm } from '../confirm.ts'
import { Faults } from '../drill/faults.ts'
import { FaultWay, type WayOptions } from '../drill/fault-way.ts'
import { judge } from '../drill/judge.ts'
import { readLedgers } from '../drill/ledger.ts'
import { DrillLoad } from '../drill/load/load.ts'
import { ObservedCluster, type ObservedGroup } from '../drill/observed-cluster.ts'
import { type OperatorScenario, operatorScenarios } from '../drill/operator-scenarios.ts'
import { type DrillReport, documentOf, reportOf, tableOf } from '../drill/report.ts'
import { type Observation, timelineOf } from '../drill/timeline.ts'
import { playUnderLoad, settleLoad } from '../drill/under-load.ts'
import { exitCodes } from '../exit-codes.ts'
import { type Connected, endpointsOf, type RiskyOptions, withCluster } from '../operator.ts'
import { show } from '../output.ts'
import { Progress } from '../progress.ts'
import { closestWord } from '../suggest.ts'
import type { Terminal } from '../terminal.ts'

export interface DrillOptions extends RiskyOptions, WayOptions {
  /** Broker name of the group that the fault is about; the first one unless given. */
  readonly broker?: string
  readonly faults: number
  /** Milliseconds from the fault to its end. */
  readonly down: number
  /** Milliseconds that the load goes on for at least. */
  readonly duration: number
  readonly producers: number
  readonly consumers: number
  readonly rate: number
  /** Milliseconds; `none`: how long a group is away is not judged. */
  readonly goal?: number | 'none'
  /** Folder for what was seen; a new one unless given. */
  readonly ledger?: string
  readonly keep?: boolean
}

/** Before the first fault and after the last: what is usual has to be known. */
const CALM_MS = 2_000

/** One drill on a cluster that somebody runs: load, faults that he allows, and the verdict. */
export async function drill(
  terminal: Terminal,
  scenarioName: string,
  options: DrillOptions,
): Promise<void> {
  const scenario = scenarioOf(scenarioName)
  const way = FaultWay.of(terminal, scenario, options)
  const endpoints = endpointsOf(terminal, options)
  await withCluster(terminal, options, async (_cluster, connected) => {
    const observations: Observation[] = []
    const onObservation = (observation: Observation): void => void observations.push(observation)
    using cluster = new ObservedCluster(connected.transport, endpoints, onObservation)
    const missing = await cluster.learn(AbortSignal.timeout(options.timeout))
    if (missing !== undefined) {
      const hint = 'a drill begins with a cluster that is whole; `comet cluster health` looks at it'
      throw new CommandError(exitCodes.precondition, missing, hint)
    }
    const group = groupOf(cluster, scenario, options)
    const first = way.lineFor(cluster.targetIn(group.name))
    const name = `drill-${randomBytes(4).toString('hex')}`
    const load = `put load on the cluster (topic ${name})`
    await confirm(terminal, options, `${load} and ${first}`)
    const directory = await folderFor(options)
    terminal.err.write(`what is seen is written down in ${directory}\n`)
    const run = { terminal, options, scenario, way, connected, cluster, group, endpoints, name }
    const report = await underLoad({ ...run, directory, observations })
    show(terminal, options, {
      document: documentOf([report]),
      lines: () => tableOf(report).split('\n'),
    })
    if (report.verdict === 'PASS') return
    throw new CommandError(exitCodes.failed, `the drill failed: ${report.why[0]}`)
  })
}

interface Run {
  readonly terminal: Terminal
  readonly options: DrillOptions
  readonly scenario: OperatorScenario
  readonly way: FaultWay
  readonly connected: Connected
  readonly cluster: ObservedCluster
  readonly group: ObservedGroup
  readonly endpoints: readonly string[]
  /** Of the topic. */
  readonly name: string
  readonly directory: string
  readonly observations: readonly Observation[]
}

async function underLoad(run: Run): Promise<DrillReport> {
  const { terminal, options, scenario, cluster, endpoints, name, directory } = run
  const { producers, consumers, rate: perSecond } = options
  const clients = { producers, consumers, perSecond }
  await using load = await DrillLoad.start({ endpoints, directory, name, ...clients })
  await using cleaning = new AsyncDisposableStack()
  // Also when it fails or is interrupted; why it failed is what matters then.
  if (options.keep !== true) cleaning.defer(() => load.remove().catch(() => {}))
  using progress = new Progress(terminal)
  const say = (line: string): void => {
    if (terminal.err.isTTY === true) terminal.err.write(`\r\u001b[2K${line}\n`)
  }
  const faults = new Faults({
    cluster,
    acknowledged: () => load.progress.acknowledged,
    goals: { ofScenario: scenario.goalMs, given: options.goal ?? 'own' },
    say,
  })
  const { complaints } = faults
  const watched = { load, complaints, say, stop: terminal.stop }
  const act = (): Promise<void> => breakAndMend(run, faults)
  const { span, machine } = await playUnderLoad(watched, { calmMs: CALM_MS, run: act }, (line) =>
    progress.update(() => line),
  )
  await settleLoad(watched, cluster.groups.length)
  const lines = readLedgers(load.directory)
  if (options.keep !== true) {
    await load.remove().catch((error: unknown) => {
      complaints.push(`topic ${name} and its groups were not removed: ${String(error)}`)
    })
  }
  return reportOf({
    scenario: scenario.name,
    groups: cluster.groups.length,
    members: Math.max(...cluster.groups.map(({ members }) => members)),
    machine,
    judgement: judge(lines, load.groups),
    timeline: timelineOf({ faults: faults.all, observations: run.observations, lines }, span),
    complaints,
  })
}

/** Every fault, and then calm until the load has gone on for long enough. */
async function breakAndMend(run: Run, faults: Faults): Promise<void> {
  const { options, scenario, way, cluster, group, terminal } = run
  const { stop: signal } = terminal
  const endMs = performance.now() + options.duration - 2 * CALM_MS
  for (let left = options.faults; left > 0; left--) {
    const target = cluster.targetIn(group.name)
    const what = way.lineFor(target)
    const { elects, concerns } = scenario
    const groups = concerns === 'group' ? { groups: [group.name] } : {}
    const isManual = way.kind === 'manual'
    // Whoever is interrupted in the middle mends what he has broken.
    await using mending = new AsyncDisposableStack()
    if (way.heals) mending.defer(() => way.heal(target))
    await faults.begin(what, { elects, isManual, ...groups }, () => way.fault(target, run))
    if (way.heals) {
      await sleep(options.down, undefined, { signal })
      mending.move()
      if (isManual) await way.heal(target)
      await faults.mend(way.healLineFor(target), () => (isManual ? undefined : way.heal(target)))
    }
    // Who mends nothing and is done waits for nobody who cannot come.
    const isLeft = way.kind !== 'hand-over' && !way.heals && left === 1
    await (isLeft ? faults.untilServing() : faults.untilRecovered())
  }
  await sleep(Math.max(0, endMs - performance.now()), undefined, { signal })
}

function scenarioOf(name: string): OperatorScenario {
  const scenario = operatorScenarios.find((each) => each.name === name)
  if (scenario !== undefined) return scenario
  const names = operatorScenarios.map((each) => each.name)
  const closest = closestWord(name, names)
  const hint = closest === undefined ? `there are ${names.join(', ')}` : `did you mean ${closest}?`
  throw new CommandError(exitCodes.usage, `there is no drill '${name}'`, hint)
}

function groupOf(
  { groups }: ObservedCluster,
  { name, needsSlaves }: OperatorScenario,
  { broker }: DrillOptions,
): ObservedGroup {
  const group = broker === undefined ? groups[0] : groups.find((each) => each.name === broker)
  if (group === undefined) {
    const known = groups.map((each) => each.name).join(', ')
    const message = `no broker "${broker}" is registered; there are: ${known}`
    throw new CommandError(exitCodes.notFound, message)
  }
  if (!needsSlaves || group.members > 1) return group
  throw new CommandError(exitCodes.precondition, `${name}: ${group.name} has no slaves`)
}

/** One that holds no ledgers of another drill: they would be judged as well. */
async function folderFor({ ledger }: DrillOptions): Promise<string> {
  if (ledger === undefined) return await mkdtemp(path.join(tmpdir(), 'comet-drill-'))
  await mkdir(ledger, { recursive: true })
  if ((await readdir(ledger)).length === 0) return path.resolve(ledger)
  throw new CommandError(exitCodes.precondition, `the folder ${ledger} is not empty`)
}
