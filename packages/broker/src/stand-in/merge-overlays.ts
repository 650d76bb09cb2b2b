import type { StateChange } from '@cometmq/protocol'
import type { MessageStore } from '@cometmq/store'
import { putParked } from '../deliver/burial.ts'
import { decodeProgressRow, type ProgressRow } from '../deliver/progress-row.ts'
import { PROGRESS_TABLE, queueIdOfProgressKey, RESETS_TABLE } from '../deliver/queue-progress.ts'
import { decodeRetry, RETRIES_TABLE } from '../deliver/retry-entry.ts'
import type { GroupRegistry } from '../group-registry.ts'
import { POSITIONS_TABLE } from '../read/positions.ts'
import type { TopicRegistry } from '../topic-registry.ts'
import { isOfSame } from './made-at.ts'
import {
  asOf,
  isOverlayTable,
  mergedRow,
  type OverlayTable,
  ownerOf,
  POSITIONS_BEFORE_TABLE,
} from './merge-rows.ts'
import type { OverlayId } from './overlay-records.ts'
import { OverlayRows, type RowChange } from './overlay-rows.ts'

/** Up to which number the overlays of each slave are in the log. Key: its store id. */
const OVERLAYS_TABLE = 'overlays'

/** What a slave was told while it stood in. */
export interface TakenOverlay {
  readonly id: OverlayId
  readonly changes: readonly RowChange[]
}

interface MergePorts {
  readonly store: Pick<MessageStore, 'bounds' | 'table'>
  readonly topics: Pick<TopicRegistry, 'get'>
  readonly groups: Pick<GroupRegistry, 'get'>
}

/** The number of the latest overlay of that slave that is in the log; 0: none. */
export function mergedNumber(store: Pick<MessageStore, 'table'>, storeId: string): number {
  const row = store.table(OVERLAYS_TABLE).get(Buffer.from(storeId))
  return row === undefined ? 0 : Number(row.readBigUInt64BE())
}

/** Whether a change may be one of what `mergedNumber` answers. */
export function tellsOfMerge(change: StateChange): boolean {
  return change.table === OVERLAYS_TABLE
}

/**
 * The changes that bring overlays into the log, the numbers of the overlays last: once these are
 * there, everything is. Rows of topics and groups that are gone are left out. In whatever order the
 * overlays come, the same is merged, and merging it again changes nothing.
 */
export function mergeOverlays(ports: MergePorts, taken: readonly TakenOverlay[]): StateChange[] {
  const fresh = taken.filter(({ id }) => id.number > mergedNumber(ports.store, id.storeId))
  const merged = new Map<string, MergedRow>()
  for (const { changes } of fresh) {
    const rows = new OverlayRows()
    for (const change of changes) rows.apply(change)
    for (const change of rows.changes()) mergeOne(ports, { merged, rows, change })
  }
  const changes: StateChange[] = []
  const parked = new Map<string, StateChange>()
  for (const { table, key, base, value } of merged.values()) {
    if (value === undefined) {
      if (base !== undefined) changes.push({ kind: 'delete', table, key })
      continue
    }
    if (base?.equals(value) !== true) changes.push({ kind: 'put', table, key, value })
    const { group, topic } = ownerOf(table, key)
    if (progressOf(table, key, value)?.parked === undefined || group === undefined) continue
    parked.set(`${group}\0${topic}`, putParked(group, topic))
  }
  return [...changes, ...parked.values(), ...fresh.map(({ id }) => putMerged(id))]
}

interface MergedRow {
  readonly table: OverlayTable
  readonly key: Buffer
  readonly base: Buffer | undefined
  readonly value: Buffer | undefined
}

function mergeOne(
  ports: MergePorts,
  {
    merged,
    rows,
    change,
  }: {
    readonly merged: Map<string, MergedRow>
    readonly rows: OverlayRows
    readonly change: RowChange
  },
): void {
  const { table, key } = change
  const over = change.kind === 'put' ? change.value : null
  if (!isOverlayTable(table) || !isOfUse(ports, rows, { table, key, over })) return
  if (table === PROGRESS_TABLE && isResetSince(ports, key, asOf(rows) ?? 0)) return
  const name = `${table}/${key.toString('latin1')}`
  const known = merged.get(name)
  const base = ports.store.table(table).get(key)
  let value: Buffer | undefined
  if (table === POSITIONS_TABLE) {
    const before = rows.get(POSITIONS_BEFORE_TABLE, key) ?? undefined
    value = greater(known?.value, mergedRow(table, key, { base, over, before }))
  } else value = mergedRow(table, key, { base: known === undefined ? base : known.value, over })
  merged.set(name, { table, key, base, value })
}

/** Whoever reset it wants what the slave was told before that to come again. */
function isResetSince({ store }: MergePorts, key: Buffer, appliedOffset: number): boolean {
  const row = store.table(RESETS_TABLE).get(key)
  return row !== undefined && Number(row.readBigUInt64BE()) >= appliedOffset
}

/** Of a topic and a group that are there, and are the same, and of messages that their queue has. */
function isOfUse(
  { store, topics, groups }: MergePorts,
  rows: OverlayRows,
  row: { readonly table: OverlayTable; readonly key: Buffer; readonly over: Buffer | null },
): boolean {
  const { table, key, over } = row
  const { group, topic } = ownerOf(table, key)
  const hasTopic = isSame(rows, 'topic', topic, topics.get(topic))
  if (!hasTopic || (group !== undefined && !isSame(rows, 'group', group, groups.get(group)))) {
    return false
  }
  if (table !== PROGRESS_TABLE || over === null) return true
  const queue = { topic, queueId: queueIdOfProgressKey(key) }
  return endOf(decodeProgressRow(over)) <= (store.bounds(queue)?.maxOffset ?? 0)
}

function isSame(
  rows: OverlayRows,
  kind: 'group' | 'topic',
  name: string,
  definition: { readonly createdAtMs: number } | undefined,
): boolean {
  if (definition === undefined) return false
  const { createdAtMs } = definition
  return isOfSame(rows, kind, { name, createdAtMs })
}

function progressOf(table: OverlayTable, key: Buffer, value: Buffer): ProgressRow | undefined {
  switch (table) {
    case PROGRESS_TABLE:
      return decodeProgressRow(value)
    case RETRIES_TABLE:
      return decodeRetry(key, value).progress
    case POSITIONS_TABLE:
      return undefined
  }
}

function endOf({ doneBelow, done, attempted, parked = [] }: ProgressRow): number {
  return Math.max(doneBelow, ...[done, attempted, parked].map((ranges) => ranges.at(-1)?.to ?? 0))
}

function greater(left: Buffer | undefined, right: Buffer | undefined): Buffer | undefined {
  if (left === undefined || right === undefined) return left ?? right
  return left.compare(right) > 0 ? left : right
}

/** Eight bytes, big-endian: everything of that slave up to that overlay is in the log. */
export function putMerged({ storeId, number }: OverlayId): StateChange {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(number))
  return { kind: 'put', table: OVERLAYS_TABLE, key: Buffer.from(storeId), value }
}
