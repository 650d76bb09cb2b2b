import type { Terminal } from './terminal.ts'

const INTERVAL_MS = 200

/**
 * How far a long command is, on one line of the error stream that overwrites itself. Says nothing
 * where the error stream is no terminal: a log has no use for it.
 */
export class Progress implements Disposable {
  readonly #terminal: Terminal
  #lastMs = 0
  #isShown = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** Called as often as one likes; `line` only when it is time to show it. */
  update(line: () => string): void {
    if (this.#terminal.err.isTTY !== true) return
    const nowMs = performance.now()
    if (nowMs - this.#lastMs < INTERVAL_MS) return
    this.#lastMs = nowMs
    this.#isShown = true
    this.#terminal.err.write(`\r\u001b[2K${line()}`)
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#isShown) this.#terminal.err.write('\r\u001b[2K')
    this.#isShown = false
  }
}
