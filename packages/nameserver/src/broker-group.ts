import type { RegisteredTopic } from '@cometmq/protocol'
import type { BrokerEntry } from './broker-entry.ts'

/** What a broker group says of a topic that it has. */
export interface GroupTopic {
  readonly registered: RegisteredTopic
  /** Whether the master says so, and takes writes. */
  readonly writable: boolean
}

/**
 * The brokers of one name that are heard.
 *
 * While there is a master, it alone says which topics the group has: a slave may not have followed
 * yet. Without one the slaves do, the lowest id first, and what they say is for reading.
 */
export class BrokerGroup {
  readonly #members = new Map<number, BrokerEntry>()
  /** In the order of their ids. */
  #ordered: readonly BrokerEntry[] = []

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  get members(): readonly BrokerEntry[] {
    return this.#ordered
  }

  get master(): BrokerEntry | undefined {
    return this.#members.get(0)
  }

  member(brokerId: number): BrokerEntry | undefined {
    return this.#members.get(brokerId)
  }

  /** The member with that data, whatever its id. */
  memberWith(storeId: string): BrokerEntry | undefined {
    return this.#ordered.find((entry) => entry.storeId === storeId)
  }

  put(entry: BrokerEntry): void {
    this.#members.set(entry.brokerId, entry)
    this.#order()
  }

  remove(entry: BrokerEntry): void {
    if (this.#members.get(entry.brokerId) === entry) this.#members.delete(entry.brokerId)
    this.#order()
  }

  topic(topic: string): GroupTopic | undefined {
    for (const entry of this.#speakers) {
      const registered = entry.topics.get(topic)
      if (registered === undefined) continue
      const writable = entry.brokerId === 0 && entry.writable && registered.writable
      return { registered, writable }
    }
    return undefined
  }

  /** Names of the topics it has; a name may come more than once. */
  *topics(): Generator<string> {
    for (const entry of this.#speakers) yield* entry.topics.keys()
  }

  get #speakers(): readonly BrokerEntry[] {
    const { master } = this
    return master === undefined ? this.#ordered : [master]
  }

  #order(): void {
    this.#ordered = [...this.#members.values()].toSorted((a, b) => a.brokerId - b.brokerId)
  }
}
