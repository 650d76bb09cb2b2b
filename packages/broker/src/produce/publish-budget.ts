import { CometError } from '@cometmq/protocol'

export interface IntakeLimits {
  /** Bytes of batches taken from one stream and not answered; beyond it the stream is paused. */
  readonly maxPendingBytesPerStream: number
  /** The same for all streams together; at twice as much batches are refused with `OVERLOADED`. */
  readonly maxPendingBytes: number
  /** In a broker group of several members: whoever waits for all in sync is told after so long. */
  readonly syncTimeoutMs: number
}

/**
 * What all publish streams together hold.
 *
 * Invariant: `pendingBytes` is the sum over all streams of what they took and have not answered, so
 * that memory is bounded by it, however many streams there are and however slowly the disk writes.
 */
export class PublishBudget {
  readonly limits: IntakeLimits
  /** Calls of those that wait until all streams together hold less. */
  readonly #waiting = new Set<() => void>()
  readonly #idle: (() => void)[] = []
  #pendingBytes = 0
  #pendingBatches = 0
  readonly #mayTake: () => CometError | undefined
  #draining = false

  /** `mayTake`: why this broker takes nothing, whatever there is room for. */
  constructor(limits: IntakeLimits, mayTake: () => CometError | undefined = () => undefined) {
    this.limits = limits
    this.#mayTake = mayTake
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Whether streams have to wait. */
  get isFull(): boolean {
    return this.#pendingBytes > this.limits.maxPendingBytes
  }

  /** Why no batch is taken at all for now. */
  get refusal(): CometError | undefined {
    if (this.#draining) {
      return new CometError('DRAINING', 'this broker shuts down; send to another one')
    }
    if (this.#pendingBytes > 2 * this.limits.maxPendingBytes) {
      return new CometError(
        'OVERLOADED',
        `${this.#pendingBytes} bytes wait for the disk of this broker; try again later`,
        { retryAfterMs: 100 },
      )
    }
    return this.#mayTake()
  }

  took(bytes: number): void {
    this.#pendingBytes += bytes
    this.#pendingBatches++
  }

  answered(bytes: number, batches: number): void {
    const wasFull = this.isFull
    this.#pendingBytes -= bytes
    this.#pendingBatches -= batches
    if (wasFull && !this.isFull) {
      const waiting = [...this.#waiting]
      this.#waiting.clear()
      for (const goOn of waiting) goOn()
    }
    if (this.#pendingBatches === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Calls `goOn` once, when streams need no longer wait. */
  wait(goOn: () => void): void {
    this.#waiting.add(goOn)
  }

  stopWaiting(goOn: () => void): void {
    this.#waiting.delete(goOn)
  }

  /** Refuses what comes from now on; resolves when all that was taken is answered. */
  async drain(): Promise<void> {
    this.#draining = true
    if (this.#pendingBatches > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
}
