import { setTimeout as sleep } from 'node:timers/promises'
import { type BrokerAddress, type RouteUpdate, type Services } from '@cometmq/protocol'
import type { Connection } from '@cometmq/runtime'
import { sharedNowMs } from './shared-clock.ts'
import type { Observation } from './timeline.ts'

/** What one name server tells those that watch it, for as long as the drill lasts. */
export class RouteWatch implements Disposable {
  readonly #services: Services
  readonly #connection: Connection
  /** In what is told of it. */
  readonly name: string
  readonly #onObservation: (observation: Observation) => void
  #masters: ReadonlyMap<string, BrokerAddress> = new Map()
  #brokers: readonly BrokerAddress[] | undefined
  #isOver = false

  constructor(
    ports: {
      readonly services: Services
      readonly connection: Connection
      readonly onObservation: (observation: Observation) => void
    },
    name: string,
  ) {
    this.#services = ports.services
    this.#connection = ports.connection
    this.#onObservation = ports.onObservation
    this.name = name
    void this.#run()
  }

  /** As it said last; nothing while it is away. */
  masterOf(brokerName: string): BrokerAddress | undefined {
    return this.#masters.get(brokerName)
  }

  /** Masters and slaves; nothing while it is away. */
  get brokers(): readonly BrokerAddress[] {
    return this.#brokers ?? []
  }

  /** Whether it has said anything since it was last away. */
  get isTold(): boolean {
    return this.#brokers !== undefined
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#connection.close()
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#watch()
      // What it said before it went away is not what it would say now.
      this.#masters = new Map()
      this.#brokers = undefined
      await sleep(50)
    }
  }

  #watch(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stream = this.#connection.open(this.#services.routes.Watch)
    stream.receive({
      message: (update) => this.#take(update),
      ended: resolve,
      failed: () => resolve(),
    })
    stream.send({ topics: [], allTopics: false })
    stream.end()
    return promise
  }

  #take({ brokers }: RouteUpdate): void {
    this.#brokers = brokers
    const masters = new Map<string, BrokerAddress>()
    for (const broker of brokers) {
      const other = masters.get(broker.brokerName)
      if (broker.brokerId !== 0 || (other?.epoch ?? -1) > broker.epoch) continue
      masters.set(broker.brokerName, broker)
    }
    for (const name of new Set([...this.#masters.keys(), ...masters.keys()])) {
      const [before, now] = [this.#masters.get(name), masters.get(name)]
      if (before?.address === now?.address && before?.epoch === now?.epoch) continue
      this.#onObservation({
        kind: 'route',
        atMs: sharedNowMs(),
        source: this.name,
        brokerName: name,
        epoch: now?.epoch ?? 0,
        master: now?.address,
      })
    }
    this.#masters = masters
  }
}
