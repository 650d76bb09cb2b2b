import { isPromise } from '../schema.ts'
import { FailureLog } from './failure-log.ts'
import { type MessagePorts, ReceivedMessage } from './received-message.ts'
import type { Subscription } from './subscription.ts'
import type { TakenMessage } from './subscription-lane.ts'
import type { Started, Work, WorkPorts } from './work.ts'

/** Handles many messages: returning acknowledges all of them, throwing sends all of them back. */
export type BatchHandler<T> = (messages: readonly ReceivedMessage<T>[]) => unknown

/** Runs a handler for many messages at once: all that lie ready, up to a bound. */
export class BatchWork<T> implements Work {
  readonly #ports: WorkPorts<T>
  readonly #handler: BatchHandler<T>
  readonly #maxMessages: number
  readonly #failures: FailureLog

  constructor(ports: WorkPorts<T>, maxMessages: number, handler: BatchHandler<T>) {
    this.#ports = ports
    this.#handler = handler
    this.#maxMessages = maxMessages
    this.#failures = new FailureLog(ports)
  }

  next(subscription: Subscription, nowMs: number, ports: MessagePorts): Started {
    const all: TakenMessage[] = []
    while (all.length < this.#maxMessages) {
      const taken = subscription.take(nowMs)
      if (taken === undefined) break
      all.push(taken)
    }
    if (all.length === 0) return undefined
    const values: (T | Promise<T>)[] = []
    const fit: TakenMessage[] = []
    let isLater = false
    for (const taken of all) {
      try {
        const value = this.#ports.decode(taken.run.message(taken.offset).body as Buffer)
        isLater ||= isPromise(value)
        values.push(value)
        fit.push(taken)
      } catch (error) {
        this.#failures.unfit(taken, error)
      }
    }
    if (isLater) return this.#handleLater(fit, values, ports)
    return this.#handle(fit, values as T[], ports)
  }

  #handle(all: readonly TakenMessage[], values: readonly T[], ports: MessagePorts): Started {
    if (all.length === 0) return 1
    const messages = all.map(
      ({ run, offset, lane }, i) => new ReceivedMessage(values[i] as T, run, offset, lane, ports),
    )
    try {
      const answer = this.#handler(messages)
      if (isPromise(answer)) return this.#await(all, answer)
      this.#acknowledge(all)
    } catch (error) {
      this.#failAll(all, error)
    }
    return all.length
  }

  async #handleLater(
    all: readonly TakenMessage[],
    promises: readonly (T | Promise<T>)[],
    ports: MessagePorts,
  ): Promise<void> {
    const values: T[] = []
    const fit: TakenMessage[] = []
    for (const [i, result] of (await Promise.allSettled(promises)).entries()) {
      const taken = all[i] as TakenMessage
      if (result.status === 'fulfilled') {
        values.push(result.value)
        fit.push(taken)
      } else this.#failures.unfit(taken, result.reason)
    }
    await this.#handle(fit, values, ports)
  }

  async #await(all: readonly TakenMessage[], answer: Promise<unknown>): Promise<void> {
    try {
      await answer
      this.#acknowledge(all)
    } catch (error) {
      this.#failAll(all, error)
    }
  }

  #acknowledge(all: readonly TakenMessage[]): void {
    for (const { lane, run, offset } of all) lane.acknowledge(run, offset)
  }

  #failAll(all: readonly TakenMessage[], error: unknown): void {
    for (const taken of all) this.#failures.failed(taken, error)
  }
}
