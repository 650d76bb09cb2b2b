import assert from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { CometError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Message } from '../message.ts'
import { ByteReader, readUint64, writeUint64 } from './bytes.ts'
import { compress, decompress } from './compression.ts'
import {
  attributes,
  FORMAT_VERSION,
  HEADER_BYTES,
  layout,
  MAGIC,
  type RecordKind,
  recordKinds,
} from './layout.ts'
import { decodeMessage, EncodableMessages, skipMessage } from './message-codec.ts'
import { decodeSections, encodeSections, type Origin, type Sections, tagAt } from './sections.ts'

/** Who sent a batch, and which of its batches for this queue it is. */
export interface ProducerStamp {
  /** 8 bytes as 16 hexadecimal digits; zeros: a sender without idempotence. */
  readonly producerId: string
  /** Starts at 0 for each queue; raised when a sequence has to start anew. */
  readonly producerEpoch: number
  /** Counts the producer's batches for this queue and epoch, from 0. */
  readonly sequence: number
  /** Number of the first message among all of this producer's; with the id it identifies each message. */
  readonly baseMessageNumber: number
}

export const NO_PRODUCER_ID = '0000000000000000'

const kindsById = new Map<number, RecordKind>(
  Object.entries(recordKinds).map(([kind, id]) => [id, kind as RecordKind]),
)

const ALL_ATTRIBUTES = attributes.compressionMask | attributes.continues | attributes.brokerMade

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

/** What a look at the front of some bytes found. */
export type Peek =
  | { readonly kind: 'record'; readonly totalBytes: number; readonly headerBytes: number }
  /** Whether a record begins here takes `needBytes` to tell. */
  | { readonly kind: 'incomplete'; readonly needBytes: number }
  | { readonly kind: 'invalid'; readonly why: string }

/**
 * Tells whether a valid record header begins at `at`, without looking at the body.
 *
 * A header that passes its checksum but is of another version is `invalid` with that reason.
 */
export function peekRecord(bytes: Buffer, at = 0): Peek {
  const there = bytes.length - at
  if (there < HEADER_BYTES) return { kind: 'incomplete', needBytes: HEADER_BYTES }
  if (bytes.readUInt32LE(at + layout.magic) !== MAGIC) {
    return { kind: 'invalid', why: 'no record begins here' }
  }
  const headerBytes = HEADER_BYTES + bytes.readUInt16LE(at + layout.topicBytes)
  if (headerBytes > HEADER_BYTES + limits.topicNameMaxChars * 4) {
    return { kind: 'invalid', why: 'the topic length is impossible' }
  }
  if (there < headerBytes) return { kind: 'incomplete', needBytes: headerBytes }
  const record = at === 0 ? bytes : bytes.subarray(at)
  if (headerChecksum(record, headerBytes) !== record.readUInt32LE(layout.headerChecksum)) {
    return { kind: 'invalid', why: 'the header checksum does not match' }
  }
  if (record[layout.version] !== FORMAT_VERSION) {
    return { kind: 'invalid', why: `format version ${record[layout.version]} is not known` }
  }
  const totalBytes = record.readUInt32LE(layout.totalBytes)
  const sectionBytes = record.readUInt32LE(layout.sectionBytes)
  if (totalBytes < headerBytes + sectionBytes) {
    return { kind: 'invalid', why: 'the lengths contradict each other' }
  }
  return { kind: 'record', totalBytes, headerBytes }
}

/**
 * One record, read where it lies: fields are decoded when asked for, bodies are views of the bytes.
 *
 * `parse` has verified the header. `verifyBody` verifies the rest; nothing below it is trusted
 * before, so callers verify once, where bytes enter their process.
 */
export class RecordBatch {
  /** The whole record, header to end. */
  readonly bytes: Buffer
  readonly #headerBytes: number
  #sections: Sections | undefined

  private constructor(bytes: Buffer, headerBytes: number) {
    this.bytes = bytes
    this.#headerBytes = headerBytes
  }

  /** Throws `MALFORMED_BATCH` unless exactly one record, with a good header, begins at `at`. */
  static parse(bytes: Buffer, at = 0): RecordBatch {
    const peek = peekRecord(bytes, at)
    if (peek.kind === 'invalid')
      throw new CometError('MALFORMED_BATCH', `at byte ${at}: ${peek.why}`)
    if (peek.kind === 'incomplete' || at + peek.totalBytes > bytes.length) {
      throw new CometError('MALFORMED_BATCH', `at byte ${at}: the record is cut off`)
    }
    return new RecordBatch(bytes.subarray(at, at + peek.totalBytes), peek.headerBytes)
  }

