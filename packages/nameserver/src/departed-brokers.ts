import type { QueueGroup, RegisteredTopic } from '@cometmq/protocol'

/**
 * Names of forgotten broker groups that are kept. Each route update carries them. A client that
 * hears of none of them while more than so many are forgotten waits for the first ones longer.
 */
const MAX_FORGOTTEN = 100

interface Departed {
  readonly brokerName: string
  /** Never empty. */
  readonly topics: Map<string, RegisteredTopic>
  readonly leftAtMs: number
}

/**
 * The queues of broker groups of which nobody is heard any more.
 *
 * They stay in the list of their topics' queues, closed: message groups map onto that list, and a
 * producer that starts while a broker is away has to map them as all others do. A broker group that
 * never comes back is forgotten after a while, or when an operator says so. Its name is kept, for
 * clients have a memory of their own.
 */
export class DepartedBrokers {
  readonly #rememberMs: number
  readonly #max: number
  /** In the order in which they left. */
  readonly #byName = new Map<string, Departed>()
  /** In that order. Nobody in it is in `#byName`. */
  readonly #forgotten = new Set<string>()

  constructor(options: { readonly rememberMs: number; readonly max: number }) {
    this.#rememberMs = options.rememberMs
    this.#max = options.max
  }

  /** Takes the topics over. Returns those of a broker group that is forgotten because of it. */
  left(brokerName: string, topics: Map<string, RegisteredTopic>, nowMs: number): Iterable<string> {
    if (topics.size === 0) return []
    this.#byName.set(brokerName, { brokerName, topics, leftAtMs: nowMs })
    if (this.#rememberMs === 0) return this.forget(brokerName)
    if (this.#byName.size <= this.#max) return []
    const oldest = this.#byName.keys().next()
    return oldest.done ? [] : this.forget(oldest.value)
  }

  /** The broker group is back. Returns the topics it had. */
  returned(brokerName: string): Iterable<string> {
    this.#forgotten.delete(brokerName)
    return this.#remove(brokerName)
  }

  /** The broker group is gone for good. Returns the topics it had. */
  forget(brokerName: string): Iterable<string> {
    this.#forgotten.delete(brokerName)
    this.#forgotten.add(brokerName)
    const oldest = this.#forgotten.keys().next()
    if (this.#forgotten.size > MAX_FORGOTTEN && !oldest.done) this.#forgotten.delete(oldest.value)
    return this.#remove(brokerName)
  }

  /** Nobody who is heard has the topic any more. */
  topicDeleted(topic: string): void {
    for (const { brokerName, topics } of this.#byName.values()) {
      topics.delete(topic)
      if (topics.size === 0) this.#byName.delete(brokerName)
    }
  }

  has(brokerName: string): boolean {
    return this.#byName.has(brokerName)
  }

  /** Those whose queues nobody counts with any more. */
  get forgotten(): string[] {
    return [...this.#forgotten]
  }

  /** Forgets who has been away for too long. Returns the topics they had. */
  expire(nowMs: number): string[] {
    const topics: string[] = []
    for (const { brokerName, leftAtMs } of this.#byName.values()) {
      if (nowMs - leftAtMs < this.#rememberMs) break
      topics.push(...this.forget(brokerName))
    }
    return topics
  }

  *topics(): Generator<string> {
    for (const { topics } of this.#byName.values()) yield* topics.keys()
  }

  /** The topic's queues that nobody serves now, with the topic's type. */
  *queueGroupsOf(topic: string): Generator<{ readonly group: QueueGroup; readonly type: string }> {
    for (const { brokerName, topics } of this.#byName.values()) {
      const registered = topics.get(topic)
      if (registered === undefined) continue
      const { queueCount, type } = registered
      yield { group: { brokerName, queueCount, readable: false, writable: false }, type }
    }
  }

  #remove(brokerName: string): Iterable<string> {
    const departed = this.#byName.get(brokerName)
    this.#byName.delete(brokerName)
    return departed?.topics.keys() ?? []
  }
}
