import { crc32 } from 'node:zlib'
import { CometError } from '../errors.ts'
import { ByteReader, ByteWriter, varintBytes } from './bytes.ts'

/**
 * Optional parts between topic and body that a broker reads without opening the body.
 *
 * Each is a type (1 byte), a length (4 bytes) and its content. Unknown types are skipped, so a
 * later version can add some.
 */
const sectionTypes = { tags: 1, keyHashes: 2, origin: 3 } as const

const SECTION_HEADER_BYTES = 5
const KEY_HASH_BYTES = 6
const NO_TAG = 0xffff

/** Where a message that a broker sent back or gave up on came from. */
export interface Origin {
  readonly topic: string
  readonly queueId: number
  /** Of the batch's first message. The others follow it one by one, there as here. */
  readonly queueOffset: number
  readonly storeTimeMs: number
  /** Deliveries that have ended without an acknowledgement. */
  readonly attempts: number
  /** Why the last one ended so; shown to whoever looks at the message. */
  readonly reason: string
  /** Not delivered again before this moment. */
  readonly dueAtMs: number
}

/** The tags of a batch's messages: one for all of them, or one by one. */
export type BatchTags =
  | { readonly kind: 'uniform'; readonly tag: string }
  | { readonly kind: 'each'; readonly dictionary: readonly string[]; readonly indexes: Uint16Array }

/** The tag of message `index`, or `undefined` if it has none. */
export function tagAt(tags: BatchTags | undefined, index: number): string | undefined {
  if (tags === undefined) return undefined
  if (tags.kind === 'uniform') return tags.tag
  const entry = tags.indexes[index]
  return entry === undefined || entry === NO_TAG ? undefined : tags.dictionary[entry]
}

/** What a broker may know of the messages without opening the body. */
export interface Sections {
  readonly tags: BatchTags | undefined
  /** CRC-32 of each message key, with the index of its message. */
  readonly keyHashes: readonly KeyHash[]
  readonly origin: Origin | undefined
}

export interface KeyHash {
  readonly messageIndex: number
  readonly hash: number
}

export function keyHash(key: string): number {
  return crc32(key)
}

interface SectionSource {
  readonly tag?: string | undefined
  readonly keys?: readonly string[] | undefined
}

export function encodeSections(
  messages: readonly SectionSource[],
  origin: Origin | undefined,
): readonly Buffer[] {
  const sections: Buffer[] = []
  const tags = encodeTags(messages)
  if (tags !== undefined) sections.push(tags)
  const hashes = encodeKeyHashes(messages)
  if (hashes !== undefined) sections.push(hashes)
  if (origin !== undefined) sections.push(encodeOrigin(origin))
  return sections
}

export function decodeSections(bytes: Buffer, messageCount: number): Sections {
  let tags: BatchTags | undefined
  let keyHashes: readonly KeyHash[] = []
  let origin: Origin | undefined
  const reader = new ByteReader(bytes)
  let seen = 0
  while (!reader.isAtEnd) {
    const type = reader.uint8()
    const content = reader.raw(reader.uint32())
    // Two readers could choose different ones of two equal sections.
    const bit = type < 32 ? 1 << type : 0
    if (seen & bit) throw new CometError('MALFORMED_BATCH', `section ${type} is there twice`)
    seen |= bit
    if (type === sectionTypes.tags) tags = decodeTags(content, messageCount)
    else if (type === sectionTypes.keyHashes) keyHashes = decodeKeyHashes(content, messageCount)
    else if (type === sectionTypes.origin) origin = decodeOrigin(content)
  }
  return { tags, keyHashes, origin }
}

function section(type: number, contentBytes: number, write: (writer: ByteWriter) => void): Buffer {
  const bytes = Buffer.alloc(SECTION_HEADER_BYTES + contentBytes)
  const writer = new ByteWriter(bytes)
  writer.uint8(type)
  writer.uint32(contentBytes)
  write(writer)
  return bytes
}

