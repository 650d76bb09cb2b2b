import { CometError, type StateChange } from '@cometmq/protocol'
import type { AppendGroup, MessageStore, StateTable, TableRange } from '@cometmq/store'
import type { Appended, DeliveryStore } from '../deliver/ports.ts'
import { POSITIONS_TABLE } from '../read/positions.ts'
import { noteMadeAt } from './made-at.ts'
import {
  asOf,
  isOverlayTable,
  mergedRow,
  type OverlayTable,
  ownerOf,
  POSITIONS_BEFORE_TABLE,
  putAsOf,
} from './merge-rows.ts'
import type { Overlay } from './overlay.ts'
import type { OverlayRows, OverlayValue, RowChange } from './overlay-rows.ts'

type BaseStore = Pick<
  MessageStore,
  'bounds' | 'offsetAtTime' | 'read' | 'recordBytesAt' | 'status' | 'subscribe' | 'table'
>

/**
 * The store of a slave that stands in: messages as they are in its log, up to what is confirmed; rows
 * with what the overlay changes; and changes of such rows go to the overlay.
 */
export class OverlayStore implements DeliveryStore {
  readonly #store: BaseStore
  readonly #overlay: Pick<Overlay, 'append' | 'rows'>

  constructor(store: BaseStore, overlay: Pick<Overlay, 'append' | 'rows'>) {
    this.#store = store
    this.#overlay = overlay
  }

  /** Rejects with `READ_ONLY` what takes a master; then nothing has happened. */
  async append({ records }: AppendGroup): Promise<Appended> {
    const changes: RowChange[] = []
    if (asOf(this.#overlay.rows) === undefined) changes.push(putAsOf(this.status.appliedOffset))
    for (const record of records) {
      if (record.kind === 'batch') throw readOnly('takes no messages')
      const refusal = this.refusalOf(record.changes)
      if (refusal !== undefined) throw refusal
      const taken = record.changes.filter(isTaken)
      const owners = taken.flatMap(({ table, key }) =>
        isOverlayTable(table) ? [ownerOf(table, key)] : [],
      )
      changes.push(...noteMadeAt(this.#store, this.#overlay.rows, owners))
      for (const change of taken) changes.push(...this.#withBefore(change))
    }
    await this.#overlay.append(changes)
    return { records: records.map(() => ({ baseQueueOffset: undefined })) }
  }

  get status(): BaseStore['status'] {
    return this.#store.status
  }

  refusalOf(changes: readonly StateChange[]): CometError | undefined {
    const other = changes.find((change) => !isTaken(change))
    return other === undefined ? undefined : readOnly(`cannot change ${other.table}`)
  }

  bounds(queue: Parameters<BaseStore['bounds']>[0]): ReturnType<BaseStore['bounds']> {
    return this.#store.bounds(queue)
  }

  offsetAtTime(
    ...asked: Parameters<BaseStore['offsetAtTime']>
  ): ReturnType<BaseStore['offsetAtTime']> {
    return this.#store.offsetAtTime(...asked)
  }

  read(...asked: Parameters<BaseStore['read']>): ReturnType<BaseStore['read']> {
    return this.#store.read(...asked)
  }

  recordBytesAt(...asked: Parameters<BaseStore['recordBytesAt']>): number | undefined {
    return this.#store.recordBytesAt(...asked)
  }

  subscribe(...asked: Parameters<BaseStore['subscribe']>): ReturnType<BaseStore['subscribe']> {
    return this.#store.subscribe(...asked)
  }

  table(name: string): StateTable {
    const base = this.#store.table(name)
    if (!isOverlayTable(name)) return base
    const { rows } = this.#overlay
    return {
      get: (key) => effective({ table: name, rows, key, base: base.get(key) }),
      entries: (range = {}) => entries({ name, base, rows, range }),
    }
  }

  #withBefore(change: RowChange): RowChange[] {
    const { table, key } = change
    if (table !== POSITIONS_TABLE) return [change]
    if (this.#overlay.rows.get(POSITIONS_BEFORE_TABLE, key) !== undefined) return [change]
    const value = this.#store.table(table).get(key) ?? Buffer.alloc(0)
    return [{ kind: 'put', table: POSITIONS_BEFORE_TABLE, key, value }, change]
  }
}

function isTaken(change: StateChange): change is RowChange {
  return change.kind !== 'delete-range' && isOverlayTable(change.table)
}

interface At {
  readonly table: OverlayTable
  readonly rows: OverlayRows
  readonly key: Buffer
  readonly base: Buffer | undefined
}

/** What whoever reads finds: the row of the log, with what the overlay says of it. */
function effective({ table, rows, key, base }: At): Buffer | undefined {
  const over = rows.get(table, key)
  if (over === undefined) return base
  const before = table === POSITIONS_TABLE ? rows.get(POSITIONS_BEFORE_TABLE, key) : undefined
  return mergedRow(table, key, { base, over, before: before ?? undefined })
}

async function* entries({
  name,
  base,
  rows,
  range,
}: {
  readonly name: OverlayTable
  readonly base: StateTable
  readonly rows: OverlayRows
  readonly range: TableRange
}): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
  const { reverse = false, limit = Number.POSITIVE_INFINITY, from, to } = range
  const within = rows.within(name, { from, to })
  const changed: readonly (readonly [Buffer, OverlayValue])[] = reverse
    ? within.toReversed()
    : within
  const isBefore = (left: Buffer, right: Buffer): boolean =>
    reverse ? left.compare(right) > 0 : left.compare(right) < 0
  let next = 0
  let left = limit
  const { limit: _, ...all } = range
  if (left <= 0) return
  for await (const [key, value] of base.entries(all)) {
    for (; next < changed.length; next++) {
      const [other] = changed[next] as readonly [Buffer, OverlayValue]
      if (!isBefore(other, key)) break
      const added = effective({ table: name, rows, key: other, base: undefined })
      if (added !== undefined) {
        yield [other, added]
        if (--left === 0) return
      }
    }
    if (changed[next]?.[0].equals(key) === true) next++
    const merged = effective({ table: name, rows, key, base: value })
    if (merged === undefined) continue
    yield [key, merged]
    if (--left === 0) return
  }
  for (; next < changed.length; next++) {
    const [other] = changed[next] as readonly [Buffer, OverlayValue]
    const added = effective({ table: name, rows, key: other, base: undefined })
    if (added === undefined) continue
    yield [other, added]
    if (--left === 0) return
  }
}

function readOnly(why: string): CometError {
  return new CometError(
    'READ_ONLY',
    `this slave stands in for its master and ${why}; try again when the broker group has a master`,
  )
}
