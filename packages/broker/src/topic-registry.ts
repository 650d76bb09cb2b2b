import { CometError, type StateChange, type TopicDefinition } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'

export const TOPICS_TABLE = 'topics'

/** An applied change of one topic; `before` is missing for a new one, `now` for a deleted one. */
export interface TopicChange {
  readonly topic: string
  readonly before: TopicDefinition | undefined
  readonly now: TopicDefinition | undefined
}

/**
 * The topics of this broker group, and who may use them: what the applied changes of the log say,
 * so that every replica knows the same. Whoever wants to change a topic appends `putTopic` or
 * `deleteTopic`.
 */
export class TopicRegistry {
  readonly #topics = new Map<string, TopicDefinition>()
  /** Topics that are being deleted: nothing may follow the deletion into the log. */
  readonly #leaving = new Set<string>()
  readonly #listeners = new Set<(change: TopicChange) => void>()

  readonly #clock: Clock

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Reads the table and follows its changes from then on. */
  static async open(store: MessageStore, clock: Clock): Promise<TopicRegistry> {
    const registry = new TopicRegistry(clock)
    // Before the scan, so that no change falls between the two. What the scan then reads of a
    // topic that has changed meanwhile is as old or as new as what was heard.
    let heard: Set<string> | undefined = new Set<string>()
    store.subscribe({
      changed: (changes) => {
        for (const change of changes) {
          if (change.table !== TOPICS_TABLE || change.kind === 'delete-range') continue
          const topic = change.key.toString()
          heard?.add(topic)
          registry.#apply(topic, change.kind === 'put' ? decodeTopic(change.value) : undefined)
        }
      },
    })
    for await (const [key, value] of store.table(TOPICS_TABLE).entries()) {
      const topic = key.toString()
      if (!heard.has(topic)) registry.#apply(topic, decodeTopic(value))
    }
    heard = undefined
    return registry
  }

  /** `undefined`: not there, or on its way out. */
  get(topic: string): TopicDefinition | undefined {
    return this.#leaving.size > 0 && this.#leaving.has(topic) ? undefined : this.#topics.get(topic)
  }

  /** As `get`; throws `TOPIC_NOT_FOUND`. */
  need(topic: string): TopicDefinition {
    const definition = this.get(topic)
    if (definition === undefined) throw topicNotFound(topic)
    return definition
  }

  /** The topic, if it has that queue. Throws `TOPIC_NOT_FOUND` or `QUEUE_NOT_FOUND`. */
  needQueue(topic: string, queueId: number): TopicDefinition {
    const definition = this.need(topic)
    if (queueId < definition.queueCount) return definition
    throw new CometError(
      'QUEUE_NOT_FOUND',
      `topic "${topic}" has ${definition.queueCount} queues here, numbered from 0; there is no queue ${queueId}`,
    )
  }

  get size(): number {
    return this.#topics.size
  }

  all(): IterableIterator<TopicDefinition> {
    return this.#topics.values()
  }

  /** Called after each applied change, in the order of the log. */
  onChange(listener: (change: TopicChange) => void): void {
    this.#listeners.add(listener)
  }

  /**
   * Hides a topic until its deletion is applied, or until the answer is called because it failed.
   * What was appended to it before lies before the deletion in the log; nothing comes after.
   */
  hide(topic: string): () => void {
    this.#leaving.add(topic)
    return () => this.#leaving.delete(topic)
  }

  /**
   * The changes that define one of the broker's own topics (retry, dead letters), with one queue and
   * closed to producers; none if it is defined. To be appended with the topic's first message.
   */
  defineInternal(topic: string): readonly StateChange[] {
    if (this.#topics.has(topic)) return []
    const definition: TopicDefinition = {
      topic,
      type: 'normal',
      queueCount: 1,
      readable: true,
      writable: false,
      ackLevel: { flush: 'sync', replicas: 'in-sync' },
      version: 1,
      createdAtMs: this.#clock.nowMs(),
    }
    return [putTopic(definition)]
  }

  #apply(topic: string, now: TopicDefinition | undefined): void {
    const before = this.#topics.get(topic)
    if (now === undefined) {
      this.#topics.delete(topic)
      this.#leaving.delete(topic)
    } else {
      this.#topics.set(topic, now)
    }
    for (const listener of this.#listeners) listener({ topic, before, now })
  }
}

export function topicNotFound(topic: string): CometError {
  return new CometError(
    'TOPIC_NOT_FOUND',
    `there is no topic "${topic}" on this broker; create it, or correct the name`,
  )
}

/** The row of one topic. */
export function putTopic(definition: TopicDefinition): StateChange {
  return {
    kind: 'put',
    table: TOPICS_TABLE,
    key: Buffer.from(definition.topic),
    value: Buffer.from(JSON.stringify(definition)),
  }
}

export function deleteTopic(topic: string): StateChange {
  return { kind: 'delete', table: TOPICS_TABLE, key: Buffer.from(topic) }
}

/** As the rows have it now. */
export function topicIn(
  store: Pick<MessageStore, 'table'>,
  topic: string,
): TopicDefinition | undefined {
  const value = store.table(TOPICS_TABLE).get(Buffer.from(topic))
  return value === undefined ? undefined : decodeTopic(value)
}

function decodeTopic(value: Buffer): TopicDefinition {
  return JSON.parse(value.toString()) as TopicDefinition
}
