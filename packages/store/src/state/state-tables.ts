import assert from 'node:assert/strict'
import type { StateChange } from '@cometmq/protocol'
import type { KeyValueOperation, KeyValueStore } from '@cometmq/runtime'
import { levelKey, levelPrefix, tablePrefix } from '../level-keys.ts'
import { RowLayer } from './row-layer.ts'

/** One named table: the rows as of all applied records. */
export interface StateTable {
  get(key: Buffer): Buffer | undefined

  /** Rows with a key in `[from, to)`, by key, as of the first step of the iteration. */
  entries(range?: TableRange): AsyncIterable<readonly [key: Buffer, value: Buffer]>
}

export interface TableRange {
  readonly from?: Buffer
  readonly to?: Buffer
  readonly reverse?: boolean
  readonly limit?: number
}

type Layers = Map<string, RowLayer>

/**
 * All tables: level as of the last checkpoint, with the changes since laid over it.
 *
 * While a checkpoint is being written, its changes lie in a layer of their own between the two.
 */
export class StateTables {
  readonly #level: KeyValueStore
  readonly #names: Set<string>
  #recent: Layers = new Map()
  #frozen: Layers = new Map()
  #recentRows = 0

  private constructor(level: KeyValueStore, names: Set<string>) {
    this.#level = level
    this.#names = names
  }

  static async open(level: KeyValueStore): Promise<StateTables> {
    return new StateTables(level, await tableNames(level))
  }

  /** Every table that has, or had, rows. */
  get names(): ReadonlySet<string> {
    return this.#names
  }

  /** Rows that only memory has, at most. */
  get recentRows(): number {
    return this.#recentRows
  }

  table(name: string): StateTable {
    return {
      get: (key) => this.#get(name, key),
      entries: (range = {}) => this.#entries(name, range),
    }
  }

  apply(change: StateChange): void {
    const layer = this.#layerOf(change.table)
    this.#recentRows++
    switch (change.kind) {
      case 'put':
        layer.set(textOf(change.key), change.value)
        break
      case 'delete':
        layer.set(textOf(change.key), null)
        break
      case 'delete-range':
        // Rows of the frozen layer are hidden by the range, those of level, too.
        layer.deleteRange(textOf(change.from), textOf(change.to))
        break
    }
  }

  /** What level lacks; see `QueueIndexes.freeze`. */
  freeze(): { operations(): Promise<KeyValueOperation[]>; done(): void } {
    assert.equal(this.#frozen.size, 0, 'a checkpoint begins before the last one ended')
    this.#frozen = this.#recent
    this.#recent = new Map()
    this.#recentRows = 0
    return {
      operations: () => this.#operations(),
      done: () => {
        this.#frozen = new Map()
      },
    }
  }

  #layerOf(table: string): RowLayer {
    const known = this.#recent.get(table)
    if (known !== undefined) return known
    assert.ok(!table.includes('\0'), 'a table name holds a zero byte')
    const layer = new RowLayer()
    this.#recent.set(table, layer)
    this.#names.add(table)
    return layer
  }

  #get(table: string, key: Buffer): Buffer | undefined {
    const text = textOf(key)
    for (const layers of [this.#recent, this.#frozen]) {
      const row = layers.get(table)?.find(text)
      if (row !== undefined) return row ?? undefined
    }
    return this.#level.get(levelKey(tablePrefix(table), key))
  }

