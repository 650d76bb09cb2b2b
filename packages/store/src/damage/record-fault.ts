import { HEADER_BYTES, type RecordBatch } from '@cometmq/protocol'

const ZEROS = Buffer.alloc(64 * 1024)

/** Why what follows the intact header of a record is damaged; `undefined` if it is not. */
export function bodyFault(record: RecordBatch): string | undefined {
  if (record.kind === 'filler') {
    return isZero(record.bytes) ? undefined : 'a filler holds something'
  }
  return record.isBodyIntact ? undefined : 'the body checksum does not match'
}

/** A filler has no checksum; behind its header, which has no topic, nobody ever writes. */
function isZero(filler: Buffer): boolean {
  for (let at = HEADER_BYTES; at < filler.length; at += ZEROS.length) {
    const end = Math.min(filler.length, at + ZEROS.length)
    if (ZEROS.compare(filler, at, end, 0, end - at) !== 0) return false
  }
  return true
}
