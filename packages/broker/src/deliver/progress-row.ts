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
}

const VERSION = 1

/**
 * A version byte and varints: `doneBelow`; how many done ranges, then each as its distance from the
 * end of the one before (the first: from `doneBelow`) and its length; the attempted ranges in the
 * same way, each with its attempts. A few bytes for a group that acknowledges in order.
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
  writer.uint8(VERSION)
  for (const number of numbers) writer.varint(number)
  return writer.bytes
}

/** Throws `STORE_CORRUPT` on a version that this broker does not know. */
export function decodeProgressRow(bytes: Buffer): ProgressRow {
  const reader = new ByteReader(bytes)
  const version = reader.uint8()
  if (version !== VERSION) {
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
  return { doneBelow, done, attempted }
}