  get kind(): RecordKind {
    const id = this.bytes[layout.kind] as number
    const kind = kindsById.get(id)
    if (kind === undefined) {
      throw new CometError('MALFORMED_BATCH', `record kind ${id} is not known`)
    }
    return kind
  }

  get totalBytes(): number {
    return this.bytes.length
  }

  get epoch(): number {
    return readUint64(this.bytes, layout.epoch)
  }

  /** Covers everything but the body, and through its checksum that, too. */
  get headerChecksum(): number {
    return this.bytes.readUInt32LE(layout.headerChecksum)
  }

  get logOffset(): number {
    return readUint64(this.bytes, layout.logOffset)
  }

  get confirmedBefore(): number {
    return readUint64(this.bytes, layout.confirmedBefore)
  }

  get storeTimeMs(): number {
    return readUint64(this.bytes, layout.storeTimeMs)
  }

  get baseQueueOffset(): number {
    return readUint64(this.bytes, layout.baseQueueOffset)
  }

  get bornTimeMs(): number {
    return readUint64(this.bytes, layout.bornTimeMs)
  }

  get producer(): ProducerStamp {
    return {
      producerId: this.bytes.toString('hex', layout.producerId, layout.producerId + 8),
      producerEpoch: this.bytes.readUInt32LE(layout.producerEpoch),
      sequence: this.bytes.readUInt32LE(layout.sequence),
      baseMessageNumber: readUint64(this.bytes, layout.baseMessageNumber),
    }
  }

  get messageCount(): number {
    return this.bytes.readUInt32LE(layout.messageCount)
  }

  get queueId(): number {
    return this.bytes.readUInt32LE(layout.queueId)
  }

