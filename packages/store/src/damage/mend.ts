import { CometError, commitLogOffset, type EpochHistory } from '@cometmq/protocol'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { RawOrigin } from '../replication/raw-commit.ts'
import { readRawRecords } from '../replication/raw-records.ts'
import { bodyFault } from './record-fault.ts'

export interface MendWish {
  readonly at: number
  /** Whole append groups, or what is left of one from a record on. */
  readonly bytes: Buffer
  readonly origin: RawOrigin
}

/**
 * Puts back what was stored at `at`, as another member has it: one epoch that began at one place is the
 * same in all logs, as far as they have it. Durable when it resolves. Only what differs is written: a
 * crash leaves damage where damage was. Nobody else may change the log meanwhile.
 *
 * Throws `OFFSET_OUT_OF_RANGE`, `LOG_DIVERGED` if something else was stored there, `MALFORMED_BATCH` or
 * `CHECKSUM_MISMATCH`, and nothing was written; `DISK_FULL`.
 */
export async function mendLog(
  log: CommitLog,
  epochs: EpochHistory,
  { at, bytes, origin }: MendWish,
): Promise<void> {
  const to = at + bytes.length
  checkPlace(log, epochs, { at, to, origin })
  for (const record of readRawRecords(bytes, { offset: at, epoch: origin.epoch }).records) {
    const fault = bodyFault(record)
    if (fault !== undefined)
      throw new CometError('MALFORMED_BATCH', `for log offset ${at}: ${fault}`)
  }
  try {
    const part = differingPart(await storedBytes(log, at, bytes.length), bytes)
    if (part !== undefined) await log.overwrite(bytes.subarray(part.from, part.to), at + part.from)
  } catch (error) {
    if (at < log.minOffset) throw outOfRange(log, at, to)
    throw error
  }
}

function checkPlace(
  log: CommitLog,
  epochs: EpochHistory,
  place: { readonly at: number; readonly to: number; readonly origin: RawOrigin },
): void {
  const { at, to, origin } = place
  const max = commitLogOffset(log.maxOffset)
  if (at < log.minOffset || to > max) throw outOfRange(log, at, to)
  const own = epochs.at(commitLogOffset(at))
  const isSame = own?.epoch === origin.epoch && own.start === origin.epochStart
  if (own !== undefined && isSame && to <= epochs.endOf(own, max)) return
  const theirs = `epoch ${origin.epoch} from ${origin.epochStart}`
  const why = `[${at}, ${to}) is not all of ${theirs} here, and is not replaced by what is`
  throw new CometError('LOG_DIVERGED', why)
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

function outOfRange(log: CommitLog, at: number, to: number): CometError {
  const stored = `the log is [${log.minOffset}, ${log.maxOffset})`
  return new CometError('OFFSET_OUT_OF_RANGE', `[${at}, ${to}) is not stored: ${stored}`)
}
