import type { BrokerAddress } from './generated/cometmq/v1/BrokerAddress.ts'

/**
 * Where to write, by broker name.
 *
 * A master is never replaced by one of a lower epoch, whoever names it: a name server that was cut
 * off may still list one whose reign is over. What was learned outlives the name server that told.
 */
export class Masters {
  /** Of each broker name the master of the highest epoch; the same object until it is another one. */
  readonly #known = new Map<string, BrokerAddress>()
  #heard: ReadonlyMap<string, BrokerAddress> = new Map()

  /** The one to write to. Nobody may hear it now, and yet it may be reached. */
  of(brokerName: string): BrokerAddress | undefined {
    return this.#known.get(brokerName)
  }

  /** Those of broker groups of which the name server hears a master. */
  get heard(): ReadonlyMap<string, BrokerAddress> {
    return this.#heard
  }

  /** All brokers that the name server in use hears now. Returns whether there is another master. */
  take(brokers: readonly BrokerAddress[]): boolean {
    const heard = new Map<string, BrokerAddress>()
    let hasNews = false
    for (const broker of brokers) {
      if (broker.brokerId !== 0) continue
      const { brokerName } = broker
      const known = this.#known.get(brokerName)
      const isNews =
        known === undefined ||
        broker.epoch > known.epoch ||
        (broker.epoch === known.epoch && broker.address !== known.address)
      if (isNews) this.#known.set(brokerName, broker)
      hasNews ||= isNews
      heard.set(brokerName, isNews ? broker : known)
    }
    this.#heard = heard
    return hasNews
  }

  /**
   * Brokers that another name server hears: of them only higher epochs count. Returns whether there
   * was one.
   */
  learn(brokers: readonly BrokerAddress[]): boolean {
    const heard = new Map(this.#heard)
    let isNews = false
    for (const broker of brokers) {
      const known = this.#known.get(broker.brokerName)
      if (broker.brokerId !== 0 || known === undefined || broker.epoch <= known.epoch) continue
      this.#known.set(broker.brokerName, broker)
      heard.set(broker.brokerName, broker)
      isNews = true
    }
    if (isNews) this.#heard = heard
    return isNews
  }

  /** The broker group is gone for good; one that comes under its name is another one. */
  forget(brokerName: string): void {
    this.#known.delete(brokerName)
  }
}
