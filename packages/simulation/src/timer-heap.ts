import type { Timer } from '@cometmq/runtime'

export interface VirtualTimer {
  readonly dueMs: number
  /** Orders timers of one moment. */
  readonly sequence: number
  readonly run: () => void
}

/**
 * Timers by due time, as a binary heap: a simulated cluster has thousands, most of which are
 * cancelled before they fire. Those stay until they are due or outnumber the others.
 */
export class TimerHeap {
  #heap: Entry[] = []
  #cancelled = 0

  add(timer: VirtualTimer): Timer {
    const entry: Entry = { timer, state: 'waiting' }
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1)
    return { cancel: () => this.#cancel(entry) }
  }

  /** The next one that is due. */
  first(): VirtualTimer | undefined {
    let top = this.#heap[0]
    while (top?.state === 'cancelled') {
      this.#cancelled -= 1
      this.#removeTop()
      top = this.#heap[0]
    }
    return top?.timer
  }

  /** Removes and returns the next one that is due. */
  take(): VirtualTimer | undefined {
    const timer = this.first()
    const top = this.#heap[0]
    if (timer === undefined || top === undefined) return undefined
    top.state = 'taken'
    this.#removeTop()
    return timer
  }

  #cancel(entry: Entry): void {
    if (entry.state !== 'waiting') return
    entry.state = 'cancelled'
    this.#cancelled += 1
    if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#compact()
  }

  #compact(): void {
    this.#heap = this.#heap.filter((entry) => entry.state === 'waiting')
    // A sorted array is a heap.
    this.#heap.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#cancelled = 0
  }

  #removeTop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink()
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfBefore(at, parent)) return
      at = parent
    }
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = this.#isBeforeAt(right, left) ? right : left
      if (!this.#swapIfBefore(child, at)) return
      at = child
    }
  }

  #isBeforeAt(a: number, b: number): boolean {
    const first = this.#heap[a]
    const second = this.#heap[b]
    return first !== undefined && second !== undefined && isBefore(first, second)
  }

  #swapIfBefore(a: number, b: number): boolean {
    const first = this.#heap[a]
    const second = this.#heap[b]
    if (first === undefined || second === undefined || !isBefore(first, second)) return false
    this.#heap[a] = second
    this.#heap[b] = first
    return true
  }
}

interface Entry {
  readonly timer: VirtualTimer
  state: 'waiting' | 'taken' | 'cancelled'
}

function isBefore(a: Entry, b: Entry): boolean {
  if (a.timer.dueMs !== b.timer.dueMs) return a.timer.dueMs < b.timer.dueMs
  return a.timer.sequence < b.timer.sequence
}
