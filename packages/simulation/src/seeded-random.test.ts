import { describe, expect, test } from 'vitest'
import { describeRandom } from './contracts/index.ts'
import { SeededRandom } from './seeded-random.ts'

const draws = (random: SeededRandom, count: number): number[] =>
  Array.from({ length: count }, () => random.fraction())

describe('SeededRandom', () => {
  describeRandom(() =>
    Promise.resolve({
      port: new SeededRandom(1),
      run: (check) => check(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  )

  test('repeats itself for an equal seed', () => {
    expect(draws(new SeededRandom(42), 100)).toEqual(draws(new SeededRandom(42), 100))
    expect(draws(new SeededRandom(42), 100)).not.toEqual(draws(new SeededRandom(43), 100))
  })

  // A fork that depended on earlier draws would make one more draw anywhere change the whole run,
  // and a failing seed useless after the smallest change of the code.
  test('forks by seed and label, whatever was drawn before', () => {
    const fresh = new SeededRandom(42)
    const used = new SeededRandom(42)
    draws(used, 17)

    expect(draws(used.fork('disk'), 100)).toEqual(draws(fresh.fork('disk'), 100))
    expect(draws(fresh.fork('disk'), 100)).not.toEqual(draws(fresh.fork('network'), 100))
  })

  // Chance that is far from even would leave whole kinds of failure untried.
  test('spreads evenly', () => {
    const random = new SeededRandom(7)
    const buckets = Array.from({ length: 10 }, () => 0)

    for (let draw = 0; draw < 100_000; draw += 1) {
      const bucket = random.below(10)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }

    expect(Math.min(...buckets)).toBeGreaterThan(9_500)
    expect(Math.max(...buckets)).toBeLessThan(10_500)
  })
})
