import { ByteReader, ByteWriter, CometError, varintBytes } from '@cometmq/protocol'

/**
 * Entries of one queue's index, one per batch, in order. Four numbers each: offset of the first
 * message, log offset, record bytes, store time.
 */
export interface IndexEntries {
  readonly numbers: ArrayLike<number>
  readonly count: number
  /** The offset after the last message of the last entry. */
  readonly to: number
}

export const ENTRY_NUMBERS = 4

export function baseOf(entries: IndexEntries, index: number): number {
  return entries.numbers[index * ENTRY_NUMBERS] as number
}

export function logOffsetOf(entries: IndexEntries, index: number): number {
  return entries.numbers[index * ENTRY_NUMBERS + 1] as number
}

export function bytesOf(entries: IndexEntries, index: number): number {
  return entries.numbers[index * ENTRY_NUMBERS + 2] as number
}

export function storeTimeOf(entries: IndexEntries, index: number): number {
  return entries.numbers[index * ENTRY_NUMBERS + 3] as number
}

/** The offset after the last message of entry `index`. */
export function endOf(entries: IndexEntries, index: number): number {
  return index + 1 < entries.count ? baseOf(entries, index + 1) : entries.to
}

/**
 * The first entry for which `isReached` holds; `count` if for none. It must not hold again below
 * one for which it holds.
 */
export function firstEntry(entries: IndexEntries, isReached: (index: number) => boolean): number {
  let low = 0
  let high = entries.count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isReached(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** The entries `[from, to)` of `entries`, as distances; see the page of the format. */
export function encodeIndexBlock(entries: IndexEntries, from = 0, to = entries.count): Buffer {
  const distances: number[] = [to - from]
  let base = 0
  let logOffset = 0
  let storeTimeMs = 0
  for (let index = from; index < to; index++) {
    distances.push(baseOf(entries, index) - base, logOffsetOf(entries, index) - logOffset)
    distances.push(bytesOf(entries, index), storeTimeOf(entries, index) - storeTimeMs)
    base = baseOf(entries, index)
    logOffset = logOffsetOf(entries, index)
    storeTimeMs = storeTimeOf(entries, index)
  }
  distances.push(endOf(entries, to - 1) - base)
  let bytes = 0
  for (const distance of distances) bytes += varintBytes(distance)
  const writer = new ByteWriter(Buffer.allocUnsafe(bytes))
  for (const distance of distances) writer.varint(distance)
  return writer.bytes
}

/** Throws `STORE_CORRUPT` on bytes that are no block. */
export function decodeIndexBlock(bytes: Buffer): IndexEntries {
  try {
    const reader = new ByteReader(bytes)
    const count = reader.varint()
    // Each entry takes four bytes at least; checked before so much memory is taken.
    if (count === 0 || count * ENTRY_NUMBERS > bytes.length)
      throw new RangeError('impossible count')
    const numbers = new Float64Array(count * ENTRY_NUMBERS)
    let base = 0
    let logOffset = 0
    let storeTimeMs = 0
    for (let at = 0; at < numbers.length; at += ENTRY_NUMBERS) {
      numbers[at] = base += reader.varint()
      numbers[at + 1] = logOffset += reader.varint()
      numbers[at + 2] = reader.varint()
      numbers[at + 3] = storeTimeMs += reader.varint()
    }
    const to = base + reader.varint()
    if (!reader.isAtEnd) throw new RangeError('bytes are left over')
    return { numbers, count, to }
  } catch (cause) {
    throw new CometError(
      'STORE_CORRUPT',
      'a block of a queue index is damaged; stop the broker and delete its "level" folder, which is made anew from the log',
      { cause },
    )
  }
}
