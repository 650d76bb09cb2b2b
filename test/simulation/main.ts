/**
 * npm run simulate -- [--seeds N] [--from S] [--seed S]
 * npm run simulate -- --world group|static [--seeds N] …
 * npm run simulate -- --mutations [--without NAME] [--seeds N] …
 * npm run simulate -- --model replication [--without RULE] [--steps N] …
 *
 * Runs whole clusters on simulated time, disk and network, one per seed. `--seed S` replays one and
 * tells its story. In the worlds `group` and `static` brokers have slaves, which are elected, or promoted by an operator; `--mutations` leaves
 * out, one after the other, what such groups rely on, and a seed has to show it. `--model` runs the
 * decisions of one part instead, with next to nothing around them, so that thousands of seeds take a
 * minute.
 */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { type GroupReport, runGroupSeed, runStaticSeed } from './group/run-group-seed.ts'
import { runMutations } from './mutations/main.ts'
import { runReplicationModel } from './replication/main.ts'
import { runSeed, type SeedReport } from './run-seed.ts'

type Report = SeedReport | GroupReport
type RunSeed = (seed: number, watch?: ReadonlySet<string>) => Promise<Report>

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    story: { type: 'boolean', default: false },
    world: { type: 'string', default: 'single' },
    mutations: { type: 'boolean', default: false },
    model: { type: 'string' },
    without: { type: 'string' },
    steps: { type: 'string', default: '3000' },
  },
})
const USAGE =
  'usage: npm run simulate -- [--world single|group|static] [--seeds N] [--from S] [--seed S] [--story]\n'
const worlds: Readonly<Record<string, RunSeed>> = {
  single: runSeed,
  group: runGroupSeed,
  static: runStaticSeed,
}
const from = Number(values.seed ?? values.from)
const seeds = Number(values.seeds ?? 200)
const count = values.seed === undefined ? seeds : 1
const run = worlds[values.world]
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1 || !run) {
  process.stderr.write(USAGE)
  process.exit(2)
}
// The reader of a pipe has gone: `… --seed 7 | head`. What the rest would have shown is not known.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 141 : 1)
})

if (values.mutations) {
  process.exitCode = await runMutations({
    from,
    count: values.seeds === undefined ? undefined : count,
    only: values.without ?? '',
  })
} else if (values.model === undefined) await runClusters(run)
else if (values.model === 'replication') {
  const steps = Number(values.steps)
  const { without } = values
  process.exitCode = runReplicationModel({ from, count, steps, without })
} else {
  process.stderr.write(`There is no model ${values.model}; there is: replication\n`)
  process.exitCode = 2
}

async function runClusters(run: RunSeed): Promise<void> {
  const startedAt = performance.now()
  // Errors are made by the thousand, and where they came from is asked of one seed only.
  if (count > 1) Error.stackTraceLimit = 0
  const totals = { acknowledged: 0, deliveries: 0, redeliveries: 0 }
  const faults = new Map<string, number>()
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const report = await run(seed)
    totals.acknowledged += report.counts.acknowledged
    totals.deliveries += report.counts.deliveries
    totals.redeliveries += report.counts.redeliveries
    for (const [name, times] of report.faults) faults.set(name, (faults.get(name) ?? 0) + times)
    if (report.violations.length > 0) {
      failed++
      await tell(run, report)
    } else if (values.story || values.seed !== undefined) await tell(run, report)
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${seed - from + 1} of ${count} seeds, ${failed} failed`)
    }
  }
  const seconds = ((performance.now() - startedAt) / 1e3).toFixed(1)
  process.stdout.write(
    `\n${count} seeds from ${from}: ${count - failed} kept every promise, ${failed} did not; ` +
      `${totals.acknowledged} messages acknowledged, ${totals.deliveries} deliveries, ` +
      `${totals.redeliveries} of them repeated; ${seconds} s\n`,
  )
  for (const [name, times] of [...faults].toSorted((a, b) => b[1] - a[1])) {
    process.stdout.write(`${String(times).padStart(8)} times ${name}\n`)
  }
  process.exitCode = failed > 0 ? 1 : 0
}

async function tell(run: RunSeed, { seed, violations, counts }: Report): Promise<void> {
  process.stdout.write(`\nseed ${seed}: ${JSON.stringify(counts)}\n`)
  if (values.seed !== undefined) {
    const { story } = await run(seed, messagesOf(violations))
    process.stdout.write(`${story.join('\n')}\n`)
  }
  for (const violation of violations.slice(0, 20)) {
    process.stdout.write(`  ${JSON.stringify(violation)}\n`)
  }
  if (violations.length > 0) {
    process.stdout.write(`  replay: npm run simulate -- --world ${values.world} --seed ${seed}\n`)
  }
}

/** The first few of the messages that a violation names. */
function messagesOf(violations: Report['violations']): Set<string> {
  const ids = violations.flatMap((violation) =>
    'messageId' in violation ? [violation.messageId] : 'ids' in violation ? violation.ids : [],
  )
  return new Set(ids.slice(0, 5))
}
