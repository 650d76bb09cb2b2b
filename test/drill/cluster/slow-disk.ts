import { rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const HOOK = fileURLToPath(new URL('slow-flushes.ts', import.meta.url))

/** A disk of which every flush can be made slow, by a hook in the process that flushes. */
export class SlowDisk {
  readonly #switchFile: string

  /** `switchFile` lies outside of what the process keeps. */
  constructor(switchFile: string) {
    this.#switchFile = switchFile
  }

  /** For the process that is to have it. */
  get env(): Readonly<Record<string, string>> {
    return { NODE_OPTIONS: `--import=${HOOK}`, DRILL_SLOW_FLUSHES: this.#switchFile }
  }

  /** From the next flush on. */
  async slowDown(delayMs: number): Promise<void> {
    await writeFile(this.#switchFile, `${delayMs}`)
  }

  /** Flushes that have begun still take their time. */
  async speedUp(): Promise<void> {
    await rm(this.#switchFile, { force: true })
  }
}
