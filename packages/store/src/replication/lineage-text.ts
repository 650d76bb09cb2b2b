import { crc32 } from 'node:zlib'
import { commitLogOffset, type EpochEntry, EpochHistory } from '@cometmq/protocol'

/**
 * The small text files of the folder `replication`: a name with its version, lines of words, and a
 * checksum over all before. Drawn in `docs/formats/replication.md`.
 */

const EPOCHS = 'cometmq-epochs 1'
const TRUNCATING = 'cometmq-truncating 1'
const STARTING_OVER = 'cometmq-starting-over 1'

/** The log is being cut at `to`, after which it has that history. */
export interface Truncating {
  readonly to: number
  readonly epochs: EpochHistory
}

export function encodeEpochs(history: EpochHistory): Buffer {
  return encodeLines([EPOCHS, ...epochLines(history)])
}

/** What `encodeEpochs` made; `undefined` if the bytes are damaged. */
export function parseEpochs(bytes: Buffer): EpochHistory | undefined {
  const [name, ...lines] = parseLines(bytes) ?? []
  return name === EPOCHS ? parseHistory(lines) : undefined
}

export function encodeTruncating({ to, epochs }: Truncating): Buffer {
  return encodeLines([TRUNCATING, `to ${to}`, ...epochLines(epochs)])
}

/** What `encodeTruncating` made; `undefined` if the bytes are damaged. */
export function parseTruncating(bytes: Buffer): Truncating | undefined {
  const [name, target, ...lines] = parseLines(bytes) ?? []
  const [, digits] = /^to (\d{1,16})$/.exec(target ?? '') ?? []
  const epochs = parseHistory(lines)
  if (name !== TRUNCATING || digits === undefined || epochs === undefined) return undefined
  return { to: Number(digits), epochs }
}

/** Its being there is all that it says. */
export function encodeStartingOver(): Buffer {
  return encodeLines([STARTING_OVER])
}

function encodeLines(lines: readonly string[]): Buffer {
  const text = lines.map((line) => `${line}\n`).join('')
  return Buffer.from(`${text}crc32 ${checksumOf(text)}\n`)
}

function parseLines(bytes: Buffer): string[] | undefined {
  const whole = bytes.toString('latin1')
  const [, text, checksum] = /^(.*\n)crc32 ([0-9a-f]{8})\n$/s.exec(whole) ?? []
  if (text === undefined || checksum !== checksumOf(text)) return undefined
  return text.split('\n').slice(0, -1)
}

function epochLines({ entries }: EpochHistory): string[] {
  return entries.map(({ epoch, start }) => `${epoch} ${start}`)
}

function parseHistory(lines: readonly string[]): EpochHistory | undefined {
  const entries: EpochEntry[] = []
  for (const line of lines) {
    const [, epoch, start] = /^(\d{1,16}) (\d{1,16})$/.exec(line) ?? []
    if (epoch === undefined || start === undefined) return undefined
    entries.push({ epoch: Number(epoch), start: commitLogOffset(Number(start)) })
  }
  return EpochHistory.of(entries)
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
