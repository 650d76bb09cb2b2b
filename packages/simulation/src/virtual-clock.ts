import assert from 'node:assert/strict'
import { type Clock, sleepOn, type Timer } from '@cometmq/runtime'
import { TimerHeap, type VirtualTimer } from './timer-heap.ts'

export interface VirtualClockOptions {
  /** The wall clock at the start. */
  readonly nowMs?: number
}

export interface RunOptions {
  /** Virtual time after which waiting is given up. */
  readonly limitMs: number
}

/** 2025-01-01T00:00:00Z: any fixed moment, so that equal runs stamp equally. */
const START_MS = 1_735_689_600_000

/** So many timers at one moment mean that somebody waits in a loop without letting time pass. */
const TIMERS_PER_MOMENT_MAX = 100_000

/**
 * Time that passes only when it is told to, and then as fast as the timers can be run.
 *
 * Between two timers everything that can go on does: all promises are settled before the next timer
 * fires. Timers of one moment fire in the order in which they were scheduled. So a run depends on
 * nothing but the code and its seed.
 */
export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap()
  #elapsedMs = 0
  #wallOffsetMs: number
  #sequence = 0
  #timersOfMoment = 0
  #running = false

  constructor(options: VirtualClockOptions = {}) {
    this.#wallOffsetMs = options.nowMs ?? START_MS
  }

  nowMs(): number {
    return Math.floor(this.#wallOffsetMs + this.#elapsedMs)
  }

  elapsedMs(): number {
    return this.#elapsedMs
  }

  schedule(delayMs: number, run: () => void): Timer {
    assert(!Number.isNaN(delayMs), 'a delay is a number')
    return this.scheduleAt(this.#elapsedMs + delayMs, run)
  }

  /** Calls `run` when so much time has elapsed in all. */
  scheduleAt(elapsedMs: number, run: () => void): Timer {
    const dueMs = Math.max(this.#elapsedMs, elapsedMs)
    return this.#timers.add({ dueMs, sequence: this.#sequence++, run })
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  yieldTurn(): Promise<void> {
    return new Promise((resolve) => this.schedule(0, resolve))
  }

  /** Sets the wall clock forth or, with a negative number, back. Timers do not notice. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** Lets so much time pass, with all that happens in it. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms
    await this.#exclusively(async () => {
      await turn()
      for (let timer = this.#nextUntil(untilMs); timer; timer = this.#nextUntil(untilMs)) {
        this.#fire(timer)
        await turn()
      }
      this.#moveTo(untilMs)
    })
  }

  /**
   * Lets time pass until the promise settles, or the condition holds; resolves to what the promise
   * does. Throws when `limitMs` have passed, and when nothing is left that could still happen.
   */
  async runUntil<T>(goal: Promise<T>, options: RunOptions): Promise<T>
  async runUntil(goal: () => boolean, options: RunOptions): Promise<void>
  async runUntil<T>(goal: Promise<T> | (() => boolean), options: RunOptions): Promise<T | void> {
    const isReached = typeof goal === 'function' ? goal : settlementOf(goal)
    const untilMs = this.#elapsedMs + options.limitMs
    await this.#exclusively(async () => {
      await turn()
      while (!isReached()) {
        const timer = this.#nextUntil(untilMs)
        if (timer === undefined) throw this.#stuck(options)
        this.#fire(timer)
        await turn()
      }
    })
    if (typeof goal !== 'function') return goal
  }

  #stuck({ limitMs }: RunOptions): Error {
    if (this.#timers.first() === undefined) {
      return new Error(
        `nothing is left to happen at ${this.#elapsedMs} ms: what is waited for waits for itself`,
      )
    }
    return new Error(`still waiting after ${limitMs} ms of virtual time`)
  }

  #nextUntil(untilMs: number): VirtualTimer | undefined {
    const timer = this.#timers.first()
    return timer !== undefined && timer.dueMs <= untilMs ? this.#timers.take() : undefined
  }

  #fire(timer: VirtualTimer): void {
    this.#timersOfMoment += 1
    assert(
      this.#timersOfMoment < TIMERS_PER_MOMENT_MAX,
      `time stands still at ${this.#elapsedMs} ms: a loop schedules without delay`,
    )
    this.#moveTo(timer.dueMs)
    timer.run()
  }

  #moveTo(elapsedMs: number): void {
    if (elapsedMs <= this.#elapsedMs) return
    this.#elapsedMs = elapsedMs
    this.#timersOfMoment = 0
  }

  async #exclusively(run: () => Promise<void>): Promise<void> {
    assert(!this.#running, 'time is moved by one caller at a time')
    this.#running = true
    try {
      await run()
    } finally {
      this.#running = false
    }
  }
}

/** Tells whether the promise has settled. */
function settlementOf(promise: Promise<unknown>): () => boolean {
  let settled = false
  const settle = (): void => {
    settled = true
  }
  promise.then(settle, settle)
  return () => settled
}

/** Lets all settle that can settle without time: one turn of the real event loop does. */
function turn(): Promise<void> {
  // oxlint-disable-next-line no-restricted-globals -- the one thing in a simulation that is real
  return new Promise((resolve) => setImmediate(resolve))
}
