import { Readable } from 'node:stream'
import type { Terminal } from './terminal.ts'

/** A terminal for tests: what goes in is given, what comes out is kept. */
export class FakeTerminal implements Terminal {
  readonly #stop = new AbortController()
  readonly #isTTY: boolean
  readonly env: Record<string, string | undefined>
  readonly input: Readable & { readonly isTTY?: boolean }
  stdout = ''
  stderr = ''

  constructor(
    options: {
      readonly isTTY?: boolean
      readonly env?: Record<string, string | undefined>
      readonly input?: string
    } = {},
  ) {
    this.#isTTY = options.isTTY ?? false
    this.env = { NO_COLOR: '1', ...options.env }
    this.input = Object.assign(Readable.from([options.input ?? '']), { isTTY: this.#isTTY })
  }

  get out() {
    return { isTTY: this.#isTTY, columns: 80, write: (text: string) => (this.stdout += text) }
  }

  get err() {
    return { isTTY: this.#isTTY, columns: 80, write: (text: string) => (this.stderr += text) }
  }

  get stop(): AbortSignal {
    return this.#stop.signal
  }

  interrupt(): void {
    this.#stop.abort('SIGINT')
  }
}
