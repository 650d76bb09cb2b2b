/** Bounds the reads that are under way at once; who finds no slot is called when one is free. */
export class ReadSlots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(slots: number) {
    this.#free = slots
  }

  /** Takes a slot, or remembers to call `wake` when it is worth another try. */
  take(wake: () => void): boolean {
    if (this.#free === 0) {
      this.#waiting.add(wake)
      return false
    }
    this.#free--
    return true
  }

  release(): void {
    this.#free++
    this.offer()
  }

  /** Whoever was called and needs no slot hands the chance on. */
  offer(): void {
    if (this.#free === 0) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    next()
  }
}
