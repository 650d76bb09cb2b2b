/** Integers `[from, to)`. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** A maximal run of integers that share one value. */
export interface Span<Value> extends Range {
  readonly value: Value
}

/** Spans in one block. A change moves at most a block, a search looks at few blocks. */
const BLOCK_MAX = 256

/** Sorted spans as parallel arrays. Never empty while it is in the map. */
interface Block<Value> {
  readonly from: number[]
  readonly to: number[]
  readonly values: Value[]
}

/** A span's place: which block, and where in it. */
interface Place {
  readonly block: number
  readonly index: number
}

/**
 * Values over half-open ranges of integers. No integer has two values, and neighbouring runs with
 * the identical value (`===`) are one span, so memory follows the number of runs, not of integers.
 *
 * Sorted blocks of sorted spans: with 10 000 spans, moving one array for each change took 30 µs.
 */
export class RangeMap<Value> {
  #blocks: Block<Value>[] = []
  #spanCount = 0

  /** How many spans there are. */
  get spanCount(): number {
    return this.#spanCount
  }

  /** The span with the least integers. */
  get first(): Span<Value> | undefined {
    return this.#at({ block: 0, index: 0 })
  }

  at(integer: number): Value | undefined {
    const span = this.firstAfter(integer)
    return span === undefined || span.from > integer ? undefined : span.value
  }

  /** The first span that ends after `integer`; it may begin after it, too. */
  firstAfter(integer: number): Span<Value> | undefined {
    return this.#at(this.#placeAfter(integer))
  }

  /** The parts of spans that lie in `[from, to)`, ascending. A copy: changes do not disturb it. */
  within(from: number, to: number): Span<Value>[] {
    const spans: Span<Value>[] = []
    if (from >= to) return spans
    let { block, index } = this.#placeAfter(from)
    for (; block < this.#blocks.length; block++, index = 0) {
      const { from: starts, to: ends, values } = this.#blocks[block] as Block<Value>
      for (; index < starts.length; index++) {
        const start = starts[index] as number
        if (start >= to) return spans
        spans.push({
          from: Math.max(start, from),
          to: Math.min(ends[index] as number, to),
          value: values[index] as Value,
        })
      }
    }
    return spans
  }

  /** Gives `[from, to)` the value, whatever was there. */
  set(from: number, to: number, value: Value): void {
    if (from < to) this.#replace(from, to, [{ from, to, value }])
  }

  /** Takes the values of `[from, to)` away. */
  clear(from: number, to: number): void {
    if (from < to) this.#replace(from, to, [])
  }

  /** Gives each range its value, and takes those between them away. Ascending, none overlapping. */
  setAll(spans: readonly Span<Value>[]): void {
    const [first] = spans
    const last = spans.at(-1)
    if (first !== undefined && last !== undefined) this.#replace(first.from, last.to, spans)
  }

  *[Symbol.iterator](): Generator<Span<Value>> {
    for (const { from, to, values } of this.#blocks) {
      for (let index = 0; index < from.length; index++) {
        const span = { from: from[index] as number, to: to[index] as number }
        yield { ...span, value: values[index] as Value }
      }
    }
  }

