import { encodeBatch, NO_PRODUCER_ID, RecordBatch } from '@cometmq/protocol'
import { expect, test } from 'vitest'
import { storedMessageOf } from './stored-message.ts'

// Messages that fail together are dead letters of one batch; whoever looks for the original of the
// second one must not find that of the first.
test('each message of a batch that was sent back says where it came from itself', () => {
  const bytes = encodeBatch({
    topic: '%DLQ%billing',
    queueId: 0,
    producer: { producerId: NO_PRODUCER_ID, producerEpoch: 0, sequence: 0, baseMessageNumber: 0 },
    bornTimeMs: 1,
    messages: [{ body: Buffer.from('a') }, { body: Buffer.from('b') }],
    origin: {
      topic: 'orders',
      queueId: 3,
      queueOffset: 70,
      storeTimeMs: 1,
      attempts: 2,
      reason: 'failed',
      dueAtMs: 0,
    },
  })
  const batch = RecordBatch.parse(bytes)

  const messages = [0, 1].map((index) => storedMessageOf(batch, index, 'broker-a'))

  expect(messages.map(({ originOffset }) => originOffset)).toEqual([70, 71])
})
