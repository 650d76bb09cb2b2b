import { type BreachKind, countOf, type Judgement } from './judge.ts'
import { median } from './outage.ts'
import type { FaultReport, StepName } from './timeline.ts'

export interface DrillReport {
  readonly scenario: string
  readonly seed: number
  readonly groups: number
  readonly members: number
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
  /** What it may be; undefined: it is told and not judged. */
  readonly goalMs: number | undefined
  readonly timeline: readonly FaultReport[]
  /** Why the verdict is what it is: nothing where it is PASS. */
  readonly why: readonly string[]
  readonly verdict: 'PASS' | 'FAIL'
}

/** Breaches beyond these are counted and not shown. */
const SHOWN = 10

/** Pass is what has kept every promise, within its goal, and has not complained. */
export function reportOf(run: {
  readonly scenario: string
  readonly seed: number
  readonly groups: number
  readonly members: number
  readonly judgement: Judgement
  readonly timeline: readonly FaultReport[]
  readonly goalMs: number | undefined
  /** What else was not as the scenario wants it. */
  readonly complaints: readonly string[]
}): DrillReport {
  const { judgement, timeline, goalMs, complaints, ...rest } = run
  const { breaches, ...counts } = judgement
  const unavailableMs = Math.max(0, ...timeline.map((fault) => fault.unavailableMs))
  const why = [...complaints]
  if (counts.acknowledged === 0) why.push('nothing was acknowledged, so nothing was proven')
  if (counts.failed > 0) why.push(`${counts.failed} sends were given up`)
  if (goalMs !== undefined && unavailableMs > goalMs) {
    why.push(`unavailable for ${unavailableMs} ms, ${goalMs} ms is the goal`)
  }
  why.push(...breaches.slice(0, SHOWN).map(({ kind, found }) => `${kind}: ${found}`))
  if (breaches.length > SHOWN) why.push(`and ${breaches.length - SHOWN} more broken promises`)
  const count = (kind: BreachKind): number => countOf(breaches, kind)
  return {
    ...rest,
    ...counts,
    lost: count('lost'),
    phantom: count('phantom'),
    duplicates: count('duplicate'),
    outOfOrder: count('out-of-order'),
    unavailableMs,
    goalMs,
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

export function spreadOf(reports: readonly DrillReport[]): { p50: number; max: number } {
  const values = reports.map(({ unavailableMs }) => unavailableMs)
  return { p50: median(values), max: Math.max(...values) }
}

const COLUMNS: readonly StepName[] = [
  'detected',
  'elected',
  'route seen',
  'first send acknowledged',
  'first delivery',
]

/** For people. Times are milliseconds after the fault. */
export function tableOf(report: DrillReport): string {
  const rows = [
    ['fault', 'unavailable', ...COLUMNS],
    ...report.timeline.map(({ fault, unavailableMs, steps }) => [
      fault,
      `${unavailableMs}`,
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
  const { acknowledged, delivered, redelivered, failed, goalMs } = report
  const { lost, phantom, duplicates, outOfOrder, unavailableMs } = report
  const goal = goalMs === undefined ? '' : `, the goal is ${goalMs} ms`
  return [
    `${report.scenario}, seed ${report.seed}: groups ${report.groups}, members ${report.members}`,
    ...table,
    `acknowledged ${acknowledged}  delivered ${delivered}  again ${redelivered}  given up ${failed}`,
    `lost ${lost}  phantom ${phantom}  duplicates ${duplicates}  out of order ${outOfOrder}`,
    `unavailable ${unavailableMs} ms${goal}`,
    ...report.why.map((reason) => `  ${reason}`),
    report.verdict,
  ].join('\n')
}
