import process from 'node:process'
import { mutations } from './mutations.ts'
import { firstToShow } from './run-mutation.ts'

/** Each mutation shows within so many seeds; within five, as a rule. */
export const MUTATION_SEEDS = 20

/**
 * Searches so many seeds for one that shows what each mutation leaves out, tells which, and returns
 * the exit code: a mutation that nothing shows is the failure.
 */
export async function runMutations(options: {
  readonly from: number
  readonly count: number
  /** A part of the name of those to run. */
  readonly only: string
}): Promise<number> {
  const chosen = mutations.filter(({ name }) => name.includes(options.only))
  let unseen = 0
  for (const mutation of chosen) {
    const startedAt = performance.now()
    const shown = await firstToShow(mutation, options)
    const seconds = ((performance.now() - startedAt) / 1e3).toFixed(1)
    if (shown === undefined) unseen++
    const what =
      shown === undefined
        ? `nothing shows it in ${options.count} seeds`
        : `seed ${shown.seed}: ${JSON.stringify(shown.violations[0])}`
    process.stdout.write(`without "${mutation.name}": ${what}; ${seconds} s\n`)
  }
  process.stdout.write(`${chosen.length} mutations, ${unseen} of them show nothing\n`)
  return unseen > 0 || chosen.length === 0 ? 1 : 0
}
