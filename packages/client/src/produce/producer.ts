import { CometError, checkMessage, type Message } from '@cometmq/protocol'
import type { Connection, Runtime, Timer } from '@cometmq/runtime'
import { Fifo } from '../fifo.ts'
import type { RouteCache } from '../route/route-cache.ts'
import { untilAborted } from '../until-aborted.ts'
import { BufferSpace } from './buffer-space.ts'
import { COLLECT_MAX_MS, Outbox } from './outbox.ts'
import { PublishLane } from './publish-lane.ts'
import {
  type BatchKind,
  MESSAGE_OVERHEAD_BYTES,
  messageBytes,
  type SendBatch,
  type SendReceipt,
} from './send-batch.ts'
import { SendManyCall } from './send-many-call.ts'

export interface ProducerOptions {
  /** Bytes of messages that may wait to be stored; beyond it, senders wait. */
  readonly maxBufferedBytes: number
}

export interface ProducerPorts {
  readonly runtime: Runtime
  readonly routes: RouteCache
  connectionTo(brokerName: string): Connection | undefined
  /** Makes a topic that is sent to for the first time. */
  createTopic(topic: string): Promise<void>
}

export interface SendSettings extends BatchKind {
  readonly topic: string
  readonly signal: AbortSignal | undefined
}

/** A send that waits for a route, or for room in the buffer. */
interface Waiter {
  readonly bytes: number
  readonly deadlineMs: number
  readonly timeoutMs: number
  admit(outbox: Outbox): void
  fail(error: CometError): void
}

interface TopicState {
  readonly outbox: Outbox
  readonly waiters: Fifo<Waiter>
  isCreating: boolean
}

/**
 * Everything that this client sends: one outbox per topic, one lane per broker, one identity.
 *
 * A `send` that finds a route and room costs one promise and its share of a batch. Nothing lingers:
 * what was sent within one turn of the event loop goes out at its end, if the broker is idle.
 */
