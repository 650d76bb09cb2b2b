import type { StateChange } from '@cometmq/protocol'
import type { DeliveryContext } from './context.ts'
import type { GroupDelivery } from './group-delivery.ts'

const PARKED_TABLE = 'parked'

/** Of that group and topic some messages are parked, says whoever put them into a row. */
export function putParked(group: string, topic: string): StateChange {
  return { kind: 'put', table: PARKED_TABLE, key: keyOf(group, topic), value: Buffer.alloc(0) }
}

/**
 * Takes what slaves gave up on while they stood in to the dead letters, also of groups that have no
 * members now. What is parked in retries that are not in memory follows when they come there.
 */
export class Burial {
  readonly #context: DeliveryContext
  readonly #groupOf: (name: string) => GroupDelivery
  #isRunning = false
  #isDone = false

  constructor(context: DeliveryContext, groupOf: (name: string) => GroupDelivery) {
    this.#context = context
    this.#groupOf = groupOf
  }

  /** Called from time to time; does nothing once all rows have been seen to. */
  async goOn(): Promise<void> {
    if (this.#isRunning || this.#isDone) return
    this.#isRunning = true
    try {
      for await (const [key] of this.#context.store.table(PARKED_TABLE).entries()) {
        const at = key.indexOf(0)
        await this.#bury(key.toString('utf8', 0, at), key.toString('utf8', at + 1))
      }
      this.#isDone = true
    } catch (thrown) {
      this.#context.log.warn({ error: thrown }, 'parked messages are not dead letters yet')
    } finally {
      this.#isRunning = false
    }
  }

  async #bury(group: string, topic: string): Promise<void> {
    const { groups, topics, redelivery, loop } = this.#context
    const delivery = await this.#context.inTurn(group, async () => {
      if (groups.get(group) === undefined || topics.get(topic) === undefined) return undefined
      const loaded = await this.#groupOf(group).load(topic)
      loaded.pins++
      return loaded
    })
    try {
      const sources = [...(delivery?.sources() ?? [])]
      const buried = await Promise.all(sources.map((source) => redelivery.bury(group, source)))
      if (buried.includes(false)) return
      const key = keyOf(group, topic)
      await loop.append({ prepare: () => [{ kind: 'delete', table: PARKED_TABLE, key }] })
    } finally {
      if (delivery !== undefined) delivery.pins--
    }
  }
}

/** Names of groups hold no zero byte. */
function keyOf(group: string, topic: string): Buffer {
  return Buffer.from(`${group}\0${topic}`)
}
