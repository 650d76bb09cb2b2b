import assert from 'node:assert/strict'
import { DONE, type Done, type Lease, type MessageState, READY } from './message-state.ts'
import { RangeMap, type Span } from './range-map.ts'

/** `ready + inFlight + delayed = backlog`, always. What is parked counts as delayed. */
export interface BacklogCounts {
  readonly ready: number
  readonly inFlight: number
  readonly delayed: number
  readonly backlog: number
}

/** Hears of each change when it has happened. */
export interface StateListener {
  changed(from: number, to: number, state: MessageState): void
  /** Everything below is done, everything from it on ready. */
  reset(offset: number): void
}

/** What was never delivered takes no memory. */
type Kept = Exclude<MessageState, typeof READY>

type KeptOf<Kind extends Kept['kind']> = Extract<Kept, { readonly kind: Kind }>

/**
 * The state of each message of one queue for one group, and how many are in which. Who may change it,
 * and why, is not known here.
 *
 * Each message of `[doneBelow, maxOffset)` has one state. Everything below `doneBelow` is done for
 * good.
 */
export class StateMap {
  readonly #spans = new RangeMap<Kept>()
  /** Messages in spans; those at or above `doneBelow` that are in none are ready. */
  readonly #counts = { done: 0, leased: 0, moving: 0, delayed: 0, parked: 0, returned: 0 }
  readonly #listeners: StateListener[] = []
  #doneBelow: number
  #maxOffset: number

  constructor(bounds: { readonly doneBelow: number; readonly maxOffset: number }) {
    this.#doneBelow = bounds.doneBelow
    this.#maxOffset = Math.max(bounds.doneBelow, bounds.maxOffset)
  }

  listen(listener: StateListener): void {
    this.#listeners.push(listener)
  }

  get doneBelow(): number {
    return this.#doneBelow
  }

  get maxOffset(): number {
    return this.#maxOffset
  }

  get spanCount(): number {
    return this.#spans.spanCount
  }

  get counts(): BacklogCounts {
    const { done, leased, moving, parked } = this.#counts
    const delayed = this.#counts.delayed + parked
    const backlog = this.#maxOffset - this.#doneBelow - done
    const inFlight = leased + moving
    return { ready: backlog - inFlight - delayed, inFlight, delayed, backlog }
  }

  at(offset: number): MessageState {
    return offset < this.#doneBelow ? DONE : (this.#spans.at(offset) ?? READY)
  }

  /** `[from, to)` in parts of one state. A copy: changes do not disturb it. */
  parts(from: number, to: number): Span<MessageState>[] {
    assert.ok(from < to, 'a range of messages is empty')
    assert.ok(to <= this.#maxOffset, 'a range of messages ends after the queue')
    const parts: Span<MessageState>[] = []
    let position = Math.max(from, this.#doneBelow)
    if (from < position) parts.push({ from, to: Math.min(to, position), value: DONE })
    for (const span of this.#spans.within(position, to)) {
      if (span.from > position) parts.push({ from: position, to: span.from, value: READY })
      parts.push(span)
      position = span.to
    }
    if (position < to) parts.push({ from: position, to, value: READY })
    return parts
  }

  /** All but what is ready and was never delivered, ascending. */
  spans(): Iterable<Span<Kept>> {
    return this.#spans
  }

  spansOf<Kind extends Kept['kind']>(kind: Kind): Span<KeptOf<Kind>>[] {
    const spans: Span<KeptOf<Kind>>[] = []
    if (this.#counts[kind] === 0) return spans
    for (const span of this.#spans) {
      if (span.value.kind === kind) spans.push(span as Span<KeptOf<Kind>>)
    }
    return spans
  }

  /** The first span that ends after `offset`; all between them are ready. */
  firstAfter(offset: number): Span<MessageState> | undefined {
    return this.#spans.firstAfter(offset)
  }

  raiseMax(maxOffset: number): void {
    this.#maxOffset = Math.max(this.#maxOffset, maxOffset)
  }

  set(from: number, to: number, state: MessageState): void {
    if (from >= to) return
    for (const span of this.#spans.within(from, to)) this.#count(span.value, span.from - span.to)
    if (state.kind === 'ready') this.#spans.clear(from, to)
    else {
      this.#spans.set(from, to, state)
      this.#count(state, to - from)
    }
    if (state.kind === 'done') this.#absorbDone()
    this.#tell(from, to, state)
  }

  /** Changes those messages of the part that still are in its state. */
  replace(part: Span<MessageState>, state: MessageState): void {
    for (const span of this.#spans.within(part.from, part.to)) {
      if (span.value === part.value) this.set(span.from, span.to, state)
    }
  }

  /** Changes ready messages. The spans lie next to each other, in order. */
  take(spans: readonly Span<Lease | Done>[]): void {
    const [first] = spans
    const last = spans.at(-1)
    if (first === undefined || last === undefined) return
    this.#assertReady(first.from, last.to)
    this.#spans.setAll(spans)
    for (const { from, to, value } of spans) {
      this.#count(value, to - from)
      this.#tell(from, to, value)
    }
    this.#absorbDone()
  }

  /** Everything below `offset` is done, everything from it on ready. */
  reset(offset: number): void {
    this.set(this.#doneBelow, this.#maxOffset, READY)
    this.#doneBelow = offset
    this.raiseMax(offset)
    for (const listener of this.#listeners) listener.reset(offset)
  }

  #assertReady(from: number, to: number): void {
    assert.ok(from >= this.#doneBelow, 'a message below is done')
    assert.ok(to <= this.#maxOffset, 'a message above does not exist')
    for (const span of this.#spans.within(from, to)) {
      assert.equal(span.value.kind, 'returned', 'a message is ready')
    }
  }

  #count(state: Kept, messages: number): void {
    this.#counts[state.kind] += messages
    if (state.kind === 'leased') state.holder.held += messages
  }

  #tell(from: number, to: number, state: MessageState): void {
    for (const listener of this.#listeners) listener.changed(from, to, state)
  }

  /** What is done at the front needs no span. */
  #absorbDone(): void {
    const { first } = this.#spans
    if (first?.value.kind !== 'done' || first.from !== this.#doneBelow) return
    this.#spans.clear(first.from, first.to)
    this.#counts.done -= first.to - first.from
    this.#doneBelow = first.to
  }
}
