import { encodeBatch, NO_PRODUCER_ID, RecordBatch, stampRecord, TagFilter } from '@cometmq/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wantedBatches } from './wanted-batches.ts'

function batchOf(baseQueueOffset: number, tags: readonly (string | undefined)[]): RecordBatch {
  const bytes = encodeBatch({
    topic: 'orders',
    queueId: 0,
    producer: {
      producerId: NO_PRODUCER_ID,
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1,
    messages: tags.map((tag) => ({ body: Buffer.from('x'), tag })),
  })
  stampRecord(bytes, {
    epoch: 1,
    logOffset: 0,
    confirmedBefore: 0,
    storeTimeMs: 1,
    baseQueueOffset,
    continues: false,
  })
  return RecordBatch.parse(bytes)
}

// A reader would miss messages, or be shown what it filtered out.
test('the ranges are exactly the offsets from the start on whose tag is wanted', () => {
  const tag = fc.constantFrom('a', 'b', undefined)
  const batches = fc.array(fc.array(tag, { minLength: 1, maxLength: 6 }), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(batches, fc.constantFrom('*', 'a', 'a||b', 'c'), fc.nat(5), (all, text, skip) => {
      const tags = all.flat()
      const from = 100 + Math.min(skip, (all[0]?.length ?? 1) - 1)
      let base = 100
      const encoded = all.map((each) => {
        const batch = batchOf(base, each)
        base += each.length
        return batch
      })
      const filter = TagFilter.parse(text)

      const wanted = wantedBatches(filter, { batches: encoded, from })

      const isWanted = (offset: number): boolean => {
        const own = tags[offset - 100]
        return text === '*' || (own !== undefined && text.split('||').includes(own))
      }
      const expected = tags
        .map((_, index) => 100 + index)
        .filter((offset) => offset >= from && isWanted(offset))
      expect(wanted.messages).toBe(expected.length)
      expect(offsetsOf(wanted.ranges)).toEqual(expected)
      // Every wanted message is in a batch that is sent, and no batch is sent for nothing.
      for (const bytes of wanted.batches) {
        const batch = RecordBatch.parse(bytes)
        const end = batch.baseQueueOffset + batch.messageCount
        expect(expected.some((each) => each >= batch.baseQueueOffset && each < end)).toBe(true)
      }
    }),
  )
})

function offsetsOf(ranges: readonly number[]): number[] {
  const offsets: number[] = []
  for (let i = 0; i < ranges.length; i += 2) {
    for (let offset = ranges[i] ?? 0; offset < (ranges[i + 1] ?? 0); offset++) offsets.push(offset)
  }
  return offsets
}
