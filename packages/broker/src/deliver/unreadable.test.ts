import { crc32 } from 'node:zlib'
import {
  deadLetterTopicOf,
  encodeBatch,
  HEADER_BYTES,
  layout,
  limits,
  NO_PRODUCER_ID,
  RecordBatch,
} from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GROUP, REJECT, RETRY, TOPIC, World } from './testing/delivery-world.ts'

const producer = {
  producerId: NO_PRODUCER_ID,
  producerEpoch: 0,
  sequence: 0,
  baseMessageNumber: 0,
}

describe('a batch that says it has other messages than it has', () => {
  // Brokers store bodies unopened. Consumers can do nothing with this one and send it back; a broker
  // that could do nothing with it either would never get rid of it.
  test.each([
    ['rejects', REJECT],
    ['sends back', RETRY],
  ])('goes to the dead letters when a member %s it', async (_, action) => {
    const world = await start()
    await world.createGroup({ maxAttempts: 3, retryDelaysMs: [100] })
    const member = await world.join({}, { takesAtOnce: 0 })
    await append(world, relabelled(batchOf(['a']), 3))
    const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 3 }

    const failures = await world.run(member.handle.settle([{ range, action }]))
    await world.simulation.advance(10_000)

    expect(failures).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
    const peeked = { from: 0, maxMessages: 10 }
    const letters = await world.run(world.engine.deadLetters.peek(GROUP, peeked))
    expect(letters.map(({ batch, offset }) => [batch.sections.origin, offset])).toEqual(
      [0, 1, 2].map((offset) => [
        expect.objectContaining({
          topic: TOPIC,
          queueId: 0,
          queueOffset: 0,
          reason: expect.stringMatching(/^cannot be opened: /),
        }),
        offset,
      ]),
    )
    expect(letters.map(({ message }) => message.body.length)).toEqual([0, 0, 0])
  })
})

describe('a batch as large as batches may be', () => {
  // What says where it came from makes it larger than producers may send.
  test('is sent back whole', async () => {
    const world = await start()
    const member = await world.join({}, { takesAtOnce: 0 })
    const bytes = largestBatch()
    await append(world, bytes)
    const range = { topic: TOPIC, queueId: 0, retry: false, from: 0, to: 4 }

    const failures = await world.run(member.handle.settle([{ range, action: REJECT }]))

    expect(bytes.length).toBe(limits.batchMaxBytes)
    expect(failures).toEqual([])
    expect(await world.backlog()).toMatchObject({ backlog: 0 })
    const queue = { topic: deadLetterTopicOf(GROUP), queueId: 0 }
    const stored = await world.run(world.store.read(queue, { from: 0, maxBytes: 1 }))
    const [copy] = stored.kind === 'batches' ? stored.batches : []
    expect(copy?.openBody().equals(RecordBatch.parse(bytes).openBody())).toBe(true)
  })
})

async function start(): Promise<World> {
  const world = await World.start(new Simulation(1), {
    store: { segmentMaxBytes: 16 * 1024 * 1024 },
  })
  onTestFinished(() => world.stop())
  return world
}

async function append(world: World, bytes: Buffer): Promise<void> {
  const batch = RecordBatch.parse(bytes)
  await world.run(world.store.append({ records: [{ kind: 'batch', batch, idempotent: false }] }))
  await world.simulation.advance(0)
}

function batchOf(bodies: readonly string[]): Buffer {
  const messages = bodies.map((body) => ({ body: Buffer.from(body) }))
  return encodeBatch({ topic: TOPIC, queueId: 0, producer, bornTimeMs: 1, messages })
}

/** Four messages whose batch has exactly the largest size. */
function largestBatch(): Buffer {
  const quarter = '.'.repeat(limits.batchMaxBytes / 4)
  const cut = batchOf([quarter, quarter, quarter, '']).length
  const last = batchOf([quarter, quarter, quarter, '.'.repeat(2 ** 20)]).length - cut - 2 ** 20
  return batchOf([quarter, quarter, quarter, '.'.repeat(limits.batchMaxBytes - cut - last)])
}

/** The same batch with another count of messages, and checksums that match. */
function relabelled(bytes: Buffer, messageCount: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32LE(messageCount, layout.messageCount)
  const body = crc32(copy.subarray(layout.bornTimeMs, layout.bodyChecksum))
  copy.writeUInt32LE(crc32(copy.subarray(layout.sectionBytes), body), layout.bodyChecksum)
  const headerEnd = HEADER_BYTES + copy.readUInt16LE(layout.topicBytes)
  const header = crc32(copy.subarray(0, layout.headerChecksum))
  const checksum = crc32(copy.subarray(layout.version, headerEnd), header)
  copy.writeUInt32LE(checksum, layout.headerChecksum)
  return copy
}
