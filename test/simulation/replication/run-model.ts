import type { Rules } from '@cometmq/replication'
import { type Counts, Violation } from './checks.ts'
import { World } from './world.ts'

export interface ModelReport {
  readonly seed: number
  readonly counts: Counts
  /** Which promise was broken and how; undefined if none was. */
  readonly violation: { readonly rule: string; readonly what: string } | undefined
  readonly story: readonly string[]
}

export interface ModelOptions {
  readonly seed: number
  readonly steps: number
  readonly rules?: Rules
  readonly tellsStory?: boolean
}

/** Runs one group through so many steps, lets it recover, and says what broke. */
export function runModel({ seed, steps, rules, tellsStory = false }: ModelOptions): ModelReport {
  const world = new World({ seed, tellsStory, ...(rules === undefined ? {} : { rules }) })
  const violation = violationOf(() => {
    for (let index = 0; index < steps; index += 1) world.step(index)
    const unrest = world.heal()
    if (unrest !== undefined) throw new Violation('liveness', unrest)
  })
  const story = tellsStory ? [...world.story.lines, ...world.describe()] : []
  return { seed, counts: world.counts, violation, story }
}

function violationOf(run: () => void): ModelReport['violation'] {
  try {
    run()
    return undefined
  } catch (error) {
    // A rule left out may also trip an assertion or a refusal of the code itself.
    if (error instanceof Violation) return { rule: error.rule, what: error.message }
    if (error instanceof Error) return { rule: 'crash', what: error.stack ?? error.message }
    throw error
  }
}
