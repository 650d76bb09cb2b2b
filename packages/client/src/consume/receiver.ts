import { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import { FailureLog } from './failure-log.ts'
import { type MessagePorts, ReceivedMessage } from './received-message.ts'
import type { Subscription, SubscriptionEvents } from './subscription.ts'
import type { TakenMessage } from './subscription-lane.ts'
import type { WorkPorts } from './work.ts'

/** When a receiver ends, what was settled gets so long to become durable. */
const FLUSH_TIMEOUT_MS = 5_000

export interface ReceiverPorts {
  readonly runtime: Runtime
  subscribe(events: SubscriptionEvents): Subscription
  /** The receiver has ended. */
  ended(receiver: Receiver<unknown>): void
}

/**
 * The messages of a group, one after the other, for a loop that settles each of them itself.
 *
 * A message in the loop's hand is the loop's: its lease ends unless it is settled or extended, and
 * the broker hands it out again. What was not handed out yet is kept leased. The loop ends when the
 * signal is aborted, or when it is left.
 */
export class Receiver<T> implements AsyncIterableIterator<ReceivedMessage<T>>, AsyncDisposable {
  readonly #ports: ReceiverPorts
  readonly #work: WorkPorts<T>
  readonly #subscription: Subscription
  readonly #failures: FailureLog
  readonly #abort = new AbortController()
  readonly #messagePorts: MessagePorts
  readonly #signal: AbortSignal | undefined
  readonly #onAbort = (): void => void this.drain()
  #arrived = Promise.withResolvers<void>()
  #refusal: CometError | undefined
  #drained: Promise<void> | undefined

  /** Receivers are made by `topic.receive`. */
  constructor(ports: ReceiverPorts, work: WorkPorts<T>, signal: AbortSignal | undefined) {
    this.#ports = ports
    this.#work = work
    this.#failures = new FailureLog(work)
    this.#messagePorts = { clock: ports.runtime.clock, signal: this.#abort.signal }
    this.#signal = signal
    this.#subscription = ports.subscribe({
      delivered: () => this.#wake(),
      refused: (error) => {
        this.#refusal = error
        this.#wake()
      },
    })
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted) void this.drain()
  }

  /** Resolves when every broker that serves the topic has let this receiver in. */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#subscription.opened(options.signal)
  }

  /** Rejects when a broker refuses the receiver for good. */
  async next(): Promise<IteratorResult<ReceivedMessage<T>, undefined>> {
    while (this.#drained === undefined) {
      if (this.#refusal !== undefined) {
        await this.drain()
        throw this.#refusal
      }
      const taken = this.#subscription.take(this.#ports.runtime.clock.elapsedMs())
      if (taken === undefined) {
        await this.#arrived.promise
        continue
      }
      taken.run.leaveLeaseTo(taken.offset, taken.run.leaseEndsMs)
      const message = await this.#received(taken)
      if (message !== undefined) return { done: false, value: message }
    }
    await this.#drained
    return { done: true, value: undefined }
  }

  /** Called by a loop that is left early. */
  async return(): Promise<IteratorResult<ReceivedMessage<T>, undefined>> {
    await this.drain()
    return { done: true, value: undefined }
  }

  /** Takes nothing more, gives back what was not handed out, and leaves the group. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  async #received({ run, offset, lane }: TakenMessage): Promise<ReceivedMessage<T> | undefined> {
    try {
      const value = await this.#work.decode(run.message(offset).body as Buffer)
      return new ReceivedMessage(value, run, offset, lane, this.#messagePorts)
    } catch (error) {
      this.#failures.unfit({ run, offset, lane }, error)
      return undefined
    }
  }

  async #drain(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#subscription.leave()
    this.#wake()
    const timeout = new AbortController()
    const timer = this.#ports.runtime.clock.schedule(FLUSH_TIMEOUT_MS, () => timeout.abort())
    try {
      await this.#subscription.flushed(timeout.signal)
    } catch (error) {
      this.#ports.runtime.log.warn(
        { error },
        'a receiver was closed before the brokers had answered',
      )
    } finally {
      timer.cancel()
      this.#subscription.close()
      this.#abort.abort(new CometError('CLOSED', 'the receiver was closed'))
      this.#ports.ended(this as Receiver<unknown>)
    }
  }

  #wake(): void {
    const arrived = this.#arrived
    this.#arrived = Promise.withResolvers()
    arrived.resolve()
  }
}
