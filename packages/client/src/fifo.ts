/** First in, first out; taking from the front costs the same however long it is. */
export class Fifo<T> implements Iterable<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  get last(): T | undefined {
    return this.#items.at(-1)
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head === this.#items.length) {
      this.#items.length = 0
      this.#head = 0
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Puts `items` before all others, in their order. */
  unshift(items: readonly T[]): void {
    if (items.length === 0) return
    this.#items = [...items, ...this]
    this.#head = 0
  }

  /** Takes out every item that `isWanted` refuses, and returns those. */
  removeUnless(isWanted: (item: T) => boolean): T[] {
    const kept: T[] = []
    const removed: T[] = []
    for (const item of this) (isWanted(item) ? kept : removed).push(item)
    this.#items = kept
    this.#head = 0
    return removed
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = this.#head; index < this.#items.length; index++) {
      yield this.#items[index] as T
    }
  }
}
