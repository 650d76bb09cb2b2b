import { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type { MessagePorts } from './received-message.ts'
import type { Subscription, SubscriptionEvents } from './subscription.ts'
import type { Work } from './work.ts'

/** Handlers that answer at once are run one after the other for so many messages, then others get a turn. */
const MESSAGES_PER_TURN = 2_048

export interface ConsumerSettings {
  /** Handlers that may run at once. */
  readonly concurrency: number
  /** How long `drain` waits for handlers before it aborts `message.signal`. */
  readonly drainTimeoutMs: number
  /** Aborting it is a call of `drain`. */
  readonly signal: AbortSignal | undefined
}

export interface ConsumerPorts {
  readonly runtime: Runtime
  subscribe(events: SubscriptionEvents): Subscription
  /** The consumer has ended. */
  ended(consumer: Consumer): void
}

/**
 * Runs handlers over the messages of a group until it is drained.
 *
 * A handler that answers at once costs no promise; the loop gives other things a turn now and then.
 */
export class Consumer implements AsyncDisposable {
  readonly #ports: ConsumerPorts
  readonly #settings: ConsumerSettings
  readonly #work: Work
  readonly #subscription: Subscription
  readonly #abort = new AbortController()
  readonly #messagePorts: MessagePorts
  readonly #onAbort = (): void => void this.drain()
  readonly #done = Promise.withResolvers<void>()
  #running = 0
  #isYielding = false
  #isPumpQueued = false
  #stopping = false
  #idle: PromiseWithResolvers<void> | undefined
  #drained: Promise<void> | undefined

  /** Consumers are made by `topic.consume`. */
  constructor(ports: ConsumerPorts, settings: ConsumerSettings, work: Work) {
    this.#ports = ports
    this.#settings = settings
    this.#work = work
    this.#messagePorts = { clock: ports.runtime.clock, signal: this.#abort.signal }
    settings.signal?.addEventListener('abort', this.#onAbort, { once: true })
    // Whoever asks for `done` hears of a failure; it is in the log in any case.
    this.#done.promise.catch(() => {})
    this.#subscription = ports.subscribe({
      delivered: () => this.#pumpSoon(),
      refused: (error) => this.#refused(error),
    })
    if (settings.signal?.aborted) void this.drain()
  }

  /** Resolves when every broker that serves the topic has let this consumer in. */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await Promise.race([this.#subscription.opened(options.signal), this.#done.promise])
  }

  /** Resolves when the consumer has ended; rejects when a broker refuses it for good. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /**
   * Ends in order: takes nothing more, gives back what waits, lets running handlers finish, makes
   * their outcome durable, leaves the group. Handlers still at work after the drain timeout have
   * their `message.signal` aborted, and their messages are handed out again.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  async #drain(): Promise<void> {
    this.#stopping = true
    this.#subscription.leave()
    const { clock } = this.#ports.runtime
    const timeout = new AbortController()
    const timer = clock.schedule(this.#settings.drainTimeoutMs, () => timeout.abort())
    try {
      await Promise.race([this.#idled(), rejectWhenAborted(timeout.signal)])
      await this.#subscription.settled(timeout.signal)
    } catch (error) {
      this.#ports.runtime.log.warn(
        { running: this.#running, error },
        'a consumer was closed before all its handlers had finished',
      )
    } finally {
      timer.cancel()
      this.#end()
    }
  }

  #idled(): Promise<void> {
    if (this.#running === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  #refused(error: CometError): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#ports.runtime.log.error({ error }, 'a broker refuses this consumer')
    this.#done.reject(error)
    this.#end()
  }

  #end(): void {
    this.#settings.signal?.removeEventListener('abort', this.#onAbort)
    this.#subscription.close()
    this.#abort.abort(new CometError('CLOSED', 'the consumer was closed'))
    this.#ports.ended(this)
    this.#done.resolve()
  }

  /** What arrives within one turn is handled together. */
  #pumpSoon(): void {
    if (this.#isPumpQueued) return
    this.#isPumpQueued = true
    queueMicrotask(() => {
      this.#isPumpQueued = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#isYielding) return
    const nowMs = this.#ports.runtime.clock.elapsedMs()
    let handled = 0
    while (this.#running < this.#settings.concurrency && !this.#stopping) {
      const started = this.#work.next(this.#subscription, nowMs, this.#messagePorts)
      if (started === undefined) return
      if (typeof started !== 'number') {
        this.#running += 1
        void started.then(() => this.#finished())
        handled += 1
      } else handled += started
      if (handled < MESSAGES_PER_TURN) continue
      this.#isYielding = true
      void this.#ports.runtime.clock.yieldTurn().then(() => {
        this.#isYielding = false
        this.#pump()
      })
      return
    }
  }

  #finished(): void {
    this.#running -= 1
    if (this.#running === 0) this.#idle?.resolve()
    this.#pump()
  }
}

async function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  throw new CometError('TIMEOUT', 'handlers are still at work')
}