  #at({ block, index }: Place): Span<Value> | undefined {
    const spans = this.#blocks[block]
    const from = spans?.from[index]
    if (spans === undefined || from === undefined) return undefined
    return { from, to: spans.to[index] as number, value: spans.values[index] as Value }
  }

  /** Of the first span that ends after `integer`, or the place after the last span. */
  #placeAfter(integer: number): Place {
    const block = firstIndex(this.#blocks.length, (i) => {
      return ((this.#blocks[i] as Block<Value>).to.at(-1) as number) > integer
    })
    const ends = this.#blocks[block]?.to ?? []
    return { block, index: firstIndex(ends.length, (i) => (ends[i] as number) > integer) }
  }

  /** Of the first span that begins at `integer` or after it, not before `place`. */
  #placeFrom(integer: number, place: Place): Place {
    let { block, index } = place
    for (; block < this.#blocks.length; block++, index = 0) {
      const { from } = this.#blocks[block] as Block<Value>
      for (; index < from.length; index++) {
        if ((from[index] as number) >= integer) return { block, index }
      }
    }
    return { block, index: 0 }
  }

  #before({ block, index }: Place): Place {
    if (index > 0) return { block, index: index - 1 }
    return { block: block - 1, index: (this.#blocks[block - 1]?.from.length ?? 0) - 1 }
  }

  #replace(from: number, to: number, middle: readonly Span<Value>[]): void {
    let start = this.#placeAfter(from)
    let end = this.#placeFrom(to, start)
    const spans: Span<Value>[] = []
    const add = (span: Span<Value>): void => {
      const last = spans.at(-1)
      if (last !== undefined && touches(last, span))
        spans[spans.length - 1] = { ...last, to: span.to }
      else spans.push(span)
    }

    // Joined with its neighbour before, if that has the same value.
    const previous = this.#at(this.#before(start))
    const head = this.#at(start)
    const headFrom = head === undefined ? from : Math.min(head.from, from)
    const opening = head !== undefined && head.from < from ? { ...head, to: from } : middle[0]
    if (previous !== undefined && opening !== undefined && previous.to === headFrom) {
      if (touches(previous, opening)) {
        start = this.#before(start)
        spans.push(previous)
      }
    }
    if (head !== undefined && head.from < from) add({ ...head, to: from })
    for (const span of middle) add(span)
    const lastPlace = this.#before(end)
    const tail = this.#at(lastPlace)
    if (tail !== undefined && tail.to > to && tail.from < to) add({ ...tail, from: to })
    const next = this.#at(end)
    const closing = spans.at(-1)
    if (next !== undefined && closing !== undefined && touches(closing, next)) {
      add(next)
      end = { block: end.block, index: end.index + 1 }
    }
    // Behind the last block nothing is: the last one grows.
    const behind = this.#blocks.length
    const length = this.#blocks[behind - 1]?.from.length ?? 0
    if (start.block === behind && behind > 0) start = { block: behind - 1, index: length }
    if (end.block === behind && behind > 0) end = { block: behind - 1, index: length }
    this.#splice(start, end, spans)
  }

  /** Puts `spans` in the place of those from `start` to before `end`. */
  #splice(start: Place, end: Place, spans: readonly Span<Value>[]): void {
    const block = this.#blocks[start.block] ?? { from: [], to: [], values: [] }
    const isNew = start.block === this.#blocks.length
    const isOne = end.block === start.block
    const removed = isOne ? end.index - start.index : block.from.length - start.index
    spliceBlock(block, { at: start.index, removed }, spans)
    let gone = removed
    if (!isOne) {
      const between = this.#blocks.splice(start.block + 1, end.block - start.block - 1)
      for (const other of between) gone += other.from.length
      const last = this.#blocks[start.block + 1]
      if (last !== undefined && end.index > 0) {
        spliceBlock(last, { at: 0, removed: end.index }, [])
        gone += end.index
        if (last.from.length === 0) this.#blocks.splice(start.block + 1, 1)
      }
    }
    this.#spanCount += spans.length - gone
    const pieces = block.from.length > BLOCK_MAX ? splitBlock(block) : [block]
    this.#blocks.splice(start.block, isNew ? 0 : 1, ...pieces.filter(({ from }) => from.length > 0))
  }
}

function spliceBlock<Value>(
  block: Block<Value>,
  range: { readonly at: number; readonly removed: number },
  spans: readonly Span<Value>[],
): void {
  const { at, removed } = range
  if (removed === spans.length) {
    for (const [i, span] of spans.entries()) {
      block.from[at + i] = span.from
      block.to[at + i] = span.to
      block.values[at + i] = span.value
    }
    return
  }
  block.from.splice(at, removed, ...spans.map((span) => span.from))
  block.to.splice(at, removed, ...spans.map((span) => span.to))
  block.values.splice(at, removed, ...spans.map((span) => span.value))
}

function splitBlock<Value>({ from, to, values }: Block<Value>): Block<Value>[] {
  const blocks: Block<Value>[] = []
  // Half full, so that the next changes split nothing.
  for (let at = 0; at < from.length; at += BLOCK_MAX / 2) {
    const end = at + BLOCK_MAX / 2
    blocks.push({ from: from.slice(at, end), to: to.slice(at, end), values: values.slice(at, end) })
  }
  return blocks
}

function touches<Value>(left: Span<Value>, right: Span<Value>): boolean {
  return left.to === right.from && left.value === right.value
}

/** The first of `count` indexes for which the test holds; it holds for all after it. */
function firstIndex(count: number, test: (index: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (test(middle)) high = middle
    else low = middle + 1
  }
  return low
}
