import type { Clock, Timer } from '@cometmq/runtime'

/** Runs some work again and again, each time `intervalMs` after the last one ended. */
export class Repeating {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #work: () => Promise<void>
  #timer: Timer | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = false

  /** `work` must not reject. */
  constructor(clock: Clock, intervalMs: number, work: () => Promise<void>) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#work = work
    this.#schedule()
  }

  /** Resolves when the work under way has ended; none begins after it. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#running
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = this.#clock.schedule(this.#intervalMs, () => {
      this.#running = this.#work().then(() => this.#schedule())
    })
  }
}