function encodeTags(messages: readonly SectionSource[]): Buffer | undefined {
  const first = messages[0]?.tag
  let uniform = true
  let any = false
  for (const { tag } of messages) {
    if (tag !== first) uniform = false
    if (tag !== undefined) any = true
  }
  if (!any) return undefined
  const dictionary = new Map<string, number>()
  for (const { tag } of messages) {
    if (tag !== undefined && !dictionary.has(tag)) dictionary.set(tag, dictionary.size)
    if (uniform) break
  }
  let contentBytes = varintBytes(dictionary.size) + (uniform ? 0 : messages.length * 2)
  for (const tag of dictionary.keys()) {
    const bytes = Buffer.byteLength(tag)
    contentBytes += varintBytes(bytes) + bytes
  }
  return section(sectionTypes.tags, contentBytes, (writer) => {
    writer.varint(dictionary.size)
    for (const tag of dictionary.keys()) writer.text(tag, Buffer.byteLength(tag))
    if (uniform) return
    for (const { tag } of messages) {
      writer.uint16(tag === undefined ? NO_TAG : (dictionary.get(tag) as number))
    }
  })
}

function decodeTags(content: Buffer, messageCount: number): BatchTags {
  const reader = new ByteReader(content)
  const size = reader.varint()
  if (size === 0 || size > messageCount) {
    throw new CometError('MALFORMED_BATCH', `a tag section lists ${size} tags`)
  }
  // Sizes are claims of whoever made the bytes: nothing is allocated before the bytes are there.
  const dictionary: string[] = []
  while (dictionary.length < size) dictionary.push(reader.text())
  if (reader.isAtEnd) {
    if (size !== 1) throw new CometError('MALFORMED_BATCH', 'a tag section names no messages')
    return { kind: 'uniform', tag: dictionary[0] as string }
  }
  const indexBytes = reader.raw(messageCount * 2)
  reader.expectEnd('the tags of a batch')
  const indexes = new Uint16Array(messageCount)
  for (let i = 0; i < messageCount; i++) {
    const entry = indexBytes.readUInt16LE(i * 2)
    if (entry >= size && entry !== NO_TAG) {
      throw new CometError('MALFORMED_BATCH', `message ${i} names tag ${entry} of ${size}`)
    }
    indexes[i] = entry
  }
  return { kind: 'each', dictionary, indexes }
}

function encodeKeyHashes(messages: readonly SectionSource[]): Buffer | undefined {
  let count = 0
  for (const { keys } of messages) count += keys?.length ?? 0
  if (count === 0) return undefined
  return section(sectionTypes.keyHashes, count * KEY_HASH_BYTES, (writer) => {
    for (const [index, { keys }] of messages.entries()) {
      for (const key of keys ?? []) {
        writer.uint16(index)
        writer.uint32(keyHash(key))
      }
    }
  })
}

function decodeKeyHashes(content: Buffer, messageCount: number): readonly KeyHash[] {
  if (content.length % KEY_HASH_BYTES !== 0) {
    throw new CometError('MALFORMED_BATCH', `a key section has ${content.length} bytes`)
  }
  const hashes: KeyHash[] = []
  for (let at = 0; at < content.length; at += KEY_HASH_BYTES) {
    const messageIndex = content.readUInt16LE(at)
    if (messageIndex >= messageCount) {
      throw new CometError('MALFORMED_BATCH', `a key hash names message ${messageIndex}`)
    }
    hashes.push({ messageIndex, hash: content.readUInt32LE(at + 2) })
  }
  return hashes
}

function encodeOrigin(origin: Origin): Buffer {
  const topicBytes = Buffer.byteLength(origin.topic)
  const reasonBytes = Buffer.byteLength(origin.reason)
  const contentBytes =
    varintBytes(topicBytes) +
    topicBytes +
    varintBytes(reasonBytes) +
    reasonBytes +
    4 +
    8 +
    8 +
    4 +
    8
  return section(sectionTypes.origin, contentBytes, (writer) => {
    writer.text(origin.topic, topicBytes)
    writer.uint32(origin.queueId)
    writer.uint64(origin.queueOffset)
    writer.uint64(origin.storeTimeMs)
    writer.uint32(origin.attempts)
    writer.text(origin.reason, reasonBytes)
    writer.uint64(origin.dueAtMs)
  })
}

function decodeOrigin(content: Buffer): Origin {
  const reader = new ByteReader(content)
  const origin: Origin = {
    topic: reader.text(),
    queueId: reader.uint32(),
    queueOffset: reader.uint64(),
    storeTimeMs: reader.uint64(),
    attempts: reader.uint32(),
    reason: reader.text(),
    dueAtMs: reader.uint64(),
  }
  reader.expectEnd('an origin')
  return origin
}
