import type { MessageStore, QueueKey } from '@cometmq/store'
import type { TopicRegistry } from '../topic-registry.ts'

/** Whom to call when a queue has something new, or its topic has changed. Each call is made once. */
export class QueueWakeups {
  readonly #byTopic = new Map<string, Map<number, Set<() => void>>>()

  constructor(store: MessageStore, topics: TopicRegistry) {
    store.subscribe({ appended: ({ queue }) => this.#wake(queue) })
    topics.onChange(({ topic }) => {
      for (const queueId of this.#byTopic.get(topic)?.keys() ?? []) this.#wake({ topic, queueId })
    })
  }

  wait({ topic, queueId }: QueueKey, wake: () => void): void {
    let byQueue = this.#byTopic.get(topic)
    if (byQueue === undefined) this.#byTopic.set(topic, (byQueue = new Map()))
    const waiting = byQueue.get(queueId)
    if (waiting === undefined) byQueue.set(queueId, new Set([wake]))
    else waiting.add(wake)
  }

  cancel({ topic, queueId }: QueueKey, wake: () => void): void {
    const byQueue = this.#byTopic.get(topic)
    const waiting = byQueue?.get(queueId)
    if (byQueue === undefined || waiting === undefined) return
    waiting.delete(wake)
    if (waiting.size === 0) byQueue.delete(queueId)
    if (byQueue.size === 0) this.#byTopic.delete(topic)
  }

  #wake({ topic, queueId }: QueueKey): void {
    const byQueue = this.#byTopic.get(topic)
    const waiting = byQueue?.get(queueId)
    if (byQueue === undefined || waiting === undefined) return
    byQueue.delete(queueId)
    if (byQueue.size === 0) this.#byTopic.delete(topic)
    for (const wake of waiting) wake()
  }
}
