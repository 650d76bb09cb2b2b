import { describe, expect, test } from 'vitest'
import { encodeBatch } from '../batch/encode-batch.ts'
import { NO_PRODUCER_ID } from '../batch/producer-stamp.ts'
import { RecordBatch } from '../batch/record-batch.ts'
import type { Message } from '../message.ts'
import { isSameFilter } from './filter-text.ts'
import { parseFilter } from './message-filter.ts'

const PROPERTIES = { price: '10', name: "it's", vip: 'TRUE', empty: '', big: '9007199254740993' }
const MESSAGE = { properties: PROPERTIES, tag: 'new', keys: ['k1', 'k2'] }

describe('a SQL filter', () => {
  test.each([
    ['price = 10', true],
    ['price = 10.0', true],
    ['10 = price', true],
    ["price = '10'", true],
    ["price = '10.0'", false],
    ['price <> 10', false],
    ['price > 9.5 AND price < 1e2', true],
    ['price BETWEEN 10 AND 20', true],
    ['price NOT BETWEEN 10 AND 20', false],
    ['big > 9007199254740992', true],
    ['big = 9007199254740993', true],
    ['big = 9007199254740992', false],
    ["name = 'it''s'", true],
    ["name CONTAINS 't'", true],
    ["name STARTSWITH 'it'", true],
    ["name ENDSWITH 'it'", false],
    ["name NOT CONTAINS 'x'", true],
    ["name IN ('x', 'it''s')", true],
    ["name NOT IN ('x')", true],
    ['price IN (9, 10)', true],
    ['vip', true],
    ['vip = TRUE', true],
    ['NOT vip', false],
    ['empty IS NULL', false],
    ["empty = ''", true],
    ["TAGS = 'new'", true],
    ["KEYS CONTAINS 'k2'", true],
    ["TAGS IN ('old') OR price >= 10", true],
    ['TRUE', true],
    ['FALSE', false],
    // What is missing, or is no number, is unknown, and so is its opposite.
    ['missing = 1', false],
    ['NOT missing = 1', false],
    ['missing <> 1', false],
    ['missing IS NULL', true],
    ['missing IS NOT NULL', false],
    ['name > 1', false],
    ['NOT name > 1', false],
    ['name BETWEEN 1 AND 2', false],
    ['name NOT BETWEEN 1 AND 2', false],
    ["missing CONTAINS 'x'", false],
    ["missing NOT CONTAINS 'x'", false],
    ["missing IN ('x')", false],
    ["missing NOT IN ('x')", false],
    ['missing', false],
    ['NOT missing', false],
    ['name', false],
    // One term may decide all the same.
    ['missing = 1 OR price = 10', true],
    ['price = 10 OR missing = 1', true],
    ['missing = 1 AND price = 10', false],
    ['NOT (missing = 1 AND price = 9)', true],
    ['NOT (missing = 1 OR price = 9)', false],
    // Objects have more names than properties.
    ['constructor IS NULL AND __proto__ IS NULL', true],
  ])('%s: %s', (sql, expected) => {
    expect(wanted(sql, [MESSAGE])).toEqual([expected])
  })

  test('picks messages out of a batch, also a compressed one', () => {
    const messages = [{ n: '1' }, { n: '5' }, {}, { n: '7' }].map((properties) => ({ properties }))

    expect(wanted('n >= 5', messages)).toEqual([false, true, false, true])
    expect(wanted('n >= 5', messages, 'zstd')).toEqual([false, true, false, true])
    expect(parseFilter({ filter: '', sql: 'n >= 0' }).matchesOf(batchOf(messages))).toBeTypeOf(
      'function',
    )
    expect(parseFilter({ filter: '', sql: 'TRUE' }).matchesOf(batchOf(messages))).toBe('all')
    expect(parseFilter({ filter: '', sql: 'n > 7' }).matchesOf(batchOf(messages))).toBe('none')
  })

  // The consumer finds out what is wrong with it, and it ends where somebody sees it.
  test('wants all of a batch that cannot be opened', () => {
    const bytes = Buffer.from(batchOf([{}]).bytes)
    bytes.fill(0xff, bytes.length - 6)

    const matches = parseFilter({ filter: '', sql: 'FALSE' }).matchesOf(RecordBatch.parse(bytes))

    expect(matches).toBe('all')
  })

  // A consumer takes 32 messages at a time of a batch of thousands.
  test('tells batches apart, however often and in which order it is asked', () => {
    const filter = parseFilter({ filter: '', sql: 'n = 1' })
    const batches = Array.from({ length: 100 }, (_, i) => batchOf([{ properties: { n: `${i}` } }]))

    for (const _ of [1, 2]) {
      for (const [i, batch] of batches.entries()) {
        expect(filter.matchesOf(batch)).toBe(i === 1 ? 'all' : 'none')
        expect(filter.matchesOf(batch)).toBe(i === 1 ? 'all' : 'none')
      }
    }
  })

  test('is the same however it is spelled, and never a tag', () => {
    const [left, right] = ['a=1', ' (a = 1)'].map((sql) => parseFilter({ filter: '', sql }))
    const tag = parseFilter({ filter: '"a" = 1' })

    expect(
      isSameFilter(left?.expression ?? { filter: '' }, right?.expression ?? { filter: '' }),
    ).toBe(true)
    expect(isSameFilter(left?.expression ?? { filter: '' }, tag.expression)).toBe(false)
  })
})

function wanted(
  sql: string,
  messages: readonly Omit<Message, 'body'>[],
  compression: 'none' | 'zstd' = 'none',
): boolean[] {
  const matches = parseFilter({ filter: '', sql }).matchesOf(batchOf(messages, compression))
  return messages.map((_, index) =>
    typeof matches === 'string' ? matches === 'all' : matches(index),
  )
}

function batchOf(
  messages: readonly Omit<Message, 'body'>[],
  compression: 'none' | 'zstd' = 'none',
): RecordBatch {
  const bytes = encodeBatch({
    topic: 'orders',
    queueId: 0,
    producer: { producerId: NO_PRODUCER_ID, producerEpoch: 0, sequence: 0, baseMessageNumber: 0 },
    bornTimeMs: 0,
    compression,
    messages: messages.map((message) => ({ body: Buffer.from('body'), ...message })),
  })
  return RecordBatch.parse(bytes)
}
