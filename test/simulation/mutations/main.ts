import process from 'node:process'
import { rulesWithout } from '../replication/left-out.ts'
import { runModel } from '../replication/run-model.ts'
import { MODEL_SEEDS, modelOnly, mutations } from './mutations.ts'
import { firstToShow } from './run-mutation.ts'

const MODEL_STEPS = 3_000

/**
 * Searches the stated number of seeds for one that shows what each mutation leaves out, tells which,
 * and returns the exit code: a mutation that nothing shows is the failure.
 */
export async function runMutations(options: {
  readonly from: number
  /** Instead of the stated number. */
  readonly count: number | undefined
  /** A part of the name of those to run. */
  readonly only: string
}): Promise<number> {
  const { from, count, only } = options
  const chosen = mutations.filter(({ name }) => name.includes(only))
  const forModel = modelOnly.filter((name) => name.includes(only))
  let unseen = 0
  for (const mutation of chosen) {
    const startedAt = performance.now()
    const seeds = count ?? mutation.seeds
    const shown = await firstToShow(mutation, { from, count: seeds })
    const seconds = ((performance.now() - startedAt) / 1e3).toFixed(1)
    if (shown === undefined) unseen++
    const what =
      shown === undefined
        ? `nothing shows it in ${seeds} seeds`
        : `seed ${shown.seed} of ${seeds}: ${JSON.stringify(shown.violations[0])}`
    process.stdout.write(`without "${mutation.name}": ${what}; ${seconds} s\n`)
  }
  for (const name of forModel) {
    const seed = firstOfModel(name, { from, count: count ?? MODEL_SEEDS })
    if (seed === undefined) unseen++
    const what = seed === undefined ? 'nothing shows it' : `seed ${seed} of ${MODEL_SEEDS}`
    process.stdout.write(`without "${name}", in the model alone: ${what}\n`)
  }
  const all = chosen.length + forModel.length
  process.stdout.write(`${all} mutations, ${unseen} of them show nothing\n`)
  return unseen > 0 || all === 0 ? 1 : 0
}

function firstOfModel(
  name: string,
  { from, count }: { readonly from: number; readonly count: number },
): number | undefined {
  const rules = rulesWithout(name)
  for (let seed = from; seed < from + count; seed++) {
    const run = { seed, steps: MODEL_STEPS, ...(rules === undefined ? {} : { rules }) }
    if (runModel(run).violation !== undefined) return seed
  }
  return undefined
}
