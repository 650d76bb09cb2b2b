import assert from 'node:assert/strict'
import { limits } from '../limits.ts'
import type { Message } from '../message.ts'
import { checkBatchBytes } from './batch-bounds.ts'
import { writeUint64 } from './bytes.ts'
import { bodyChecksum, headerChecksum } from './checksums.ts'
import { compress } from './compression.ts'
import {
  attributes,
  FORMAT_VERSION,
  HEADER_BYTES,
  layout,
  MAGIC,
  type RecordKind,
  recordKinds,
} from './layout.ts'
import { EncodableMessages } from './message-codec.ts'
import type { ProducerStamp } from './producer-stamp.ts'
import { encodeSections, type Origin } from './sections.ts'

export interface BatchToEncode {
  readonly topic: string
  readonly queueId: number
  readonly producer: ProducerStamp
  readonly bornTimeMs: number
  readonly messages: readonly Message[]
  readonly compression?: 'none' | 'zstd'
  /** Set by a broker that sends messages back or gives up on them. */
  readonly origin?: Origin
}

/** What the broker fills in when it appends a record. */
export interface BrokerStamp {
  readonly epoch: number
  readonly logOffset: number
  /** The confirm offset when the record was written: everything below was durable on the whole in-sync set. */
  readonly confirmedBefore: number
  readonly storeTimeMs: number
  readonly baseQueueOffset: number
  /** The next record belongs to the same append. */
  readonly continues: boolean
}

/**
 * Encodes 1..N messages of one topic queue. The broker's fields are zero; checksums are set.
 *
 * Throws `BATCH_TOO_LARGE` beyond `batchMaxBytes`, measured before compression as well; of a batch
 * with an origin, only its body is measured.
 */
export function encodeBatch(batch: BatchToEncode): Buffer {
  const { messages } = batch
  assert.ok(messages.length > 0, 'a batch has at least one message')
  assert.ok(messages.length <= limits.batchMaxMessages, 'a batch has too many messages')
  const plain = new EncodableMessages(messages)
  const zstd = batch.compression === 'zstd'
  checkBatchBytes(plain.byteLength)
  const bytes = buildRecord({
    kind: 'messages',
    topic: batch.topic,
    sections: encodeSections(messages, batch.origin),
    body: zstd ? compressed(plain) : plain,
  })
  // A largest batch that is sent back is larger, by where it came from.
  if (batch.origin === undefined) checkBatchBytes(bytes.length)
  const { producer } = batch
  writeUint64(bytes, batch.bornTimeMs, layout.bornTimeMs)
  assert.equal(producer.producerId.length, 16, 'a producer id is 16 hexadecimal digits')
  const idBytes = bytes.write(producer.producerId, layout.producerId, 8, 'hex')
  assert.equal(idBytes, 8, 'a producer id is 16 hexadecimal digits')
  bytes.writeUInt32LE(producer.producerEpoch, layout.producerEpoch)
  bytes.writeUInt32LE(producer.sequence, layout.sequence)
  writeUint64(bytes, producer.baseMessageNumber, layout.baseMessageNumber)
  bytes.writeUInt32LE(messages.length, layout.messageCount)
  bytes.writeUInt32LE(batch.queueId, layout.queueId)
  bytes.writeUInt32LE(plain.byteLength, layout.bodyBytes)
  const flags =
    (zstd ? attributes.zstd : 0) | (batch.origin === undefined ? 0 : attributes.brokerMade)
  bytes.writeUInt16LE(flags, layout.attributes)
  bytes.writeUInt32LE(bodyChecksum(bytes), layout.bodyChecksum)
  bytes.writeUInt32LE(
    headerChecksum(bytes, layout.topic + bytes.readUInt16LE(layout.topicBytes)),
    layout.headerChecksum,
  )
  return bytes
}

/** Encodes a record of one of the broker's own kinds around an opaque body. */
export function encodeBrokerRecord(kind: 'change' | 'epochOpened', body: Buffer): Buffer {
  const bytes = buildRecord({ kind, topic: '', sections: [], body })
  bytes.writeUInt32LE(body.length, layout.bodyBytes)
  bytes.writeUInt32LE(bodyChecksum(bytes), layout.bodyChecksum)
  bytes.writeUInt32LE(headerChecksum(bytes, HEADER_BYTES), layout.headerChecksum)
  return bytes
}

/** The header of a filler of `totalBytes`; the rest of it need not be written. */
export function encodeFillerHeader(totalBytes: number, stamp: BrokerStamp): Buffer {
  assert.ok(totalBytes >= HEADER_BYTES, 'a filler is at least a header')
  const bytes = buildRecord({ kind: 'filler', topic: '', sections: [], body: Buffer.alloc(0) })
  bytes.writeUInt32LE(totalBytes, layout.totalBytes)
  stampRecord(bytes, stamp)
  return bytes
}

/** Fills in the broker's fields of an encoded record, in place. */
export function stampRecord(bytes: Buffer, stamp: BrokerStamp): void {
  writeUint64(bytes, stamp.epoch, layout.epoch)
  writeUint64(bytes, stamp.logOffset, layout.logOffset)
  writeUint64(bytes, stamp.confirmedBefore, layout.confirmedBefore)
  writeUint64(bytes, stamp.storeTimeMs, layout.storeTimeMs)
  writeUint64(bytes, stamp.baseQueueOffset, layout.baseQueueOffset)
  const flags = bytes.readUInt16LE(layout.attributes) & ~attributes.continues
  bytes.writeUInt16LE(flags | (stamp.continues ? attributes.continues : 0), layout.attributes)
  const headerEnd = layout.topic + bytes.readUInt16LE(layout.topicBytes)
  bytes.writeUInt32LE(headerChecksum(bytes, headerEnd), layout.headerChecksum)
}

function buildRecord(parts: {
  readonly kind: RecordKind
  readonly topic: string
  readonly sections: readonly Buffer[]
  readonly body: Buffer | EncodableMessages
}): Buffer {
  const topicBytes = Buffer.byteLength(parts.topic)
  let sectionBytes = 0
  for (const section of parts.sections) sectionBytes += section.length
  const headerBytes = HEADER_BYTES + topicBytes
  const bytes = Buffer.allocUnsafe(headerBytes + sectionBytes + parts.body.byteLength)
  bytes.fill(0, 0, HEADER_BYTES)
  bytes.writeUInt32LE(MAGIC, layout.magic)
  bytes.writeUInt32LE(bytes.length, layout.totalBytes)
  bytes[layout.version] = FORMAT_VERSION
  bytes[layout.kind] = recordKinds[parts.kind]
  bytes.writeUInt32LE(sectionBytes, layout.sectionBytes)
  bytes.writeUInt16LE(topicBytes, layout.topicBytes)
  bytes.write(parts.topic, layout.topic, topicBytes, 'utf8')
  let at = headerBytes
  for (const section of parts.sections) {
    bytes.set(section, at)
    at += section.length
  }
  // Messages are written where they stay: a copy of each body is all that encoding costs.
  if (parts.body instanceof EncodableMessages) parts.body.writeTo(bytes, at)
  else bytes.set(parts.body, at)
  return bytes
}

function compressed(messages: EncodableMessages): Buffer {
  const plain = Buffer.allocUnsafe(messages.byteLength)
  messages.writeTo(plain, 0)
  return compress(plain)
}
