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
  /** `undefined`: one of its slaves is heard. */
  readonly leftAtMs: number | undefined
}

/**
 * The queues of broker groups without a master that nobody serves now.
 *
 * They stay in the list of their topics' queues, closed: message groups map onto that list, and a
 * producer that starts while a broker is away has to map them as all others do. A broker group of
 * which nobody is heard is forgotten after a while, or when an operator says so. Its name is kept,
 * for clients have a memory of their own.
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

  /**
   * Nobody of the group is heard any more, who had these topics. Returns the topics of broker groups
   * that are forgotten because of it.
   */
  left(brokerName: string, topics: Iterable<RegisteredTopic>, nowMs: number): Iterable<string> {
    this.#put(brokerName, topics, nowMs)
    if (!this.#byName.has(brokerName)) return []
    if (this.#rememberMs === 0) return this.forget(brokerName)
    if (this.#byName.size <= this.#max) return []
    for (const departed of this.#byName.values()) {
      if (departed.leftAtMs !== undefined) return this.forget(departed.brokerName)
    }
    return []
  }

  /** Slaves of the group are heard, and nobody serves these topics of it now. */
  hasNoMaster(brokerName: string, topics: Iterable<RegisteredTopic>): void {
    this.#forgotten.delete(brokerName)
    this.#put(brokerName, topics, undefined)
  }

  /** The group has a master: what that one says is all there is. */
  hasMaster(brokerName: string): void {
    this.#forgotten.delete(brokerName)
    this.#byName.delete(brokerName)
  }

  /** The broker group is gone for good. Returns the topics it had. */
  forget(brokerName: string): Iterable<string> {
    this.#forgotten.delete(brokerName)
    this.#forgotten.add(brokerName)
    const oldest = this.#forgotten.keys().next()
    if (this.#forgotten.size > MAX_FORGOTTEN && !oldest.done) this.#forgotten.delete(oldest.value)
    const departed = this.#byName.get(brokerName)
    this.#byName.delete(brokerName)
    return departed?.topics.keys() ?? []
  }

  /** Nobody who is heard has the topic any more. Returns whether anybody had it. */
  topicDeleted(topic: string): boolean {
    let had = false
    for (const { brokerName, topics } of this.#byName.values()) {
      had = topics.delete(topic) || had
      if (topics.size === 0) this.#byName.delete(brokerName)
    }
    return had
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
      if (leftAtMs === undefined) continue
      if (nowMs - leftAtMs < this.#rememberMs) break
      topics.push(...this.forget(brokerName))
    }
    return topics
  }

  topic(brokerName: string, topic: string): RegisteredTopic | undefined {
    return this.#byName.get(brokerName)?.topics.get(topic)
  }

  topicsOf(brokerName: string): Iterable<string> {
    return this.#byName.get(brokerName)?.topics.keys() ?? []
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

  /** To what is known of the group. It comes last: it has left just now, or has not left. */
  #put(brokerName: string, topics: Iterable<RegisteredTopic>, leftAtMs: number | undefined): void {
    const all = this.#byName.get(brokerName)?.topics ?? new Map<string, RegisteredTopic>()
    for (const topic of topics) all.set(topic.topic, topic)
    this.#byName.delete(brokerName)
    if (all.size > 0) this.#byName.set(brokerName, { brokerName, topics: all, leftAtMs })
  }
}
