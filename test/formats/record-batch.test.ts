import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  type BatchToEncode,
  type BrokerStamp,
  decodeChanges,
  encodeBatch,
  encodeBrokerRecord,
  encodeChanges,
  encodeFillerHeader,
  type Message,
  type Origin,
  RecordBatch,
  type StateChange,
  stampRecord,
} from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { bytesOfDump, dumpRecord } from './dump.ts'

/**
 * Records as the first version wrote them. Brokers keep such bytes for days and send them to
 * consumers of other versions, so a change here is a change of format: it takes a new version, an
 * ADR, and readers for both.
 */

const STAMP: BrokerStamp = {
  epoch: 3,
  logOffset: 4096,
  confirmedBefore: 4000,
  storeTimeMs: 1_760_000_000_250,
  baseQueueOffset: 1_000_000,
  continues: false,
}

const ORIGIN: Origin = {
  topic: 'orders',
  queueId: 5,
  queueOffset: 77,
  storeTimeMs: 1_760_000_000_000,
  attempts: 2,
  reason: 'the handler threw',
  dueAtMs: 1_760_000_010_000,
}

const plain: readonly Message[] = [
  { body: text('first') },
  { body: text('') },
  { body: Buffer.alloc(130, 'x') },
]

const everything: readonly Message[] = [
  {
    body: text('{"total":1}'),
    tag: 'eu',
    keys: ['order-1', 'Zoë'],
    properties: { currency: 'EUR', note: '' },
    messageGroup: 'customer-9',
    messageId: 'order-1-created',
  },
  { body: text('second') },
]

const repetitive: readonly Message[] = [
  { body: Buffer.alloc(300, 'abc') },
  { body: Buffer.alloc(300, 'abc'), tag: 'eu' },
]

const batches: Readonly<Record<string, BatchToEncode>> = {
  plain: batchOf(plain),
  'same-tag': batchOf(plain.map((message) => ({ ...message, tag: 'eu' }))),
  'several-tags': batchOf(
    plain.map((message, i) => ({ ...message, ...(i !== 1 && { tag: `tag-${i}` }) })),
  ),
  keys: batchOf([{ body: text('a'), keys: ['order-1'] }, { body: text('b') }]),
  properties: batchOf([{ body: text('a'), properties: { color: 'blue', ключ: '' } }]),
  everything: batchOf(everything),
  origin: { ...batchOf([{ body: text('again'), tag: 'eu' }]), topic: '%RETRY%g', origin: ORIGIN },
}

const changes: readonly StateChange[] = [
  { kind: 'put', table: 'topics', key: text('orders'), value: text('{"queueCount":8}') },
  { kind: 'delete', table: 'retries', key: Buffer.from('00ff', 'hex') },
  { kind: 'delete-range', table: 'progress', from: text('a'), to: text('b') },
]

describe('a batch as it was frozen', () => {
  // Checksums, sequence windows and the log all hold these very bytes.
  test.each(Object.entries(batches))('is what encodeBatch writes: %s', async (name, batch) => {
    await expect(dumpRecord(encodeBatch(batch))).toMatchFileSnapshot(placeOf(`batch-${name}`))
  })

  test.each(Object.entries(batches))('still means the same: %s', (name, batch) => {
    const frozen = RecordBatch.parse(bytesOf(`batch-${name}`))

    frozen.verifyBody()
    expect(frozen).toMatchObject({
      kind: 'messages',
      topic: batch.topic,
      queueId: batch.queueId,
      bornTimeMs: batch.bornTimeMs,
      producer: batch.producer,
    })
    expect(frozen.messages()).toEqual(batch.messages)
    expect(frozen.sections.origin).toEqual(batch.origin)
  })

  // What zstd writes differs from release to release; what it reads does not.
  test('still opens when it is compressed', () => {
    const frozen = RecordBatch.parse(bytesOf('batch-zstd'))

    frozen.verifyBody()
    expect(frozen.isCompressed).toBe(true)
    expect(frozen.totalBytes).toBeLessThan(300)
    expect(frozen.messages()).toEqual(repetitive)
  })
})

describe('a record as a broker wrote it', () => {
  const stamped = (bytes: Buffer, stamp = STAMP): Buffer => {
    stampRecord(bytes, stamp)
    return bytes
  }
  const records: readonly (readonly [string, Buffer])[] = [
    ['batch-stamped', stamped(encodeBatch(batchOf(plain)), { ...STAMP, continues: true })],
    ['change', stamped(encodeBrokerRecord('change', encodeChanges(changes)))],
    ['epoch-opened', stamped(encodeBrokerRecord('epochOpened', text('')))],
    ['filler-header', encodeFillerHeader(4096, STAMP)],
  ]

  test.each(records)('is what this version writes: %s', async (name, record) => {
    await expect(dumpRecord(record)).toMatchFileSnapshot(placeOf(name))
  })

  test('still holds its stamp', () => {
    expect(RecordBatch.parse(bytesOf('batch-stamped'))).toMatchObject({ ...STAMP, continues: true })
    expect(RecordBatch.parse(bytesOf('epoch-opened'))).toMatchObject(STAMP)
  })

  test('still holds its changes', () => {
    const frozen = RecordBatch.parse(bytesOf('change'))

    frozen.verifyBody()
    expect(decodeChanges(frozen.openBody())).toEqual(changes)
  })
})

function batchOf(messages: readonly Message[]): BatchToEncode {
  return {
    topic: 'orders',
    queueId: 5,
    producer: {
      producerId: '0123456789abcdef',
      producerEpoch: 1,
      sequence: 42,
      baseMessageNumber: 9_007_199_254_000_000,
    },
    bornTimeMs: 1_760_000_000_000,
    messages,
  }
}

function text(characters: string): Buffer {
  return Buffer.from(characters)
}

function placeOf(name: string): string {
  return fileURLToPath(new URL(`frozen/${name}.txt`, import.meta.url))
}

function bytesOf(name: string): Buffer {
  return bytesOfDump(readFileSync(placeOf(name), 'utf8'))
}
