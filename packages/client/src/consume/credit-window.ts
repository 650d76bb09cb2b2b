const MIN_BYTES = 64 * 1024
const FIRST_BYTES = 256 * 1024
/** How much work should lie ready: enough to bridge a pause, not so much that other consumers starve. */
const HOLD_MS = 500
const MEASURE_MS = 100

/**
 * How many bytes of records one broker may send before it hears from us again.
 *
 * The window follows what this consumer gets done: half a second of work, within bounds. So fast
 * handlers are never short of messages, and slow ones do not hoard what others could handle.
 */
export class CreditWindow {
  readonly #maxBytes: number
  #windowBytes: number
  /** Delivered and not finished. */
  #heldBytes = 0
  /**
   * What the broker may still send, exactly as it counts it: a message larger than its credit is
   * sent all the same, and leaves both sides below zero.
   */
  #grantedBytes = 0
  #finishedBytes = 0
  #measuredAtMs: number

  constructor(maxBytes: number, nowMs: number) {
    this.#maxBytes = maxBytes
    this.#windowBytes = Math.min(FIRST_BYTES, maxBytes)
    this.#measuredAtMs = nowMs
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get windowBytes(): number {
    return this.#windowBytes
  }

  /** A new stream begins with this credit; whatever the last one had left is void. */
  open(): number {
    this.#grantedBytes = Math.max(0, this.#windowBytes - this.#heldBytes)
    return this.#grantedBytes
  }

  delivered(bytes: number): void {
    this.#heldBytes += bytes
    this.#grantedBytes -= bytes
  }

  finished(bytes: number, nowMs: number): void {
    this.#heldBytes -= bytes
    this.#finishedBytes += bytes
    const elapsedMs = nowMs - this.#measuredAtMs
    if (elapsedMs < MEASURE_MS) return
    const wantedBytes = (this.#finishedBytes / elapsedMs) * HOLD_MS
    const floorBytes = Math.min(MIN_BYTES, this.#maxBytes)
    this.#windowBytes = Math.max(floorBytes, Math.min(this.#maxBytes, wantedBytes))
    this.#finishedBytes = 0
    this.#measuredAtMs = nowMs
  }

  /** The credit to send now; 0 as long as it is not worth a message. */
  grant(): number {
    const bytes = Math.floor(this.#windowBytes - this.#heldBytes - this.#grantedBytes)
    if (bytes <= 0) return 0
    const isIdle = this.#heldBytes === 0 && this.#grantedBytes <= 0
    if (!isIdle && bytes * 4 < this.#windowBytes) return 0
    this.#grantedBytes += bytes
    return bytes
  }
}
