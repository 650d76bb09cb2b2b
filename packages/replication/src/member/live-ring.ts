import type { LiveBytes } from '@cometmq/store'

/** The newest bytes of the log as they were written, for slaves that are a little behind. */
export class LiveRing {
  readonly #maxBytes: number
  readonly #byBegin = new Map<number, LiveBytes>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** What is larger than the ring is left to the disk. */
  add(bytes: LiveBytes): void {
    const size = bytes.to - bytes.from
    if (size > this.#maxBytes) return this.clear()
    this.#byBegin.set(bytes.from, bytes)
    this.#bytes += size
    for (const [begin, { from, to }] of this.#byBegin) {
      if (this.#bytes <= this.#maxBytes) break
      this.#byBegin.delete(begin)
      this.#bytes -= to - from
    }
  }

  /** What was written there at once; undefined: not here any more. */
  at(offset: number): LiveBytes | undefined {
    return this.#byBegin.get(offset)
  }

  clear(): void {
    this.#byBegin.clear()
    this.#bytes = 0
  }
}
