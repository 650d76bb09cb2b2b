import {
  CometError,
  deadLetterTopicOf,
  type Message,
  type Origin,
  type RecordBatch,
  type StateChange,
} from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import type { CommitLoop } from './commit-loop.ts'
import type { DeliveryConfig, DeliveryPorts } from './ports.ts'
import { copyOf } from './redelivery.ts'
import { Turns } from './turns.ts'

const DEAD_LETTERS_TABLE = 'deadletters'

/** A message that its group gave up on. */
export interface DeadLetter {
  readonly offset: number
  readonly message: Message
  readonly messageId: string
  /** The record that it is part of. */
  readonly batch: RecordBatch
}

/**
 * The dead letters of all groups: one topic for each group, and how far it was cleared. They stay
 * until somebody clears them, or until retention deletes them.
 */
export class DeadLetters {
  readonly #ports: DeliveryPorts
  readonly #config: DeliveryConfig
  readonly #loop: CommitLoop
  readonly #turns = new Turns()

  constructor(ports: DeliveryPorts, config: DeliveryConfig, loop: CommitLoop) {
    this.#ports = ports
    this.#config = config
    this.#loop = loop
  }

  count(group: string): number {
    const { minOffset, maxOffset } = this.#bounds(group)
    return maxOffset - minOffset
  }

  /** When the oldest was given up on; 0 if there is none. */
  async oldestStoreTimeMs(group: string): Promise<number> {
    const { minOffset, maxOffset } = this.#bounds(group)
    if (minOffset === maxOffset) return 0
    const [batch] = await this.#read(group, minOffset, 1)
    return batch?.storeTimeMs ?? 0
  }

  /** The oldest ones from `from` on. */
  async peek(
    group: string,
    range: { readonly from: number; readonly maxMessages: number },
  ): Promise<DeadLetter[]> {
    const { minOffset, maxOffset } = this.#bounds(group)
    const letters: DeadLetter[] = []
    let at = Math.max(range.from, minOffset)
    while (at < maxOffset && letters.length < range.maxMessages) {
      const batches = await this.#read(group, at, this.#config.frameMaxBytes)
      for (const batch of batches) {
        const base = batch.baseQueueOffset
        const end = Math.min(base + batch.messageCount, at + range.maxMessages - letters.length)
        for (const [index, message] of batch.messages(at - base, end - base).entries()) {
          const messageId = batch.messageId(at - base + index, message)
          letters.push({ offset: at + index, message, messageId, batch })
        }
        at = base + batch.messageCount
        if (letters.length >= range.maxMessages) break
      }
      if (batches.length === 0) break
    }
    return letters
  }

  /**
   * Sends the oldest ones to the topic that they come from, as new messages with no attempt behind
   * them, and clears them here in the same append. Returns how many.
   *
   * Throws `TOPIC_NOT_FOUND` or `NOT_ALLOWED` where a topic takes none, after those before it went.
   */
  redrive(group: string, maxMessages: number): Promise<number> {
    return this.#turns.run(group, async () => {
      const { minOffset, maxOffset } = this.#bounds(group)
      const end = Math.min(maxOffset, minOffset + maxMessages)
      let at = minOffset
      while (at < end) {
        const batches = await this.#read(group, at, this.#config.frameMaxBytes)
        if (batches.length === 0) break
        const copies: RecordBatch[] = []
        let refusal: CometError | undefined
        for (const batch of batches) {
          const base = batch.baseQueueOffset
          const to = Math.min(base + batch.messageCount, end)
          if (at >= to) break
          refusal = this.#refusalOf(batch)
          if (refusal !== undefined) break
          copies.push(this.#copyBack(batch, [at - base, to - base]))
          at = to
        }
        if (copies.length > 0) await this.#append(copies, [putCleared(group, at)])
        if (refusal !== undefined) throw refusal
      }
      return at - minOffset
    })
  }

  /** Clears all that are there by now. Returns how many. */
  purge(group: string): Promise<number> {
    return this.#turns.run(group, async () => {
      const { minOffset, maxOffset } = this.#bounds(group)
      if (minOffset < maxOffset) await this.#append([], [putCleared(group, maxOffset)])
      return maxOffset - minOffset
    })
  }

  /** What clears them together with their group. */
  clear(group: string): readonly StateChange[] {
    const { minOffset, maxOffset } = this.#bounds(group)
    return minOffset < maxOffset ? [putCleared(group, maxOffset)] : []
  }

  #bounds(group: string): { minOffset: number; maxOffset: number } {
    const bounds = this.#ports.store.bounds(queueOf(group))
    if (bounds === undefined) return { minOffset: 0, maxOffset: 0 }
    const row = this.#ports.store.table(DEAD_LETTERS_TABLE).get(Buffer.from(group))
    const cleared = row === undefined ? 0 : Number(row.readBigUInt64BE(0))
    const { minOffset, maxOffset } = bounds
    return { minOffset: Math.min(Math.max(minOffset, cleared), maxOffset), maxOffset }
  }

  async #read(group: string, from: number, maxBytes: number): Promise<readonly RecordBatch[]> {
    const result = await this.#ports.store.read(queueOf(group), { from, maxBytes })
    switch (result.kind) {
      case 'batches':
        return result.batches
      case 'caught-up':
        return []
      case 'too-old':
        // Deleted since the bounds were read.
        return this.#read(group, result.minOffset, maxBytes)
    }
  }

  #refusalOf(batch: RecordBatch): CometError | undefined {
    const topic = batch.sections.origin?.topic ?? ''
    const definition = this.#ports.topics.get(topic)
    if (definition === undefined) {
      const message = `dead letters come from topic "${topic}", which is gone; create it, or purge them`
      return new CometError('TOPIC_NOT_FOUND', message)
    }
    if (definition.writable) return undefined
    const message = `topic "${topic}" takes no messages; make it writable first`
    return new CometError('NOT_ALLOWED', message)
  }

  #copyBack(batch: RecordBatch, messages: readonly [number, number]): RecordBatch {
    const origin = batch.sections.origin as Origin
    const queueCount = this.#ports.topics.get(origin.topic)?.queueCount ?? 1
    const queue = { topic: origin.topic, queueId: origin.queueId % queueCount }
    const queueOffset = origin.queueOffset + messages[0]
    const reason = 'sent again from the dead letters'
    const fresh = { ...origin, queueOffset, attempts: 0, reason, dueAtMs: 0 }
    return copyOf(batch, { queue, messages, origin: fresh })
  }

  #append(batches: readonly RecordBatch[], changes: readonly StateChange[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#loop.submit({
      bytes: batches.reduce((sum, batch) => sum + batch.totalBytes, 0),
      prepare: () => ({ batches, changes, rows: [] }),
      committed: resolve,
      failed: reject,
    })
    return promise
  }
}

function queueOf(group: string): QueueKey {
  return { topic: deadLetterTopicOf(group), queueId: 0 }
}

function putCleared(group: string, below: number): StateChange {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(below))
  return { kind: 'put', table: DEAD_LETTERS_TABLE, key: Buffer.from(group), value }
}
