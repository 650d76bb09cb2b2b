import type { StateChange } from '@cometmq/protocol'

/** A row of an overlay: its value, or `null` where it was deleted. */
export type OverlayValue = Buffer | null

export type RowChange = Extract<StateChange, { kind: 'put' | 'delete' }>

/** What an overlay changes, as of now: the last change of each row. */
export class OverlayRows {
  readonly #tables = new Map<string, Map<string, OverlayValue>>()
  #bytes = 0

  get isEmpty(): boolean {
    return this.#tables.size === 0
  }

  /** Of keys and values, roughly. */
  get bytes(): number {
    return this.#bytes
  }

  /** `undefined`: the row is as it is without the overlay. */
  get(table: string, key: Buffer): OverlayValue | undefined {
    return this.#tables.get(table)?.get(textOf(key))
  }

  apply(change: RowChange): void {
    let rows = this.#tables.get(change.table)
    if (rows === undefined) {
      rows = new Map()
      this.#tables.set(change.table, rows)
    }
    const key = textOf(change.key)
    const value = change.kind === 'put' ? change.value : null
    const before = rows.get(key)
    this.#bytes += value?.length ?? 0
    this.#bytes -= before === undefined ? -key.length : (before?.length ?? 0)
    rows.set(key, value)
  }

  /** Those of a table with a key in `[from, to)`, by key. */
  within(
    table: string,
    { from, to }: { readonly from?: Buffer | undefined; readonly to?: Buffer | undefined },
  ): (readonly [key: Buffer, value: OverlayValue])[] {
    const [least, most] = [from && textOf(from), to && textOf(to)]
    const rows: (readonly [string, OverlayValue])[] = []
    for (const row of this.#tables.get(table) ?? []) {
      if (least !== undefined && row[0] < least) continue
      if (most === undefined || row[0] < most) rows.push(row)
    }
    return rows
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => [Buffer.from(key, 'latin1'), value] as const)
  }

  *changes(): Generator<RowChange> {
    for (const [table, rows] of this.#tables) {
      for (const [text, value] of rows) {
        const key = Buffer.from(text, 'latin1')
        if (value === null) yield { kind: 'delete', table, key }
        else yield { kind: 'put', table, key, value }
      }
    }
  }

  clear(): void {
    this.#tables.clear()
    this.#bytes = 0
  }
}

/** Compares as the bytes do. */
function textOf(key: Buffer): string {
  return key.toString('latin1')
}
