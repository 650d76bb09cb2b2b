import { crc32 } from 'node:zlib'
import { ByteReader, ByteWriter, CometError } from '@cometmq/protocol'
import type { File, FileSystem } from '@cometmq/runtime'
import type { AppliedStamp } from '../dispatch/dispatcher.ts'

/** A row of derived state, as it lies in level. */
export type StateRow = readonly [key: Buffer, value: Buffer]

const HEADER_BYTES = 64
const MAGIC = 0x54534d43 // "CMST", little-endian
const VERSION = 1
const READ_BYTES = 1024 * 1024

interface Header {
  readonly applied: AppliedStamp
  readonly rowBytes: number
  readonly rowChecksum: number
}

/**
 * State that a member was given when it started over, for its log does not hold it: level can be made
 * anew from this file and the log. Drawn in `docs/formats/replication.md`.
 */
export class StateFileWriter {
  readonly #file: File
  #position = HEADER_BYTES
  #checksum = 0

  private constructor(file: File) {
    this.#file = file
  }

  static async create(files: FileSystem, folder: string): Promise<StateFileWriter> {
    const file = await files.openFile(statePath(folder), { create: true })
    await file.truncate(0)
    await files.syncDirectory(folder)
    return new StateFileWriter(file)
  }

  async append(rows: readonly StateRow[]): Promise<void> {
    const buffers: Buffer[] = []
    for (const [key, value] of rows) {
      const lengths = Buffer.allocUnsafe(8)
      lengths.writeUInt32LE(key.length, 0)
      lengths.writeUInt32LE(value.length, 4)
      buffers.push(lengths, key, value)
    }
    await this.#file.writeAt(buffers, this.#position)
    for (const buffer of buffers) {
      this.#position += buffer.length
      this.#checksum = crc32(buffer, this.#checksum)
    }
  }

  /** Without this the file says nothing. */
  async finish(applied: AppliedStamp): Promise<void> {
    const rowBytes = this.#position - HEADER_BYTES
    await this.#file.sync()
    await this.#file.writeAt([encodeHeader({ applied, rowBytes, rowChecksum: this.#checksum })], 0)
    await this.#file.sync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** What the state in the file covers; `undefined` if there is none. Throws `STORE_CORRUPT`. */
export async function stateAppliedIn(
  files: FileSystem,
  folder: string,
): Promise<AppliedStamp | undefined> {
  if (!(await files.list(folder)).includes('state')) return undefined
  const file = await files.openFile(statePath(folder))
  try {
    return (await readHeader(file)).applied
  } finally {
    await file.close()
  }
}

/** Hands out the rows in pieces. Throws `STORE_CORRUPT` at the end unless all were as written. */
export async function* readStateRows(
  files: FileSystem,
  folder: string,
): AsyncGenerator<readonly StateRow[]> {
  const file = await files.openFile(statePath(folder))
  try {
    const { rowBytes, rowChecksum } = await readHeader(file)
    let checksum = 0
    let rest: Buffer = Buffer.alloc(0)
    for (let done = 0; done < rowBytes; ) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, rowBytes - done))
      const readBytes = await file.readAt(bytes, HEADER_BYTES + done)
      if (readBytes === 0) throw damaged(file.path)
      const read = bytes.subarray(0, readBytes)
      checksum = crc32(read, checksum)
      done += readBytes
      const taken = takeRows(Buffer.concat([rest, read]))
      rest = taken.rest
      yield taken.rows
    }
    if (checksum !== rowChecksum || rest.length > 0) throw damaged(file.path)
  } finally {
    await file.close()
  }
}

export function statePath(folder: string): string {
  return `${folder}/state`
}

/** The rows that are whole. */
function takeRows(bytes: Buffer): { readonly rows: StateRow[]; readonly rest: Buffer } {
  const rows: StateRow[] = []
  let at = 0
  while (at + 8 <= bytes.length) {
    const valueAt = at + 8 + bytes.readUInt32LE(at)
    const end = valueAt + bytes.readUInt32LE(at + 4)
    if (end > bytes.length) break
    rows.push([bytes.subarray(at + 8, valueAt), bytes.subarray(valueAt, end)])
    at = end
  }
  return { rows, rest: bytes.subarray(at) }
}

async function readHeader(file: File): Promise<Header> {
  const bytes = Buffer.alloc(HEADER_BYTES)
  const readBytes = await file.readAt(bytes, 0)
  const header = readBytes === HEADER_BYTES ? decodeHeader(bytes) : undefined
  if (header === undefined) throw damaged(file.path)
  return header
}

function encodeHeader({ applied, rowBytes, rowChecksum }: Header): Buffer {
  const writer = new ByteWriter(Buffer.alloc(HEADER_BYTES))
  writer.uint32(MAGIC)
  writer.uint32(VERSION)
  writer.uint64(applied.appliedOffset)
  writer.uint64(applied.epoch)
  writer.uint64(applied.storeTimeMs)
  writer.uint64(rowBytes)
  writer.uint32(rowChecksum)
  writer.bytes.writeUInt32LE(crc32(writer.bytes.subarray(0, HEADER_BYTES - 4)), HEADER_BYTES - 4)
  return writer.bytes
}

function decodeHeader(bytes: Buffer): Header | undefined {
  const checksum = crc32(bytes.subarray(0, HEADER_BYTES - 4))
  if (checksum !== bytes.readUInt32LE(HEADER_BYTES - 4)) return undefined
  const reader = new ByteReader(bytes)
  if (reader.uint32() !== MAGIC || reader.uint32() !== VERSION) return undefined
  const appliedOffset = reader.uint64()
  const epoch = reader.uint64()
  const storeTimeMs = reader.uint64()
  const rowBytes = reader.uint64()
  return { applied: { appliedOffset, epoch, storeTimeMs }, rowBytes, rowChecksum: reader.uint32() }
}

function damaged(path: string): CometError {
  const advice = 'let this member start over from its master'
  return new CometError(
    'STORE_CORRUPT',
    `${path} is damaged, and the log does not hold all; ${advice}`,
  )
}
