import { crc32 } from 'node:zlib'
import {
  CometError,
  type CommitLogOffset,
  commitLogOffset,
  type EpochHistory,
  peekRecord,
  RecordBatch,
} from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import { walkRecords } from '../commit-log/log-walker.ts'
import type { DamagedPlaces } from '../damage/damaged-places.ts'
import { bodyFault } from '../damage/record-fault.ts'

const PIECE_BYTES = 1024 * 1024

/** Part of the log as it lies there: whole append groups of one epoch. */
export interface LogRange {
  readonly from: CommitLogOffset
  readonly to: CommitLogOffset
  readonly epoch: number
  readonly epochStart: CommitLogOffset
  readonly bytes: Buffer
}

/**
 * Reads whole append groups of one epoch from `from` on, up to `maxBytes` yet at least one group.
 * `undefined` at the end of the log.
 *
 * Throws `OFFSET_OUT_OF_RANGE` below the begin or beyond the end, `RECORD_CORRUPT` if a checksum fails.
 */
export async function readRange(
  log: CommitLog,
  epochs: EpochHistory,
  places: Pick<DamagedPlaces, 'suspect'>,
  request: { readonly from: number; readonly maxBytes: number },
): Promise<LogRange | undefined> {
  const { from } = request
  const max = log.maxOffset
  checkStored(log, from, max)
  if (from === max) return undefined
  const entry = epochs.at(commitLogOffset(from))
  if (entry === undefined) throw outOfRange(log, from)
  const limit = epochs.endOf(entry, commitLogOffset(max))
  const corrupt = (at: number, why: string): CometError => {
    places.suspect(at)
    return new CometError('RECORD_CORRUPT', `${log.describe(at)} is damaged: ${why}`)
  }
  for (let maxBytes = request.maxBytes; ; ) {
    const bytes = await readBytes(log, from, Math.min(limit, from + maxBytes))
    const { endOfGroups, needBytes } = wholeGroups(bytes, request, corrupt)
    if (endOfGroups > 0) {
      // What was read may have been cut meanwhile.
      if (from + endOfGroups > log.maxOffset) throw outOfRange(log, from)
      return {
        from: commitLogOffset(from),
        to: commitLogOffset(from + endOfGroups),
        epoch: entry.epoch,
        epochStart: entry.start,
        bytes: bytes.subarray(0, endOfGroups),
      }
    }
    if (from + bytes.length === limit) throw corrupt(from, 'no append group ends')
    maxBytes = Math.max(needBytes, bytes.length + PIECE_BYTES)
  }
}

/** The CRC-32 of the bytes `[from, to)`. Throws `OFFSET_OUT_OF_RANGE` unless all of them are there. */
export async function checksumOfRange(
  log: CommitLog,
  clock: Clock,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  checkStored(log, from, to)
  checkStored(log, to, log.maxOffset)
  let checksum = 0
  for (let at = from; at < to; at += PIECE_BYTES) {
    checksum = crc32(await readBytes(log, at, Math.min(to, at + PIECE_BYTES)), checksum)
    await clock.yieldTurn()
  }
  return checksum
}

/** Where the record begins that holds the byte `at`, which is stored, of records that are intact. */
export async function recordHolding(
  log: CommitLog,
  clock: Clock,
  at: CommitLogOffset,
): Promise<CommitLogOffset> {
  let holding = log.segmentAt(at)?.start
  if (holding === undefined) throw outOfRange(log, at)
  const { why, end } = await walkRecords(log, {
    from: holding,
    to: at + 1,
    bodies: 'own',
    visit: (_, begin) => {
      holding = begin
    },
    filler: (_, begin) => {
      holding = begin
    },
    damagedBody() {},
    pause: () => clock.yieldTurn(),
  })
  if (why === undefined) return commitLogOffset(holding)
  throw new CometError('RECORD_CORRUPT', `${log.describe(end)} is damaged: ${why}`)
}

/** How many of the bytes are whole groups with good checksums, as far as they are asked for. */
function wholeGroups(
  bytes: Buffer,
  { from: start, maxBytes }: { readonly from: number; readonly maxBytes: number },
  corrupt: (at: number, why: string) => CometError,
): { readonly endOfGroups: number; readonly needBytes: number } {
  let endOfGroups = 0
  for (let at = 0; at < bytes.length; ) {
    const peek = peekRecord(bytes, at)
    if (peek.kind === 'invalid') throw corrupt(start + at, peek.why)
    const needBytes = at + (peek.kind === 'record' ? peek.totalBytes : peek.needBytes)
    if (needBytes > bytes.length || (endOfGroups > 0 && needBytes > maxBytes)) {
      return { endOfGroups, needBytes }
    }
    const record = RecordBatch.parse(bytes, at)
    if (record.logOffset !== start + at) throw corrupt(start + at, 'another record lies here')
    const fault = bodyFault(record)
    if (fault !== undefined) throw corrupt(start + at, fault)
    at = needBytes
    if (!record.continues) endOfGroups = at
  }
  return { endOfGroups, needBytes: 0 }
}

async function readBytes(log: CommitLog, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(to - from)
  for (let done = 0; done < bytes.length; ) {
    const readBytes = await log.read(bytes.subarray(done), from + done)
    if (readBytes === 0) throw outOfRange(log, from + done)
    done += readBytes
  }
  return bytes
}

function checkStored(log: CommitLog, from: number, to: number): void {
  if (from < log.minOffset || from > to) throw outOfRange(log, from)
}

function outOfRange(log: CommitLog, at: number): CometError {
  const stored = `the log is [${log.minOffset}, ${log.maxOffset})`
  return new CometError('OFFSET_OUT_OF_RANGE', `log offset ${at} is not stored: ${stored}`)
}
