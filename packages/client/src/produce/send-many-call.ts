import assert from 'node:assert/strict'
import { CometError, type Message } from '@cometmq/protocol'
import { Fifo } from '../fifo.ts'
import type { SendBatch, SendCall, SendReceipt } from './send-batch.ts'

/** The cause of `PARTIAL_FAILURE`: what became of each message of a `sendMany`, in their order. */
export class SendManyOutcome extends AggregateError {
  override readonly name = 'SendManyOutcome'
  readonly outcomes: readonly (SendReceipt | CometError)[]

  constructor(outcomes: readonly (SendReceipt | CometError)[]) {
    super(outcomes.filter((outcome) => outcome instanceof CometError))
    this.outcomes = outcomes
  }
}

/** One `sendMany`: many messages, one promise. */
export class SendManyCall implements SendCall {
  readonly #messages: readonly Message[]
  readonly #outcomes: (SendReceipt | CometError | undefined)[]
  /** For each batch, the indexes of the call's messages in it, in order, that are not settled. */
  readonly #indexes = new Map<SendBatch, Fifo<number>>()
  readonly #promise = Promise.withResolvers<SendReceipt[]>()
  #added = 0
  #settled = 0
  #isOver = false

  constructor(messages: readonly Message[]) {
    this.#messages = messages
    this.#outcomes = Array.from(messages, () => undefined)
  }

  get outcome(): Promise<SendReceipt[]> {
    return this.#promise.promise
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The next message went into this batch. */
  addedTo(batch: SendBatch): void {
    const indexes = this.#indexes.get(batch) ?? new Fifo<number>()
    this.#indexes.set(batch, indexes)
    indexes.push(this.#added)
    this.#added += 1
  }

  settled(batch: SendBatch, range: { readonly from: number; readonly to: number }): void {
    const { outcome } = batch
    assert.ok(outcome !== undefined, 'the batch has not been settled')
    const indexes = this.#indexes.get(batch)
    const results = outcome instanceof CometError ? undefined : batch.receipts(range, outcome)
    for (let i = 0; i < range.to - range.from; i++) {
      const index = indexes?.shift()
      assert.ok(index !== undefined, 'a batch settles each message once')
      this.#outcomes[index] = results?.[i] ?? (outcome as CometError)
    }
    this.#settled += range.to - range.from
    if (this.#settled === this.#messages.length && !this.#isOver) this.#finish()
  }

  cancel(error: CometError): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const [batch, indexes] of this.#indexes) {
      for (const index of indexes) batch.cancel(this.#messages[index] as Message)
    }
    this.#promise.reject(error)
  }

  /** Fails before any message was added to a batch. */
  fail(error: CometError): void {
    this.#isOver = true
    this.#promise.reject(error)
  }

  #finish(): void {
    this.#isOver = true
    const outcomes = this.#outcomes as (SendReceipt | CometError)[]
    const errors = outcomes.filter((outcome) => outcome instanceof CometError)
    const [first] = errors
    if (first === undefined) this.#promise.resolve(outcomes as SendReceipt[])
    else if (errors.length === outcomes.length && errors.every(({ code }) => code === first.code)) {
      this.#promise.reject(first)
    } else {
      this.#promise.reject(
        new CometError(
          'PARTIAL_FAILURE',
          `${errors.length} of ${outcomes.length} messages were not stored for sure; the first: ${first.message}`,
          { cause: new SendManyOutcome(outcomes) },
        ),
      )
    }
  }
}
