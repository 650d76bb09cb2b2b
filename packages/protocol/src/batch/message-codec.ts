import { CometError } from '../errors.ts'
import type { Message } from '../message.ts'
import { ByteReader, ByteWriter, varintBytes } from './bytes.ts'

/**
 * One message in the body of a batch: a varint length, a byte of flags, the parts that the flags
 * name in the order of their bits, and the user's bytes to the end. The tag is not here but in the
 * tag section, where a broker can read it.
 */
const has = { keys: 1, properties: 2, messageGroup: 4, messageId: 8 } as const
const ALL_FLAGS = has.keys | has.properties | has.messageGroup | has.messageId

/** A message while it is put together. */
export type DecodedMessage = { -readonly [Part in keyof Message]: Message[Part] }

/** The bytes of `message` after its length, and of each part; computed once, used for size and writing. */
interface Measured {
  readonly bytes: number
  readonly flags: number
}

export function encodedMessageBytes(message: Message): number {
  const { bytes } = measure(message)
  return varintBytes(bytes) + bytes
}

/** Messages that are measured and ready to be written back to back, where their record is built. */
export class EncodableMessages {
  readonly #messages: readonly Message[]
  readonly #measured: readonly Measured[]
  /** What `writeTo` writes. */
  readonly byteLength: number

  constructor(messages: readonly Message[]) {
    this.#messages = messages
    this.#measured = messages.map(measure)
    let total = 0
    for (const { bytes } of this.#measured) total += varintBytes(bytes) + bytes
    this.byteLength = total
  }

  writeTo(target: Buffer, at: number): void {
    const writer = new ByteWriter(target, at)
    for (const [index, message] of this.#messages.entries()) {
      const { bytes, flags } = this.#measured[index] as Measured
      writer.varint(bytes)
      writer.uint8(flags)
      if (flags !== 0) writeParts(writer, message, flags)
      writer.raw(message.body)
    }
  }
}

/** Reads one message, without its tag. Its body is a view of the reader's bytes. */
export function decodeMessage(reader: ByteReader): DecodedMessage {
  const content = reader.block()
  const flags = content[0]
  if (flags === 0) return { body: content.subarray(1) }
  return decodeParts(content)
}

/** Passes over one message. */
export function skipMessage(reader: ByteReader): void {
  reader.block()
}

function measure(message: Message): Measured {
  let bytes = 1 + message.body.length
  let flags = 0
  const { keys, properties, messageGroup, messageId } = message
  if (keys !== undefined && keys.length > 0) {
    flags |= has.keys
    bytes += varintBytes(keys.length)
    for (const key of keys) bytes += textBytes(key)
  }
  if (properties !== undefined) {
    const entries = Object.entries(properties)
    if (entries.length > 0) {
      flags |= has.properties
      bytes += varintBytes(entries.length)
      for (const [key, value] of entries) bytes += textBytes(key) + textBytes(value)
    }
  }
  if (messageGroup !== undefined) {
    flags |= has.messageGroup
    bytes += textBytes(messageGroup)
  }
  if (messageId !== undefined) {
    flags |= has.messageId
    bytes += textBytes(messageId)
  }
  return { bytes, flags }
}

function textBytes(text: string): number {
  const bytes = Buffer.byteLength(text)
  return varintBytes(bytes) + bytes
}

function writeParts(writer: ByteWriter, message: Message, flags: number): void {
  if (flags & has.keys) {
    const keys = message.keys ?? []
    writer.varint(keys.length)
    for (const key of keys) writer.text(key, Buffer.byteLength(key))
  }
  if (flags & has.properties) {
    const entries = Object.entries(message.properties ?? {})
    writer.varint(entries.length)
    for (const [key, value] of entries) {
      writer.text(key, Buffer.byteLength(key))
      writer.text(value, Buffer.byteLength(value))
    }
  }
  if (message.messageGroup !== undefined) {
    writer.text(message.messageGroup, Buffer.byteLength(message.messageGroup))
  }
  if (message.messageId !== undefined) {
    writer.text(message.messageId, Buffer.byteLength(message.messageId))
  }
}

function decodeParts(content: Buffer): DecodedMessage {
  const reader = new ByteReader(content)
  const flags = reader.uint8()
  // A part of a later version lies between those known and the body, and would be read as body.
  if (flags & ~ALL_FLAGS) {
    throw new CometError('MALFORMED_BATCH', `message flags ${flags} are not known`)
  }
  const message: DecodedMessage = { body: content }
  if (flags & has.keys) message.keys = decodeKeys(reader)
  if (flags & has.properties) message.properties = decodeProperties(reader)
  if (flags & has.messageGroup) message.messageGroup = reader.text()
  if (flags & has.messageId) message.messageId = reader.text()
  message.body = content.subarray(reader.position)
  return message
}

/** Grows the array as keys are found: the count in front of them may claim anything. */
function decodeKeys(reader: ByteReader): string[] {
  const keys: string[] = []
  for (let left = reader.varint(); left > 0; left--) keys.push(reader.text())
  return keys
}

function decodeProperties(reader: ByteReader): Record<string, string> {
  const properties: Record<string, string> = {}
  for (let left = reader.varint(); left > 0; left--) {
    const key = reader.text()
    const value = reader.text()
    if (key === '__proto__') defineOwn(properties, key, value)
    else properties[key] = value
  }
  return properties
}

/** What an assignment does for every key but `__proto__`, where it would lose the value. */
function defineOwn(properties: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(properties, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}
