/**
 * Rows changed since some moment, laid over the rows as they were then.
 *
 * Keys are byte strings (`latin1`), which sort as their bytes do.
 */
export class RowLayer {
  /** `null`: deleted. */
  readonly #rows = new Map<string, Buffer | null>()
  /** Everything below is deleted in there, unless `#rows` says otherwise. */
  readonly #deleted: { readonly from: string; readonly to: string }[] = []
  #sorted: string[] | undefined

  get rowCount(): number {
    return this.#rows.size
  }

  get rows(): ReadonlyMap<string, Buffer | null> {
    return this.#rows
  }

  get deletedRanges(): readonly { readonly from: string; readonly to: string }[] {
    return this.#deleted
  }

  set(key: string, value: Buffer | null): void {
    if (!this.#rows.has(key)) this.#sorted = undefined
    this.#rows.set(key, value)
  }

  deleteRange(from: string, to: string): void {
    for (const key of this.keysIn(from, to)) this.#rows.set(key, null)
    this.#deleted.push({ from, to })
  }

  /** The row; `null` if this layer deleted it; `undefined` if it knows nothing of it. */
  find(key: string): Buffer | null | undefined {
    const row = this.#rows.get(key)
    if (row !== undefined) return row
    return this.#deleted.some((range) => key >= range.from && key < range.to) ? null : undefined
  }

  /** The keys of this layer in `[from, to)`, sorted. */
  keysIn(from: string, to: string | undefined): string[] {
    this.#sorted ??= [...this.#rows.keys()].toSorted(compareText)
    const first = lowerBound(this.#sorted, from)
    const last = to === undefined ? this.#sorted.length : lowerBound(this.#sorted, to)
    return this.#sorted.slice(first, last)
  }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
