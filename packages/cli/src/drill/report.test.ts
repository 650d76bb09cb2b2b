import { expect, test } from 'vitest'
import type { Judgement } from './judge.ts'
import { documentOf, reportOf, spreadOf, tableOf } from './report.ts'

const judgement: Judgement = {
  acknowledged: 10,
  delivered: 10,
  redelivered: 0,
  failed: 0,
  breaches: [],
}

function reportWith(
  changes: {
    unavailableMs?: number
    goalMs?: number
    complaints?: string[]
    judgement?: Judgement
    busyPercent?: number
  } = {},
) {
  const steps = [{ step: 'first send acknowledged', afterMs: 77, source: 'a' }] as const
  return reportOf({
    scenario: 'kill-master',
    machine: { stalledMs: 12, busyPercent: changes.busyPercent ?? 70 },
    seed: 7,
    groups: 1,
    members: 3,
    judgement: changes.judgement ?? judgement,
    timeline: [
      {
        fault: 'kill a-0',
        atMs: 5,
        unavailableMs: changes.unavailableMs ?? 80,
        goalMs: changes.goalMs,
        undeliveredMs: 99,
        steps,
      },
    ],
    complaints: changes.complaints ?? [],
  })
}

test('the verdict turns on the goal and on complaints', () => {
  expect(reportWith({ unavailableMs: 80, goalMs: 80 }).verdict).toBe('PASS')
  expect(reportWith({ unavailableMs: 81, goalMs: 80 }).verdict).toBe('FAIL')
  expect(reportWith({ complaints: ['elected for nothing'] })).toMatchObject({
    verdict: 'FAIL',
    why: ['elected for nothing'],
  })
})

test('a goal that was missed on a machine without time to spare is said to be its own, perhaps', () => {
  const missed = { unavailableMs: 81, goalMs: 80 }

  expect(tableOf(reportWith({ ...missed, busyPercent: 97 }))).toContain(
    '97 % busy: times of it say',
  )
  expect(tableOf(reportWith({ ...missed, busyPercent: 70 }))).not.toContain('times of it say')
  expect(tableOf(reportWith({ busyPercent: 97 }))).not.toContain('times of it say')
})

test('many broken promises are counted, and some of them named', () => {
  const breaches = Array.from({ length: 30 }, (_, index) => {
    return { kind: 'lost', subject: `${index}`, found: `lost ${index}` } as const
  })

  const report = reportWith({ judgement: { ...judgement, breaches } })

  expect(report).toMatchObject({ verdict: 'FAIL', lost: 30 })
  expect(report.why).toHaveLength(11)
})

test('several runs are told together, and one that fails fails them', () => {
  const runs = [reportWith({ unavailableMs: 10 }), reportWith({ unavailableMs: 90, goalMs: 20 })]

  expect(spreadOf([...runs, reportWith({ unavailableMs: 30 })])).toEqual({
    faults: 3,
    p50: 30,
    max: 90,
  })
  expect(documentOf(runs)).toMatchObject({ verdict: 'FAIL', runs: [{ seed: 7 }, { seed: 7 }] })
  expect(documentOf(runs.slice(0, 1))).toMatchObject({ verdict: 'PASS', unavailableMs: 10 })
})

test('the table shows each fault with its steps', () => {
  const table = tableOf(reportWith({ goalMs: 1_500 }))

  expect(table).toMatch(/^kill a-0 +80 +1500 +99 +– +– +– +77 +– +–$/m)
  expect(table).toContain('unavailable 80 ms')
  expect(table).toMatch(/PASS$/)
})
