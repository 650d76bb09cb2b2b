import { CometError } from '../errors.ts'

const TWO_32 = 0x1_0000_0000

/** Reads an unsigned 64-bit little-endian integer that must be a safe one. */
export function readUint64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * TWO_32 + bytes.readUInt32LE(at)
  if (value > Number.MAX_SAFE_INTEGER) {
    throw new CometError('MALFORMED_BATCH', `a 64-bit field at byte ${at} exceeds 2^53`)
  }
  return value
}

export function writeUint64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % TWO_32, at)
  bytes.writeUInt32LE(Math.floor(value / TWO_32), at + 4)
}

/** The bytes of `value` as a varint. */
export function varintBytes(value: number): number {
  let bytes = 1
  let rest = value
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    bytes++
  }
  return bytes
}

/** Writes unsigned integers, strings and byte runs one after the other into a buffer of the right size. */
export class ByteWriter {
  readonly bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  uint8(value: number): void {
    this.bytes[this.#at++] = value
  }

  uint16(value: number): void {
    this.#at = this.bytes.writeUInt16LE(value, this.#at)
  }

  uint32(value: number): void {
    this.#at = this.bytes.writeUInt32LE(value, this.#at)
  }

  uint64(value: number): void {
    writeUint64(this.bytes, value, this.#at)
    this.#at += 8
  }

  varint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.bytes[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.bytes[this.#at++] = rest
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** A varint length, then UTF-8. `byteLength` is the caller's, who needed it to size the buffer. */
  text(text: string, byteLength: number): void {
    this.varint(byteLength)
    this.bytes.write(text, this.#at, byteLength, 'utf8')
    this.#at += byteLength
  }

  /** A varint length, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }
}

/** Reads what `ByteWriter` wrote. Any read past `end` throws `MALFORMED_BATCH`. */
export class ByteReader {
  readonly bytes: Buffer
  #at: number
  readonly #end: number

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.#at = at
    this.#end = end
  }

  get position(): number {
    return this.#at
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end
  }

  get left(): number {
    return this.#end - this.#at
  }

  /** Throws `MALFORMED_BATCH` if bytes are left: `what` was all that may be there. */
  expectEnd(what: string): void {
    if (this.isAtEnd) return
    throw new CometError('MALFORMED_BATCH', `${this.left} bytes follow ${what}`)
  }

  uint8(): number {
    return this.bytes[this.#take(1)] as number
  }

  uint16(): number {
    return this.bytes.readUInt16LE(this.#take(2))
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.#take(4))
  }

  uint64(): number {
    return readUint64(this.bytes, this.#take(8))
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.bytes[this.#take(1)] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 0x80
    }
    throw new CometError('MALFORMED_BATCH', `a number at byte ${this.#at} is too long`)
  }

  /** A view, not a copy. */
  raw(byteLength: number): Buffer {
    const at = this.#take(byteLength)
    return this.bytes.subarray(at, at + byteLength)
  }

  text(): string {
    const byteLength = this.varint()
    const at = this.#take(byteLength)
    return this.bytes.toString('utf8', at, at + byteLength)
  }

  /** A view, not a copy. */
  block(): Buffer {
    return this.raw(this.varint())
  }

  #take(byteLength: number): number {
    const at = this.#at
    if (byteLength > this.#end - at) {
      throw new CometError(
        'MALFORMED_BATCH',
        `${byteLength} bytes are announced at byte ${at}, ${this.#end - at} are there`,
      )
    }
    this.#at = at + byteLength
    return at
  }
}
