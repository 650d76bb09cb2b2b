import { setTimeout as sleep } from 'node:timers/promises'
import type { BrokerDescription, Services } from '@cometmq/protocol'
import type { Connection } from '@cometmq/runtime'

/** How often a member is looked at: what it says is that much too late. */
const LOOK_MS = 50
/** Who takes longer does not answer. */
const ANSWER_MS = 1_000

/** What one broker says of itself, for as long as a drill lasts. */
export class MemberWatch implements Disposable {
  readonly #connection: Connection
  readonly #services: Services
  readonly #onDescription: (description: BrokerDescription) => void
  #latest: BrokerDescription | undefined
  #isOver = false

  constructor(
    ports: { readonly services: Services; readonly connection: Connection },
    onDescription: (description: BrokerDescription) => void,
  ) {
    this.#services = ports.services
    this.#connection = ports.connection
    this.#onDescription = onDescription
    void this.#run()
  }

  /** Undefined while it does not answer. */
  get latest(): BrokerDescription | undefined {
    return this.#latest
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#connection.close()
  }

  async #run(): Promise<void> {
    const { admin } = this.#services
    while (!this.#isOver) {
      try {
        const call = { timeoutMs: ANSWER_MS }
        this.#latest = await this.#connection.call(admin.DescribeBroker, {}, call)
        this.#onDescription(this.#latest)
      } catch {
        this.#latest = undefined
      }
      await sleep(LOOK_MS)
    }
  }
}
