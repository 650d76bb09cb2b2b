import {
  CometError,
  type CommitLogOffset,
  commitLogOffset,
  type EpochHistory,
  type RecordBatch,
} from '@cometmq/protocol'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { RawOrigin } from '../replication/raw-commit.ts'
import { readRawRecords } from '../replication/raw-records.ts'
import { bodyFault } from './record-fault.ts'

export interface MendWish {
  readonly at: number
  /** Whole append groups, or what is left of one from a record on; the log may end before they do. */
  readonly bytes: Buffer
  readonly origin: RawOrigin
}

/**
 * Puts back what was stored at `at`, as another member has it: one epoch that began at one place is the
 * same in all logs, as far as they have it. Durable when it resolves. Only what differs is written: a
 * crash leaves damage where damage was. What lies beyond the log, or beyond that epoch, is left out.
 * Nobody else may change the log meanwhile. Resolves to where what was put back ends.
 *
 * Throws `OFFSET_OUT_OF_RANGE`, `LOG_DIVERGED` if something else was stored there, `MALFORMED_BATCH` or
 * `CHECKSUM_MISMATCH`, and nothing was written; `DISK_FULL`.
 */
export async function mendLog(
  log: CommitLog,
  epochs: EpochHistory,
  { at, bytes, origin }: MendWish,
): Promise<CommitLogOffset> {
  const limit = endOfReign(log, epochs, { at, origin })
  const { records } = readRawRecords(bytes, { offset: at, epoch: origin.epoch })
  const to = endOfGroups(records, { from: at, limit })
  if (to === at) throw diverged(`no append group of it ends up to ${limit}, where it ends here`, at)
  try {
    const wanted = bytes.subarray(0, to - at)
    const part = differingPart(await storedBytes(log, at, wanted.length), wanted)
    if (part !== undefined) await log.overwrite(wanted.subarray(part.from, part.to), at + part.from)
    return to
  } catch (error) {
    if (at < log.minOffset) throw outOfRange(log, at)
    throw error
  }
}

/** Where the log, or the part of it that the same reign wrote, ends. */
function endOfReign(
  log: CommitLog,
  epochs: EpochHistory,
  { at, origin }: { readonly at: number; readonly origin: RawOrigin },
): number {
  const max = commitLogOffset(log.maxOffset)
  if (at < log.minOffset || at >= max) throw outOfRange(log, at)
  const own = epochs.at(commitLogOffset(at))
  if (own?.epoch === origin.epoch && own.start === origin.epochStart) return epochs.endOf(own, max)
  const here = own === undefined ? 'nothing' : `epoch ${own.epoch} from ${own.start}`
  throw diverged(`epoch ${origin.epoch} from ${origin.epochStart} came, and ${here} lies there`, at)
}

function endOfGroups(
  records: readonly RecordBatch[],
  { from, limit }: { readonly from: number; readonly limit: number },
): CommitLogOffset {
  let at = from
  let end = from
  for (const record of records) {
    const fault = bodyFault(record)
    if (fault !== undefined)
      throw new CometError('MALFORMED_BATCH', `for log offset ${at}: ${fault}`)
    at += record.totalBytes
    if (at <= limit && !record.continues) end = at
  }
  return commitLogOffset(end)
}

async function storedBytes(log: CommitLog, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  for (let done = 0; done < length; ) {
    const readBytes = await log.read(bytes.subarray(done), at + done)
    // What a file has lost reads as zeros, and is written anew.
    if (readBytes === 0) break
    done += readBytes
  }
  return bytes
}

function differingPart(
  stored: Buffer,
  wanted: Buffer,
): { readonly from: number; readonly to: number } | undefined {
  if (stored.equals(wanted)) return undefined
  let from = 0
  let to = wanted.length
  while (stored[from] === wanted[from]) from++
  while (stored[to - 1] === wanted[to - 1]) to--
  return { from, to }
}

function outOfRange(log: CommitLog, at: number): CometError {
  const stored = `the log is [${log.minOffset}, ${log.maxOffset})`
  return new CometError('OFFSET_OUT_OF_RANGE', `log offset ${at} is not stored: ${stored}`)
}

function diverged(why: string, at: number): CometError {
  return new CometError('LOG_DIVERGED', `what is stored at ${at} is not replaced: ${why}`)
}
