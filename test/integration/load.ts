import { setTimeout as sleep } from 'node:timers/promises'
import { type CometClient, connect, type Topic, text } from '@cometmq/client'
import { backlogOf } from '../cluster/backlog.ts'
import { sharedNowMs } from '../../packages/cli/src/drill/shared-clock.ts'
import {
  type DeliveredMessage,
  History,
  type Violation,
} from '../../packages/cli/src/history/history.ts'

const PRODUCERS = 4
const IN_FLIGHT = 8
/** Long enough for any fault that a test causes: a send that fails has found no way at all. */
const SEND_TIMEOUT = '60s'

export interface LoadReport {
  /** Promises that were broken; see `History`. */
  readonly violations: readonly Violation[]
  /** Sends that were not acknowledged in the end, with why. */
  readonly failed: readonly string[]
}

export interface LoadOptions {
  /** Of every second producer each message has one of so many keys; none unless given. */
  readonly keys?: number
}

/** What has come when, and can be waited for. */
class Tally {
  readonly #timesMs: number[] = []
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  /** On the shared clock, in rising order. */
  get timesMs(): readonly number[] {
    return this.#timesMs
  }

  add(): void {
    const reached = this.#timesMs.push(sharedNowMs())
    for (const { count, resolve } of this.#waiting) if (reached >= count) resolve()
    this.#waiting = this.#waiting.filter(({ count }) => reached < count)
  }

  /** Resolves when so many have come after now. */
  more(count: number): Promise<void> {
    const goal = this.#timesMs.length + count
    return new Promise((resolve) => this.#waiting.push({ count: goal, resolve }))
  }
}

/**
 * Producers and a consumer that go on while a test does something to the cluster, and the record of
 * what they saw, which is held against the promises in the end.
 */
export class Load implements AsyncDisposable {
  readonly comet: CometClient
  /** Of its topic, and of the group that consumes it. */
  readonly #name: string
  readonly #topic: Topic<string>
  readonly #keys: number
  readonly #history = new History()
  readonly #acknowledged = new Map<string, Tally>()
  readonly #delivered = new Tally()
  readonly #failed: string[] = []
  readonly #stopSending = new AbortController()
  readonly #stopConsuming = new AbortController()
  readonly #producing: Promise<unknown>
  readonly #consuming: Promise<void>
  #slowestSendMs = 0

  private constructor(comet: CometClient, name: string, { keys = 0 }: LoadOptions) {
    this.comet = comet
    this.#name = name
    this.#keys = keys
    this.#topic = comet.topic(name, { codec: text() })
    this.#producing = Promise.all(
      Array.from({ length: PRODUCERS }, (_, producer) => this.#produce(producer)),
    )
    this.#consuming = this.#consume()
  }

  static async start(
    endpoints: readonly string[],
    name = 'load',
    options: LoadOptions = {},
  ): Promise<Load> {
    const comet = await connect({ endpoints })
    await comet.admin.topics.create(name, { queueCount: 4 })
    await comet.admin.groups.create(name, { start: 'earliest' })
    return new Load(comet, name, options)
  }

  /** Resolves when that broker has acknowledged so many more messages. */
  acknowledged(brokerName: string, count: number): Promise<void> {
    return this.#tallyOf(brokerName).more(count)
  }

  /** When that broker has acknowledged messages, on the shared clock. */
  acknowledgedAtMs(brokerName: string): readonly number[] {
    return this.#tallyOf(brokerName).timesMs
  }

  /** How long the slowest send took that was acknowledged. */
  get slowestSendMs(): number {
    return this.#slowestSendMs
  }

  /** Resolves when so many more deliveries have come. */
  delivered(count: number): Promise<void> {
    return this.#delivered.more(count)
  }

  /** Lets everything that was sent end and be consumed, then tells what is not as it was promised. */
  async finish(): Promise<LoadReport> {
    this.#stopSending.abort()
    await this.#producing
    const stuck = await this.#untilConsumed()
    this.#stopConsuming.abort()
    await this.#consuming
    await this.#readQueues()
    const found = this.#history.violations({ groups: [this.#name], finalReads: true })
    const violations = [...stuck, ...found].slice(0, 10)
    return { violations, failed: this.#failed.slice(0, 10) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopSending.abort()
    this.#stopConsuming.abort()
    await this.comet.close()
  }

  async #produce(producer: number): Promise<void> {
    const inFlight = new Set<Promise<void>>()
    const isKeyed = this.#keys > 0 && producer % 2 === 1
    for (let number = 0; !this.#stopSending.signal.aborted; number++) {
      const id = `p${producer}-${number}`
      this.#history.sent(id, id)
      const key = isKeyed ? `p${producer}-${number % this.#keys}` : undefined
      const sent = this.#send(id, key).finally(() => inFlight.delete(sent))
      inFlight.add(sent)
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight)
      // Tests wait for hundreds, and what is sent is read again in the end.
      await sleep(1)
    }
    await Promise.all(inFlight)
  }

  async #send(id: string, key: string | undefined): Promise<void> {
    const startedAtMs = sharedNowMs()
    try {
      const { brokerName, queueId, queueOffset } = await this.#topic.send(id, {
        timeout: SEND_TIMEOUT,
        ...(key === undefined ? {} : { key }),
      })
      this.#slowestSendMs = Math.max(this.#slowestSendMs, sharedNowMs() - startedAtMs)
      this.#history.acknowledged(id, { topic: this.#name, brokerName, queueId, queueOffset })
      this.#tallyOf(brokerName).add()
    } catch (error) {
      this.#failed.push(String(error))
    }
  }

  async #consume(): Promise<void> {
    const { signal } = this.#stopConsuming
    for await (const message of this.#topic.receive({ group: this.#name, signal })) {
      const { brokerName, queueId, queueOffset, body, attempt } = message
      const place = { brokerName, topic: this.#name, queueId, queueOffset }
      this.#history.delivered(this.#name, { ...place, messageId: body, body, attempt })
      this.#delivered.add()
      message
        .ack()
        .then(() => this.#history.settled(this.#name, body))
        // Its lease was lost with a connection: it comes again.
        .catch(() => {})
    }
  }

  /** What only the brokers know is asked for, again and again. */
  async #untilConsumed(): Promise<Violation[]> {
    let backlog: number | undefined
    for (let looks = 0; looks < 400; looks++) {
      backlog = await backlogOf(this.comet, this.#name).catch(() => undefined)
      if (backlog === 0 && this.#history.missingFor(this.#name).length === 0) return []
      await sleep(50)
    }
    return [{ kind: 'stuck', why: `a backlog of ${backlog} is left` }]
  }

  async #readQueues(): Promise<void> {
    const queues = new Map<string, DeliveredMessage[]>()
    await using reader = this.#topic.reader({ from: 'earliest', untilEnd: true })
    for await (const { brokerName, queueId, queueOffset, body } of reader) {
      const key = `${brokerName}/${queueId}`
      const messages = queues.get(key) ?? []
      queues.set(key, messages)
      const place = { brokerName, topic: this.#name, queueId, queueOffset }
      messages.push({ ...place, messageId: body, body, attempt: 1 })
    }
    for (const messages of queues.values()) this.#history.finalQueue(messages)
  }

  #tallyOf(brokerName: string): Tally {
    let tally = this.#acknowledged.get(brokerName)
    if (tally === undefined) {
      tally = new Tally()
      this.#acknowledged.set(brokerName, tally)
    }
    return tally
  }
}
