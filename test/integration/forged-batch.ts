import { crc32 } from 'node:zlib'
import { encodeBatch, HEADER_BYTES, layout, NO_PRODUCER_ID } from '@cometmq/protocol'

/** An honest record batch of one queue. */
export function batchOf(topic: string, bodies: readonly string[], queueId = 0): Buffer {
  return encodeBatch({
    topic,
    queueId,
    producer: { producerId: NO_PRODUCER_ID, producerEpoch: 0, sequence: 0, baseMessageNumber: 0 },
    bornTimeMs: 1_750_000_000_000,
    messages: bodies.map((body) => ({ body: Buffer.from(body) })),
  })
}

/**
 * A batch with something changed and both checksums made anew, so that it gets past them: what a
 * sender with a bug, or with bad intentions, would send.
 */
export function forged(batch: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(batch)
  change(bytes)
  const bodyStart = crc32(bytes.subarray(layout.bornTimeMs, layout.bodyChecksum))
  bytes.writeUInt32LE(crc32(bytes.subarray(layout.sectionBytes), bodyStart), layout.bodyChecksum)
  const headerEnd = Math.min(HEADER_BYTES + bytes.readUInt16LE(layout.topicBytes), bytes.length)
  const headerStart = crc32(bytes.subarray(0, layout.headerChecksum))
  const header = crc32(bytes.subarray(layout.version, headerEnd), headerStart)
  bytes.writeUInt32LE(header, layout.headerChecksum)
  return bytes
}
