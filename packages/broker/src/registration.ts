import type { BrokerAddress, RegisteredTopic, Services } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import {
  type HeardOfGroup,
  NameServerLink,
  type NameServerStatus,
  type RegistrationSource,
} from './name-server-link.ts'

/**
 * Keeps this broker registered with every name server. They do not know each other, so each has a
 * link of its own and none is waited for.
 */
export class BrokerRegistration {
  readonly #links: readonly NameServerLink[]

  constructor(
    ports: Pick<Runtime, 'clock' | 'random' | 'transport' | 'log'>,
    options: {
      readonly nameservers: readonly string[]
      readonly services: Services
      readonly source: RegistrationSource
    },
  ) {
    const { services, source } = options
    this.#links = options.nameservers.map(
      (address) => new NameServerLink(ports, { address, services, source }),
    )
  }

  start(): void {
    for (const link of this.#links) link.start()
  }

  /** What this broker is has changed: registers anew, everywhere and at once. */
  again(): void {
    for (const link of this.#links) link.again()
  }

  topicChanged(topic: RegisteredTopic): void {
    for (const link of this.#links) link.topicChanged(topic)
  }

  topicRemoved(topic: string): void {
    for (const link of this.#links) link.topicRemoved(topic)
  }

  writableChanged(writable: boolean): void {
    for (const link of this.#links) link.writableChanged(writable)
  }

  /**
   * Every broker that some name server hears; of one name and id the one with the highest epoch.
   * `undefined`: no name server has answered, so nobody knows.
   */
  brokers(): readonly BrokerAddress[] | undefined {
    const brokers = new Map<string, BrokerAddress>()
    let known = false
    for (const link of this.#links) {
      if (link.status.state !== 'registered') continue
      known = true
      for (const broker of link.brokers) {
        const key = `${broker.brokerName}/${broker.brokerId}`
        if (broker.epoch >= (brokers.get(key)?.epoch ?? 0)) brokers.set(key, broker)
      }
    }
    return known ? [...brokers.values()] : undefined
  }

  /** Of every name server that has answered a beat. */
  get heardOfGroup(): HeardOfGroup[] {
    return this.#links.map((link) => link.heardOfGroup).filter((heard) => heard !== undefined)
  }

  get status(): NameServerStatus[] {
    return this.#links.map((link) => link.status)
  }

  /** Leaves the routes at once; resolves when every name server has heard it, or is beyond reach. */
  async goodbye(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.goodbye()))
  }

  /** Leaves without a word: the name servers notice the silence. */
  close(): void {
    for (const link of this.#links) link.close()
  }
}
