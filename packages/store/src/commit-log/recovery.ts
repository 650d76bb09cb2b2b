import { CometError, layout, peekRecord, type RecordBatch } from '@cometmq/protocol'
import type { CommitLog } from './commit-log.ts'
import { type Walk, walkRecords } from './log-walker.ts'
import { segmentName } from './segment.ts'

/** What opening a store found. */
export interface RecoveryReport {
  readonly created: boolean
  /** The last owner closed the store properly. */
  readonly closedCleanly: boolean
  /** What the last owner had noted beside the log; `undefined`: nothing that can be read. */
  readonly noted: { readonly flushedOffset: number; readonly confirmOffset: number } | undefined
  /** Why derived state was made anew from the log; `undefined` if it was not. */
  readonly rebuilt: string | undefined
  readonly replayedRecords: number
  readonly replayedBytes: number
  /** Bytes at the end that a crash left incomplete. */
  readonly cutBytes: number
  /** A tail in doubt was cut, see `LogEnd`, and nobody has settled it yet. */
  readonly isInDoubt: boolean
  readonly tookMs: number
}

export interface Recovery {
  /** Where to begin: what derived state already covers. */
  readonly from: number
  /** Below it everything had been synced, as is known from beside the log. */
  readonly durableTo: number
  readonly closedCleanly: boolean
  /** Whether records that claim to have been written after others were durable prove it: see `findEnd`. */
  readonly recordsProve: boolean
  /** Called with the records of each whole group, in log order. */
  replay(group: readonly RecordAt[]): void
  /** Called with every record, fillers and those of a last group that is not whole included. */
  see(record: RecordBatch, at: number): void
  /** Called before a tail in doubt is cut. */
  doubt(cut: { readonly from: number; readonly to: number }): Promise<void>
  pause(): Promise<void>
}

export interface RecordAt {
  readonly record: RecordBatch
  readonly at: number
}

export interface Recovered {
  readonly records: number
  readonly end: number
  readonly cutBytes: number
}

/**
 * Finds the end of the log, replays what derived state lacks, and cuts a torn tail.
 *
 * Throws `STORE_CORRUPT` if the log ends, or is damaged, where it had been durable.
 */
export async function recoverLog(log: CommitLog, recovery: Recovery): Promise<Recovered> {
  // A process may have died between write and sync: only now does what is read here last.
  if (!recovery.closedCleanly) await log.rewriteFrom(recovery.durableTo)
  let records = 0
  // The records of a group whose last one has not been met. A group is replayed whole or cut whole.
  let open: RecordAt[] = []
  const found = await findEnd(log, {
    ...recovery,
    bodies: recovery.closedCleanly ? 'own' : 'all',
    filler: (record, at) => recovery.see(record, at),
    visit(record, at) {
      recovery.see(record, at)
      open.push({ record, at })
      if (record.continues) return
      recovery.replay(open)
      records += open.length
      open = []
    },
  })
  if (found.kind === 'corrupt') throw corruptStore(log, found)
  const { end, cutBytes, isInDoubt } = found
  // A segment may be there for bytes of which nothing has survived; the log goes on in the one before.
  const isBeyondEnd = (log.segments.at(-1)?.start ?? 0) > end
  if (isInDoubt) await recovery.doubt({ from: end, to: end + cutBytes })
  if (cutBytes > 0 || isBeyondEnd) await log.truncate(end)
  return { records, end, cutBytes }
}

/** What `comet store verify` and a start make of the same bytes. */
export type LogEnd =
  /**
   * All whole groups lie below `end`; `cutBytes` after it are a torn tail. It is in doubt where records
   * prove nothing and one lies behind the bytes that are none: a power cut may leave that of a single
   * write, and damage leaves it in what had been durable.
   */
  | {
      readonly kind: 'end'
      readonly end: number
      readonly cutBytes: number
      readonly isInDoubt: boolean
      readonly why: string
    }
  /** At `at` there must be a record: `proof` says that it had been durable. */
  | {
      readonly kind: 'corrupt'
      readonly at: number
      readonly why: string
      readonly proof: string
    }

/**
 * Walks to the end of the log and judges what is there. How a torn tail and damage are told apart:
 * `docs/adr/0002-torn-tail-or-corruption.md`.
 */
