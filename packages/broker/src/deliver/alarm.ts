import type { Clock, Timer } from '@cometmq/runtime'

/** What is due is done at most so much later, so that many deadlines cost one sweep. */
const SWEEP_MS = 5

/**
 * One timer for many deadlines: it is set to the soonest of them. Whoever hears it sets it to what is
 * left.
 */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: Timer | undefined
  #atMs = Number.POSITIVE_INFINITY
  #isStopped = false

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at that moment of the elapsed clock, or a little later. */
  set(atMs: number): void {
    if (atMs >= this.#atMs || this.#isStopped) return
    this.#timer?.cancel()
    this.#atMs = atMs
    const delayMs = Math.max(SWEEP_MS, atMs - this.#clock.elapsedMs())
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#atMs = Number.POSITIVE_INFINITY
      this.#ring()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }
}
