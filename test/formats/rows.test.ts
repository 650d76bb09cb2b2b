import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  clearedBelow,
  decodeProgressRow,
  decodeRetry,
  type GroupSubscription,
  type ProgressRow,
  putCleared,
  putGroup,
  putMerged,
  putParked,
  putPosition,
  putProgress,
  putReset,
  putRetry,
  putSubscription,
  putTopic,
  type RetryRow,
} from '@cometmq/broker/rows'
import type { GroupDefinition, StateChange, TopicDefinition } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { dumpRow, rowOfDump } from './dump.ts'

/**
 * Rows of a broker's tables as the first version wrote them. They lie in the log and in the level
 * folder for as long as a group lives, so a change here is a change of format: it takes a new
 * version byte, an ADR, and a broker that reads both.
 */

interface Row {
  readonly key: Buffer
  readonly value: Buffer
}

const QUEUE = { topic: 'orders', queueId: 5 }

const inOrder: ProgressRow = { doneBelow: 1_000_000, done: [], attempted: [] }

const inPieces: ProgressRow = {
  doneBelow: 1_000,
  done: [
    { from: 1_002, to: 1_010 },
    { from: 1_300, to: 1_301 },
  ],
  attempted: [
    { from: 1_000, to: 1_001, attempts: 3 },
    { from: 1_010, to: 1_200, attempts: 1 },
  ],
}

const parked: ProgressRow = {
  ...inPieces,
  parked: [
    { from: 1_290, to: 1_292, attempts: 16, reason: 'no such customer' },
    { from: 1_310, to: 1_311, attempts: 1, reason: '' },
  ],
}

const retry: RetryRow = {
  dueAtMs: 1_760_000_010_000,
  storedFrom: 4_711,
  messageCount: 3,
  delayMs: 10_000,
  progress: { doneBelow: 1, done: [], attempted: [{ from: 1, to: 3, attempts: 2 }] },
}

const group: GroupDefinition = {
  group: 'billing',
  maxAttempts: 16,
  invisibleMs: 60_000,
  retryDelaysMs: [1_000, 5_000],
  startPosition: { kind: 'timestamp', timestampMs: 1_760_000_000_000 },
  paused: false,
  fifo: false,
  version: 2,
  createdAtMs: 1_760_000_000_000,
}

const subscription: GroupSubscription = { version: 3, topics: { orders: { filter: 'eu||us' } } }

const sqlSubscription: GroupSubscription = {
  version: 4,
  topics: { orders: { filter: '', sql: '"price" > 5' } },
}

const topic: TopicDefinition = {
  topic: 'orders',
  type: 'normal',
  queueCount: 8,
  readable: true,
  writable: true,
  ackLevel: { flush: 'sync', replicas: 'in-sync' },
  version: 1,
  createdAtMs: 1_760_000_000_000,
}

const rows = [
  {
    name: 'row-progress',
    change: putProgress('billing', QUEUE, inOrder),
    decode: ({ value }: Row) => decodeProgressRow(value),
    means: inOrder,
  },
  {
    name: 'row-progress-in-pieces',
    change: putProgress('billing', QUEUE, inPieces),
    decode: ({ value }: Row) => decodeProgressRow(value),
    means: inPieces,
  },
  {
    name: 'row-progress-parked',
    change: putProgress('billing', QUEUE, parked),
    decode: ({ value }: Row) => decodeProgressRow(value),
    means: parked,
  },
  {
    name: 'row-retry',
    change: putRetry('billing', 'orders', retry),
    decode: ({ key, value }: Row) => decodeRetry(key, value),
    means: { topic: 'orders', ...retry },
  },
  {
    name: 'row-dead-letters',
    change: putCleared('billing', 300),
    decode: ({ value }: Row) => clearedBelow(value),
    means: 300,
  },
  { name: 'row-group', change: putGroup(group), decode: json, means: group },
  {
    name: 'row-subscription',
    change: putSubscription('billing', subscription),
    decode: json,
    means: subscription,
  },
  {
    name: 'row-subscription-sql',
    change: putSubscription('billing', sqlSubscription),
    decode: json,
    means: sqlSubscription,
  },
  { name: 'row-topic', change: putTopic(topic), decode: json, means: topic },
  {
    name: 'row-position',
    change: putPosition({ name: 'mine', ...QUEUE }, 77),
    decode: ({ value }: Row) => Number(value.readBigUInt64BE(0)),
    means: 77,
  },
  {
    name: 'row-reset',
    change: putReset('billing', QUEUE, 4_711),
    decode: ({ value }: Row) => Number(value.readBigUInt64BE(0)),
    means: 4_711,
  },
  {
    name: 'row-parked',
    change: putParked('billing', 'orders'),
    decode: ({ value }: Row) => value.length,
    means: 0,
  },
  {
    name: 'row-overlay',
    change: putMerged({ storeId: 'b7c0', number: 3 }),
    decode: ({ value }: Row) => Number(value.readBigUInt64BE(0)),
    means: 3,
  },
]

describe('a row as it was frozen', () => {
  test.each(rows)('is what this version writes: $name', async ({ name, change }) => {
    await expect(dumpRow(rowOf(change))).toMatchFileSnapshot(placeOf(name))
  })

  test.each(rows)('still means the same: $name', ({ name, decode, means }) => {
    expect(decode(rowOfDump(readFileSync(placeOf(name), 'utf8')))).toEqual(means)
  })
})

// Who knows the row must find it: another table is another format.
test('rows are in the tables that the documentation names', () => {
  expect(rows.map(({ name, change }) => `${name}: ${change.table}`)).toEqual([
    'row-progress: progress',
    'row-progress-in-pieces: progress',
    'row-progress-parked: progress',
    'row-retry: retries',
    'row-dead-letters: deadletters',
    'row-group: groups',
    'row-subscription: subscriptions',
    'row-subscription-sql: subscriptions',
    'row-topic: topics',
    'row-position: positions',
    'row-reset: resets',
    'row-parked: parked',
    'row-overlay: overlays',
  ])
})

function rowOf(change: StateChange): Row {
  if (change.kind !== 'put') throw new Error('a row is put')
  return change
}

function json({ value }: Row): unknown {
  return JSON.parse(value.toString())
}

function placeOf(name: string): string {
  return fileURLToPath(new URL(`frozen/${name}.txt`, import.meta.url))
}
