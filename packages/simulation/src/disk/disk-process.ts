import type { Clock } from '@cometmq/runtime'
import type { SeededRandom } from '../seeded-random.ts'
import type { Medium, Operation } from './medium.ts'

/**
 * One process and what it has under way on a disk. When it ends, nothing of that completes any
 * more, and what each operation had done by then is up to chance.
 */
export class DiskProcess {
  readonly #medium: Medium
  readonly #clock: Clock | undefined
  readonly #running = new Set<Running>()
  #isAlive = true

  /** Without a clock, operations take no time. */
  constructor(medium: Medium, clock: Clock | undefined) {
    this.#medium = medium
    this.#clock = clock
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /**
   * Does something that takes its time. The effect comes at the end of it; `interrupted` is what
   * comes instead when the process ends before.
   */
  perform<T>(
    operation: Operation,
    effect: () => T,
    interrupted?: (random: SeededRandom) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#isAlive) return
      const complete = (): void => {
        try {
          resolve(effect())
        } catch (error) {
          reject(error as Error)
        }
      }
      if (this.#clock === undefined) {
        complete()
        return
      }
      const running: Running = { interrupted }
      this.#running.add(running)
      this.#clock.schedule(this.#medium.delayMs(operation), () => {
        if (this.#running.delete(running)) complete()
      })
    })
  }

  end(): void {
    this.#isAlive = false
    for (const { interrupted } of this.#running) {
      try {
        interrupted?.(this.#medium.random)
      } catch {
        // It has failed, and nobody is left to hear of it.
      }
    }
    this.#running.clear()
  }
}

/** For what happens as a whole or not at all: chance decides. */
export function maybe(effect: () => void): (random: SeededRandom) => void {
  return (random) => {
    if (random.chance(0.5)) effect()
  }
}

interface Running {
  readonly interrupted: ((random: SeededRandom) => void) | undefined
}
