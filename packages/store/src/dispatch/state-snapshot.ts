import type { StateChange } from '@cometmq/protocol'
import { encodeWindow } from '../producer-windows.ts'
import { PRODUCERS_TABLE, putQueue } from '../state/store-tables.ts'
import type { DerivedState } from './dispatcher.ts'

/** Rows put again with one record. */
const SLICE_ROWS = 256
const SLICE_BYTES = 64 * 1024

/**
 * Puts every row of derived state again at the end of the log, so that the log before can go.
 *
 * Rows are read slice by slice at moments when nothing newer is on its way; a row that changes
 * later is in the log again by that. See `docs/adr/0003-state-snapshots-before-retention.md`.
 */
export async function appendStateSnapshot(
  state: DerivedState,
  append: (read: () => StateChange[]) => Promise<void>,
): Promise<void> {
  const { tables, queues, producers } = state
  for (const name of tables.names) {
    const table = tables.table(name)
    let keys: Buffer[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      const slice = keys
      keys = []
      bytes = 0
      await append(() => {
        const changes: StateChange[] = []
        for (const key of slice) {
          const value = table.get(key)
          if (value !== undefined) changes.push({ kind: 'put', table: name, key, value })
        }
        return changes
      })
    }
    for await (const [key, value] of table.entries()) {
      keys.push(key)
      bytes += key.length + value.length
      if (keys.length >= SLICE_ROWS || bytes >= SLICE_BYTES) await flush()
    }
    if (keys.length > 0) await flush()
  }
  for (const slice of slices([...queues.all()])) {
    await append(() =>
      slice
        .filter((index) => queues.get(index.key) === index)
        .map((index) => putQueue(index.key, index)),
    )
  }
  for (const slice of slices([...producers.keys()])) {
    await append(() => {
      const changes: StateChange[] = []
      for (const text of slice) {
        const window = producers.get(text)
        if (window === undefined) continue
        const key = Buffer.from(text, 'latin1')
        changes.push({ kind: 'put', table: PRODUCERS_TABLE, key, value: encodeWindow(window) })
      }
      return changes
    })
  }
}

function* slices<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += SLICE_ROWS) {
    yield all.slice(from, from + SLICE_ROWS)
  }
}
