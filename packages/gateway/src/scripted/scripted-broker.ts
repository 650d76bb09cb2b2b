import {
  CometError,
  type ErrorCode,
  type GroupDefinition,
  type RecordBatch,
  type TopicDefinition,
} from '@cometmq/protocol'
import type {
  LocalBroker,
  ReadOutcome,
  Receipt,
  ReceiptAction,
  ReceiptOutcome,
  Received,
  ReceiveRequest,
} from '../ports.ts'

/** The broker of a process, which refuses what the test says, and keeps what it is told. */
export class ScriptedBroker implements LocalBroker {
  readonly brokerName: string
  /** What it answers everything with. */
  refusal: ErrorCode | undefined
  /** As a slave does that stands in for its master. */
  refusesMessages = false
  /** Bodies that were stored. */
  readonly bodies: string[] = []
  readonly settled: string[] = []
  readonly #polls = new Set<PromiseWithResolvers<Received | undefined>>()

  constructor(brokerName: string, refusal?: ErrorCode) {
    this.brokerName = brokerName
    this.refusal = refusal
  }

  get waiting(): number {
    return this.#polls.size
  }

  /** Whoever waits is told so, and whoever asks from now on. */
  refuse(code: ErrorCode): void {
    this.refusal = code
    for (const poll of this.#polls) poll.reject(refused(code))
    this.#polls.clear()
  }

  /** Gives a stored batch to everybody who waits. */
  deliver(batch: RecordBatch): void {
    const segments = [{ batch, from: 0, to: batch.messageCount, offset: 0 }]
    const parts = [{ retry: false, queueId: 0, attempt: 1, segments }]
    for (const poll of this.#polls) {
      poll.resolve({ generation: 'first', parts, release: () => this.settled.push('released') })
    }
    this.#polls.clear()
  }

  topic(name: string): TopicDefinition | undefined {
    if (name !== 'orders') return undefined
    return {
      topic: name,
      type: 'normal',
      queueCount: 1,
      readable: true,
      writable: true,
      ackLevel: { flush: 'sync', replicas: 'in-sync' },
      version: 1,
      createdAtMs: 1,
    }
  }

  group(): GroupDefinition | undefined {
    return undefined
  }

  async append(batches: readonly RecordBatch[]): Promise<readonly number[]> {
    if (this.refusesMessages) throw refused('NOT_MASTER')
    // It was written all the same.
    if (this.refusal !== 'NOT_CONFIRMED') this.#check()
    for (const batch of batches) {
      for (const { body } of batch.messages()) this.bodies.push(Buffer.from(body).toString())
    }
    this.#check()
    return batches.map((_, index) => index)
  }

  async subscribe(): Promise<void> {
    this.#check()
  }

  async receive({ signal, waitMs }: ReceiveRequest): Promise<Received | undefined> {
    this.#check()
    if (waitMs <= 0) return undefined
    const poll = Promise.withResolvers<Received | undefined>()
    this.#polls.add(poll)
    signal.addEventListener('abort', () => {
      this.#polls.delete(poll)
      poll.resolve(undefined)
    })
    return poll.promise
  }

  async settle({ offset }: Receipt, action: ReceiptAction): Promise<ReceiptOutcome> {
    this.#check()
    this.settled.push(`${action.kind} ${offset}`)
    return action.kind === 'change'
      ? { kind: 'changed', generation: 'second' }
      : { kind: 'settled' }
  }

  async receiptOf(): Promise<Receipt | undefined> {
    return undefined
  }

  clientGone(): void {}

  async read(): Promise<ReadOutcome> {
    this.#check()
    return { kind: 'messages', segments: [], next: 0 }
  }

  bounds(): { readonly minOffset: number; readonly maxOffset: number } {
    this.#check()
    return { minOffset: 0, maxOffset: this.bodies.length }
  }

  async offsetAtTime(): Promise<number> {
    return 0
  }

  position(): number | undefined {
    return 0
  }

  async setPosition(): Promise<void> {
    this.#check()
  }

  #check(): void {
    if (this.refusal !== undefined) throw refused(this.refusal)
  }
}

function refused(code: ErrorCode): CometError {
  return new CometError(code, `the script says ${code}`)
}
