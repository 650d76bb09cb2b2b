/** How an item may be moved in the line. */
export type Moves =
  /** It keeps its place: nothing after it begins before it is done. */
  | 'never'
  /** It may begin before items that let it pass, and is done in its place. */
  | 'begins-early'
  /** What begins early may begin before it. */
  | 'lets-pass'

interface Waiting<T> {
  readonly item: T
  /** It has begun. */
  readonly done: Promise<void> | undefined
}

/**
 * Carries work out in the order in which it was put: what takes time holds up what comes after it.
 *
 * What does not take time, and has nothing before it, is done before `put` returns.
 */
export class ActionLine<T> {
  readonly #perform: (item: T) => Promise<void> | undefined
  readonly #moves: (item: T) => Moves
  readonly #failed: (error: unknown) => void
  #waiting: Waiting<T>[] = []
  /** Of the waiting ones, and the one under way, so many keep their place. */
  #fixed = 0
  #isBusy = false
  #isClosed = false

  constructor(parts: {
    readonly perform: (item: T) => Promise<void> | undefined
    readonly moves: (item: T) => Moves
    /** Nothing that came after it is done. */
    readonly failed: (error: unknown) => void
  }) {
    this.#perform = parts.perform
    this.#moves = parts.moves
    this.#failed = parts.failed
  }

  put(items: readonly T[]): void {
    if (this.#isClosed) return
    for (const item of items) {
      const moves = this.#moves(item)
      const isEarly = moves === 'begins-early' && this.#fixed === 0
      const done = isEarly ? this.#begin(item) : undefined
      this.#waiting.push({ item, done })
      if (moves === 'never') this.#fixed++
    }
    if (!this.#isBusy) this.#run()
  }

  /** What waits is not done any more. */
  close(): void {
    this.#isClosed = true
    this.#waiting = []
  }

  #run(): void {
    this.#isBusy = true
    try {
      while (!this.#isClosed) {
        const next = this.#waiting.shift()
        if (next === undefined) break
        const done = next.done ?? this.#perform(next.item)
        if (done === undefined) {
          this.#passed(next.item)
          continue
        }
        done.then(
          () => {
            this.#passed(next.item)
            this.#run()
          },
          (error: unknown) => this.#fail(error),
        )
        return
      }
      this.#isBusy = false
    } catch (error) {
      this.#fail(error)
    }
  }

  #passed(item: T): void {
    if (this.#moves(item) !== 'never') return
    this.#fixed--
    this.#beginEarly()
  }

  /** Nothing before them keeps its place any more. */
  #beginEarly(): void {
    for (const [index, { item, done }] of this.#waiting.entries()) {
      const moves = this.#moves(item)
      if (moves === 'never') return
      if (moves !== 'begins-early' || done !== undefined) continue
      this.#waiting[index] = { item, done: this.#begin(item) }
    }
  }

  #begin(item: T): Promise<void> | undefined {
    const done = this.#perform(item)
    // What becomes of it is looked at in its turn.
    done?.catch(() => {})
    return done
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return
    this.close()
    this.#failed(error)
  }
}
