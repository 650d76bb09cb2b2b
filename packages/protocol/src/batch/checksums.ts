import { crc32 } from 'node:zlib'
import { layout } from './layout.ts'

/** Renewed whenever a record is stamped. Covers the body as well, through that one's checksum. */
export function headerChecksum(record: Buffer, headerBytes: number): number {
  const first = crc32(record.subarray(0, layout.headerChecksum))
  return crc32(record.subarray(layout.version, headerBytes), first)
}

/** Covers what no broker changes: the producer's fields, topic, sections and body. */
export function bodyChecksum(record: Buffer): number {
  const first = crc32(record.subarray(layout.bornTimeMs, layout.bodyChecksum))
  return crc32(record.subarray(layout.sectionBytes), first)
}
