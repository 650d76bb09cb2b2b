/**
 * Bytes as lines of text that people can compare: place, field, hexadecimal digits, characters.
 *
 * The header's fields are listed here once more, and not imported: whoever moves one has to see it
 * in the frozen files.
 */
export function dumpRecord(bytes: Buffer): string {
  const [topicBytes, sectionBytes] = [bytes.readUInt16LE(108), bytes.readUInt32LE(100)]
  return dumpFields(bytes, [
    ...headerFields,
    ['topic', topicBytes],
    ['sections', sectionBytes],
    ['body', bytes.length - HEADER_BYTES - topicBytes - sectionBytes],
  ])
}

/** A slot of the checkpoint. */
export function dumpCheckpoint(bytes: Buffer): string {
  return dumpFields(bytes, checkpointFields)
}

/** Bytes without fields of a known width. */
export function dumpBytes(bytes: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    lines.push(row(at, 'bytes', bytes.subarray(at, at + ROW_BYTES)))
  }
  return `${lines.join('\n')}\n`
}

/** A row of a table: key and value are counted each from 0. */
export function dumpRow({ key, value }: { readonly key: Buffer; readonly value: Buffer }): string {
  const lines: string[] = []
  for (const [name, bytes] of [
    ['key', key],
    ['value', value],
  ] as const) {
    for (let at = 0; at < bytes.length; at += ROW_BYTES) {
      lines.push(row(at, name, bytes.subarray(at, at + ROW_BYTES)))
    }
  }
  return `${lines.join('\n')}\n`
}

/** The row that a dump shows. */
export function rowOfDump(dump: string): { readonly key: Buffer; readonly value: Buffer } {
  const part = (name: string): Buffer =>
    bytesOfDump(
      dump
        .split('\n')
        .filter((line) => line.slice(NAME_AT, HEX_AT).trim() === name)
        .join('\n'),
    )
  return { key: part('key'), value: part('value') }
}

/** The bytes that a dump shows. */
export function bytesOfDump(dump: string): Buffer {
  const rows = dump.split('\n').filter((line) => line !== '')
  return Buffer.from(
    rows.map((line) => line.slice(HEX_AT, HEX_AT + HEX_CHARS).trim()).join(''),
    'hex',
  )
}

const headerFields = [
  ['magic', 4],
  ['totalBytes', 4],
  ['headerChecksum', 4],
  ['version', 1],
  ['kind', 1],
  ['attributes', 2],
  ['epoch', 8],
  ['logOffset', 8],
  ['confirmedBefore', 8],
  ['storeTimeMs', 8],
  ['baseQueueOffset', 8],
  ['bornTimeMs', 8],
  ['producerId', 8],
  ['producerEpoch', 4],
  ['sequence', 4],
  ['baseMessageNumber', 8],
  ['messageCount', 4],
  ['queueId', 4],
  ['bodyChecksum', 4],
  ['sectionBytes', 4],
  ['bodyBytes', 4],
  ['topicBytes', 2],
  ['reserved', 2],
] as const

const HEADER_BYTES = 112

const checkpointFields = [
  ['magic', 4],
  ['flags', 4],
  ['sequence', 8],
  ['flushedOffset', 8],
  ['confirmOffset', 8],
  ['minOffset', 8],
  ['epoch', 8],
  ['storeTimeMs', 8],
  ['reserved', 4],
  ['checksum', 4],
] as const

const ROW_BYTES = 16
const NAME_AT = 6
const HEX_AT = 24
const HEX_CHARS = ROW_BYTES * 2

function dumpFields(bytes: Buffer, fields: readonly (readonly [string, number])[]): string {
  const lines: string[] = []
  let at = 0
  for (const [name, width] of fields) {
    for (const end = at + width; at < end; at += Math.min(ROW_BYTES, end - at)) {
      lines.push(row(at, name, bytes.subarray(at, Math.min(at + ROW_BYTES, end))))
    }
  }
  return `${lines.join('\n')}\n`
}

function row(at: number, name: string, bytes: Buffer): string {
  const place = String(at).padStart(4)
  const hex = bytes.toString('hex').padEnd(HEX_CHARS)
  return `${place}  ${name.padEnd(HEX_AT - NAME_AT)}${hex}  ${charactersOf(bytes)}`
}

function charactersOf(bytes: Buffer): string {
  return Array.from(bytes, (byte) =>
    byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('')
}
