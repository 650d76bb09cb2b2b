import assert from 'node:assert/strict'
import { CometError } from '../errors.ts'
import type { Message } from '../message.ts'
import { checkMessageCount } from './batch-bounds.ts'
import { ByteReader, readUint64 } from './bytes.ts'
import { bodyChecksum } from './checksums.ts'
import { decompress } from './compression.ts'
import { attributes, layout, type RecordKind, recordKinds } from './layout.ts'
import { decodeMessage, skipMessage } from './message-codec.ts'
import { peekRecord } from './peek-record.ts'
import { messageIdOf, type ProducerStamp } from './producer-stamp.ts'
import { decodeSections, type Sections, tagAt } from './sections.ts'

const kindsById = new Map<number, RecordKind>(
  Object.entries(recordKinds).map(([kind, id]) => [id, kind as RecordKind]),
)

const ALL_ATTRIBUTES = attributes.compressionMask | attributes.continues | attributes.brokerMade

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

/** Splits concatenated whole records. Throws `MALFORMED_BATCH` at the first bad header or cut record. */
export function* parseBatches(bytes: Buffer): Generator<RecordBatch> {
  let at = 0
  while (at < bytes.length) {
    const batch = RecordBatch.parse(bytes, at)
    yield batch
    at += batch.totalBytes
  }
}
