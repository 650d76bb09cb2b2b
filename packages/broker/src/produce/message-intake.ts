import {
  CometError,
  type PublishRequest,
  type PublishResponse,
  type RecordBatch,
} from '@cometmq/protocol'
import type { MessageStream } from '@cometmq/runtime'
import { appendLevelOf, replicationTimeout } from './ack-level.ts'
import { type IntakeLimits, PublishBudget } from './publish-budget.ts'
import { type IntakePorts, PublishStream } from './publish-stream.ts'

/** Takes in what producers send, over any number of streams. */
export class MessageIntake {
  readonly #ports: IntakePorts
  readonly #budget: PublishBudget
  readonly #streams = new Set<PublishStream>()

  /** `mayTake`: why this broker takes nothing right now. */
  constructor(ports: IntakePorts, limits: IntakeLimits, mayTake?: () => CometError | undefined) {
    this.#ports = ports
    this.#budget = new PublishBudget(limits, mayTake)
  }

  /** Bytes taken and not answered. */
  get pendingBytes(): number {
    return this.#budget.pendingBytes
  }

  /** Serves one `Publish` stream until it ends. */
  accept(stream: MessageStream<PublishResponse, PublishRequest>): void {
    const { counters } = this.#ports
    const publishing = new PublishStream(this.#ports, this.#budget, stream)
    this.#streams.add(publishing)
    counters.publishStreams++
    publishing.start(() => {
      this.#streams.delete(publishing)
      counters.publishStreams--
    })
  }

  /**
   * Takes batches of one topic that this process has made: all of them or none. Resolves to the
   * queue offset of the first message of each. Throws `TOPIC_NOT_FOUND`, `NOT_ALLOWED`,
   * `OVERLOADED`, `DRAINING`, `IN_SYNC_SET_TOO_SMALL`, `REPLICATION_TIMEOUT`, and what the store says.
   */
  async append(batches: readonly RecordBatch[]): Promise<readonly number[]> {
    const { store, topics, counters } = this.#ports
    const [first] = batches
    if (first === undefined) return []
    const topic = topics.needQueue(first.topic, first.queueId)
    if (!topic.writable) {
      throw new CometError('NOT_ALLOWED', `topic "${topic.topic}" takes no messages`)
    }
    const { refusal } = this.#budget
    if (refusal !== undefined) throw refusal
    const copies = this.#ports.copies?.()
    const level = appendLevelOf(topic, copies)
    const bytes = batches.reduce((sum, batch) => sum + batch.totalBytes, 0)
    this.#budget.took(bytes)
    try {
      const records = batches.map((batch) => ({
        kind: 'batch' as const,
        batch,
        idempotent: false,
      }))
      const appended = store.append({ records }, level)
      const isLimited = copies !== undefined && level === 'confirmed'
      const receipt = await (isLimited ? this.#inTime(appended) : appended)
      counters.bytesIn += bytes
      for (const batch of batches) counters.messagesIn += batch.messageCount
      return receipt.records.map(({ baseQueueOffset }) => baseQueueOffset ?? 0)
    } finally {
      this.#budget.answered(bytes, 1)
    }
  }

  /** Rejects with `REPLICATION_TIMEOUT` if it has not resolved by then. */
  async #inTime<T>(appended: Promise<T>): Promise<T> {
    const { syncTimeoutMs } = this.#budget.limits
    const late = Promise.withResolvers<never>()
    const timer = this.#ports.clock.schedule(syncTimeoutMs, () => {
      late.reject(replicationTimeout(syncTimeoutMs))
    })
    try {
      return await Promise.race([appended, late.promise])
    } finally {
      timer.cancel()
    }
  }

  /**
   * Refuses batches that come from now on with `DRAINING`, and resolves when those taken before are
   * answered.
   */
  drain(): Promise<void> {
    return this.#budget.drain()
  }

  /** Ends every stream properly, after `drain`. */
  end(): void {
    for (const stream of this.#streams) stream.end()
  }
}
