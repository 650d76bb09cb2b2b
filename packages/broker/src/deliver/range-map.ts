/** A maximal run of integers `[from, to)` that share one value. */
export interface Span<Value> {
  readonly from: number
  readonly to: number
  readonly value: Value
}

/**
 * Values over half-open ranges of integers. No integer has two values, and neighbouring runs with
 * the identical value (`===`) are one span, so memory follows the number of runs, not of integers.
 *
 * Kept as three parallel sorted arrays: looking up is a binary search, a change moves the tail.
 */
export class RangeMap<Value> {
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #values: Value[] = []

  /** How many spans there are. */
  get spanCount(): number {
    return this.#from.length
  }

  /** The span with the least integers. */
  get first(): Span<Value> | undefined {
    return this.span(0)
  }

  /** Span number `index`, in ascending order. */
  span(index: number): Span<Value> | undefined {
    const from = this.#from[index]
    if (from === undefined) return undefined
    return { from, to: this.#to[index] as number, value: this.#values[index] as Value }
  }

  at(integer: number): Value | undefined {
    const index = this.indexAfter(integer)
    const from = this.#from[index]
    return from === undefined || from > integer ? undefined : this.#values[index]
  }

  /** Index of the first span that ends after `integer`; it may begin after it, too. */
  indexAfter(integer: number): number {
    let low = 0
    let high = this.#to.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#to[middle] as number) > integer) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The parts of spans that lie in `[from, to)`, ascending. A copy: changes do not disturb it. */
  within(from: number, to: number): Span<Value>[] {
    const spans: Span<Value>[] = []
    for (let index = this.indexAfter(from); index < this.#from.length; index++) {
      const start = this.#from[index] as number
      if (start >= to) break
      spans.push({
        from: Math.max(start, from),
        to: Math.min(this.#to[index] as number, to),
        value: this.#values[index] as Value,
      })
    }
    return spans
  }

  /** Gives `[from, to)` the value, whatever was there. */
  set(from: number, to: number, value: Value): void {
    if (from >= to) return
    this.#replace(from, to, [{ from, to, value }])
  }

  /** Takes the values of `[from, to)` away. */
  clear(from: number, to: number): void {
    if (from >= to) return
    this.#replace(from, to, [])
  }

  *[Symbol.iterator](): Generator<Span<Value>> {
    for (let index = 0; index < this.#from.length; index++) {
      yield this.span(index) as Span<Value>
    }
  }

  #replace(from: number, to: number, middle: readonly Span<Value>[]): void {
    const low = this.indexAfter(from)
    let high = low
    while (high < this.#from.length && (this.#from[high] as number) < to) high++

    const spans: Span<Value>[] = [...middle]
    const head = low < high ? this.span(low) : undefined
    if (head !== undefined && head.from < from) spans.unshift({ ...head, to: from })
    const tail = low < high ? this.span(high - 1) : undefined
    if (tail !== undefined && tail.to > to) spans.push({ ...tail, from: to })
    this.#splice(low, high, spans)
  }

  /** Puts `spans` in the place of the spans `[low, high)`, joined with neighbours of their value. */
  #splice(low: number, high: number, spans: readonly Span<Value>[]): void {
    let start = low
    let end = high
    const before = this.span(start - 1)
    const first = spans[0]
    let joined = spans
    if (before !== undefined && first !== undefined && touches(before, first)) {
      start--
      joined = [{ ...first, from: before.from }, ...joined.slice(1)]
    }
    const after = this.span(end)
    const last = joined.at(-1)
    if (after !== undefined && last !== undefined && touches(last, after)) {
      end++
      joined = [...joined.slice(0, -1), { ...last, to: after.to }]
    }
    const merged: Span<Value>[] = []
    for (const span of joined) {
      const previous = merged.at(-1)
      if (previous !== undefined && touches(previous, span)) {
        merged[merged.length - 1] = { ...previous, to: span.to }
      } else merged.push(span)
    }
    const removed = end - start
    this.#from.splice(start, removed, ...merged.map((span) => span.from))
    this.#to.splice(start, removed, ...merged.map((span) => span.to))
    this.#values.splice(start, removed, ...merged.map((span) => span.value))
  }
}

function touches<Value>(left: Span<Value>, right: Span<Value>): boolean {
  return left.to === right.from && left.value === right.value
}
