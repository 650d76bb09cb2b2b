import type { SeededRandom } from '../seeded-random.ts'

/**
 * How many of so many unsynced changes, the oldest first, a power cut leaves. None and all are as
 * likely as all between together: they are the cases that code tends to forget.
 */
export function survivorCount(count: number, random: SeededRandom): number {
  const kind = random.below(3)
  if (kind === 0) return 0
  if (kind === 1) return count
  return random.below(count + 1)
}
