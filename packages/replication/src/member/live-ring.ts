import type { LiveBytes } from '@cometmq/store'

/** The newest bytes of the log as they were written, for slaves that are a little behind. */
export class LiveRing {
  readonly #maxBytes: number
  /** In the order of the log, one behind the other; those before `#head` have been dropped. */
  #entries: LiveBytes[] = []
  #head = 0
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What is larger than the ring is left to the disk. */
  add(bytes: LiveBytes): void {
    // The log was cut, or nobody listened for a while.
    if (this.#entries.at(-1)?.to !== bytes.from) this.clear()
    this.#entries.push(bytes)
    this.#bytes += bytes.to - bytes.from
    while (this.#bytes > this.#maxBytes) {
      const { from, to } = this.#entries[this.#head++] as LiveBytes
      this.#bytes -= to - from
    }
    if (this.#head < this.#entries.length / 2) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  /** What was written there at once; undefined: not here any more, or in the middle of it. */
  at(offset: number): LiveBytes | undefined {
    const entry = this.#entries[this.#indexFrom(offset)]
    return entry?.from === offset ? entry : undefined
  }

  /** Where the next piece begins that is here, behind `offset`. */
  beginAfter(offset: number): number | undefined {
    return this.#entries[this.#indexFrom(offset + 1)]?.from
  }

  clear(): void {
    this.#entries = []
    this.#head = 0
    this.#bytes = 0
  }

  /** Of the first entry that begins at `offset` or later. */
  #indexFrom(offset: number): number {
    let [low, high] = [this.#head, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as LiveBytes).from < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
