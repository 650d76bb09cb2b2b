import type { DeliveredMessage, Violation } from './history.ts'

/**
 * What producers sent, and what a FIFO group was given and when it was done with it, in the order in
 * which that happened.
 */
export class MessageOrder {
  readonly #group: string
  #events = 0
  readonly #firstDelivered = new Map<string, number>()
  readonly #firstFinished = new Map<string, number>()
  readonly #sent = new Map<string, { readonly producer: string; readonly number: number }>()

  constructor(group: string) {
    this.#group = group
  }

  /** A producer has been handed the message. */
  sent(messageId: string, producer: string): void {
    this.#sent.set(messageId, { producer, number: this.#sent.size })
  }

  delivered(messageId: string): void {
    if (!this.#firstDelivered.has(messageId)) this.#firstDelivered.set(messageId, this.#events++)
  }

  /** A consumer is done with it, whether or not the broker hears of that. */
  finished(messageId: string): void {
    if (!this.#firstFinished.has(messageId)) this.#firstFinished.set(messageId, this.#events++)
  }

  /** Of each key of a queue no message may be delivered before the one before it was finished. */
  violations(
    queue: readonly DeliveredMessage[],
    keyOf: (messageId: string) => string | undefined,
  ): Violation[] {
    const found: Violation[] = []
    const last = new Map<string, string>()
    for (const { messageId } of queue) {
      const key = keyOf(messageId)
      if (key === undefined) continue
      const before = last.get(key)
      last.set(key, messageId)
      const deliveredAt = this.#firstDelivered.get(messageId)
      if (before === undefined || deliveredAt === undefined) continue
      const finishedAt = this.#firstFinished.get(before) ?? Number.POSITIVE_INFINITY
      if (finishedAt < deliveredAt) continue
      found.push({ kind: 'overtaken', group: this.#group, key, messageId: before, by: messageId })
    }
    return [...found, ...this.#misplaced(queue, keyOf)]
  }

  /** Of each key of a queue and each producer, messages lie as they were sent. */
  *#misplaced(
    queue: readonly DeliveredMessage[],
    keyOf: (messageId: string) => string | undefined,
  ): Generator<Violation> {
    const last = new Map<string, { readonly messageId: string; readonly number: number }>()
    for (const { messageId } of queue) {
      const key = keyOf(messageId)
      const sent = this.#sent.get(messageId)
      if (key === undefined || sent === undefined) continue
      const line = `${sent.producer} ${key}`
      const before = last.get(line)
      if (before !== undefined && before.number > sent.number) {
        yield { kind: 'overtaken', group: sent.producer, key, messageId, by: before.messageId }
      }
      last.set(line, { messageId, number: sent.number })
    }
  }
}
