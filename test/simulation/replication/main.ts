import process from 'node:process'
import { leftOut, rulesWithout } from './left-out.ts'
import { type ModelReport, runModel } from './run-model.ts'

export interface ModelRun {
  readonly from: number
  readonly count: number
  readonly steps: number
  /** A part of the name of a rule to leave out. */
  readonly without: string | undefined
}

/**
 * Runs the model of a broker group over some seeds and returns the exit code. With a rule left out
 * it is the seeds which show that which are counted, and none is the failure.
 */
export function runReplicationModel({ from, count, steps, without }: ModelRun): number {
  const names = Object.keys(leftOut).filter((name) => name.includes(without ?? ''))
  const [name] = names
  if (without !== undefined && (name === undefined || names.length > 1)) {
    process.stderr.write(
      `--without takes a part of one of:\n  ${Object.keys(leftOut).join('\n  ')}\n`,
    )
    return 2
  }
  const rules = without === undefined || name === undefined ? undefined : rulesWithout(name)
  const startedAt = performance.now()
  const totals = {
    acknowledged: 0,
    elections: 0,
    truncations: 0,
    handOvers: 0,
    swaps: 0,
    ordered: 0,
    forgotten: 0,
  }
  const broken: number[] = []
  for (let seed = from; seed < from + count; seed += 1) {
    const report = runModel({
      seed,
      steps,
      tellsStory: count === 1,
      ...(rules === undefined ? {} : { rules }),
    })
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) {
      totals[key] += report.counts[key]
    }
    if (report.violation !== undefined) broken.push(seed)
    if (count === 1 || (report.violation !== undefined && rules === undefined)) tell(report)
  }
  const seconds = ((performance.now() - startedAt) / 1e3).toFixed(1)
  process.stdout.write(
    `${rules === undefined ? '' : `without "${name}": `}${count} groups from seed ${from}, ` +
      `${steps} steps each: ${broken.length} broke a promise` +
      `${broken.length > 0 ? `, first ${broken[0]}` : ''}; ${JSON.stringify(totals)}; ${seconds} s\n`,
  )
  return broken.length > 0 === (rules === undefined) ? 1 : 0
}

function tell({ seed, violation, story }: ModelReport): void {
  process.stdout.write(`${story.join('\n')}\nseed ${seed}: `)
  process.stdout.write(violation === undefined ? 'no promise broken\n' : `${violation.what}\n`)
}
