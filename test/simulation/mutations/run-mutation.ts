import type { SeededRandom } from '@cometmq/simulation'
import { type GroupProfile, groupProfileOf } from '../group/group-profile.ts'
import { type GroupReport, runGroupSeed } from '../group/run-group-seed.ts'
import type { Mutation } from './mutations.ts'

/**
 * The first of so many seeds in which a promise breaks without what the mutation leaves out, and only
 * without it.
 */
export async function firstToShow(
  mutation: Mutation,
  seeds: { readonly from: number; readonly count: number },
): Promise<GroupReport | undefined> {
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed++) {
    const report = await runMutated(seed, mutation)
    if (report.violations.length === 0) continue
    const whole = await runRough(seed)
    if (whole.violations.length === 0) return report
  }
  return undefined
}

async function runMutated(seed: number, mutation: Mutation): Promise<GroupReport> {
  const mend = mutation.breakClasses?.()
  try {
    return await runRough(seed, mutation.leftOut)
  } finally {
    mend?.()
  }
}

/** A world in which much goes wrong: what is left out has to show soon. */
function runRough(seed: number, leftOut: Mutation['leftOut'] = {}): Promise<GroupReport> {
  return runGroupSeed(seed, new Set(), { profileOf: roughProfileOf, ...leftOut })
}

function roughProfileOf(random: SeededRandom): GroupProfile {
  const profile = groupProfileOf(random)
  return { ...profile, groups: profile.groups.slice(0, 1), faultCount: 10 + random.below(10) }
}
