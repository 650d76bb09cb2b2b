import {
  CometError,
  commitLogOffset,
  encodeBatch,
  errorCodeOfId,
  NO_PRODUCER_ID,
  type PublishRequest,
  type PublishResponse,
  queueOffset,
  RecordBatch,
  type TopicDefinition,
} from '@cometmq/protocol'
import { type MessageStream, type StreamReceiver, silentLogger } from '@cometmq/runtime'
import type { AppendGroup, AppendReceipt } from '@cometmq/store'
import { VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { newBrokerCounters } from '../broker-counters.ts'
import { topicNotFound } from '../topic-registry.ts'
import type { CopiesAwaited } from './ack-level.ts'
import { MessageIntake } from './message-intake.ts'

/** An append that the test answers when it likes. */
interface WaitingAppend {
  readonly group: AppendGroup
  answer(baseQueueOffset: number): void
  reject(error: CometError): void
}

class HeldStore {
  readonly appends: WaitingAppend[] = []

  append(group: AppendGroup): Promise<AppendReceipt> {
    const { promise, resolve, reject } = Promise.withResolvers<AppendReceipt>()
    this.appends.push({
      group,
      answer: (base) => resolve({ epoch: 1, records: [receiptAt(base)] }),
      reject,
    })
    return promise
  }
}

function receiptAt(base: number): AppendReceipt['records'][number] {
  return {
    baseQueueOffset: queueOffset(base),
    logOffset: commitLogOffset(0),
    endOffset: commitLogOffset(100),
    duplicate: false,
  }
}

/** The producer's end of a stream, in memory. */
class ProducerEnd implements MessageStream<PublishResponse, PublishRequest> {
  readonly responses: PublishResponse[] = []
  isPaused = false
  isEnded = false
  cancelledWith: CometError | undefined
  receiver: StreamReceiver<PublishRequest> | undefined

  publish(...batches: Buffer[]): void {
    this.receiver?.message({ batches })
  }

  get results(): string[] {
    return this.responses.flatMap(({ results }) =>
      results.map((result) =>
        result.error === 0 ? `at ${result.baseQueueOffset}` : errorCodeOfId(result.error),
      ),
    )
  }

  send(message: PublishResponse): boolean {
    this.responses.push(message)
    return true
  }

  writable(): Promise<void> {
    return Promise.resolve()
  }

  flushed(): Promise<void> {
    return Promise.resolve()
  }

  end(): void {
    this.isEnded = true
  }

  cancel(error?: CometError): void {
    this.cancelledWith = error
  }

  receive(receiver: StreamReceiver<PublishRequest>): void {
    this.receiver = receiver
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }
}

const orders: TopicDefinition = {
  topic: 'orders',
  type: 'normal',
  queueCount: 4,
  readable: true,
  writable: true,
  ackLevel: { flush: 'sync', replicas: 'in-sync' },
  version: 1,
  createdAtMs: 0,
}

const SYNC_TIMEOUT_MS = 3_000
const LIMITS = {
  maxPendingBytesPerStream: 10_000,
  maxPendingBytes: 20_000,
  syncTimeoutMs: SYNC_TIMEOUT_MS,
}

/** `copies`: of a broker group of several members. */
function openIntake(copies?: CopiesAwaited) {
  const store = new HeldStore()
  const clock = new VirtualClock()
  const counters = newBrokerCounters()
  const topics = {
    needQueue: (topic: string, queueId: number): TopicDefinition => {
      if (topic === 'archive') return { ...orders, topic, writable: false }
      if (topic !== 'orders') throw topicNotFound(topic)
      if (queueId >= orders.queueCount) throw new CometError('QUEUE_NOT_FOUND', 'no such queue')
      return orders
    },
  }
  const intake = new MessageIntake(
    { clock, store, topics, counters, log: silentLogger, copies: () => copies },
    LIMITS,
  )
  const connect = (): ProducerEnd => {
    const end = new ProducerEnd()
    intake.accept(end)
    return end
  }
  return { intake, clock, store, counters, connect }
}

function batchOf(fields: { topic?: string; queueId?: number; bodyBytes?: number } = {}): Buffer {
  const { topic = 'orders', queueId = 0, bodyBytes = 10 } = fields
  return encodeBatch({
    topic,
    queueId,
    producer: {
      producerId: NO_PRODUCER_ID,
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1,
    messages: [{ body: Buffer.alloc(bodyBytes, 7) }],
  })
}

/** Lets what is due in this turn happen. */
async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

describe('results', () => {
  // A producer tells its batches' results apart by their order and nothing else.
  test('come in the order of the batches, whichever is stored first', async () => {
    const { store, connect } = openIntake()
    const producer = connect()
    producer.publish(batchOf(), batchOf(), batchOf())

    store.appends[2]?.answer(30)
    store.appends[1]?.answer(20)
    await turn()
    expect(producer.results).toEqual([])

    store.appends[0]?.answer(10)
    await turn()
    expect(producer.results).toEqual(['at 10', 'at 20', 'at 30'])
  })

  // One message for each result costs more than storing a small batch.
  test('of one turn travel in one message', async () => {
    const { store, connect } = openIntake()
    const producer = connect()
    for (let i = 0; i < 10; i++) producer.publish(batchOf())

    for (const append of store.appends) append.answer(0)
    await turn()

    expect(producer.responses).toHaveLength(1)
    expect(producer.results).toHaveLength(10)
  })

  // One damaged batch must not cost the producer, or its neighbours, theirs.
  test('of bad batches are errors in their place', async () => {
    const { store, counters, connect } = openIntake()
    const producer = connect()
    const flipped = batchOf()
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1

    producer.publish(
      batchOf(),
      flipped,
      Buffer.from('no batch at all'),
      Buffer.concat([batchOf(), Buffer.alloc(4)]),
      batchOf().subarray(0, -1),
      batchOf({ topic: 'unknown' }),
      batchOf({ queueId: 4 }),
      batchOf({ topic: 'archive' }),
      batchOf(),
    )
    for (const append of store.appends) append.answer(1)
    await turn()

    expect(producer.results).toEqual([
      'at 1',
      'CHECKSUM_MISMATCH',
      'MALFORMED_BATCH',
      'MALFORMED_BATCH',
      'MALFORMED_BATCH',
      'TOPIC_NOT_FOUND',
      'QUEUE_NOT_FOUND',
      'NOT_ALLOWED',
      'at 1',
    ])
    expect(counters).toMatchObject({ messagesIn: 2, batchesRefused: 7 })
  })

  // A producer retries by code; INTERNAL would make it give up or repeat blindly.
  test('carry the code and the advice of the store', async () => {
    const { store, connect } = openIntake()
    const producer = connect()
    producer.publish(batchOf())

    store.appends[0]?.reject(new CometError('STORE_BUSY', 'busy', { retryAfterMs: 20 }))
    await turn()

    expect(producer.results).toEqual(['STORE_BUSY'])
    expect(producer.responses[0]?.results[0]).toMatchObject({ message: 'busy', retryAfterMs: 20 })
  })
})

describe('memory', () => {
  // A producer faster than the disk would fill it.
  test('of one stream is bounded by pausing it', async () => {
    const { store, connect } = openIntake()
    const [fast, other] = [connect(), connect()]

    fast.publish(batchOf({ bodyBytes: 11_000 }))
    expect(fast.isPaused).toBe(true)
    expect(other.isPaused).toBe(false)

    store.appends[0]?.answer(0)
    await turn()
    expect(fast.isPaused).toBe(false)
  })

  // Thousands of producers, each within its own bound, would fill it together.
  test('of all streams together is bounded by pausing those that send', async () => {
    const { store, connect } = openIntake()
    const producers = [connect(), connect(), connect()]

    for (const producer of producers) producer.publish(batchOf({ bodyBytes: 8_000 }))
    expect(producers.map(({ isPaused }) => isPaused)).toEqual([false, false, true])
    const late = connect()
    expect(late.isPaused).toBe(true)

    store.appends[0]?.answer(0)
    await turn()
    expect([...producers, late].some(({ isPaused }) => isPaused)).toBe(false)
  })

  // A pause does not reach what is on its way.
  test('far beyond its bound refuses instead', async () => {
    const { connect } = openIntake()
    const producers = Array.from({ length: 6 }, connect)

    for (const producer of producers) producer.publish(batchOf({ bodyBytes: 9_000 }))
    await turn()

    expect(producers.map(({ results }) => results)).toEqual([[], [], [], [], [], ['OVERLOADED']])
  })

  // A broker that counts what the gone have sent would pause everybody in the end.
  test('is given back for a producer that has gone', async () => {
    const { intake, store, counters, connect } = openIntake()
    const producer = connect()
    producer.publish(batchOf(), batchOf())

    producer.receiver?.failed(new CometError('UNAVAILABLE', 'gone'))
    for (const append of store.appends) append.answer(0)
    await turn()

    expect(intake.pendingBytes).toBe(0)
    expect(counters.publishStreams).toBe(0)
    expect(producer.responses).toEqual([])
  })
})

describe('in a broker group of several members', () => {
  // A slave that hangs and cannot be spared would keep producers waiting for ever.
  test('a batch that is not confirmed in time is answered so, and its confirmation is not', async () => {
    const { clock, store, counters, connect } = openIntake({ members: 2, minMembers: 2 })
    const producer = connect()
    producer.publish(batchOf())
    await clock.advance(1_000)
    producer.publish(batchOf(), batchOf())

    await clock.advance(SYNC_TIMEOUT_MS - 1_001)
    expect(producer.results).toEqual([])
    await clock.advance(1)
    expect(producer.results).toEqual(['REPLICATION_TIMEOUT'])
    store.appends[0]?.answer(10)
    store.appends[1]?.answer(11)
    await clock.advance(1_000)

    expect(producer.results).toEqual(['REPLICATION_TIMEOUT', 'at 11', 'REPLICATION_TIMEOUT'])
    expect(counters.messagesIn).toBe(2)
    expect(counters.batchesRefused).toBe(2)
  })

  test('a batch that was made here is not waited for any longer', async () => {
    const { intake, clock } = openIntake({ members: 2, minMembers: 2 })
    const appending = intake.append([RecordBatch.parse(batchOf())])
    const code = appending.catch((error: CometError) => error.code)
    await clock.advance(SYNC_TIMEOUT_MS)

    await expect(code).resolves.toBe('REPLICATION_TIMEOUT')
    expect(intake.pendingBytes).toBe(0)
  })

  test('with too few in sync nothing is appended', async () => {
    const { intake, store, connect } = openIntake({ members: 1, minMembers: 2 })
    const producer = connect()
    producer.publish(batchOf())
    await turn()

    expect(producer.results).toEqual(['IN_SYNC_SET_TOO_SMALL'])
    await expect(intake.append([RecordBatch.parse(batchOf())])).rejects.toMatchObject({
      code: 'IN_SYNC_SET_TOO_SMALL',
    })
    expect(store.appends).toEqual([])
    expect(intake.pendingBytes).toBe(0)
  })
})

// Whatever its disk does, nobody else has the batch.
test('a broker that is alone answers when it has stored a batch', async () => {
  const { clock, store, connect } = openIntake()
  const producer = connect()
  producer.publish(batchOf())
  await clock.advance(10 * SYNC_TIMEOUT_MS)
  expect(producer.results).toEqual([])

  store.appends[0]?.answer(5)
  await turn()

  expect(producer.results).toEqual(['at 5'])
})

describe('a drain', () => {
  // A producer would have to guess what became of the batches it had sent.
  test('answers what was taken, refuses what comes, and then ends the streams', async () => {
    const { intake, store, connect } = openIntake()
    const producer = connect()
    producer.publish(batchOf())

    let drained = false
    const draining = intake.drain().then(() => (drained = true))
    producer.publish(batchOf())
    await turn()
    expect(drained).toBe(false)

    store.appends[0]?.answer(5)
    await draining
    intake.end()
    expect(producer.results).toEqual(['at 5', 'DRAINING'])
    expect(producer.isEnded).toBe(true)
  })

  // A producer that closes waits for the results of what it sent last.
  test('of the producer answers everything before the stream ends', async () => {
    const { store, connect } = openIntake()
    const producer = connect()
    producer.publish(batchOf())

    producer.receiver?.ended()
    await turn()
    expect(producer.isEnded).toBe(false)

    store.appends[0]?.answer(5)
    await turn()
    expect(producer.results).toEqual(['at 5'])
    expect(producer.isEnded).toBe(true)
  })
})
