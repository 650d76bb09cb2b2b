import { CometError, isInternalTopic, type StateChange } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import { deleteQueuesOf, type MessageStore } from '@cometmq/store'
import type { DeliveryEngine } from './deliver/delivery.ts'
import { deletePositionsOf } from './read/positions.ts'
import {
  editedTopic,
  newTopic,
  type TopicDefaults,
  type TopicEdit,
  type TopicWish,
} from './topic-definition.ts'
import { deleteTopic, putTopic, type TopicRegistry } from './topic-registry.ts'

/** Changes of topics that wait for their turn; an operator's script may not fill the memory. */
const MAX_WAITING = 1_024

/**
 * Creates, edits and deletes topics, one after the other: what a change starts from is read when its
 * turn comes and is still true when it is appended.
 */
export class TopicAdmin {
  readonly #store: MessageStore
  readonly #topics: TopicRegistry
  readonly #clock: Clock
  readonly #defaults: TopicDefaults
  readonly #delivery: Pick<DeliveryEngine, 'deleteTopic'>
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: {
    readonly store: MessageStore
    readonly topics: TopicRegistry
    readonly clock: Clock
    readonly defaults: TopicDefaults
    readonly delivery: Pick<DeliveryEngine, 'deleteTopic'>
  }) {
    this.#store = parts.store
    this.#topics = parts.topics
    this.#clock = parts.clock
    this.#defaults = parts.defaults
    this.#delivery = parts.delivery
  }

  /**
   * Throws what makes the wish itself impossible: `ILLEGAL_NAME`, `ILLEGAL_ARGUMENT`,
   * `UNSUPPORTED`.
   */
  checkWish(wish: TopicWish): void {
    newTopic(wish, this.#defaults, 0)
  }

  /** `false`: it is there and `ifMissing` is given. Throws `TOPIC_EXISTS` and what `checkWish` does. */
  create(wish: TopicWish, options: { readonly ifMissing: boolean }): Promise<boolean> {
    return this.#inTurn(async () => {
      const definition = newTopic(wish, this.#defaults, this.#clock.nowMs())
      if (this.#topics.get(wish.topic) !== undefined) {
        if (options.ifMissing) return false
        throw new CometError('TOPIC_EXISTS', `topic "${wish.topic}" exists; edit it instead`)
      }
      await this.#append([putTopic(definition)])
      return true
    })
  }

  /** Whether it changed anything. Throws `TOPIC_NOT_FOUND` or `ILLEGAL_ARGUMENT`. */
  edit(topic: string, edit: TopicEdit): Promise<boolean> {
    return this.#inTurn(async () => {
      const before = this.#topics.need(topic)
      refuseInternal(topic)
      const now = editedTopic(before, edit)
      if (now === before) return false
      await this.#append([putTopic(now)])
      return true
    })
  }

  /**
   * Deletes definition, queues and every position in it, all in one append, so that a topic made
   * anew under the name begins with nothing. Throws `TOPIC_NOT_FOUND`, and what the store says: then
   * everything is as it was.
   */
  delete(topic: string): Promise<boolean> {
    return this.#inTurn(async () => {
      this.#topics.need(topic)
      refuseInternal(topic)
      await this.#delivery.deleteTopic(topic, [
        deleteTopic(topic),
        deleteQueuesOf(topic),
        deletePositionsOf(topic),
      ])
      return true
    })
  }

  async #append(changes: readonly StateChange[]): Promise<void> {
    await this.#store.append({ records: [{ kind: 'change', changes }] }, 'confirmed')
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new CometError('OVERLOADED', `${MAX_WAITING} changes of topics wait; try again later`, {
        retryAfterMs: 1_000,
      })
    }
    this.#waiting++
    const turn = this.#last.then(work).finally(() => this.#waiting--)
    this.#last = turn.catch(() => {})
    return turn
  }
}

function refuseInternal(topic: string): void {
  if (!isInternalTopic(topic)) return
  throw new CometError(
    'ILLEGAL_ARGUMENT',
    `"${topic}" belongs to a group; purge its dead letters or delete the group instead`,
  )
}
