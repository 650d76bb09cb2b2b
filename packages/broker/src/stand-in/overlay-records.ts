import { crc32 } from 'node:zlib'
import { ByteReader, ByteWriter, CometError, varintBytes } from '@cometmq/protocol'
import { decodeChanges, encodeChanges, type StateChange } from '@cometmq/protocol'

/** Which slave wrote an overlay, and its how manieth it is. */
export interface OverlayId {
  /** Of the slave's data folder. */
  readonly storeId: string
  /** From 1. Once a number was given away, nothing is added to what it names. */
  readonly number: number
}

export interface OverlayContent {
  readonly id: OverlayId
  readonly changes: readonly StateChange[]
  /** Of whole records. What follows was being written when the machine stopped. */
  readonly bytes: number
}

const VERSION = 1
/** Length and checksum. */
const PREFIX_BYTES = 8

/** The first record of the file. */
export function encodeOverlayId({ storeId, number }: OverlayId): Buffer {
  const textBytes = Buffer.byteLength(storeId)
  const writer = new ByteWriter(
    Buffer.allocUnsafe(varintBytes(textBytes) + textBytes + varintBytes(number)),
  )
  writer.text(storeId, textBytes)
  writer.varint(number)
  return encodeRecord(writer.bytes)
}

/** Every other record. Drawn in `docs/formats/overlay.md`. */
export function encodeOverlayChanges(changes: readonly StateChange[]): Buffer {
  return encodeRecord(encodeChanges(changes))
}

/** Throws `STORE_CORRUPT` where the first record is none, or one is of a later version. */
export function decodeOverlay(file: Buffer, path: string): OverlayContent {
  const first = nextRecord(file, 0, path)
  if (first === undefined) {
    const why = `${path} is damaged; without it what this slave has acknowledged is delivered again`
    throw new CometError('STORE_CORRUPT', why)
  }
  const reader = new ByteReader(first.body)
  const id = { storeId: reader.text(), number: reader.varint() }
  const changes: StateChange[] = []
  let bytes = first.end
  for (let next = nextRecord(file, bytes, path); next !== undefined; ) {
    for (const change of decodeChanges(next.body)) changes.push(change)
    bytes = next.end
    next = nextRecord(file, bytes, path)
  }
  return { id, changes, bytes }
}

function encodeRecord(body: Buffer): Buffer {
  const record = Buffer.allocUnsafe(PREFIX_BYTES + 1 + body.length)
  record.writeUInt32BE(1 + body.length, 0)
  record.writeUInt8(VERSION, PREFIX_BYTES)
  body.copy(record, PREFIX_BYTES + 1)
  record.writeUInt32BE(crc32(record.subarray(PREFIX_BYTES)), 4)
  return record
}

/** `undefined`: no whole record begins there. */
function nextRecord(
  file: Buffer,
  at: number,
  path: string,
): { readonly body: Buffer; readonly end: number } | undefined {
  if (at + PREFIX_BYTES > file.length) return undefined
  const from = at + PREFIX_BYTES
  const end = from + file.readUInt32BE(at)
  if (end > file.length || end === from) return undefined
  const bytes = file.subarray(from, end)
  if (crc32(bytes) !== file.readUInt32BE(at + 4)) return undefined
  const version = bytes.readUInt8(0)
  if (version !== VERSION) {
    throw new CometError('STORE_CORRUPT', `${path} has a record of version ${version}`)
  }
  return { body: bytes.subarray(1), end }
}
