import { expect, test } from 'vitest'
import type { LedgerLine } from './ledger.ts'
import { type Fault, type Observation, timelineOf } from './timeline.ts'

const LOAD = { fromMs: 1_000, toMs: 3_000 }
const fault: Fault = {
  what: 'kill a-0',
  atMs: 2_000,
  groups: ['a'],
  goalMs: undefined,
  notes: [{ what: 'start a-0', atMs: 2_400 }],
  wholeAtMs: 2_900,
}

const acknowledged = (atMs: number, brokerName = 'a'): LedgerLine => ({
  kind: 'acknowledged',
  atMs,
  id: `${atMs}`,
  brokerName,
  queueId: 0,
  queueOffset: atMs,
})
const delivered = (atMs: number, id: string): LedgerLine => ({
  kind: 'delivered',
  atMs,
  group: 'g',
  id,
  hash: '',
  attempt: 1,
  brokerName: 'a',
  queueId: 0,
  queueOffset: 0,
})
const log = (atMs: number, message: string): Observation => ({
  kind: 'log',
  atMs,
  source: 'ns-0',
  message,
  fields: {},
})
const route = (atMs: number, master: string | undefined, epoch = 1): Observation => ({
  kind: 'route',
  atMs,
  source: 'ns-0',
  brokerName: 'a',
  epoch,
  master,
})

const state = (atMs: number, epoch: number): Observation => ({
  kind: 'state',
  atMs,
  source: 'etcd-0',
  brokerName: 'a',
  epoch,
  master: 2,
  reason: 'process gone',
})

/** An acknowledgement each 10 ms, but not from 2 000 to 2 500; group b never stops. */
const lines = Array.from({ length: 200 }, (_, index) => 1_000 + index * 10)
  .flatMap((atMs) => [
    acknowledged(atMs, 'b'),
    ...(atMs < 2_000 || atMs > 2_500 ? [acknowledged(atMs)] : []),
  ])
  .concat([delivered(2_505, '1990'), delivered(2_530, '2510')])
  .toSorted((a, b) => a.atMs - b.atMs)

test('a fault is told from what was done to the first delivery of what was sent after it', () => {
  const observations = [
    state(1_050, 1),
    route(1_100, 'a-0'),
    log(1_500, 'broker fell silent'),
    // Only who is in sync has changed.
    state(2_030, 1),
    route(2_050, undefined),
    log(2_060, 'broker fell silent'),
    log(2_070, 'registration stream ended'),
    log(2_430, 'broker group member is candidate'),
    state(2_440, 2),
    state(2_441, 2),
    route(2_450, 'a-1', 2),
  ]

  const [report] = timelineOf({ faults: [fault], observations, lines }, LOAD)

  expect(report).toMatchObject({
    fault: 'kill a-0',
    atMs: 1_000,
    unavailableMs: 500,
    // From 2 000 to 2 505 nobody was given anything; in calm times, nobody ever was.
    undeliveredMs: 505,
  })
  expect(report?.steps).toEqual([
    { step: 'detected', afterMs: 50, source: 'ns-0: a has no master' },
    { step: 'mended', afterMs: 400, source: 'start a-0' },
    {
      step: 'elected',
      afterMs: 440,
      source: 'etcd-0: member 2 of a in epoch 2: process gone',
    },
    { step: 'route seen', afterMs: 450, source: 'ns-0: a is a-1 in epoch 2' },
    { step: 'first send acknowledged', afterMs: 510, source: 'a' },
    { step: 'first delivery', afterMs: 530, source: 'g' },
    { step: 'whole', afterMs: 900, source: 'every member' },
  ])
})

// The groups that a fault does not concern would hide how long the others are away.
test('only the groups of a fault count, and of several the worst', () => {
  const both = { ...fault, groups: ['a', 'b'] }
  const other = { ...fault, groups: ['b'] }

  const reports = [both, other].map((each) =>
    timelineOf({ faults: [each], observations: [], lines }, LOAD),
  )

  expect(reports.map(([report]) => report?.unavailableMs)).toEqual([500, 0])
})

test('each fault is told until the next one', () => {
  const next = { ...fault, what: 'later', atMs: 2_700 }

  const reports = timelineOf({ faults: [fault, next], observations: [], lines }, LOAD)

  expect(reports.map(({ unavailableMs }) => unavailableMs)).toEqual([500, 0])
})

test('a group that never comes back is away until the end of the load', () => {
  const dead = lines.filter(({ atMs, kind }) => kind === 'acknowledged' && atMs < 2_000)
  const hopeless = { ...fault, wholeAtMs: undefined }

  const [report] = timelineOf({ faults: [hopeless], observations: [], lines: dead }, LOAD)

  expect(report?.unavailableMs).toBe(990)
  expect(report?.steps.map(({ step }) => step)).toEqual(['mended'])
})

// Somebody is told to kill a process, reads that, finds the terminal, and says so when he has.
test('what a person did is told from the last answer before it', () => {
  const asked = { ...fault, atMs: 1_400, saidDoneAtMs: 2_200 }
  const idle = { ...asked, groups: ['b'] }

  const [report] = timelineOf({ faults: [asked], observations: [], lines }, LOAD)
  const [unharmed] = timelineOf({ faults: [idle], observations: [], lines }, LOAD)

  expect(report).toMatchObject({ atMs: 990, unavailableMs: 510 })
  expect(report?.steps[0]).toEqual({ step: 'mended', afterMs: 410, source: 'start a-0' })
  expect(unharmed).toMatchObject({ atMs: 400, unavailableMs: 0 })
})