  async *#entries(
    name: string,
    range: TableRange,
  ): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
    const { reverse = false, limit = Number.POSITIVE_INFINITY } = range
    if (limit <= 0) return
    const prefix = tablePrefix(name)
    const layers = [this.#recent.get(name), this.#frozen.get(name)].filter(
      (layer) => layer !== undefined,
    )
    const overlay = new Overlay(layers, range)
    // No await before the first step of this: both see the same moment.
    const level = this.#level.entries({
      from: range.from === undefined ? prefix : levelKey(prefix, range.from),
      to: range.to === undefined ? afterPrefix(prefix) : levelKey(prefix, range.to),
      reverse,
    })
    let count = 0
    for await (const row of merge(overlay, level, prefix.length, reverse)) {
      yield row
      if (++count >= limit) return
    }
  }

  async #operations(): Promise<KeyValueOperation[]> {
    const operations: KeyValueOperation[] = []
    for (const [name, layer] of this.#frozen) {
      const prefix = tablePrefix(name)
      for (const { from, to } of layer.deletedRanges) {
        const range = { from: levelKey(prefix, bytesOf(from)), to: levelKey(prefix, bytesOf(to)) }
        for await (const [key] of this.#level.entries(range)) {
          operations.push({ kind: 'delete', key })
        }
      }
      for (const [text, value] of layer.rows) {
        const key = levelKey(prefix, bytesOf(text))
        operations.push(value === null ? { kind: 'delete', key } : { kind: 'put', key, value })
      }
    }
    return operations
  }
}

/** The changed rows of a range, newest layer first, as they were when it was made. */
class Overlay {
  /** In the order of the iteration; `null` hides a row. */
  readonly rows: readonly (readonly [key: string, value: Buffer | null])[]
  readonly #keys: ReadonlySet<string>
  readonly #deleted: readonly { readonly from: string; readonly to: string }[]

  constructor(layers: readonly RowLayer[], range: TableRange) {
    const from = range.from === undefined ? '' : textOf(range.from)
    const to = range.to === undefined ? undefined : textOf(range.to)
    const rows = new Map<string, Buffer | null>()
    for (const layer of layers.toReversed()) {
      for (const deleted of layer.deletedRanges) {
        for (const key of rows.keys()) {
          if (key >= deleted.from && key < deleted.to) rows.set(key, null)
        }
      }
      for (const key of layer.keysIn(from, to)) rows.set(key, layer.find(key) ?? null)
    }
    const sorted = [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))
    this.rows = range.reverse === true ? sorted.toReversed() : sorted
    this.#keys = new Set(rows.keys())
    this.#deleted = layers.flatMap((layer) => [...layer.deletedRanges])
  }

  hides(key: string): boolean {
    if (this.#keys.has(key)) return true
    return this.#deleted.some((range) => key >= range.from && key < range.to)
  }
}

async function* merge(
  overlay: Overlay,
  level: AsyncIterable<readonly [key: Buffer, value: Buffer]>,
  prefixBytes: number,
  reverse: boolean,
): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
  let next = 0
  for await (const [levelKeyBytes, value] of level) {
    const key = levelKeyBytes.subarray(prefixBytes)
    const text = textOf(key)
    for (; next < overlay.rows.length; next++) {
      const [changed, changedValue] = overlay.rows[next] as readonly [string, Buffer | null]
      if (reverse ? changed < text : changed > text) break
      if (changedValue !== null) yield [bytesOf(changed), changedValue]
    }
    if (!overlay.hides(text)) yield [key, value]
  }
  for (; next < overlay.rows.length; next++) {
    const [changed, changedValue] = overlay.rows[next] as readonly [string, Buffer | null]
    if (changedValue !== null) yield [bytesOf(changed), changedValue]
  }
}

async function tableNames(level: KeyValueStore): Promise<Set<string>> {
  const names = new Set<string>()
  let from: Buffer = levelPrefix.table
  const to = afterPrefix(from)
  for (;;) {
    let found: string | undefined
    for await (const [key] of level.entries({ from, to, limit: 1 })) {
      found = key.toString('utf8', 1, key.indexOf(0))
    }
    if (found === undefined) return names
    names.add(found)
    from = afterPrefix(tablePrefix(found))
  }
}

/** The first key after all that begin with `prefix`, which does not end with 0xff. */
function afterPrefix(prefix: Buffer): Buffer {
  const after = Buffer.from(prefix)
  after[after.length - 1] = (after[after.length - 1] as number) + 1
  return after
}

function textOf(key: Buffer): string {
  return key.toString('latin1')
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
