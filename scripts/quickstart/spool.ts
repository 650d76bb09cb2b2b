import { readFileSync, writeSync } from 'node:fs'

/** One received line, as a member wrote it down before it acknowledged the message. */
export interface SpooledLine {
  readonly messageId: string
  readonly file: string
  readonly line: number
  readonly attempt: number
  readonly bytes: Buffer
}

const HEADER_BYTES = 8

/**
 * Appends a line to a member's spool: header length, body length, a JSON header, the bytes.
 *
 * One write call each, so a member that is killed leaves a torn last entry at the most, of a message
 * it did not acknowledge.
 */
export function appendToSpool(fd: number, entry: SpooledLine): void {
  const { bytes, ...header } = entry
  const head = Buffer.from(JSON.stringify(header))
  const lengths = Buffer.alloc(HEADER_BYTES)
  lengths.writeUInt32LE(head.length, 0)
  lengths.writeUInt32LE(bytes.length, 4)
  writeSync(fd, Buffer.concat([lengths, head, bytes]))
}

/** The whole entries of a spool. A torn last one is left out. */
export function readSpool(path: string): SpooledLine[] {
  const content = readFileSync(path)
  const entries: SpooledLine[] = []
  let at = 0
  while (at + HEADER_BYTES <= content.length) {
    const bodyStart = at + HEADER_BYTES + content.readUInt32LE(at)
    const end = bodyStart + content.readUInt32LE(at + 4)
    if (end > content.length) break
    const header = JSON.parse(content.toString('utf8', at + HEADER_BYTES, bodyStart)) as Omit<
      SpooledLine,
      'bytes'
    >
    entries.push({ ...header, bytes: content.subarray(bodyStart, end) })
    at = end
  }
  return entries
}
