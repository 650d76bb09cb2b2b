import { isPromise } from '../schema.ts'
import { FailureLog } from './failure-log.ts'
import { type MessagePorts, ReceivedMessage } from './received-message.ts'
import type { Subscription } from './subscription.ts'
import type { TakenMessage } from './subscription-lane.ts'
import type { Started, Work, WorkPorts } from './work.ts'

/** Handles one message: returning acknowledges it, throwing sends it back. */
export type Handler<T> = (body: T, message: ReceivedMessage<T>) => unknown

/** Runs a handler for each message. */
export class MessageWork<T> implements Work {
  readonly #ports: WorkPorts<T>
  readonly #handler: Handler<T>
  readonly #failures: FailureLog

  constructor(ports: WorkPorts<T>, handler: Handler<T>) {
    this.#ports = ports
    this.#handler = handler
    this.#failures = new FailureLog(ports)
  }

  next(subscription: Subscription, nowMs: number, ports: MessagePorts): Started {
    const taken = subscription.take(nowMs)
    if (taken === undefined) return undefined
    let value: T | Promise<T>
    try {
      value = this.#ports.decode(taken.run.message(taken.offset).body as Buffer)
    } catch (error) {
      this.#failures.unfit(taken, error)
      return 1
    }
    if (isPromise(value)) return this.#handleLater(taken, value, ports)
    return this.#handle(taken, value, ports)
  }

  #handle(taken: TakenMessage, value: T, ports: MessagePorts): 1 | Promise<void> {
    const { run, offset, lane } = taken
    try {
      const answer = this.#handler(value, new ReceivedMessage(value, run, offset, lane, ports))
      if (isPromise(answer)) return this.#await(taken, answer)
      lane.acknowledge(run, offset)
    } catch (error) {
      this.#failures.failed(taken, error)
    }
    return 1
  }

  async #handleLater(taken: TakenMessage, promise: Promise<T>, ports: MessagePorts): Promise<void> {
    let value: T
    try {
      value = await promise
    } catch (error) {
      this.#failures.unfit(taken, error)
      return
    }
    await this.#handle(taken, value, ports)
  }

  async #await(taken: TakenMessage, answer: Promise<unknown>): Promise<void> {
    try {
      await answer
      taken.lane.acknowledge(taken.run, taken.offset)
    } catch (error) {
      this.#failures.failed(taken, error)
    }
  }
}
