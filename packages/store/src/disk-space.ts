import type { FileSystem } from '@cometmq/runtime'

/**
 * Who appends: producers are refused first, then the broker's own records. What the store appends
 * so that retention can free space is refused by the disk alone.
 */
export type Appender = 'producer' | 'broker' | 'store'

/** Written since the last measurement; beyond it another one is due. */
const MEASURE_AFTER_BYTES = 64 * 1024 * 1024

/** How full the disk is, as far as is known between two measurements. */
export class DiskSpace {
  readonly #files: FileSystem
  readonly #path: string
  readonly #minFreeBytes: number
  readonly #hardFreeBytes: number
  #measuredBytes = Number.POSITIVE_INFINITY
  #writtenBytes = 0
  /** The write that failed for lack of space; nothing is written before there is room for it. */
  #failedBytes = 0
  #measuring: Promise<void> | undefined

  constructor(
    files: FileSystem,
    config: {
      readonly directory: string
      readonly minFreeBytes: number
      readonly hardFreeBytes: number
    },
  ) {
    this.#files = files
    this.#path = config.directory
    this.#minFreeBytes = config.minFreeBytes
    this.#hardFreeBytes = config.hardFreeBytes
  }

  get freeBytes(): number {
    return Math.max(0, this.#measuredBytes - this.#writtenBytes)
  }

  get isMeasurementDue(): boolean {
    return this.#writtenBytes >= MEASURE_AFTER_BYTES
  }

  /** Why that appender is refused now; `undefined` if it is not. */
  refusal(appender: Appender): string | undefined {
    const { freeBytes } = this
    if (this.#failedBytes > 0) {
      return `the disk of ${this.#path} is full: a write of ${this.#failedBytes} bytes found no space`
    }
    if (appender === 'store') return undefined
    const limit = appender === 'producer' ? this.#minFreeBytes : this.#hardFreeBytes
    if (freeBytes >= limit) return undefined
    return `${this.#path} has ${freeBytes} bytes left, and ${limit} have to stay free; delete something, or lower minFreeBytes`
  }

  wrote(bytes: number): void {
    this.#writtenBytes += bytes
  }

  /** A write of so many bytes failed for lack of space. */
  ranOut(bytes: number): void {
    this.#failedBytes = Math.max(1, bytes)
  }

  /** Measures; answers to callers that come meanwhile with the same result. */
  measure(): Promise<void> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    return this.#measuring
  }

  async #measure(): Promise<void> {
    const writtenBefore = this.#writtenBytes
    const freeBytes = await this.#files.freeBytes(this.#path)
    this.#measuredBytes = freeBytes
    this.#writtenBytes -= writtenBefore
    // Some systems report space that a quota then refuses: the next write finds out.
    if (freeBytes >= Math.max(this.#hardFreeBytes, this.#failedBytes)) this.#failedBytes = 0
  }
}
