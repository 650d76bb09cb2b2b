/** Time as the code sees it. No code asks the machine itself. */
export interface Clock {
  /** Wall-clock milliseconds since 1970. May jump; stamps messages, measures nothing. */
  nowMs(): number

  /** Milliseconds since some fixed moment. Never falls; measures every timeout. */
  elapsedMs(): number

  /** Calls `run` once, `delayMs` from now at the earliest. */
  schedule(delayMs: number, run: () => void): Timer

  /** Resolves after `delayMs`. Rejects with `CANCELLED` when the signal is or gets aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>

  /**
   * Resolves in a later turn of the event loop, after what waits there: long loops call it so that
   * connections are served in between.
   */
  yieldTurn(): Promise<void>
}

export interface Timer {
  /** Does nothing when the timer has fired. */
  cancel(): void
}
