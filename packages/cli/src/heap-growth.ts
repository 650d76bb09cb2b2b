import { getHeapStatistics, setFlagsFromString } from 'node:v8'

const MIB = 1024 * 1024

/** With more than this alive, a heap of several times that would be a noticeable part of the machine. */
const SMALL_HEAP_BYTES = 48 * MIB
const CHECK_MS = 5_000

/**
 * Lets a small heap grow to several times its size before all of it is marked.
 *
 * A broker's heap is small and its messages lie outside of it, yet they count towards the growth after
 * which V8 marks everything: by default a busy broker does so for every 9 MB it receives, at 40 % of
 * its processor time (`docs/adr/0008-heap-growth.md`). Once much is alive, V8's own pace is kept, for
 * then growth costs memory.
 */
export class HeapGrowth implements Disposable {
  readonly #timer: NodeJS.Timeout
  #isGenerous = false

  constructor() {
    this.#adapt()
    this.#timer = setInterval(() => this.#adapt(), CHECK_MS).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #adapt(): void {
    const isSmall = getHeapStatistics().used_heap_size < SMALL_HEAP_BYTES
    if (isSmall === this.#isGenerous) return
    this.#isGenerous = isSmall
    // 0 is V8's own choice.
    setFlagsFromString(`--heap-growing-percent=${isSmall ? 400 : 0}`)
  }
}