  get topic(): string {
    return this.bytes.toString('utf8', layout.topic, this.#headerBytes)
  }

  get isCompressed(): boolean {
    return (this.#attributes & attributes.compressionMask) !== 0
  }

  get compression(): 'none' | 'zstd' {
    const id = this.#attributes & attributes.compressionMask
    if (id === 0) return 'none'
    if (id === attributes.zstd) return 'zstd'
    throw new CometError('MALFORMED_BATCH', `compression ${id} is not known`)
  }

  /** Bytes of the body before compression, as the header claims. */
  get bodyBytes(): number {
    return this.bytes.readUInt32LE(layout.bodyBytes)
  }

  /** The next record belongs to the same append. */
  get continues(): boolean {
    return (this.#attributes & attributes.continues) !== 0
  }

  get isBrokerMade(): boolean {
    return (this.#attributes & attributes.brokerMade) !== 0
  }

  get sections(): Sections {
    this.#sections ??= decodeSections(
      this.bytes.subarray(this.#headerBytes, this.#bodyStart),
      this.messageCount,
    )
    return this.#sections
  }

  /** Whether the body checksum, which covers the producer's fields, topic, sections and body, matches. */
  get isBodyIntact(): boolean {
    if (this.bytes[layout.kind] === recordKinds.filler) return true
    return bodyChecksum(this.bytes) === this.bytes.readUInt32LE(layout.bodyChecksum)
  }

  /** Throws `CHECKSUM_MISMATCH` unless the body is intact. */
  verifyBody(): void {
    if (this.isBodyIntact) return
    throw new CometError(
      'CHECKSUM_MISMATCH',
      `the body checksum of a batch of ${this.messageCount} messages of "${this.topic}" does not match`,
    )
  }

  /**
   * The stored body, uncompressed: messages back to back, or an opaque body of the broker's kinds.
   *
   * Throws `MALFORMED_BATCH` on a body that is not what its header says, and before opening one
   * that claims more than `batchMaxBytes`.
   */
  openBody(): Buffer {
    const stored = this.bytes.subarray(this.#bodyStart)
    const { bodyBytes } = this
    const plain = this.compression === 'none' ? stored : decompress(stored, bodyBytes)
    if (plain.length !== bodyBytes) {
      throw new CometError(
        'MALFORMED_BATCH',
        `a body has ${plain.length} bytes, its header says ${bodyBytes}`,
      )
    }
    return plain
  }

  /**
   * Decodes the messages with index in `[from, to)`. Bodies are views of the record (or of the
   * uncompressed copy); copy what outlives it.
   *
   * No broker has opened the body before: throws `MALFORMED_BATCH` if it holds anything but
   * `messageCount` messages.
   */
  messages(from = 0, to = this.messageCount): Message[] {
    const { messageCount } = this
    checkMessageCount(messageCount)
    assert.ok(from >= 0 && from <= to && to <= messageCount, `no range of a batch: ${from}, ${to}`)
    const { tags } = this.sections
    const reader = new ByteReader(this.openBody())
    for (let index = 0; index < from; index++) skipMessage(reader)
    const messages: Message[] = []
    for (let index = from; index < to; index++) {
      const message = decodeMessage(reader)
      const tag = tagAt(tags, index)
      if (tag !== undefined) message.tag = tag
      messages.push(message)
    }
    if (to === messageCount) reader.expectEnd('the last message')
    return messages
  }

  /**
   * The identity of message `index`: the sender's own, or one made of producer and number. It stays
   * the same through retries, redeliveries and the dead letter topic.
   */
  messageId(index: number, message: Message): string {
    if (message.messageId !== undefined) return message.messageId
    const { producerId, baseMessageNumber } = this.producer
    return messageIdOf(producerId, baseMessageNumber + index)
  }

  /** Whether the header has bits set that only a later version gives a meaning. */
  get hasUnknownBits(): boolean {
    return (
      (this.#attributes & ~ALL_ATTRIBUTES) !== 0 || this.bytes.readUInt16LE(layout.reserved) !== 0
    )
  }

  get #attributes(): number {
    return this.bytes.readUInt16LE(layout.attributes)
  }

  get #bodyStart(): number {
    return this.#headerBytes + this.bytes.readUInt32LE(layout.sectionBytes)
  }
}

/** `producerId` and the producer's number of the message, as users see it. */
export function messageIdOf(producerId: string, messageNumber: number): string {
  return `${producerId}-${messageNumber.toString(16)}`
}

/**
 * Checks what a broker accepts from a producer, beyond a good header: kind, counts, sizes, sections,
 * checksum. What passes can be stored, filtered and sent on without another failure.
 *
 * The body stays closed. One that does not open to the messages it claims is noticed by whoever
 * opens it, as `MALFORMED_BATCH`.
 *
 * Throws `MALFORMED_BATCH`, `BATCH_TOO_LARGE` or `CHECKSUM_MISMATCH`.
 */
export function checkProducerBatch(batch: RecordBatch): void {
  checkBatchBytes(Math.max(batch.totalBytes, batch.bodyBytes))
  if (batch.kind !== 'messages') {
    throw new CometError('MALFORMED_BATCH', `producers may not send records of kind ${batch.kind}`)
  }
  if (batch.isBrokerMade) {
    throw new CometError(
      'MALFORMED_BATCH',
      'producers may not send records marked as made by a broker',
    )
  }
  if (batch.hasUnknownBits) {
    throw new CometError('MALFORMED_BATCH', 'the header has bits set that have no meaning')
  }
  checkMessageCount(batch.messageCount)
  checkNumbers(batch)
  // What is not compressed costs nothing to open, and then its length is known to be right.
  if (batch.compression === 'none') batch.openBody()
  // Before what it covers is looked at: damage on the way is worth another try, nonsense is not.
  batch.verifyBody()
  if (batch.sections.origin !== undefined) {
    throw new CometError('MALFORMED_BATCH', 'producers may not tell where messages came back from')
  }
}

function checkBatchBytes(bytes: number): void {
  if (bytes <= limits.batchMaxBytes) return
  throw new CometError(
    'BATCH_TOO_LARGE',
    `a batch has ${bytes} bytes, ${limits.batchMaxBytes} are allowed, compressed or not`,
  )
}

function checkMessageCount(messageCount: number): void {
  if (messageCount > 0 && messageCount <= limits.batchMaxMessages) return
  throw new CometError('MALFORMED_BATCH', `a batch of ${messageCount} messages`)
}

/** Throws unless every number that readers will ask the batch for is a safe one. */
function checkNumbers(batch: RecordBatch): void {
  // Reading these throws beyond 2^53. The numbers of all messages but the first are sums.
  const { bornTimeMs, producer, messageCount } = batch
  const numbersLeft = Number.MAX_SAFE_INTEGER - producer.baseMessageNumber
  if (bornTimeMs >= 0 && messageCount <= numbersLeft) return
  throw new CometError('MALFORMED_BATCH', 'the message numbers of a batch exceed 2^53')
}

/** Splits concatenated whole records. Throws `MALFORMED_BATCH` at the first bad header or cut record. */
export function* parseBatches(bytes: Buffer): Generator<RecordBatch> {
  let at = 0
  while (at < bytes.length) {
    const batch = RecordBatch.parse(bytes, at)
    yield batch
    at += batch.totalBytes
  }
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

function headerChecksum(record: Buffer, headerBytes: number): number {
  const first = crc32(record.subarray(0, layout.headerChecksum))
  return crc32(record.subarray(layout.version, headerBytes), first)
}

function bodyChecksum(record: Buffer): number {
  const first = crc32(record.subarray(layout.bornTimeMs, layout.bodyChecksum))
  return crc32(record.subarray(layout.sectionBytes), first)
}
