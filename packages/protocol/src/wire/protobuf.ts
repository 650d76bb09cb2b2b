import protobuf from 'protobufjs/minimal.js'
import { CometError } from '../errors.ts'

/** The little that hand-written codecs need of protobuf: they exist where a generic codec is too slow. */
export type Writer = protobuf.Writer
export type Reader = protobuf.Reader

/** Wire types of protobuf, the low three bits of a tag. */
export const VARINT = 0
export const LENGTH = 2

export function fieldTag(field: number, wireType: typeof VARINT | typeof LENGTH): number {
  return (field << 3) | wireType
}

export function encodeWith(write: (writer: Writer) => void): Buffer {
  const writer = protobuf.Writer.create()
  write(writer)
  return writer.finish() as Buffer
}

/** Runs `read` over `bytes`; whatever they are not makes `MALFORMED_REQUEST`. */
export function decodeWith<Message>(bytes: Buffer, read: (reader: Reader) => Message): Message {
  try {
    return read(protobuf.Reader.create(bytes))
  } catch (cause) {
    if (cause instanceof CometError) throw cause
    throw new CometError('MALFORMED_REQUEST', 'the bytes are no such message', { cause })
  }
}

export function writeText(writer: Writer, field: number, text: string): void {
  if (text.length > 0) writer.uint32(fieldTag(field, LENGTH)).string(text)
}

/** One element of a repeated field, hence also when it is empty. */
export function writeBytes(writer: Writer, field: number, bytes: Uint8Array): void {
  writer.uint32(fieldTag(field, LENGTH)).bytes(bytes)
}

export function writeNumber(writer: Writer, field: number, value: number): void {
  if (value !== 0) writer.uint32(fieldTag(field, VARINT)).uint64(value)
}

export function writeFlag(writer: Writer, field: number, value: boolean): void {
  if (value) writer.uint32(fieldTag(field, VARINT)).bool(true)
}

/** A message within a message, also when it is empty. */
export function writeNested(writer: Writer, field: number, write: (writer: Writer) => void): void {
  writer.uint32(fieldTag(field, LENGTH)).fork()
  write(writer)
  writer.ldelim()
}

/** Integers that always come in pairs, packed. */
export function writePacked(writer: Writer, field: number, values: readonly number[]): void {
  if (values.length === 0) return
  writeNested(writer, field, () => {
    for (const value of values) writer.uint64(value)
  })
}

/** A 64-bit integer that must be a safe one. */
export function readNumber(reader: Reader): number {
  const value: unknown = reader.uint64()
  const number = typeof value === 'number' ? value : (value as { toNumber(): number }).toNumber()
  if (number > Number.MAX_SAFE_INTEGER) {
    throw new CometError('MALFORMED_REQUEST', 'a number exceeds 2^53')
  }
  return number
}

/** A codec also takes the unpacked form: protobuf leaves the choice to the writer. */
export function readPacked(reader: Reader, into: number[]): void {
  const end = endOfNested(reader)
  while (reader.pos < end) into.push(readNumber(reader))
}

/**
 * Throws `TOO_MANY` unless a list may have one more element. Asked before each is read: an empty one
 * costs two bytes on the wire and an object here.
 */
export function checkMore(list: readonly unknown[], max: number, what: string): void {
  if (list.length < max) return
  throw new CometError('TOO_MANY', `a request carries more than ${max} ${what}`)
}

export function readBytes(reader: Reader): Buffer {
  return reader.bytes() as Buffer
}

/** Reads a nested message with `readField`, which is given each tag. */
export function readNested(reader: Reader, readField: (tag: number) => void): void {
  readFields(reader, endOfNested(reader), readField)
}

export function readMessage(reader: Reader, readField: (tag: number) => void): void {
  readFields(reader, reader.len, readField)
}

function endOfNested(reader: Reader): number {
  const length = reader.uint32()
  const end = reader.pos + length
  if (end > reader.len) throw new CometError('MALFORMED_REQUEST', 'a nested message is cut off')
  return end
}

function readFields(reader: Reader, end: number, readField: (tag: number) => void): void {
  while (reader.pos < end) readField(reader.uint32())
  if (reader.pos !== end) throw new CometError('MALFORMED_REQUEST', 'a field runs past its message')
}

/** For tags that a codec does not know: fields of a later version. */
export function skipField(reader: Reader, tag: number): void {
  reader.skipType(tag & 7)
}
