import type { BrokerAddress } from './generated/cometmq/v1/BrokerAddress.ts'

/** The slaves that the name server in use hears, by broker name. */
export class Slaves {
  #heard: ReadonlyMap<string, readonly BrokerAddress[]> = new Map()

  /** The smallest member id comes first. */
  of(brokerName: string): readonly BrokerAddress[] {
    return this.#heard.get(brokerName) ?? []
  }

  /** The one that serves consumer groups in place of a dead master; for a moment two may say so. */
  standInOf(brokerName: string): BrokerAddress | undefined {
    return this.of(brokerName).find(({ standsIn }) => standsIn)
  }

  /** All brokers that the name server in use hears now. */
  take(brokers: readonly BrokerAddress[]): void {
    const heard = new Map<string, BrokerAddress[]>()
    for (const broker of brokers) {
      if (broker.brokerId === 0) continue
      const slaves = heard.get(broker.brokerName)
      if (slaves === undefined) heard.set(broker.brokerName, [broker])
      else slaves.push(broker)
    }
    for (const slaves of heard.values()) slaves.sort((a, b) => a.brokerId - b.brokerId)
    this.#heard = heard
  }
}
