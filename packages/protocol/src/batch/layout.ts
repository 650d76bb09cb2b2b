/**
 * Where each field of a record batch header lies. Drawn in `docs/formats/record-batch.md`.
 *
 * Little-endian throughout. The producer writes everything but the broker's fields, which it leaves
 * zero; the broker fills those and renews the header checksum, and never touches the body.
 */
export const layout = {
  magic: 0,
  totalBytes: 4,
  headerChecksum: 8,
  version: 12,
  kind: 13,
  attributes: 14,
  // The broker's fields.
  epoch: 16,
  logOffset: 24,
  confirmedBefore: 32,
  storeTimeMs: 40,
  baseQueueOffset: 48,
  // The producer's fields, covered by the body checksum as well.
  bornTimeMs: 56,
  producerId: 64,
  producerEpoch: 72,
  sequence: 76,
  baseMessageNumber: 80,
  messageCount: 88,
  queueId: 92,
  bodyChecksum: 96,
  sectionBytes: 100,
  bodyBytes: 104,
  topicBytes: 108,
  reserved: 110,
  /** The topic begins here; sections and body follow it. */
  topic: 112,
} as const

/** Bytes of a header before its topic. No record is shorter. */
export const HEADER_BYTES = layout.topic

/** "CMTB" read as a little-endian number. */
export const MAGIC = 0x42544d43

export const FORMAT_VERSION = 1

export const recordKinds = {
  messages: 1,
  change: 2,
  epochOpened: 3,
  /** Fills the unused end of a segment; only its header has a meaning. */
  filler: 4,
} as const

export type RecordKind = keyof typeof recordKinds

export const attributes = {
  compressionMask: 0b11,
  zstd: 1,
  /** The next record belongs to the same append: both are in the log, or neither. */
  continues: 1 << 2,
  /** Made by a broker (retry, dead letter): its sequence is the origin's and opens no idempotence window. */
  brokerMade: 1 << 3,
} as const
