import { encodeBrokerRecord, encodeChanges, RecordBatch, type StateChange } from '@cometmq/protocol'
import { SimulatedDisk } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { QueueIndexes } from './indexes/queue-indexes.ts'
import { type PlacedBatch, type PlacedRecord, placedRecord } from './placed-record.ts'
import { judgeSequence, ProducerWindows, windowKeyOf } from './producer-windows.ts'
import { deleteQueuesOf, putQueue } from './state/store-tables.ts'
import { TailView } from './tail-view.ts'
import { batchOf, type BatchShape, PRODUCER, put } from './testing/scenario.ts'

const KEY = windowKeyOf(batchOf(), { producerId: PRODUCER, topic: 'orders', queueId: 0 }) ?? ''

describe('TailView', () => {
  test('goes on where the confirmed state ends', async () => {
    const { tail, queues } = await empty()
    queues.getOrMake('orders', 0).raise({ nextOffset: 5, minOffset: 0 })

    add(tail, placed({ bodies: ['a', 'b'] }, { at: 0, base: 5 }))

    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(7)
    expect(tail.nextOffset(tail.queue('orders', 1))).toBe(0)
  })

  // What stays behind when a record is confirmed would grow with every queue and producer there is.
  test('forgets what has been confirmed, and nothing newer', async () => {
    const { tail } = await empty()
    const first = placed({ sequence: 0 }, { at: 0, base: 0 })
    const second = placed({ sequence: 1 }, { at: 200, base: 1 })
    add(tail, first)
    add(tail, second)

    tail.passed(first)

    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(2)
    expect(tail.window(KEY)?.nextSequence).toBe(2)
    tail.passed(second)
    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(0)
    expect(tail.window(KEY)).toBeUndefined()
  })

  // A batch that follows the deletion of its queue is numbered from 0, whether the deletion is
  // confirmed or not: else a member that replays both at once counts differently.
  test('begins a deleted queue at 0, before and after the deletion is confirmed', async () => {
    const { tail, queues, producers } = await empty()
    queues.getOrMake('orders', 0).raise({ nextOffset: 9, minOffset: 0 })
    queues.getOrMake('other', 0).raise({ nextOffset: 4, minOffset: 0 })
    const before = placed({ sequence: 0 }, { at: 0, base: 9 })
    add(tail, before)
    const deletion = placedChange([deleteQueuesOf('orders')], 200)
    tail.change([deleteQueuesOf('orders')], 200)

    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(0)
    expect(tail.nextOffset(tail.queue('other', 0))).toBe(4)
    expect(judgeSequence(tail.window(KEY), before.producer).kind).toBe('accept')
    add(tail, placed({ sequence: 0 }, { at: 400, base: 0 }))
    queues.forget(Buffer.from('orders\0'), Buffer.from('orders\x01'))
    producers.forget(Buffer.from('orders\0'), Buffer.from('orders\x01'))
    tail.passed(before)
    tail.passed(deletion)
    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(1)
    expect(tail.window(KEY)?.nextSequence).toBe(1)
  })

  test('raises a queue as a change does, never lowers it', async () => {
    const { tail } = await empty()
    add(tail, placed({}, { at: 0, base: 0 }))

    tail.change([putQueue({ topic: 'orders', queueId: 0 }, { nextOffset: 8, minOffset: 0 })], 200)

    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(8)
    tail.change([putQueue({ topic: 'orders', queueId: 0 }, { nextOffset: 3, minOffset: 0 })], 400)
    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(8)
  })

  test('takes back all of a group that was refused', async () => {
    const { tail, queues } = await empty()
    queues.getOrMake('orders', 0).raise({ nextOffset: 2, minOffset: 0 })
    add(tail, placed({ sequence: 0 }, { at: 0, base: 2 }))
    tail.mark()
    add(tail, placed({ sequence: 1 }, { at: 200, base: 3 }))
    tail.change([deleteQueuesOf('orders')], 400)
    add(tail, placed({ sequence: 0 }, { at: 600, base: 0 }))

    tail.rollBack()

    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(3)
    expect(tail.window(KEY)?.nextSequence).toBe(1)
  })

  // A slave that becomes master numbers on with what it has copied, confirmed or not.
  test('is made anew from the records that are not confirmed', async () => {
    const { tail } = await empty()
    add(tail, placed({ queueId: 3 }, { at: 0, base: 0 }))
    const records: PlacedRecord[] = [
      placed({ sequence: 0, bodies: ['a', 'b'] }, { at: 200, base: 0 }),
      placedChange(
        [put('topics', 'orders', '{}'), putQueue(ARCHIVE, { nextOffset: 7, minOffset: 7 })],
        400,
      ),
      placed({ sequence: 1 }, { at: 600, base: 2 }),
    ]

    tail.rebuild(records)

    expect(tail.nextOffset(tail.queue('orders', 0))).toBe(3)
    expect(tail.nextOffset(tail.queue('archive', 0))).toBe(7)
    expect(tail.nextOffset(tail.queue('orders', 3))).toBe(0)
    expect(tail.window(KEY)?.nextSequence).toBe(2)
  })
})

const ARCHIVE = { topic: 'archive', queueId: 0 }

async function empty(): Promise<{
  readonly tail: TailView
  readonly queues: QueueIndexes
  readonly producers: ProducerWindows
}> {
  const rows = await new SimulatedDisk().keyValueStores.open('/level')
  const queues = await QueueIndexes.open(rows)
  const producers = await ProducerWindows.open(rows)
  return { tail: new TailView({ queues, producers }), queues, producers }
}

function placed(shape: BatchShape, { at, base }: { at: number; base: number }): PlacedBatch {
  const record = batchOf({ producerId: PRODUCER, ...shape })
  const found = placedRecord(record, at)
  if (found.kind !== 'messages') throw new TypeError('a batch is no batch')
  return { ...found, base, to: base + record.messageCount }
}

function add(tail: TailView, batch: PlacedBatch): void {
  const { topic, queueId, windowKey } = batch
  tail.add(
    batch,
    tail.queue(topic, queueId),
    windowKey === undefined ? undefined : tail.window(windowKey),
  )
}

function placedChange(changes: readonly StateChange[], at: number): PlacedRecord {
  const bytes = encodeBrokerRecord('change', encodeChanges(changes))
  return placedRecord(RecordBatch.parse(bytes), at)
}
