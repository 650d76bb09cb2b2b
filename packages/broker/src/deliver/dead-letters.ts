import assert from 'node:assert/strict'
import {
  CometError,
  deadLetterTopicOf,
  type Message,
  type Origin,
  type RecordBatch,
  retryTopicOf,
  type StateChange,
} from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import type { NextOffsets } from './commit-loop.ts'
import type { DeliveryContext } from './context.ts'
import { copyOf } from './redelivery-by-move.ts'
import { putRetry, type RetryRow } from './retry-entry.ts'
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

/** A batch of dead letters that is a retry again. */
export interface Redriven {
  /** Where it came from first. */
  readonly topic: string
  readonly row: RetryRow
}

/**
 * The dead letters of all groups: one topic for each group, and how far it was cleared. They stay
 * until somebody clears them, or until retention deletes them.
 */
export class DeadLetters {
  readonly #context: DeliveryContext
  readonly #onRetryStored: (group: string, retry: Redriven) => void
  readonly #turns = new Turns()

  constructor(
    context: DeliveryContext,
    parts: {
      /** A retry's row is in the table. Called in the turn of its group. */
      readonly onRetryStored: (group: string, retry: Redriven) => void
    },
  ) {
    this.#context = context
    this.#onRetryStored = parts.onRetryStored
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
      const batches = await this.#read(group, at, this.#context.config.frameMaxBytes)
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
   * Gives the oldest ones to their group again, as retries that are due now with no attempt behind
   * them, and clears them here in the same append. Other groups that read their topic notice
   * nothing. Returns how many.
   *
   * Throws `TOPIC_NOT_FOUND` where their topic is gone, after those before it went;
   * `GROUP_NOT_FOUND` when the group is deleted meanwhile.
   */
  redrive(group: string, maxMessages: number): Promise<number> {
    return this.#turns.run(group, async () => {
      const { minOffset, maxOffset } = this.#bounds(group)
      const end = Math.min(maxOffset, minOffset + maxMessages)
      let moved = 0
      for (;;) {
        await this.#context.loop.room()
        // A turn for each step: whoever wants to become a member need not wait for all of them.
        const step = await this.#context.inTurn(group, () => this.#redriveSome(group, end))
        if (step === 0) return moved
        moved += step
      }
    })
  }

  /** Clears all that are there by now. Returns how many. */
  purge(group: string): Promise<number> {
    return this.#turns.run(group, async () => {
      const { minOffset, maxOffset } = this.#bounds(group)
      if (minOffset < maxOffset) {
        await this.#context.loop.append({ prepare: () => [putCleared(group, maxOffset)] })
      }
      return maxOffset - minOffset
    })
  }

  /** What clears them together with their group. */
  clear(group: string): readonly StateChange[] {
    const { minOffset, maxOffset } = this.#bounds(group)
    return minOffset < maxOffset ? [putCleared(group, maxOffset)] : []
  }

  #bounds(group: string): { minOffset: number; maxOffset: number } {
    const bounds = this.#context.store.bounds(queueOf(group))
    if (bounds === undefined) return { minOffset: 0, maxOffset: 0 }
    const row = this.#context.store.table(DEAD_LETTERS_TABLE).get(Buffer.from(group))
    const cleared = row === undefined ? 0 : clearedBelow(row)
    const { minOffset, maxOffset } = bounds
    return { minOffset: Math.min(Math.max(minOffset, cleared), maxOffset), maxOffset }
  }

  async #read(group: string, from: number, maxBytes: number): Promise<readonly RecordBatch[]> {
    const result = await this.#context.store.read(queueOf(group), { from, maxBytes })
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

  /** Up to a frame of them. Returns how many; 0: none is left below `end`. */
  async #redriveSome(group: string, end: number): Promise<number> {
    this.#context.groups.need(group)
    let at = this.#bounds(group).minOffset
    if (at >= end) return 0
    const copies: RecordBatch[] = []
    for (const batch of await this.#read(group, at, this.#context.config.frameMaxBytes)) {
      const base = batch.baseQueueOffset
      const [from, to] = [Math.max(at, base), Math.min(base + batch.messageCount, end)]
      if (from >= to) break
      const refusal = this.#refusalOf(batch)
      if (refusal !== undefined && copies.length === 0) throw refusal
      if (refusal !== undefined) break
      copies.push(this.#copyBack(group, batch, [from - base, to - base]))
      at = to
    }
    if (copies.length > 0) await this.#appendRetries(group, copies, at)
    return copies.reduce((sum, { messageCount }) => sum + messageCount, 0)
  }

  #refusalOf(batch: RecordBatch): CometError | undefined {
    const topic = originOf(batch).topic
    if (this.#context.topics.get(topic) !== undefined) return undefined
    const message = `dead letters come from topic "${topic}", which is gone; create it, or purge them`
    return new CometError('TOPIC_NOT_FOUND', message)
  }

  #copyBack(group: string, batch: RecordBatch, messages: readonly [number, number]): RecordBatch {
    const origin = originOf(batch)
    const queueOffset = origin.queueOffset + messages[0]
    const reason = 'sent again from the dead letters'
    const dueAtMs = this.#context.clock.nowMs()
    const fresh = { ...origin, queueOffset, attempts: 0, reason, dueAtMs }
    return copyOf(batch, { queue: retryQueueOf(group), messages, origin: fresh })
  }

  async #appendRetries(
    group: string,
    copies: readonly RecordBatch[],
    below: number,
  ): Promise<void> {
    let retries: readonly Redriven[] = []
    await this.#context.loop.append({
      batches: copies,
      prepare: (offsets) => {
        // A topic may have been deleted meanwhile; rows for it would outlive it.
        for (const copy of copies) {
          const refusal = this.#refusalOf(copy)
          if (refusal !== undefined) throw refusal
        }
        retries = copies.map((copy) => retryOf(group, copy, offsets))
        return [
          ...this.#context.topics.defineInternal(retryTopicOf(group)),
          ...retries.map(({ topic, row }) => putRetry(group, topic, row)),
          putCleared(group, below),
        ]
      },
    })
    for (const retry of retries) this.#onRetryStored(group, retry)
  }
}

function queueOf(group: string): QueueKey {
  return { topic: deadLetterTopicOf(group), queueId: 0 }
}

function retryQueueOf(group: string): QueueKey {
  return { topic: retryTopicOf(group), queueId: 0 }
}

/** Every dead letter was sent back from somewhere. */
function originOf(batch: RecordBatch): Origin {
  const { origin } = batch.sections
  assert.ok(origin !== undefined, 'a dead letter has no origin')
  return origin
}

function retryOf(group: string, copy: RecordBatch, offsets: NextOffsets): Redriven {
  const { messageCount } = copy
  const { topic, dueAtMs } = originOf(copy)
  const storedFrom = offsets.take(retryQueueOf(group), messageCount)
  const progress = { doneBelow: 0, done: [], attempted: [] }
  return { topic, row: { dueAtMs, storedFrom, messageCount, delayMs: 0, progress } }
}

/** Eight bytes, big-endian: every dead letter of the group below that offset is cleared. */
export function putCleared(group: string, below: number): StateChange {
  const value = Buffer.alloc(8)
  value.writeBigUInt64BE(BigInt(below))
  return { kind: 'put', table: DEAD_LETTERS_TABLE, key: Buffer.from(group), value }
}

export function clearedBelow(value: Buffer): number {
  return Number(value.readBigUInt64BE(0))
}
