import { describe, expect, test } from 'vitest'
import { runSeed } from './run-seed.ts'

const SEEDS = 30

describe('a simulated cluster', () => {
  // Crashes, power cuts that forget unsynced writes, partitions, full and failing disks, clocks set
  // back: whatever chance picks, what was acknowledged stays, once, and reaches the group.
  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'keeps its promises with seed %i',
    async (seed) => {
      const { violations, counts } = await runSeed(seed)

      expect(violations).toEqual([])
      expect(counts.acknowledged).toBeGreaterThan(50)
    },
  )

  // A failure that cannot be replayed cannot be understood.
  test('does the same again with the same seed', async () => {
    const first = await runSeed(7)
    const second = await runSeed(7)

    expect(second.story).toEqual(first.story)
    expect(second.counts).toEqual(first.counts)
  })
})
