import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../clock.ts'
import { sleepOn } from '../sleep.ts'

/** Above it, `setTimeout` fires at once instead of late. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** The machine's own time. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),

  schedule(delayMs, run) {
    return new SystemTimer(delayMs, run)
  },

  sleep(delayMs, signal) {
    return sleepOn(systemClock, delayMs, signal)
  },

  yieldTurn: () => new Promise((resolve) => setImmediate(resolve)),
}

/**
 * Node rounds delays to whole milliseconds of a clock that it reads once per turn, and so may fire
 * a little early; and it cannot wait for more than 25 days. This timer waits for the rest.
 */
class SystemTimer implements Timer {
  readonly #dueMs: number
  readonly #run: () => void
  #timeout: NodeJS.Timeout

  constructor(delayMs: number, run: () => void) {
    this.#dueMs = performance.now() + delayMs
    this.#run = run
    this.#timeout = this.#wait(delayMs)
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  #wait(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#fire(), Math.min(Math.ceil(delayMs), TIMER_MAX_MS))
  }

  #fire(): void {
    const missingMs = this.#dueMs - performance.now()
    if (missingMs > 0) this.#timeout = this.#wait(missingMs)
    else this.#run()
  }
}
