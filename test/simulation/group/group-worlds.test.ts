import { describe, expect, test } from 'vitest'
import { groupFaults } from './group-faults.ts'
import { runGroupSeed, runStaticSeed } from './run-group-seed.ts'

const SEEDS = 200
const STATIC_SEEDS = 40

describe('simulated broker groups', () => {
  // Masters that are killed, paused, parted from their slaves or from the elector, power cuts that
  // forget unsynced writes, full and failing disks, flipped bits, lossy links, hand-overs, members that
  // are replaced, lost answers of the elector: what was acknowledged stays, once, in one order that all
  // members share, and reaches the groups.
  test('keep their promises, whatever chance picks', async () => {
    const broken = []
    const happened = new Set<string>()
    const counts = { acknowledged: 0, reigns: 0, handOvers: 0, setChanges: 0 }
    for (let seed = 1; seed <= SEEDS; seed++) {
      const report = await runGroupSeed(seed)
      if (report.violations.length > 0) broken.push({ seed, violations: report.violations })
      for (const name of report.faults.keys()) happened.add(name)
      for (const name of ['acknowledged', 'reigns', 'handOvers', 'setChanges'] as const) {
        counts[name] += report.counts[name]
      }
    }

    expect(broken).toEqual([])
    // A world in which nothing happens keeps every promise, too.
    expect(groupFaults.map(([name]) => name).filter((name) => !happened.has(name))).toEqual([])
    expect(counts.acknowledged).toBeGreaterThan(100 * SEEDS)
    expect(counts.reigns).toBeGreaterThan(SEEDS)
    expect(counts.handOvers).toBeGreaterThan(0)
    expect(counts.setChanges).toBeGreaterThan(2 * SEEDS)
  }, 600_000)

  // Without an elector: masters come back, slaves stand in for them, and an operator promotes some.
  test('with configured roles keep their promises, too', async () => {
    const broken = []
    let promotions = 0
    for (let seed = 1; seed <= STATIC_SEEDS; seed++) {
      const report = await runStaticSeed(seed)
      if (report.violations.length > 0) broken.push({ seed, violations: report.violations })
      promotions += report.faults.get('an operator promotes') ?? 0
    }

    expect(broken).toEqual([])
    expect(promotions).toBeGreaterThan(0)
  }, 300_000)

  // A failure that cannot be replayed cannot be understood.
  test('do the same again with the same seed', async () => {
    const first = await runGroupSeed(3)
    const second = await runGroupSeed(3)

    expect(second.story).toEqual(first.story)
    expect(second.counts).toEqual(first.counts)
  }, 60_000)
})