export class Producer {
  readonly #ports: ProducerPorts
  readonly #space: BufferSpace
  readonly #topics = new Map<string, TopicState>()
  /** Those with waiters. */
  readonly #waiting = new Set<TopicState>()
  readonly #lanes = new Map<string, PublishLane>()
  /** Those that may have something to send. */
  #awake = new Set<Outbox>()
  readonly #producerId: string
  #nextMessageNumber = 0
  #pumpQueued = false
  #sweep: Timer | undefined
  #drained: PromiseWithResolvers<void> | undefined
  #closed: CometError | undefined
  /** The ends of the promise made last; so a send makes no closure. */
  #resolve: (receipt: SendReceipt) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  readonly #keepEnds = (
    resolve: (receipt: SendReceipt) => void,
    reject: (error: unknown) => void,
  ): void => {
    this.#resolve = resolve
    this.#reject = reject
  }

  constructor(ports: ProducerPorts, options: ProducerOptions) {
    this.#ports = ports
    this.#space = new BufferSpace(options.maxBufferedBytes)
    this.#producerId = ports.runtime.random.hex(8)
    ports.routes.onChange(() => this.#routesChanged())
  }

  /** Throws or rejects with what `checkMessage` says, `TIMEOUT`, `CANCELLED`, `TOPIC_NOT_FOUND` and what brokers refuse with. */
  send(message: Message, settings: SendSettings): Promise<SendReceipt> {
    checkMessage(message)
    const bytes = messageBytes(message)
    const state = this.#topic(settings.topic)
    if (settings.signal !== undefined) return this.#sendWithSignal(message, bytes, settings)
    if (!this.#admits(state, bytes)) return this.#sendLater(state, message, bytes, settings)
    return this.#sendNow(state.outbox, message, bytes, settings)
  }

  /** Rejects with the error of all messages, or with `PARTIAL_FAILURE` whose cause tells them apart. */
  async sendMany(messages: readonly Message[], settings: SendSettings): Promise<SendReceipt[]> {
    if (messages.length === 0) return []
    let bytes = 0
    for (const message of messages) {
      checkMessage(message)
      bytes += messageBytes(message)
    }
    const call = new SendManyCall(messages)
    const { signal } = settings
    const cancel = (): void => call.cancel(cancelledError(signal))
    if (signal?.aborted) throw cancelledError(signal)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const state = this.#topic(settings.topic)
      const admit = (outbox: Outbox): void => this.#addMany(outbox, messages, call, settings)
      if (this.#admits(state, bytes)) admit(state.outbox)
      else this.#wait(state, { bytes, settings, admit, fail: (error) => call.fail(error) })
      return await call.outcome
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Resolves when everything that was sent has been settled. */
  async drain(signal?: AbortSignal): Promise<void> {
    if (this.#isEmpty) return
    this.#drained ??= Promise.withResolvers()
    await untilAborted(this.#drained.promise, signal)
  }

  /** Fails what is not settled with `CLOSED`. */
  close(): void {
    const error = new CometError('CLOSED', 'the client was closed before the message was stored')
    this.#closed = error
    this.#sweep?.cancel()
    for (const lane of this.#lanes.values()) lane.close(error)
    for (const { outbox, waiters } of this.#topics.values()) {
      outbox.fail(error)
      for (const waiter of waiters.removeUnless(() => false)) waiter.fail(error)
    }
  }

  #sendNow(
    outbox: Outbox,
    message: Message,
    bytes: number,
    settings: SendSettings,
  ): Promise<SendReceipt> {
    const promise = new Promise<SendReceipt>(this.#keepEnds)
    this.#add(outbox, message, bytes, settings, this.#resolve, this.#reject)
    return promise
  }

  #sendLater(
    state: TopicState,
    message: Message,
    bytes: number,
    settings: SendSettings,
  ): Promise<SendReceipt> {
    return new Promise((resolve, reject) => {
      const admit = (outbox: Outbox): void => {
        this.#add(outbox, message, bytes, settings, resolve, reject)
      }
      this.#wait(state, { bytes, settings, admit, fail: reject })
    })
  }

  #sendWithSignal(message: Message, bytes: number, settings: SendSettings): Promise<SendReceipt> {
    const { signal } = settings
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelledError(signal))
        return
      }
      const state = this.#topic(settings.topic)
      let batch: SendBatch | undefined
      const cancel = (): void => {
        batch?.cancel(message)
        reject(cancelledError(signal))
      }
      const done = (): void => signal?.removeEventListener('abort', cancel)
      signal?.addEventListener('abort', cancel, { once: true })
      const stored = (receipt: SendReceipt): void => {
        done()
        resolve(receipt)
      }
      const failed = (error: unknown): void => {
        done()
        reject(error as Error)
      }
      const admit = (outbox: Outbox): void => {
        if (signal?.aborted) return
        batch = this.#add(outbox, message, bytes, settings, stored, failed)
      }
      if (this.#admits(state, bytes)) admit(state.outbox)
      else this.#wait(state, { bytes, settings, admit, fail: failed })
    })
  }

  #add(
    outbox: Outbox,
    message: Message,
    bytes: number,
    kind: BatchKind,
    resolve: (receipt: SendReceipt) => void,
    reject: (error: CometError) => void,
  ): SendBatch {
    const batch = outbox.batchFor(message, bytes, kind)
    batch.add(message, bytes, resolve, reject)
    this.#space.take(bytes + MESSAGE_OVERHEAD_BYTES)
    this.#wake(outbox)
    return batch
  }

  #addMany(
    outbox: Outbox,
    messages: readonly Message[],
    call: SendManyCall,
    settings: SendSettings,
  ): void {
    if (call.isOver) return
    for (const message of messages) {
      const bytes = messageBytes(message)
      const batch = outbox.batchFor(message, bytes, settings)
      batch.addOfCall(message, bytes, call)
      call.addedTo(batch)
      this.#space.take(bytes + MESSAGE_OVERHEAD_BYTES)
    }
    this.#wake(outbox)
  }

  #admits(state: TopicState, bytes: number): boolean {
    return state.waiters.length === 0 && state.outbox.hasRoute && this.#space.hasRoomFor(bytes)
  }

  #wait(
    state: TopicState,
    wait: {
      readonly bytes: number
      readonly settings: SendSettings
      readonly admit: (outbox: Outbox) => void
      readonly fail: (error: CometError) => void
    },
  ): void {
    const { timeoutMs, topic } = wait.settings
    this.#waiting.add(state)
    state.waiters.push({
      bytes: wait.bytes,
      timeoutMs,
      deadlineMs: this.#ports.runtime.clock.elapsedMs() + timeoutMs,
      admit: wait.admit,
      fail: wait.fail,
    })
    this.#startSweep()
    // It may be missing for long, without a change that would tell.
    this.#meetRoute(topic, state)
  }

  #topic(topic: string): TopicState {
    if (this.#closed !== undefined) throw this.#closed
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    const outbox = new Outbox(
      {
        runtime: this.#ports.runtime,
        producerId: this.#producerId,
        lane: (brokerName) => this.#lane(brokerName),
        numberMessages: (count) => {
          const first = this.#nextMessageNumber
          this.#nextMessageNumber += count
          return first
        },
        settled: (batch) => this.#settled(batch),
        wake: (woken) => this.#wake(woken),
      },
      topic,
    )
    const state = { outbox, waiters: new Fifo<Waiter>(), isCreating: false }
    this.#topics.set(topic, state)
    this.#ports.routes.watch(topic)
    this.#meetRoute(topic, state)
    return state
  }

  #lane(brokerName: string): PublishLane {
    const known = this.#lanes.get(brokerName)
    if (known !== undefined) return known
    const { runtime, routes } = this.#ports
    const lane = new PublishLane(
      {
        runtime,
        master: () => routes.masterOf(brokerName),
        connect: () => this.#ports.connectionTo(brokerName),
        changed: () => this.#pump(),
        doubt: () => routes.doubt(),
      },
      brokerName,
    )
    this.#lanes.set(brokerName, lane)
    return lane
  }

  #routesChanged(): void {
    for (const lane of this.#lanes.values()) lane.routeChanged()
    for (const [topic, state] of this.#topics) this.#meetRoute(topic, state)
  }

  #meetRoute(topic: string, state: TopicState): void {
    const known = this.#ports.routes.state(topic)
    if (known.kind === 'unknown') return
    if (known.kind === 'routed') {
      state.outbox.setRoute(known.route)
      this.#admitWaiters(state)
    } else if (!known.autoCreate) {
      this.#failTopic(
        state,
        new CometError(
          'TOPIC_NOT_FOUND',
          `there is no topic "${topic}"; make it with: comet topic create ${topic}`,
        ),
      )
    } else if (!state.isCreating && (state.waiters.length > 0 || !state.outbox.isEmpty)) {
      void this.#create(topic, state)
    }
  }

  /** The new route arrives through the watch, like every other. */
  async #create(topic: string, state: TopicState): Promise<void> {
    state.isCreating = true
    try {
      await this.#ports.createTopic(topic)
    } catch (error) {
      this.#failTopic(state, error as CometError)
    } finally {
      state.isCreating = false
    }
  }

  #failTopic(state: TopicState, error: CometError): void {
    state.outbox.setRoute(undefined)
    state.outbox.fail(error)
    this.#waiting.delete(state)
    for (const waiter of state.waiters.removeUnless(() => false)) waiter.fail(error)
    this.#checkDrained()
  }

  #admitWaiters(state: TopicState): void {
    const { outbox, waiters } = state
    if (!outbox.hasRoute) return
    for (let waiter = waiters.first; waiter !== undefined; waiter = waiters.first) {
      if (!this.#space.hasRoomFor(waiter.bytes)) return
      waiters.shift()
      waiter.admit(outbox)
    }
    this.#waiting.delete(state)
  }

  #settled(batch: SendBatch): void {
    this.#space.release(batch.heldBytes)
    for (const state of this.#waiting) this.#admitWaiters(state)
    this.#checkDrained()
  }

  get #isEmpty(): boolean {
    return this.#space.usedBytes === 0 && this.#waiting.size === 0
  }

  #checkDrained(): void {
    if (this.#drained === undefined || !this.#isEmpty) return
    this.#drained.resolve()
    this.#drained = undefined
  }

  #wake(outbox: Outbox): void {
    this.#awake.add(outbox)
    if (this.#pumpQueued) return
    this.#pumpQueued = true
    this.#startSweep()
    queueMicrotask(() => {
      if (this.#pumpQueued) this.#pump()
    })
  }

  #pump(): void {
    this.#pumpQueued = false
    if (this.#closed !== undefined) return
    for (const lane of this.#lanes.values()) lane.beginRound()
    const nowMs = this.#ports.runtime.clock.elapsedMs()
    const awake = this.#awake
    this.#awake = new Set()
    // Whoever still waits goes behind those that wake up now, so that no topic starves another.
    for (const outbox of awake) if (outbox.pump(nowMs)) this.#awake.add(outbox)
    for (const lane of this.#lanes.values()) lane.flush()
  }

  #startSweep(): void {
    this.#sweep ??= this.#ports.runtime.clock.schedule(COLLECT_MAX_MS, () => this.#expire())
  }

  #expire(): void {
    this.#sweep = undefined
    const nowMs = this.#ports.runtime.clock.elapsedMs()
    for (const lane of this.#lanes.values()) {
      if (lane.isOverdueAt(nowMs)) this.#ports.routes.doubt()
    }
    for (const [topic, state] of this.#topics) {
      const { outbox, waiters } = state
      outbox.expire(nowMs)
      for (const waiter of waiters.removeUnless(({ deadlineMs }) => deadlineMs > nowMs)) {
        const why = outbox.hasRoute
          ? 'the buffer stayed full'
          : 'no name server knows where the topic is'
        waiter.fail(
          new CometError(
            'TIMEOUT',
            `sending to "${topic}" took longer than ${waiter.timeoutMs} ms; it was not stored: ${why}`,
          ),
        )
      }
      if (waiters.length === 0) this.#waiting.delete(state)
    }
    this.#checkDrained()
    if (!this.#isEmpty) this.#startSweep()
    this.#pump()
  }
}

function cancelledError(signal: AbortSignal | undefined): CometError {
  return new CometError(
    'CANCELLED',
    'the send was cancelled; it may have been stored all the same',
    {
      cause: signal?.reason,
    },
  )
}
