import { describe, expect, test } from 'vitest'
import { encodeBatch } from '../batch/encode-batch.ts'
import { NO_PRODUCER_ID } from '../batch/producer-stamp.ts'
import { RecordBatch } from '../batch/record-batch.ts'
import { TagFilter } from './tag-filter.ts'

describe('TagFilter', () => {
  // Members that spell one filter in two ways are not in conflict.
  test.each([
    ['', '*'],
    [' * ', '*'],
    ['b||a', 'a||b'],
    [' a || b ||a|| ', 'a||b'],
  ])('reads "%s" as "%s"', (expression, text) => {
    expect(TagFilter.parse(expression).text).toBe(text)
  })

  // A filter that means nothing would silently deliver nothing.
  test.each(['a||*', 'a|b', 'a||\u0007', 'x'.repeat(2_000)])('refuses "%s"', (expression) => {
    expect(() => TagFilter.parse(expression)).toThrow(
      expect.objectContaining({ code: 'ILLEGAL_FILTER' }),
    )
  })

  test.each([
    ['messages of mixed tags', ['a', undefined, 'b', 'a'], 'a', [true, false, false, true]],
    ['messages that all have the tag', ['a', 'a'], 'a||b', [true, true]],
    ['messages without tags', [undefined, undefined], 'a', [false, false]],
    ['messages without tags, when all are wanted', [undefined, 'a'], '*', [true, true]],
    ['messages of other tags', ['b', 'c', undefined], 'a', [false, false, false]],
  ])('matches %s', (_, tags, expression, expected) => {
    const matches = TagFilter.parse(expression).matchesOf(batchOf(tags))

    const seen = tags.map((_tag, index) =>
      typeof matches === 'string' ? matches === 'all' : matches(index),
    )
    expect(seen).toEqual(expected)
  })
})

function batchOf(tags: readonly (string | undefined)[]): RecordBatch {
  const producer = { producerId: NO_PRODUCER_ID, producerEpoch: 0, sequence: 0 }
  const bytes = encodeBatch({
    topic: 't',
    queueId: 0,
    producer: { ...producer, baseMessageNumber: 0 },
    bornTimeMs: 0,
    messages: tags.map((tag) => ({ body: Buffer.from('x'), tag })),
  })
  return RecordBatch.parse(bytes)
}
