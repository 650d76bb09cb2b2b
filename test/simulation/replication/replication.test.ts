import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { leftOut, rulesWithout } from './left-out.ts'
import { runModel } from './run-model.ts'

const SEEDS = 300
const STEPS = 3_000

/** So many seeds are searched at most for one that shows what a rule is for. */
const SEARCHED = 2_000

describe('the model of a broker group', () => {
  // Crashes between any two actions, power cuts, links that are late or blocked one way, answers of
  // the elector that are late or lost: what was acknowledged stays, and the group recovers.
  test('keeps every promise, whatever chance picks', () => {
    const broken = []
    const counts = {
      acknowledged: 0,
      elections: 0,
      truncations: 0,
      swaps: 0,
      recoveries: 0,
      ordered: 0,
      forgotten: 0,
    }
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const report = runModel({ seed, steps: STEPS })
      if (report.violation !== undefined) broken.push(report)
      for (const key of Object.keys(counts) as (keyof typeof counts)[]) {
        counts[key] += report.counts[key]
      }
    }

    expect(broken).toEqual([])
    // A world in which nothing happens keeps every promise too.
    expect(counts.acknowledged).toBeGreaterThan(20 * SEEDS)
    expect(counts.elections).toBeGreaterThan(3 * SEEDS)
    expect(counts.truncations).toBeGreaterThan(SEEDS / 2)
    expect(counts.swaps).toBeGreaterThan(SEEDS / 2)
    expect(counts.recoveries).toBeGreaterThan(SEEDS / 10)
    expect(counts.ordered).toBeGreaterThan(SEEDS / 50)
    expect(counts.forgotten).toBeGreaterThan(SEEDS / 10)
  })

  // A check that notices nothing would let the first test pass as well. Each rule is there because
  // messages are lost, or a group is never whole again, without it.
  test.each(Object.keys(leftOut))('breaks without the rule that %s', (name) => {
    const rules = rulesWithout(name)
    assert(rules !== undefined)
    let seed = 1
    while (seed < SEARCHED && runModel({ seed, steps: STEPS, rules }).violation === undefined) {
      seed += 1
    }

    expect(runModel({ seed, steps: STEPS, rules }).violation).toBeDefined()
    expect(runModel({ seed, steps: STEPS }).violation).toBeUndefined()
  })

  // A failure that cannot be replayed cannot be understood.
  test('does the same again with the same seed', () => {
    const first = runModel({ seed: 8, steps: STEPS, tellsStory: true })
    const second = runModel({ seed: 8, steps: STEPS, tellsStory: true })

    expect(first.story.length).toBeGreaterThan(100)
    expect(second).toEqual(first)
  })
})
