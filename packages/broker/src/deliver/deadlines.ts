import type { Delayed, Lease, MessageState } from './message-state.ts'
import type { Span } from './range-map.ts'
import type { StateListener, StateMap } from './state-map.ts'

/**
 * When the leases and delays of a queue are over, by the elapsed clock. Most leases end long before
 * their time, so a bound is kept: all of them are looked at when it has passed, and not before.
 */
export class Deadlines implements StateListener {
  readonly #states: StateMap
  #nextMs = Number.POSITIVE_INFINITY

  constructor(states: StateMap) {
    this.#states = states
    states.listen(this)
  }

  /** No lease or delay is over before this moment; some may be long after. */
  get nextMs(): number {
    return this.#nextMs
  }

  delaysOver(elapsedMs: number): Span<Delayed>[] {
    if (elapsedMs < this.#nextMs) return []
    return this.#states.spansOf('delayed').filter(({ value }) => value.deadlineMs <= elapsedMs)
  }

  /** Afterwards `nextMs` is exact for all that is not over. */
  leasesOver(elapsedMs: number): Span<Lease>[] {
    if (elapsedMs < this.#nextMs) return []
    this.#nextMs = Number.POSITIVE_INFINITY
    for (const { value } of this.#states.spansOf('delayed')) {
      if (value.deadlineMs > elapsedMs) this.#note(value.deadlineMs)
    }
    const over: Span<Lease>[] = []
    for (const span of this.#states.spansOf('leased')) {
      if (span.value.deadlineMs <= elapsedMs) over.push(span)
      else this.#note(span.value.deadlineMs)
    }
    return over
  }

  changed(_from: number, _to: number, state: MessageState): void {
    if (state.kind === 'leased' || state.kind === 'delayed') this.#note(state.deadlineMs)
  }

  reset(): void {
    this.#nextMs = Number.POSITIVE_INFINITY
  }

  #note(deadlineMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, deadlineMs)
  }
}
