import assert from 'node:assert/strict'
import { type CometError, errorTable, limits } from '@cometmq/protocol'
import type { SendBatch } from './send-batch.ts'
import { isOfWholeBroker } from './whole-broker.ts'

/**
 * The batches of one queue that are numbered and not known to be stored, and the numbers themselves.
 *
 * Numbers are contiguous per epoch, and batches go out in their order; so a broker can tell a
 * repeated batch from a new one. A number that was given is never given to another batch: were the
 * first one stored after all, the broker would answer "stored" to one that it has not seen. Once a batch has failed, those behind it are refused as a gap:
 * the window waits until nothing is under way (a rewind), then sends what is left in order. A gap
 * right at the front means that a number before it was given up, or that the broker does not know
 * this sequence any longer. It proves that nothing of what is left was stored: a new epoch starts
 * at 0.
 */
export class QueueWindow {
  readonly brokerName: string
  readonly queueId: number
  /** Ascending. While not rewinding, the first `#inFlight` of them are under way. */
  #unstored: SendBatch[] = []
  #inFlight = 0
  #epoch = 0
  #nextSequence = 0
  #rewinding = false
  #gapAtFront = false
  /** A broker has refused without storing, so batches that may move do so. */
  #refused = false
  #failures = 0
  #pause: { readonly retryAfterMs: number | undefined } | undefined

  constructor(brokerName: string, queueId: number) {
    this.brokerName = brokerName
    this.queueId = queueId
  }

  get isEmpty(): boolean {
    return this.#unstored.length === 0
  }

  /** How often sending has failed since it last succeeded. */
  get failures(): number {
    return this.#failures
  }

  /** Whether a new batch may be numbered and sent at once. */
  get canTake(): boolean {
    return (
      !this.#rewinding &&
      this.#inFlight === this.#unstored.length &&
      this.#inFlight < limits.producerWindowBatches
    )
  }

  /** The batch to send again next, if any. */
  get nextToRepeat(): SendBatch | undefined {
    return this.#rewinding ? undefined : this.#unstored[this.#inFlight]
  }

  /** Numbers a batch that is to be sent now. */
  take(batch: SendBatch): void {
    assert.ok(this.canTake, 'the window takes no batch now')
    this.#number(batch)
    this.#unstored.push(batch)
  }

  sent(batch: SendBatch): void {
    assert.equal(this.#unstored[this.#inFlight], batch, 'batches of a queue are sent in order')
    batch.isInFlight = true
    this.#inFlight += 1
  }

  stored(batch: SendBatch): void {
    this.#answered(batch)
    this.#remove(batch)
    this.#failures = 0
  }

  /** The attempt has failed. A batch whose senders have given up, or need not hope, leaves the window. */
  failed(batch: SendBatch, error: CometError): void {
    this.#answered(batch)
    this.#rewinding = true
    batch.lastError = error
    const advice = errorTable[error.code].retry
    if (error.code === 'SEQUENCE_GAP' && this.#unstored[0] === batch) this.#gapAtFront = true
    if (advice === 'outcome-unknown') batch.mayBeStored = true
    if (advice === 'refresh-route') this.#refused = true
    // Gaps follow from another failure, or are over with the next epoch; but a broker that calls
    // even its first number a gap must not be asked in a loop.
    const isFollowUp = error.code === 'SEQUENCE_GAP' && batch.number?.sequence !== 0
    if (!isFollowUp && !isOfWholeBroker(error)) {
      this.#failures += 1
      this.#pause = { retryAfterMs: error.retryAfterMs ?? this.#pause?.retryAfterMs }
    }
    if (batch.outcome !== undefined || advice === 'never') this.#remove(batch)
  }

  /** The senders have given up on a batch. One that is under way stays until it is answered. */
  abandon(batch: SendBatch): void {
    if (!batch.isInFlight) this.#remove(batch)
  }

  /**
   * Ends a rewind as soon as nothing is under way; undefined as long as there is nothing to end.
   *
   * `moved` have left the window: nothing of them was stored, and any queue will do.
   */
  rewind(): Rewound | undefined {
    if (!this.#rewinding || this.#inFlight > 0) return undefined
    const moved = this.#refused ? this.#unstored.filter(mayMove) : []
    if (moved.length > 0) this.#unstored = this.#unstored.filter((batch) => !mayMove(batch))
    const rewound = { moved, pause: this.#pause, failures: this.#failures }
    if (this.#gapAtFront) this.#startEpoch()
    this.#rewinding = false
    this.#gapAtFront = false
    this.#refused = false
    this.#pause = undefined
    for (const batch of moved) batch.number = undefined
    return rewound
  }

  /** Those that are not known to be stored, in order. */
  batches(): SendBatch[] {
    return [...this.#unstored]
  }

  #number(batch: SendBatch): void {
    batch.number = { producerEpoch: this.#epoch, sequence: this.#nextSequence }
    this.#nextSequence += 1
  }

  #startEpoch(): void {
    this.#epoch += 1
    this.#nextSequence = 0
    for (const batch of this.#unstored) {
      batch.mayBeStored = false
      this.#number(batch)
    }
  }

  #answered(batch: SendBatch): void {
    assert.ok(batch.isInFlight, 'an answer to a batch that is not under way')
    batch.isInFlight = false
    this.#inFlight -= 1
  }

  #remove(batch: SendBatch): void {
    const index = this.#unstored.indexOf(batch)
    assert.ok(index >= 0, 'the batch is not in the window')
    this.#unstored.splice(index, 1)
  }
}

export interface Rewound {
  readonly moved: readonly SendBatch[]
  /** Wait before going on: that long, or a backoff. */
  readonly pause: { readonly retryAfterMs: number | undefined } | undefined
  readonly failures: number
}

function mayMove(batch: SendBatch): boolean {
  return !batch.isKeyed && !batch.mayBeStored
}
