import assert from 'node:assert/strict'
import { decodeProgressRow, encodeProgressRow } from '../deliver/progress-row.ts'
import { PROGRESS_TABLE } from '../deliver/queue-progress.ts'
import { backlogOf, decodeRetry, putRetry, RETRIES_TABLE } from '../deliver/retry-entry.ts'
import { POSITIONS_TABLE } from '../read/positions.ts'
import type { RowOwner } from './made-at.ts'
import { mergeProgress } from './merge-progress.ts'
import type { OverlayRows, OverlayValue, RowChange } from './overlay-rows.ts'

/** What an overlay may change; everything else is a master's business. */
const overlayTables = [PROGRESS_TABLE, RETRIES_TABLE, POSITIONS_TABLE] as const

export type OverlayTable = (typeof overlayTables)[number]

/** Only in overlays: what a position was in the log when the slave changed it first, empty for none. */
export const POSITIONS_BEFORE_TABLE = 'positions-before'

/** Only in overlays, one row: how far the log was applied when the first change came. */
export const AS_OF_TABLE = 'as-of'
const AS_OF_KEY = Buffer.alloc(0)

export function putAsOf(appliedOffset: number): RowChange {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(appliedOffset))
  return { kind: 'put', table: AS_OF_TABLE, key: AS_OF_KEY, value }
}

export function asOf(rows: OverlayRows): number | undefined {
  const value = rows.get(AS_OF_TABLE, AS_OF_KEY)
  return value === undefined || value === null ? undefined : Number(value.readBigUInt64BE())
}

export function isOverlayTable(table: string): table is OverlayTable {
  return overlayTables.some((each) => each === table)
}

export function ownerOf(table: OverlayTable, key: Buffer): RowOwner {
  const firstEnd = key.indexOf(0)
  const first = key.toString('utf8', 0, firstEnd)
  if (table === POSITIONS_TABLE) return { topic: first, group: undefined }
  const topic = key.toString('utf8', firstEnd + 1, key.indexOf(0, firstEnd + 1))
  return { topic, group: first }
}

export interface RowVersions {
  /** In the log. */
  readonly base: Buffer | undefined
  readonly over: OverlayValue
  /** Of a position: what the overlay has in `POSITIONS_BEFORE_TABLE`. */
  readonly before?: Buffer | undefined
}

const NONE = Buffer.alloc(0)

/**
 * A row of the log, with what an overlay says of it; `undefined`: there is none. Of progress nothing
 * is lost that either of them knows. A retry that is not in the log any more is done, whatever the
 * overlay has of it. A position is the overlay's, unless a master has changed it as well: then it is
 * not known who was later, and the greater one counts.
 */
export function mergedRow(
  table: OverlayTable,
  key: Buffer,
  { base, over, before }: RowVersions,
): Buffer | undefined {
  switch (table) {
    case PROGRESS_TABLE:
      if (base === undefined || over === null) return over ?? base
      return encodeProgressRow(mergeProgress(decodeProgressRow(base), decodeProgressRow(over)))
    case RETRIES_TABLE:
      if (base === undefined || over === null) return undefined
      return mergedRetry(key, base, over)
    case POSITIONS_TABLE:
      return mergedPosition({ base, over, before })
  }
}

function mergedPosition({ base, over, before }: RowVersions): Buffer | undefined {
  const known = before ?? NONE
  if (over === null || known.equals(base ?? NONE)) return over ?? base
  // Its topic was deleted.
  if (base === undefined) return undefined
  return over.compare(base) > 0 ? over : base
}

function mergedRetry(key: Buffer, base: Buffer, over: Buffer): Buffer | undefined {
  const ours = decodeRetry(key, base)
  const progress = mergeProgress(ours.progress, decodeRetry(key, over).progress)
  const row = { ...ours, progress }
  if (backlogOf(row) === 0) return undefined
  const change = putRetry('', ours.topic, row)
  assert.ok(change.kind === 'put', 'a retry is put')
  return change.value
}
