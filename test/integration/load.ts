import { setTimeout as sleep } from 'node:timers/promises'
import { type CometClient, connect, type Topic, text } from '@cometmq/client'
import { backlogOf } from '../cluster/backlog.ts'
import { type DeliveredMessage, History, type Violation } from '../history/history.ts'

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

/** A count that can be waited for. */
class Tally {
  #count = 0
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  get count(): number {
    return this.#count
  }

  add(): void {
    this.#count += 1
    for (const { count, resolve } of this.#waiting) if (this.#count >= count) resolve()
    this.#waiting = this.#waiting.filter(({ count }) => this.#count < count)
  }

  /** Resolves when so many have come after now. */
  more(count: number): Promise<void> {
    const goal = this.#count + count
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
  readonly #history = new History()
  readonly #acknowledged = new Map<string, Tally>()
  readonly #delivered = new Tally()
  readonly #failed: string[] = []
  readonly #stopSending = new AbortController()
  readonly #stopConsuming = new AbortController()
  readonly #producing: Promise<unknown>
  readonly #consuming: Promise<void>

  private constructor(comet: CometClient, name: string) {
    this.comet = comet
    this.#name = name
    this.#topic = comet.topic(name, { codec: text() })
    this.#producing = Promise.all(
      Array.from({ length: PRODUCERS }, (_, producer) => this.#produce(producer)),
    )
    this.#consuming = this.#consume()
  }

  static async start(endpoints: readonly string[], name = 'load'): Promise<Load> {
    const comet = await connect({ endpoints })
    await comet.admin.topics.create(name, { queueCount: 4 })
    await comet.admin.groups.create(name, { start: 'earliest' })
    return new Load(comet, name)
  }

  /** Resolves when that broker has acknowledged so many more messages. */
  acknowledged(brokerName: string, count: number): Promise<void> {
    return this.#tallyOf(brokerName).more(count)
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
    for (let number = 0; !this.#stopSending.signal.aborted; number++) {
      const id = `p${producer}-${number}`
      this.#history.sent(id, id)
      const sent = this.#send(id).finally(() => inFlight.delete(sent))
      inFlight.add(sent)
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight)
      // Tests wait for hundreds, and what is sent is read again in the end.
      await sleep(1)
    }
    await Promise.all(inFlight)
  }

  async #send(id: string): Promise<void> {
    try {
      const { brokerName, queueId, queueOffset } = await this.#topic.send(id, {
        timeout: SEND_TIMEOUT,
      })
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
