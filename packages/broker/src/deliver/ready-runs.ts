import { isReady, type MessageState } from './message-state.ts'
import type { StateListener, StateMap } from './state-map.ts'

/** A run of messages that may be leased, all with the same number of attempts. */
export interface ReadyRun {
  readonly from: number
  readonly to: number
  readonly attempts: number
}

/** Where the messages of a queue lie that may be leased. Looks at no message twice in vain. */
export class ReadyRuns implements StateListener {
  readonly #states: StateMap
  /** No message of `[doneBelow, scanFrom)` is ready. */
  #scanFrom: number
  #heldBelow = 0

  constructor(states: StateMap) {
    this.#states = states
    this.#scanFrom = states.doneBelow
    states.listen(this)
  }

  /** Ready messages below wait, whoever asks for them, until another offset is given. */
  holdBelow(offset: number): void {
    this.#heldBelow = offset
  }

  /** Whether a ready message is held back. */
  get holdsAny(): boolean {
    if (this.#heldBelow <= this.#scanFrom) return false
    const first = this.#firstOfAll()
    return first !== undefined && first.from < this.#heldBelow
  }

  /** Of those that are not held back. */
  first(): ReadyRun | undefined {
    const first = this.#firstOfAll()
    if (first === undefined || first.from >= this.#heldBelow) return first
    return this.#firstFrom(this.#heldBelow)
  }

  /** The ready messages of `[from, to)` that have that many attempts and are not held back. */
  within(from: number, to: number, attempts: number): ReadyRun[] {
    const start = Math.max(from, this.#states.doneBelow, this.#heldBelow)
    const end = Math.min(to, this.#states.maxOffset)
    if (start >= end) return []
    const runs: { from: number; to: number; attempts: number }[] = []
    for (const part of this.#states.parts(start, end)) {
      if (!isReady(part.value) || part.value.attempts !== attempts) continue
      const last = runs.at(-1)
      if (last?.to === part.from) last.to = part.to
      else runs.push({ from: part.from, to: part.to, attempts })
    }
    return runs
  }

  changed(from: number, _to: number, state: MessageState): void {
    if (isReady(state)) this.#scanFrom = Math.min(this.#scanFrom, from)
  }

  reset(offset: number): void {
    this.#scanFrom = offset
  }

  #firstOfAll(): ReadyRun | undefined {
    const start = Math.max(this.#scanFrom, this.#states.doneBelow)
    const first = this.#firstFrom(start)
    this.#scanFrom = first?.from ?? Math.max(start, this.#states.maxOffset)
    return first
  }

  #firstFrom(from: number): ReadyRun | undefined {
    const { maxOffset } = this.#states
    let position = from
    while (position < maxOffset) {
      const span = this.#states.firstAfter(position)
      if (span === undefined || span.from > position) {
        return { from: position, to: Math.min(span?.from ?? maxOffset, maxOffset), attempts: 0 }
      }
      if (isReady(span.value)) {
        return { from: position, to: span.to, attempts: span.value.attempts }
      }
      position = span.to
    }
    return undefined
  }
}
