import type { TopicRoute } from '@cometmq/protocol'
import type { ClusterView, MasterPlace } from '../ports.ts'

/** A cluster whose masters are what the test says. Every process of it is told at once. */
export class ScriptedCluster {
  readonly #addresses = new Map<string, string | undefined>()
  readonly #standIns = new Map<string, string>()
  readonly #listeners = new Set<() => void>()
  readonly #type: string

  /** `masters`: broker name to address. Its one topic, "orders", has one queue in each group. */
  constructor(masters: Readonly<Record<string, string>>, type = 'normal') {
    this.#type = type
    for (const [brokerName, address] of Object.entries(masters)) {
      this.#addresses.set(brokerName, address)
    }
  }

  /** The process at that address is the master now; without one, nobody is. */
  elect(brokerName: string, address: string | undefined): void {
    this.#addresses.set(brokerName, address)
    this.change()
  }

  /** The master is dead, and the process at that address serves consumers in its place. */
  standIn(brokerName: string, address: string): void {
    this.#addresses.set(brokerName, undefined)
    this.#standIns.set(brokerName, address)
    this.change()
  }

  /** Something else has changed. */
  change(): void {
    for (const listener of this.#listeners) listener()
  }

  /** As the process at that address sees it. */
  seenFrom(own: string): ClusterView {
    const masterOf = (brokerName: string): string | undefined => this.#addresses.get(brokerName)
    const addressOf = (brokerName: string): string | undefined =>
      masterOf(brokerName) ?? this.#standIns.get(brokerName)
    const placeOf = (brokerName: string, address: string | undefined): MasterPlace => {
      if (!this.#addresses.has(brokerName)) return 'unknown'
      if (address === undefined) return 'nowhere'
      return address === own ? 'here' : 'there'
    }
    return {
      isReady: true,
      autoCreateTopics: false,
      route: (topic) => (topic === 'orders' ? this.#route() : undefined),
      placeOfMaster: (brokerName) => placeOf(brokerName, masterOf(brokerName)),
      placeOfConsumers: (brokerName) => placeOf(brokerName, addressOf(brokerName)),
      addressOf,
      addressFor: addressOf,
      brokerNames: () => [...this.#addresses.keys()].filter((name) => addressOf(name)),
      onChange: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
    }
  }

  #route(): TopicRoute {
    const queueGroups = [...this.#addresses].map(([brokerName, address]) => {
      return { brokerName, queueCount: 1, readable: true, writable: address !== undefined }
    })
    return { topic: 'orders', type: this.#type, queueGroups }
  }
}
