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

  addressOf(brokerName: string): string | undefined {
    return this.#table.masterOf(brokerName)?.address
  }

  addressFor(brokerName: string, listener: string): string | undefined {
    return this.#table.masterOf(brokerName, listener)?.address
  }

  brokerNames(): readonly string[] {
    return this.#table
      .brokers()
      .flatMap(({ brokerName, brokerId }) => (brokerId === 0 ? [brokerName] : []))
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
