import { type BreachKind, countOf, type Judgement } from './judge.ts'
import type { MachineReport } from './machine-watch.ts'
import { median } from './outage.ts'
import type { FaultReport, StepName } from './timeline.ts'

export interface DrillReport extends MachineReport {
  readonly scenario: string
  /** Undefined where nothing was left to chance. */
  readonly seed?: number
  readonly groups: number
  /** Of the largest one. */
  readonly members: number
  /** By what members were cut off; missing where they could not be. */
  readonly ways?: 'namespaces' | 'relays'
  readonly acknowledged: number
  readonly delivered: number
  readonly redelivered: number
  readonly failed: number
  readonly lost: number
  readonly phantom: number
  readonly duplicates: number
  readonly outOfOrder: number
  /** Of the worst fault. */
  readonly unavailableMs: number
  readonly timeline: readonly FaultReport[]
  /** Why the verdict is what it is: nothing where it is PASS. */
  readonly why: readonly string[]
  readonly verdict: 'PASS' | 'FAIL'
}

/** Beyond it everything waits for a processor, and a time is that of the machine. */
const BUSY_PERCENT = 90

/** Breaches beyond these are counted and not shown. */
const SHOWN = 10

/** Pass is what has kept every promise, within its goal, and has not complained. */
export function reportOf(run: {
  readonly scenario: string
  readonly seed?: number
  readonly groups: number
  readonly members: number
  readonly ways?: 'namespaces' | 'relays'
  readonly judgement: Judgement
  readonly machine: MachineReport
  readonly timeline: readonly FaultReport[]
  /** What else was not as the scenario wants it. */
  readonly complaints: readonly string[]
}): DrillReport {
  const { judgement, timeline, complaints, machine, ...rest } = run
  const { breaches, ...counts } = judgement
  const unavailableMs = Math.max(0, ...timeline.map((fault) => fault.unavailableMs))
  const why = [...complaints]
  if (counts.acknowledged === 0) why.push('nothing was acknowledged, so nothing was proven')
  if (counts.failed > 0) why.push(`${counts.failed} sends were given up`)
  for (const { fault, unavailableMs: away, goalMs } of timeline) {
    if (goalMs === undefined || away <= goalMs) continue
    why.push(`${fault}: unavailable for ${away} ms, the goal is ${goalMs} ms`)
  }
  why.push(...breaches.slice(0, SHOWN).map(({ kind, found }) => `${kind}: ${found}`))
  if (breaches.length > SHOWN) why.push(`and ${breaches.length - SHOWN} more broken promises`)
  const count = (kind: BreachKind): number => countOf(breaches, kind)
  return {
    ...rest,
    ...machine,
    ...counts,
    lost: count('lost'),
    phantom: count('phantom'),
    duplicates: count('duplicate'),
    outOfOrder: count('out-of-order'),
    unavailableMs,
    timeline,
    why,
    verdict: why.length === 0 ? 'PASS' : 'FAIL',
  }
}

/** What `--json` writes: the report of one run, or of several with their figures together. */
export function documentOf(reports: readonly DrillReport[]): object {
  const [only] = reports
  if (only !== undefined && reports.length === 1) return only
  return {
    scenario: only?.scenario,
    runs: reports,
    unavailableMs: spreadOf(reports),
    verdict: reports.every(({ verdict }) => verdict === 'PASS') ? 'PASS' : 'FAIL',
  }
}

/** Over all faults of all runs: a run of several kinds of faults has no figure that is its own. */
export function spreadOf(reports: readonly DrillReport[]): {
  readonly faults: number
  readonly p50: number
  readonly max: number
} {
  const values = reports.flatMap(({ timeline }) => timeline.map((fault) => fault.unavailableMs))
  if (values.length === 0) return { faults: 0, p50: 0, max: 0 }
  return { faults: values.length, p50: median(values), max: Math.max(...values) }
}

const COLUMNS: readonly StepName[] = [
  'detected',
  'elected',
  'route seen',
  'first send acknowledged',
  'first delivery',
  'whole',
]

/** For people. Times are milliseconds after the fault. */
export function tableOf(report: DrillReport): string {
  const rows = [
    ['fault', 'unavailable', 'goal', 'undelivered', ...COLUMNS],
    ...report.timeline.map(({ fault, unavailableMs, goalMs, undeliveredMs, steps }) => [
      fault,
      `${unavailableMs}`,
      `${goalMs ?? '–'}`,
      `${undeliveredMs}`,
      ...COLUMNS.map((name) => `${steps.find(({ step }) => step === name)?.afterMs ?? '–'}`),
    ]),
  ]
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const table = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths?.[column] ?? 0
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  '),
  )
  const { acknowledged, delivered, redelivered, failed } = report
  const { lost, phantom, duplicates, outOfOrder, unavailableMs } = report
  return [
    `${report.scenario}${report.seed === undefined ? '' : `, seed ${report.seed}`}: groups ${report.groups}, members ${report.members}${report.ways === undefined ? '' : `, cut off by ${report.ways}`}`,
    ...table,
    `acknowledged ${acknowledged}  delivered ${delivered}  again ${redelivered}  given up ${failed}`,
    `lost ${lost}  phantom ${phantom}  duplicates ${duplicates}  out of order ${outOfOrder}`,
    `unavailable ${unavailableMs} ms; ${machineOf(report)}`,
    ...report.why.map((reason) => `  ${reason}`),
    report.verdict,
  ].join('\n')
}

function machineOf({ stalledMs, busyPercent, verdict }: DrillReport): string {
  const machine = `the drill itself stood still for up to ${stalledMs} ms, its machine was ${busyPercent} % busy`
  if (verdict === 'PASS' || busyPercent < BUSY_PERCENT) return machine
  return `${machine}: times of it say little, take fewer groups or a lower --rate`
}
