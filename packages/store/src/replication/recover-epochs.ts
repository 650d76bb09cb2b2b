import {
  CometError,
  commitLogOffset,
  type EpochEntry,
  EpochHistory,
  layout,
  peekRecord,
  type RecordBatch,
} from '@cometmq/protocol'
import type { FileSystem, Logger } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import { walkRecords } from '../commit-log/log-walker.ts'
import { EpochFile, epochsPath } from './epoch-file.ts'

/** No header is longer. */
const HEADER_MAX_BYTES = 1024

/** The epochs of records as a walk along the log meets them, fillers included. */
export class EpochTrace {
  readonly #entries: EpochEntry[] = []

  see(record: RecordBatch, at: number): void {
    const { epoch } = record
    if (this.#entries.at(-1)?.epoch === epoch) return
    this.#entries.push({ epoch, start: commitLogOffset(at) })
  }

  /** Where each began; the first may have begun before the walk. */
  get entries(): readonly EpochEntry[] {
    return this.#entries
  }
}

/** What recovery has walked over: `[from, end)`, where the log ends. */
export interface Walked {
  readonly trace: EpochTrace
  readonly from: number
  readonly end: number
}

/**
 * Opens the epoch history and holds it against the log. What the file lacks is made anew from the
 * headers of records, which carry their epochs.
 *
 * Throws `STORE_CORRUPT` if the two contradict each other.
 */
export async function recoverEpochs(
  ports: { readonly files: FileSystem; readonly log: Logger; readonly commitLog: CommitLog },
  folder: string,
  walked: Walked,
): Promise<EpochFile> {
  const { files, log, commitLog } = ports
  const found = await EpochFile.read(files, folder)
  const end = commitLogOffset(walked.end)
  const judgement = judgeEpochs(found ?? EpochHistory.empty, walked)
  if (judgement.kind === 'contradiction') throw contradiction(folder, judgement.why)
  if (found !== undefined && judgement.kind === 'agreement') {
    // An epoch of which the log holds nothing was opened, or got lost, in the crash.
    return EpochFile.open(files, folder, found.truncate(end), found)
  }
  const rebuilt = await epochsOfLog(commitLog, end, found)
  for (const entry of found?.truncate(end).entries ?? []) {
    if (entry.start <= commitLog.minOffset || rebuilt.has(entry)) continue
    throw contradiction(folder, `no record begins epoch ${entry.epoch} at ${entry.start}`)
  }
  if (end > 0) log.warn({ folder, epochs: rebuilt.entries }, 'epochs made anew from the log')
  return EpochFile.open(files, folder, rebuilt, found)
}

type Judgement =
  | { readonly kind: 'agreement' }
  /** Records are of a later epoch than the history knows. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'contradiction'; readonly why: string }

/** Holds a history against the records of the part of the log that was walked over. */
function judgeEpochs(history: EpochHistory, { trace, from, end }: Walked): Judgement {
  const known = history.truncate(commitLogOffset(end))
  const seen = trace.entries.filter(({ start }) => start < end)
  for (const [index, entry] of seen.entries()) {
    const expected = known.at(entry.start)
    const isWhole = index === 0 || expected?.start === entry.start
    if (expected?.epoch === entry.epoch && isWhole) continue
    if (entry.epoch > (known.last?.epoch ?? 0)) return { kind: 'incomplete' }
    const why = `the record at log offset ${entry.start} is of epoch ${entry.epoch}`
    return { kind: 'contradiction', why }
  }
  for (const { epoch, start } of known.entries) {
    if (start <= from || seen.some((entry) => entry.start === start)) continue
    return { kind: 'contradiction', why: `no record begins epoch ${epoch} at ${start}` }
  }
  return { kind: 'agreement' }
}

/**
 * The history that the headers of the log tell. Epochs never fall along the log, so only segments
 * in which one begins are walked through.
 */
async function epochsOfLog(
  log: CommitLog,
  end: number,
  found: EpochHistory | undefined,
): Promise<EpochHistory> {
  const trace = new EpochTrace()
  for (const [index, segment] of log.segments.entries()) {
    if (segment.start >= end) break
    const next = log.segments[index + 1]
    const isLast = next === undefined || next.start >= end
    const first = await epochAt(log, segment.start)
    if (!isLast && first === trace.entries.at(-1)?.epoch) {
      if (first === (await epochAt(log, next.start))) continue
    }
    const see = (record: RecordBatch, at: number): void => trace.see(record, at)
    const to = Math.min(segment.end, end)
    const walk = { from: segment.start, to, bodies: 'own' as const }
    const walked = await walkRecords(log, { ...walk, visit: see, filler: see, damagedBody: see })
    if (walked.why !== undefined) throw notARecord(log, walked.end)
  }
  const [first, ...others] = trace.entries
  if (first === undefined) return EpochHistory.empty
  return EpochHistory.of([{ epoch: first.epoch, start: startOf(first, found) }, ...others])
}

/** The oldest epoch may have begun in segments that are deleted by now. The first began with the log. */
function startOf(
  { epoch, start }: EpochEntry,
  found: EpochHistory | undefined,
): EpochEntry['start'] {
  if (epoch === 1) return commitLogOffset(0)
  const known = found?.at(start)
  return known?.epoch === epoch ? known.start : start
}

async function epochAt(log: CommitLog, at: number): Promise<number> {
  const bytes = Buffer.allocUnsafeSlow(HEADER_MAX_BYTES)
  const header = bytes.subarray(0, await log.read(bytes, at))
  if (peekRecord(header).kind !== 'record') throw notARecord(log, at)
  return Number(header.readBigUInt64LE(layout.epoch))
}

function notARecord(log: CommitLog, at: number): CometError {
  return new CometError('STORE_CORRUPT', `${log.describe(at)} is damaged; run "comet store verify"`)
}

function contradiction(folder: string, why: string): CometError {
  return new CometError(
    'STORE_CORRUPT',
    `${epochsPath(folder)} and the log contradict each other: ${why}; one of them was put there from elsewhere. ` +
      'Restore the folder from a replica or a backup',
  )
}
