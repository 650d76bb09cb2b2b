import { expect, test } from 'vitest'
import { runKillLoop } from './kill-loop.ts'

const kills = Number(process.env['KILLS'] ?? 8)

// The promise that everything else stands on: what a producer was told is stored survives kill -9 of
// the broker at any moment, once, at its place, and reaches the group.
test(`${kills} times kill -9 of a broker under load lose, invent and double nothing`, {
  timeout: 60_000 + kills * 5_000,
}, async () => {
  const report = await runKillLoop({ kills, seed: 1 })

  expect(report.violations.slice(0, 10)).toEqual([])
  expect(report.acknowledged).toBeGreaterThan(kills * 10)
  expect(report.deliveries).toBeGreaterThanOrEqual(report.acknowledged)
})
