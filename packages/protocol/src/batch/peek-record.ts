import { limits } from '../limits.ts'
import { headerChecksum } from './checksums.ts'
import { FORMAT_VERSION, HEADER_BYTES, layout, MAGIC } from './layout.ts'

/** What a look at the front of some bytes found. */
export type Peek =
  | { readonly kind: 'record'; readonly totalBytes: number; readonly headerBytes: number }
  /** Whether a record begins here takes `needBytes` to tell. */
  | { readonly kind: 'incomplete'; readonly needBytes: number }
  | { readonly kind: 'invalid'; readonly why: string }

/**
 * Tells whether a valid record header begins at `at`, without looking at the body.
 *
 * A header that passes its checksum but is of another version is `invalid` with that reason.
 */
export function peekRecord(bytes: Buffer, at = 0): Peek {
  const there = bytes.length - at
  if (there < HEADER_BYTES) return { kind: 'incomplete', needBytes: HEADER_BYTES }
  if (bytes.readUInt32LE(at + layout.magic) !== MAGIC) {
    return { kind: 'invalid', why: 'no record begins here' }
  }
  const headerBytes = HEADER_BYTES + bytes.readUInt16LE(at + layout.topicBytes)
  if (headerBytes > HEADER_BYTES + limits.topicNameMaxChars * 4) {
    return { kind: 'invalid', why: 'the topic length is impossible' }
  }
  if (there < headerBytes) return { kind: 'incomplete', needBytes: headerBytes }
  const record = at === 0 ? bytes : bytes.subarray(at)
  if (headerChecksum(record, headerBytes) !== record.readUInt32LE(layout.headerChecksum)) {
    return { kind: 'invalid', why: 'the header checksum does not match' }
  }
  if (record[layout.version] !== FORMAT_VERSION) {
    return { kind: 'invalid', why: `format version ${record[layout.version]} is not known` }
  }
  const totalBytes = record.readUInt32LE(layout.totalBytes)
  const sectionBytes = record.readUInt32LE(layout.sectionBytes)
  if (totalBytes < headerBytes + sectionBytes) {
    return { kind: 'invalid', why: 'the lengths contradict each other' }
  }
  return { kind: 'record', totalBytes, headerBytes }
}
