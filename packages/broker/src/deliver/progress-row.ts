import { ByteReader, ByteWriter, CometError, varintBytes } from '@cometmq/protocol'

/** What is durable of one group's progress in one queue. Ranges ascend and do not overlap. */
export interface ProgressRow {
  /** Every message below is done. */
  readonly doneBelow: number
  /** Done, too, and above `doneBelow`. */
  readonly done: readonly { readonly from: number; readonly to: number }[]
  /** Delivered before without an acknowledgement. */
  readonly attempted: readonly {
    readonly from: number
    readonly to: number
    readonly attempts: number
  }[]
  /** Given up on by a slave that stood in: to become dead letters. Absent if there are none. */
  readonly parked?: readonly {
    readonly from: number
    readonly to: number
    readonly attempts: number
    readonly reason: string
  }[]
}

const VERSION = 1
/** Of rows in which something is parked. */
const PARKED_VERSION = 2

/**
 * A version byte and varints: `doneBelow`; how many done ranges, then each as its distance from the
 * end of the one before (the first: from `doneBelow`) and its length; the attempted ranges in the
 * same way, each with its attempts. A few bytes for a group that acknowledges in order.
 *
 * Where something is parked, those ranges follow, each with its attempts and a text.
 */
export function encodeProgressRow(row: ProgressRow): Buffer {
  const numbers = [row.doneBelow, row.done.length]
  let end = row.doneBelow
  for (const { from, to } of row.done) {
    numbers.push(from - end, to - from)
    end = to
  }
  numbers.push(row.attempted.length)
  end = row.doneBelow
  for (const { from, to, attempts } of row.attempted) {
    numbers.push(from - end, to - from, attempts)
    end = to
  }
  let bytes = 1
  for (const number of numbers) bytes += varintBytes(number)
  const writer = new ByteWriter(Buffer.allocUnsafe(bytes))
  const { parked = [] } = row
  writer.uint8(parked.length === 0 ? VERSION : PARKED_VERSION)
  for (const number of numbers) writer.varint(number)
  if (parked.length === 0) return writer.bytes
  return Buffer.concat([writer.bytes, encodeParked(row.doneBelow, parked)])
}

function encodeParked(start: number, parked: NonNullable<ProgressRow['parked']>): Buffer {
  const parts: Buffer[] = [varintOf(parked.length)]
  let end = start
  for (const { from, to, attempts, reason } of parked) {
    const text = Buffer.from(reason)
    for (const number of [from - end, to - from, attempts, text.length])
      parts.push(varintOf(number))
    parts.push(text)
    end = to
  }
  return Buffer.concat(parts)
}

function varintOf(number: number): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(varintBytes(number)))
  writer.varint(number)
  return writer.bytes
}

/** Throws `STORE_CORRUPT` on a version that this broker does not know. */
export function decodeProgressRow(bytes: Buffer): ProgressRow {
  const reader = new ByteReader(bytes)
  const version = reader.uint8()
  if (version !== VERSION && version !== PARKED_VERSION) {
    throw new CometError('STORE_CORRUPT', `a progress row has version ${version}`)
  }
  const doneBelow = reader.varint()
  const done: { from: number; to: number }[] = []
  let end = doneBelow
  for (let left = reader.varint(); left > 0; left--) {
    const from = end + reader.varint()
    end = from + reader.varint()
    done.push({ from, to: end })
  }
  const attempted: { from: number; to: number; attempts: number }[] = []
  end = doneBelow
  for (let left = reader.varint(); left > 0; left--) {
    const from = end + reader.varint()
    end = from + reader.varint()
    attempted.push({ from, to: end, attempts: reader.varint() })
  }
  if (version === VERSION) return { doneBelow, done, attempted }
  const parked: { from: number; to: number; attempts: number; reason: string }[] = []
  end = doneBelow
  for (let left = reader.varint(); left > 0; left--) {
    const from = end + reader.varint()
    end = from + reader.varint()
    parked.push({ from, to: end, attempts: reader.varint(), reason: reader.text() })
  }
  return { doneBelow, done, attempted, parked }
}
