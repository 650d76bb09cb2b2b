import { describe, expect, test } from 'vitest'
import { judge } from './judge.ts'
import type { LedgerEntry, LedgerLine } from './ledger.ts'
import { reportOf } from './report.ts'

const GROUPS = { shared: 'shared', ordered: 'ordered' }
const place = (queueOffset: number) => ({ brokerName: 'a', queueId: 0, queueOffset })

const sent = (id: string, key?: string): LedgerEntry => ({ kind: 'sent', id, hash: `#${id}`, key })
const acknowledged = (id: string, offset: number): LedgerEntry => ({
  kind: 'acknowledged',
  id,
  ...place(offset),
})
const delivered = (group: string, id: string, offset: number, more = {}): LedgerEntry => ({
  kind: 'delivered',
  group,
  id,
  hash: `#${id}`,
  attempt: 1,
  ...place(offset),
  ...more,
})
const finished = (group: string, id: string): LedgerEntry => ({ kind: 'finished', group, id })
const settled = (group: string, id: string): LedgerEntry => ({ kind: 'settled', group, id })
const stored = (id: string, offset: number): LedgerEntry => ({
  kind: 'stored',
  id,
  hash: `#${id}`,
  ...place(offset),
})

const consumed = (group: string, id: string, offset: number): LedgerEntry[] => [
  delivered(group, id, offset),
  finished(group, id),
  settled(group, id),
]

/** Two messages of one key, as they should be. */
const healthy: readonly LedgerEntry[] = [
  sent('x', 'k'),
  acknowledged('x', 0),
  sent('y', 'k'),
  acknowledged('y', 1),
  ...['shared', 'ordered'].flatMap((group) => [
    ...consumed(group, 'x', 0),
    ...consumed(group, 'y', 1),
  ]),
  stored('x', 0),
  stored('y', 1),
]

function reportFor(entries: readonly LedgerEntry[]) {
  const lines = entries.map((entry, atMs): LedgerLine => ({ ...entry, atMs }))
  return reportOf({
    scenario: 'test',
    machine: { stalledMs: 12, busyPercent: 70 },
    seed: 1,
    groups: 1,
    members: 1,
    judgement: judge(lines, GROUPS),
    timeline: [],
    complaints: [],
  })
}

const without = (unwanted: (entry: LedgerEntry) => boolean): LedgerEntry[] =>
  healthy.filter((entry) => !unwanted(entry))

describe('a drill', () => {
  // A judge that finds nothing where nothing is wrong says something only if each wrong is found, too.
  test('passes when every message came once to each group and lies where it was acknowledged', () => {
    expect(reportFor(healthy)).toMatchObject({
      verdict: 'PASS',
      why: [],
      acknowledged: 2,
      delivered: 2,
      redelivered: 0,
      lost: 0,
      phantom: 0,
      duplicates: 0,
      outOfOrder: 0,
    })
  })

  test('passes when a message comes again before its acknowledgement was answered', () => {
    const again = [
      ...without((entry) => entry.kind === 'settled' && entry.id === 'x'),
      delivered('shared', 'x', 0, { attempt: 2 }),
      settled('shared', 'x'),
    ]

    expect(reportFor(again)).toMatchObject({ verdict: 'PASS', redelivered: 1 })
  })

  // An unanswered send may have been stored; only an acknowledged one must have been.
  test('passes when a send that was not answered is nowhere', () => {
    expect(reportFor([...healthy, sent('z')])).toMatchObject({ verdict: 'PASS', acknowledged: 2 })
  })

  test.each([
    [
      'that a group was not given',
      without((e) => e.kind === 'delivered' && e.group === 'shared' && e.id === 'y'),
    ],
    ['that is not in its queue', without((e) => e.kind === 'stored' && e.id === 'y')],
    ['that neither came nor lies anywhere', [...healthy, sent('z'), acknowledged('z', 2)]],
  ])('fails for one acknowledged message %s', (_, entries) => {
    expect(reportFor(entries)).toMatchObject({ verdict: 'FAIL', lost: 1 })
  })

  test.each([
    ['nobody sent', [...healthy, delivered('shared', 'q', 2)]],
    ['has another body', [...healthy, delivered('shared', 'x', 0, { attempt: 2, hash: 'other' })]],
    ['lies where another one lay', [...healthy, sent('z'), delivered('shared', 'z', 1)]],
  ])('fails for a message that %s', (_, entries) => {
    const report = reportFor(entries)

    expect(report.verdict).toBe('FAIL')
    expect(report.phantom).toBeGreaterThan(0)
  })

  test.each([
    ['stored twice', [...healthy, stored('x', 2)]],
    ['given out after its acknowledgement was answered', [...healthy, settled('shared', 'x')]],
  ])('fails for a message that was %s', (_, entries) => {
    expect(reportFor(entries)).toMatchObject({ verdict: 'FAIL', duplicates: 1 })
  })

  test('fails when a FIFO group gets a message before it was done with the one before', () => {
    const overtaken = [
      ...without((entry) => 'group' in entry && entry.group === 'ordered'),
      delivered('ordered', 'x', 0),
      delivered('ordered', 'y', 1),
      finished('ordered', 'x'),
      finished('ordered', 'y'),
    ]

    expect(reportFor(overtaken)).toMatchObject({ verdict: 'FAIL', outOfOrder: 1 })
  })

  test('fails when a key lies in its queue in another order than it was sent in', () => {
    const [first, second, ...rest] = [sent('y', 'k'), sent('x', 'k'), ...healthy.slice(1)]
    const misplaced = [first, second, ...rest.filter((entry) => entry.kind !== 'sent')]

    const report = reportFor(misplaced.filter((entry) => entry !== undefined))

    expect(report).toMatchObject({ verdict: 'FAIL', outOfOrder: 1, lost: 0 })
  })

  // A cluster that took nothing has lost nothing, either.
  test('fails when nothing was acknowledged, or a send was given up', () => {
    expect(reportFor([])).toMatchObject({ verdict: 'FAIL' })
    expect(reportFor([...healthy, sent('z'), { kind: 'failed', id: 'z', why: '' }])).toMatchObject({
      verdict: 'FAIL',
      failed: 1,
    })
  })

  test('names the message that it fails for', () => {
    const { why } = reportFor([...healthy, sent('z'), acknowledged('z', 2)])

    expect(why).toContainEqual(expect.stringContaining('lost: lost {"messageId":"z"'))
  })
})
