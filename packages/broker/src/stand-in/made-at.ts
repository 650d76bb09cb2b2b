import type { MessageStore } from '@cometmq/store'
import { groupIn } from '../group-registry.ts'
import { topicIn } from '../topic-registry.ts'
import type { OverlayRows, RowChange } from './overlay-rows.ts'

/**
 * Only in overlays: when each topic and group was made that other rows are of. One of the same name
 * that was made since has other messages, and has done nothing of what these rows say.
 */
const MADE_AT_TABLE = 'made-at'

type Kind = 'group' | 'topic'

/** What a row is of; a position is of no group. */
export interface RowOwner {
  readonly topic: string
  readonly group: string | undefined
}

/** What an overlay has to be told beside the rows of these owners, unless it has it. */
export function noteMadeAt(
  store: Pick<MessageStore, 'table'>,
  rows: OverlayRows,
  owners: readonly RowOwner[],
): RowChange[] {
  const groups = new Set(owners.flatMap(({ group }) => group ?? []))
  const topics = new Set(owners.map(({ topic }) => topic))
  return [
    ...[...groups].flatMap((name) => note(rows, 'group', name, () => groupIn(store, name))),
    ...[...topics].flatMap((name) => note(rows, 'topic', name, () => topicIn(store, name))),
  ]
}

/** Whether the rows are of what has that name now. Overlays of earlier versions do not say. */
export function isOfSame(
  rows: OverlayRows,
  kind: Kind,
  { name, createdAtMs }: { readonly name: string; readonly createdAtMs: number },
): boolean {
  const value = rows.get(MADE_AT_TABLE, keyOf(kind, name)) ?? undefined
  return value === undefined || Number(value.readBigUInt64BE()) === createdAtMs
}

function note(
  rows: OverlayRows,
  kind: Kind,
  name: string,
  definition: () => { readonly createdAtMs: number } | undefined,
): RowChange[] {
  const key = keyOf(kind, name)
  if (rows.get(MADE_AT_TABLE, key) !== undefined) return []
  const { createdAtMs } = definition() ?? {}
  if (createdAtMs === undefined) return []
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(createdAtMs))
  return [{ kind: 'put', table: MADE_AT_TABLE, key, value }]
}

function keyOf(kind: Kind, name: string): Buffer {
  return Buffer.from(`${kind}\0${name}`)
}
