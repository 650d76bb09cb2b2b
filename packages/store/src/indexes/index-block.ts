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

/** Every number but the first entry's is the distance to the one before it; see the format's page. */
export function encodeIndexBlock(entries: IndexEntries): Buffer {
  const numbers: number[] = [entries.count]
  let before = [0, 0, 0, 0]
  for (let index = 0; index < entries.count; index++) {
    const entry = [
      baseOf(entries, index),
      logOffsetOf(entries, index),
      bytesOf(entries, index),
      storeTimeOf(entries, index),
    ]
    const [base = 0, logOffset = 0, recordBytes = 0, storeTimeMs = 0] = entry
    const [baseBefore = 0, logOffsetBefore = 0, , storeTimeBefore = 0] = before
    numbers.push(
      base - baseBefore,
      logOffset - logOffsetBefore,
      recordBytes,
      storeTimeMs - storeTimeBefore,
    )
    before = entry
  }
  numbers.push(entries.to - (before[0] ?? 0))
  let bytes = 0
  for (const number of numbers) bytes += varintBytes(number)
  const writer = new ByteWriter(Buffer.allocUnsafe(bytes))
  for (const number of numbers) writer.varint(number)
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
