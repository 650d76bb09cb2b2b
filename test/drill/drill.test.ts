import { expect, test } from 'vitest'
import { runDrill } from './run-drill.ts'
import { killMaster } from './scenarios/members.ts'

// The whole way of a drill on real processes, with what needs nothing but Node.
test('a broker that is killed under load loses, invents, doubles and swaps nothing', {
  timeout: 120_000,
}, async () => {
  const report = await runDrill({
    scenario: killMaster,
    shape: { groups: 1, members: 1 },
    seed: 1,
    perSecond: 300,
    timesMs: [200],
    durationMs: 0,
    // A loaded machine may take its time.
    goalMs: 'none',
    say: () => {},
  })

  expect(report).toMatchObject({ verdict: 'PASS', why: [], lost: 0, duplicates: 0 })
  expect(report.acknowledged).toBeGreaterThan(50)
  expect(report.delivered).toBeGreaterThanOrEqual(report.acknowledged)
  expect(report.timeline).toMatchObject([{ fault: 'kill broker-a-0 for 200 ms' }])
  expect(report.timeline[0]?.steps.map(({ step }) => step)).toContain('first delivery')
})
