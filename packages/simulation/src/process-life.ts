import assert from 'node:assert/strict'
import { type Clock, sleepOn, type Timer } from '@cometmq/runtime'
import type { VirtualClock } from './virtual-clock.ts'

export interface ProcessLifeOptions {
  readonly clock: VirtualClock
  /** How far the machine's wall clock is from true time; asked at each reading. */
  readonly skewMs: () => number
  /** What the process's elapsed time starts from: any number, as on real machines. */
  readonly originMs: number
}

/**
 * One process from its start to its end, and all that may still happen to it: timers, completed
 * I/O, messages. After its end nothing does; while it is paused, as by SIGSTOP, all of it waits.
 */
export class ProcessLife {
  /** The clock of this process. */
  readonly clock: Clock
  readonly #time: VirtualClock
  #state: 'running' | 'paused' | 'ended' = 'running'
  #waiting: (() => void)[] = []

  constructor(options: ProcessLifeOptions) {
    this.#time = options.clock
    this.clock = new ProcessClock(this, options)
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  get hasEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Lets something happen to the process. */
  run(step: () => void): void {
    if (this.#state === 'ended') return
    if (this.#state === 'paused' || this.#waiting.length > 0) this.#waiting.push(step)
    else step()
  }

  pause(): void {
    assert(this.#state === 'running', 'only a running process can be paused')
    this.#state = 'paused'
  }

  /** What has waited happens now, in its order. */
  resume(): void {
    assert(this.#state === 'paused', 'only a paused process can be resumed')
    this.#state = 'running'
    this.#catchUp()
  }

  end(): void {
    this.#state = 'ended'
    this.#waiting = []
  }

  /** One step per turn, so that each sees the promises of the one before settled. */
  #catchUp(): void {
    this.#time.schedule(0, () => {
      if (this.#state !== 'running') return
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#catchUp()
    })
  }
}

class ProcessClock implements Clock {
  readonly #life: ProcessLife
  readonly #options: ProcessLifeOptions

  constructor(life: ProcessLife, options: ProcessLifeOptions) {
    this.#life = life
    this.#options = options
  }

  nowMs(): number {
    return this.#options.clock.nowMs() + this.#options.skewMs()
  }

  elapsedMs(): number {
    return this.#options.clock.elapsedMs() + this.#options.originMs
  }

  schedule(delayMs: number, run: () => void): Timer {
    let isCancelled = false
    const timer = this.#options.clock.schedule(delayMs, () => {
      this.#life.run(() => {
        // It may be cancelled by what waited before it.
        if (!isCancelled) run()
      })
    })
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.schedule(0, resolve))
  }
}