export async function findEnd(
  log: CommitLog,
  search: Omit<Walk, 'to'> & {
    readonly durableTo: number
    readonly closedCleanly: boolean
    /** Not in the log of a member that copies: there a record tells what had been durable elsewhere. */
    readonly recordsProve: boolean
  },
): Promise<LogEnd> {
  const { durableTo, closedCleanly, recordsProve } = search
  const noted = `it is noted that everything below log offset ${durableTo} was`
  if (search.from > log.allocatedEnd) {
    const at = log.allocatedEnd
    return { kind: 'corrupt', at, why: missingAt(at), proof: noted }
  }
  let groupAt: number | undefined
  const walked = await walkRecords(log, {
    ...search,
    // What a clean close left behind needs no proof, and nothing lies beyond it.
    to: closedCleanly ? durableTo : Number.POSITIVE_INFINITY,
    visit(record, at) {
      if (!record.continues) groupAt = undefined
      else groupAt ??= at
      search.visit(record, at)
    },
  })
  const at = walked.end
  const end = groupAt ?? at
  const why = walked.why ?? missingAt(at)
  if (end < durableTo) return { kind: 'corrupt', at, why, proof: noted }
  if (closedCleanly) return { kind: 'end', end, cutBytes: 0, isInDoubt: false, why }

  const rest = await examineRest(log, { at, end }, recordsProve)
  if (rest.proof === undefined) {
    const isInDoubt = rest.hasRecords && !recordsProve
    return { kind: 'end', end, cutBytes: rest.end - end, isInDoubt, why }
  }
  const { at: proofAt, confirmedBefore } = rest.proof
  const proof = `the record at log offset ${proofAt} says that everything below ${confirmedBefore} was`
  return { kind: 'corrupt', at, why, proof }
}

function missingAt(at: number): string {
  return `segment ${segmentName(at)} is missing`
}

function corruptStore(
  log: CommitLog,
  damage: { readonly at: number; readonly why: string; readonly proof: string },
): CometError {
  return new CometError(
    'STORE_CORRUPT',
    `${log.describe(damage.at)} is damaged: ${damage.why}; it is no torn tail, for ${damage.proof} durable. ` +
      'Run "comet store verify" on this folder, then restore it from a replica or a backup',
  )
}

interface Break {
  /** The first byte that is no record. */
  readonly at: number
  /** Where the log would end: before that, if a group is not whole. */
  readonly end: number
}

const MAGIC = Buffer.from('CMTB')
const ZEROS = Buffer.alloc(64 * 1024)

interface Rest {
  /** Of the last byte that was written. */
  readonly end: number
  readonly hasRecords: boolean
  /** The record that proves the broken bytes durable. */
  readonly proof: RecordBehind | undefined
}

/** A record whose header is good, and which lies where it says. */
interface RecordBehind {
  readonly at: number
  readonly confirmedBefore: number
}

/** Looks at everything from the break on. */
async function examineRest(log: CommitLog, bad: Break, recordsProve: boolean): Promise<Rest> {
  let end = bad.at
  let hasRecords = false
  let at = bad.at
  const window = Buffer.allocUnsafeSlow(1024 * 1024)
  // A header that straddles two windows is found in the second: windows overlap by the longest one.
  const overlapBytes = 1024
  for (;;) {
    const segment = log.segmentAt(at)
    const readBytes = segment === undefined ? 0 : await log.read(window, at)
    if (segment === undefined || readBytes === 0) return { end, hasRecords, proof: undefined }
    const bytes = window.subarray(0, readBytes)
    const written = writtenBytes(bytes)
    if (written > 0) {
      end = at + written
      for (const found of recordsBehind(bytes, at, bad)) {
        hasRecords = true
        if (!recordsProve) break
        if (found.confirmedBefore > bad.end) return { end, hasRecords, proof: found }
      }
    }
    const isLast = at + readBytes >= segment.end || readBytes < window.length
    at = isLast ? segment.end : at + readBytes - overlapBytes
  }
}

/** The bytes up to the last one that is not zero. */
function writtenBytes(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0) {
    const begin = Math.max(0, end - ZEROS.length)
    if (ZEROS.compare(bytes, begin, end, 0, end - begin) !== 0) break
    end = begin
  }
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

function* recordsBehind(bytes: Buffer, start: number, bad: Break): Generator<RecordBehind> {
  for (let found = bytes.indexOf(MAGIC); found !== -1; found = bytes.indexOf(MAGIC, found + 1)) {
    const at = start + found
    if (at <= bad.at || peekRecord(bytes, found).kind !== 'record') continue
    const logOffset = Number(bytes.readBigUInt64LE(found + layout.logOffset))
    const confirmedBefore = Number(bytes.readBigUInt64LE(found + layout.confirmedBefore))
    if (logOffset === at) yield { at, confirmedBefore }
  }
}
