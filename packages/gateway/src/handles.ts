import { crc32 } from 'node:zlib'
import { ByteReader, ByteWriter } from '@cometmq/protocol'
import type { Receipt } from './ports.ts'
import { RefusedCall } from './status.ts'

/**
 * What a client hands back to settle a message: a version byte, the names of broker, group and
 * topic, the place, attempt and generation, and a checksum; as base64url. The broker's name leads
 * any process to the owner, also after the broker has moved or started again.
 */
export interface ReceiptHandle extends Receipt {
  readonly brokerName: string
}

const VERSION = 1
const RETRY = 1

export function encodeHandle(handle: ReceiptHandle): string {
  const texts = [handle.brokerName, handle.group, handle.topic, handle.generation]
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 5, 40)
  const writer = new ByteWriter(Buffer.alloc(bytes))
  writer.uint8(VERSION)
  writer.uint8(handle.retry ? RETRY : 0)
  for (const text of texts) writer.text(text, Buffer.byteLength(text))
  writer.varint(handle.queueId)
  writer.varint(handle.offset)
  writer.varint(handle.attempt)
  const content = writer.bytes.subarray(0, writer.position)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(crc32(content))
  return Buffer.concat([content, checksum]).toString('base64url')
}

/** Throws `INVALID_RECEIPT_HANDLE` on anything but what `encodeHandle` has made. */
export function decodeHandle(text: string): ReceiptHandle {
  const bytes = Buffer.from(text, 'base64url')
  const content = bytes.subarray(0, -4)
  if (bytes.length < 12 || crc32(content) !== bytes.readUInt32LE(content.length)) {
    throw invalidHandle('it was not made by this cluster')
  }
  if (content[0] !== VERSION) throw invalidHandle(`version ${content[0]} is not known`)
  try {
    const reader = new ByteReader(content.subarray(1))
    const retry = (reader.uint8() & RETRY) !== 0
    const [brokerName, group, topic, generation] = [
      reader.text(),
      reader.text(),
      reader.text(),
      reader.text(),
    ]
    const [queueId, offset, attempt] = [reader.varint(), reader.varint(), reader.varint()]
    reader.expectEnd('a receipt handle')
    return { brokerName, group, topic, generation, retry, queueId, offset, attempt }
  } catch (cause) {
    throw invalidHandle('it is cut off', cause)
  }
}

export function invalidHandle(why: string, cause?: unknown): RefusedCall {
  return new RefusedCall('INVALID_RECEIPT_HANDLE', `the receipt handle cannot be used: ${why}`, {
    cause,
  })
}
