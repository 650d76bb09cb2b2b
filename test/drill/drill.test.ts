import { describe, expect, test } from 'vitest'
import { hasEtcd } from '../etcd/local-etcd.ts'
import type { DrillReport } from '../../packages/cli/src/drill/report.ts'
import { runDrill } from './run-drill.ts'
import { killMaster } from './scenarios/members.ts'

// The whole way of a drill on real processes.
describe('a master that is killed under load', { timeout: 120_000 }, () => {
  test('loses, invents, doubles and swaps nothing while it is the only member', async () => {
    const report = await killMasterOfGroupOf(1)

    expect(report).toMatchObject({ verdict: 'PASS', why: [], lost: 0, duplicates: 0 })
    expect(report.acknowledged).toBeGreaterThan(50)
    expect(report.delivered).toBeGreaterThanOrEqual(report.acknowledged)
    expect(report.timeline).toMatchObject([{ fault: 'kill broker-a-0 for 200 ms' }])
    expect(stepsOf(report)).toContain('first delivery')
  })

  test.skipIf(!hasEtcd)(
    'is replaced by a slave that has everything (takes a program named etcd)',
    async () => {
      const report = await killMasterOfGroupOf(3)

      expect(report).toMatchObject({ verdict: 'PASS', why: [], lost: 0, duplicates: 0 })
      expect(report.acknowledged).toBeGreaterThan(50)
      expect(stepsOf(report)).toEqual(
        expect.arrayContaining(['elected', 'route seen', 'first send acknowledged']),
      )
    },
  )
})

function killMasterOfGroupOf(members: number): Promise<DrillReport> {
  return runDrill({
    scenario: killMaster,
    shape: { groups: 1, members },
    seed: 1,
    perSecond: 100,
    calmMs: 400,
    timesMs: [200],
    count: 1,
    durationMs: 0,
    // A loaded machine may take its time.
    goalMs: 'none',
    say: () => {},
  })
}

function stepsOf({ timeline }: DrillReport): string[] {
  return timeline.flatMap(({ steps }) => steps.map(({ step }) => step))
}
