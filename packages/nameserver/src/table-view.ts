import type { ClusterView, MasterPlace } from '@cometmq/gateway'
import type { TopicRoute } from '@cometmq/protocol'
import type { RouteTable } from './route-table.ts'

/** The table as official clients' calls see it. */
export class TableView implements ClusterView {
  readonly #table: RouteTable
  readonly #listeners = new Set<() => void>()

  constructor(table: RouteTable) {
    this.#table = table
  }

  get isReady(): boolean {
    return this.#table.isReady
  }

  get autoCreateTopics(): boolean {
    return this.#table.autoCreateTopics
  }

  route(topic: string): TopicRoute | undefined {
    return this.#table.route(topic)
  }

  placeOfMaster(brokerName: string): MasterPlace {
    if (this.#table.masterOf(brokerName) !== undefined) return 'there'
    return this.#table.knows(brokerName) ? 'nowhere' : 'unknown'
  }

  placeOfConsumers(brokerName: string): MasterPlace {
    if (this.#table.standInOf(brokerName) !== undefined) return 'there'
    return this.placeOfMaster(brokerName)
  }

  addressOf(brokerName: string): string | undefined {
    return (this.#table.masterOf(brokerName) ?? this.#table.standInOf(brokerName))?.address
  }

  addressFor(brokerName: string, listener: string): string | undefined {
    const broker =
      this.#table.masterOf(brokerName, listener) ?? this.#table.standInOf(brokerName, listener)
    return broker?.address
  }

  brokerNames(): readonly string[] {
    const serving = this.#table
      .brokers()
      .flatMap(({ brokerName, brokerId, standsIn }) =>
        brokerId === 0 || standsIn ? [brokerName] : [],
      )
    return [...new Set(serving)]
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The table says something else now. */
  changed(): void {
    for (const listener of this.#listeners) listener()
  }
}
