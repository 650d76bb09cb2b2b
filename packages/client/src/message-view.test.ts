import { encodeBatch, type Origin, RecordBatch, stampRecord } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { MessageView } from './message-view.ts'

const ORIGIN: Origin = {
  topic: 'orders',
  queueId: 3,
  queueOffset: 77,
  storeTimeMs: 1_000,
  attempts: 1,
  reason: 'try again',
  dueAtMs: 2_000,
}

describe('the place of a message', () => {
  test('is where its batch lies, and its number in it', () => {
    expect(placesOf(undefined)).toEqual(['%RETRY%billing/0/10', '%RETRY%billing/0/11'])
  })

  // A whole window that failed together is one batch: with one place for all of it, whoever tells
  // messages apart by their place would drop all but one.
  test('is that of the original for each message that was sent back in one batch', () => {
    expect(placesOf(ORIGIN)).toEqual(['orders/3/77', 'orders/3/78'])
  })
})

function placesOf(origin: Origin | undefined): string[] {
  const bytes = encodeBatch({
    topic: '%RETRY%billing',
    queueId: 0,
    producer: {
      producerId: '0123456789abcdef',
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1,
    messages: [{ body: Buffer.from('a') }, { body: Buffer.from('b') }],
    ...(origin === undefined ? {} : { origin }),
  })
  stampRecord(bytes, {
    epoch: 1,
    logOffset: 0,
    confirmedBefore: 0,
    storeTimeMs: 3_000,
    baseQueueOffset: 10,
    continues: false,
  })
  const batch = RecordBatch.parse(bytes)
  return batch.messages().map((message, index) => {
    const view = new MessageView(batch, index, message)
    return `${view.topic}/${view.queueId}/${view.queueOffset}`
  })
}
