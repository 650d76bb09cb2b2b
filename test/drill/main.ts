/**
 * npm run drill -- <scenario> [--members 1|2|3] [--groups N] [--runs N] [--seed S] [--json FILE] …
 *
 * Failover drills on real processes: a cluster under load, a fault, and what became of every message.
 * Ends with 0 only if every run passed.
 */
import { writeFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import {
  documentOf,
  type DrillReport,
  spreadOf,
  tableOf,
} from '../../packages/cli/src/drill/report.ts'
import { runDrill } from './run-drill.ts'
import { scenarios } from './scenarios/index.ts'
import { missingFor } from './scenarios/scenario.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    members: { type: 'string', default: '1' },
    groups: { type: 'string' },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '500' },
    times: { type: 'string' },
    count: { type: 'string', default: '100' },
    duration: { type: 'string', default: '120000' },
    goal: { type: 'string' },
    relays: { type: 'boolean', default: false },
    json: { type: 'string' },
    quiet: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help === true) {
  process.stdout.write(usage())
  process.exit(0)
}
const [name, ...rest] = positionals
const scenario = scenarios.find((each) => each.name === name)
if (scenario === undefined || rest.length > 0) fail(usage())
const members = whole('members', values.members, { min: 1, max: 3 })
// Where a group has slaves a second one shows little, and takes the processors of a small machine.
const usualGroups = members === 1 ? '2' : '1'
const groups = whole('groups', values.groups ?? usualGroups, { min: 1, max: 8 })
const shape = { groups, members }
const missing = missingFor(scenario, shape)
if (missing !== undefined) fail(`${scenario.name}: ${missing}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Whatever was started is killed at exit.
  process.on(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
}
const say = (line: string): void => {
  if (!values.quiet) process.stderr.write(`${line}\n`)
}
const seed = whole('seed', values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER })
const runs = whole('runs', values.runs, { min: 1, max: 10_000 })
const options = {
  scenario,
  shape,
  calmMs: 1_500,
  perSecond: whole('rate', values.rate, { min: 1, max: 100_000 }),
  timesMs: values.times?.split(',').map((time) => whole('times', time, { min: 0, max: 3_600_000 })),
  count: whole('count', values.count, { min: 1, max: 100_000 }),
  durationMs: whole('duration', values.duration, { min: 0, max: 86_400_000 }),
  goalMs: goalMs(),
  ...(values.relays ? { ways: 'relays' as const } : {}),
  say,
}
// With `--json -` the standard output is for the document.
const out = values.json === '-' ? process.stderr : process.stdout
const reports: DrillReport[] = []
for (let run = 0; run < runs; run++) {
  const report = await runDrill({ ...options, seed: seed + run })
  reports.push(report)
  out.write(`${tableOf(report)}\n\n`)
}
if (runs > 1) {
  const { faults, p50, max } = spreadOf(reports)
  const passed = reports.filter(({ verdict }) => verdict === 'PASS').length
  out.write(
    `${passed} of ${runs} runs passed; ${faults} faults, unavailable p50 ${p50} ms, max ${max} ms\n`,
  )
}
const document = `${JSON.stringify(documentOf(reports), null, 2)}\n`
if (values.json === '-') process.stdout.write(document)
else if (values.json !== undefined) await writeFile(values.json, document)
process.exitCode = reports.every(({ verdict }) => verdict === 'PASS') ? 0 : 1

function goalMs(): number | 'own' | 'none' {
  if (values.goal === undefined) return 'own'
  return values.goal === 'none' ? 'none' : whole('goal', values.goal, { min: 0, max: 86_400_000 })
}

function whole(
  option: string,
  text: string,
  bounds: { readonly min: number; readonly max: number },
): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= bounds.min && value <= bounds.max) return value
  return fail(`--${option} is "${text}"; give a whole number from ${bounds.min} to ${bounds.max}\n`)
}

function usage(): string {
  const list = scenarios.map(({ name: each, about }) => `  ${each.padEnd(18)}${about}`)
  return `npm run drill -- <scenario> [options]

${list.join('\n')}

  --members N     members of each broker group, 1 to 3 (1)
  --groups N      broker groups (2; 1 if they have slaves)
  --rate N        messages per second (500)
  --times A,B     milliseconds, in place of the scenario's own times
  --count N       how often, of the scenario stalls (100)
  --duration MS   of the scenario random (120000)
  --seed S        of what the scenario leaves to chance (1)
  --runs N        again and again, with the seeds that follow
  --goal MS|none  how long a group may be away, in place of the scenario's own
  --relays        cut members off by relays, also where network namespaces could be made
  --json FILE     the report; - for the standard output
  --quiet         no progress
`
}

function fail(message: string): never {
  process.stderr.write(message)
  process.exit(2)
}
