import { peekRecord, RecordBatch } from '@cometmq/protocol'
import type { CommitLog } from './commit-log.ts'
import type { Segment } from './segment.ts'

const WINDOW_BYTES = 1024 * 1024

export interface Walk {
  readonly from: number
  /** Records that begin here or later are not looked at. */
  readonly to: number
  /** Verify the checksum of every body, or only of those that the store itself reads. */
  readonly bodies: 'all' | 'own'
  /** Read at once, unless a record is longer; 1 MiB if it is not said. */
  readonly windowBytes?: number
  visit(record: RecordBatch, at: number): void
  /** Told of fillers, which are passed over otherwise. */
  filler?(record: RecordBatch, at: number): void
  /** With it, a record whose body alone is damaged is told here, and the walk goes on. */
  damagedBody?(record: RecordBatch, at: number): void
  /** Called between windows, so that other work gets its turn. */
  pause?(): Promise<void>
}

export interface WalkEnd {
  readonly end: number
  /** Why the bytes at `end` are no record; `undefined` if the walk came to `to`, or out of segments. */
  readonly why: string | undefined
}

/**
 * Visits every record of `[from, to)` in order, until there is no more, or a bad one. Fillers are
 * passed over.
 *
 * Zeros where nothing was written yet are no record like any other damage: what it means is for the
 * caller to judge. Records are views of memory that nobody else writes.
 */
export async function walkRecords(log: CommitLog, walk: Walk): Promise<WalkEnd> {
  let at = walk.from
  while (at < walk.to) {
    const segment = log.segmentAt(at)
    if (segment === undefined) break
    const result = await walkSegment(log, segment, { ...walk, from: at })
    at = result.end
    if (result.why !== undefined) return result
  }
  return { end: at, why: undefined }
}

async function walkSegment(log: CommitLog, segment: Segment, walk: Walk): Promise<WalkEnd> {
  const end = Math.min(segment.end, walk.to)
  let at = walk.from
  const { windowBytes: usualBytes = WINDOW_BYTES } = walk
  let windowBytes = usualBytes
  while (at < end) {
    const window = Buffer.allocUnsafeSlow(Math.min(windowBytes, segment.end - at))
    const readBytes = await log.read(window, at)
    const step = walkWindow(window.subarray(0, readBytes), at, segment, walk)
    if (step.why !== undefined) return step
    if (step.end === at && readBytes < window.length) {
      return { end: at, why: 'the file has become shorter' }
    }
    // A record longer than the window was met: the next one holds it whole.
    windowBytes = Math.max(usualBytes, step.needBytes)
    at = step.end
    await walk.pause?.()
  }
  return { end: at, why: undefined }
}

interface WindowStep extends WalkEnd {
  /** What a window that begins at `end` needs to show the next record. */
  readonly needBytes: number
}

/** Visits the records that lie whole in `bytes`, which begin at log offset `start`. */
function walkWindow(bytes: Buffer, start: number, segment: Segment, walk: Walk): WindowStep {
  const end = Math.min(segment.end, walk.to)
  let at = start
  while (at < end) {
    const peek = peekRecord(bytes, at - start)
    if (peek.kind === 'invalid') return { end: at, needBytes: 0, why: peek.why }
    const needBytes = peek.kind === 'record' ? peek.totalBytes : peek.needBytes
    if (at + needBytes > segment.end) {
      return { end: at, needBytes, why: 'the record reaches beyond its segment' }
    }
    if (at + needBytes > start + bytes.length) return { end: at, needBytes, why: undefined }
    const record = RecordBatch.parse(bytes, at - start)
    const why = headerFault(record, at, segment)
    if (why !== undefined) return { end: at, needBytes, why }
    if (hasDamagedBody(record, walk.bodies)) {
      const damage = 'the body checksum does not match'
      if (walk.damagedBody === undefined) return { end: at, needBytes, why: damage }
      walk.damagedBody(record, at)
    } else if (record.kind === 'filler') walk.filler?.(record, at)
    else walk.visit(record, at)
    at += needBytes
  }
  return { end: at, needBytes: 0, why: undefined }
}

function headerFault(record: RecordBatch, at: number, segment: Segment): string | undefined {
  if (record.logOffset !== at) return `a record of log offset ${record.logOffset} lies here`
  if (record.kind !== 'filler' || at + record.totalBytes === segment.end) return undefined
  return 'a filler ends before its segment'
}

function hasDamagedBody(record: RecordBatch, bodies: Walk['bodies']): boolean {
  if (bodies === 'own' && record.kind === 'messages') return false
  return !record.isBodyIntact
}
