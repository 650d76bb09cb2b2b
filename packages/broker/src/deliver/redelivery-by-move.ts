import {
  CometError,
  deadLetterTopicOf,
  encodeBatch,
  limits,
  type Message,
  type Origin,
  RecordBatch,
  retryTopicOf,
  toCometError,
} from '@cometmq/protocol'
import type { QueueKey } from '@cometmq/store'
import type { CommitLoop, NextOffsets, Parcel, Work } from './commit-loop.ts'
import { JobLine } from './job-line.ts'
import type { Lease, Move, Parked } from './message-state.ts'
import type { DeliveryConfig, DeliveryPorts } from './ports.ts'
import type { Span } from './range-map.ts'
import type { Redelivery, SendBack } from './redelivery.ts'
import { putRetry, type RetryRow } from './retry-entry.ts'
import { Session } from './sessions.ts'
import type { Source } from './source.ts'

/** Reads for moves under way at once. A whole consumer's window may expire in one moment. */
const MOVES_AT_ONCE = 4

/** A failed delivery, or what was given up on before. */
interface Sent extends Omit<SendBack, 'part'> {
  readonly part: Span<Lease | Parked>
}

interface StoredMessages {
  readonly batch: RecordBatch
  /** By their index in the batch. */
  readonly messages: readonly [first: number, last: number]
}

/**
 * Moves messages whose delivery has failed to the group's retry topic, or to its dead letters: one
 * append carries the message in its new place, the retry's row, and the progress row in which the
 * original is done. A crash leaves both or neither.
 */
export class RedeliveryByMove implements Redelivery {
  readonly #ports: DeliveryPorts
  readonly #config: DeliveryConfig
  readonly #loop: CommitLoop
  readonly #line = new JobLine(MOVES_AT_ONCE)

  constructor(ports: DeliveryPorts, config: DeliveryConfig, loop: CommitLoop) {
    this.#ports = ports
    this.#config = config
    this.#loop = loop
  }

  /**
   * Resolves when all of it has moved, durably. Rejects with what prevented it for a part, which is
   * leased as before then, or ready if its lease has ended.
   */
  sendBack(what: SendBack): Promise<void> {
    return this.#send(what)
  }

  async bury(group: string, source: Source): Promise<boolean> {
    const sent = source.table.parked().map((part) => {
      const { attempts, reason } = part.value
      const to = { kind: 'dead-letters' } as const
      return this.#send({ ...NOTHING_ELSE, group, source, part, attempts, to, reason })
    })
    await allOf(sent, undefined)
    return true
  }

  #send(what: Sent): Promise<void> {
    const { source, part, attempts } = what
    const move: Move = { kind: 'moving', attempts, before: part.value, isCommitting: false }
    source.table.move(part, move)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const moving = { from: part.from, to: part.to, value: move }
    this.#line.add(async () => {
      const { pieces, failure } = await this.#carry(what, moving)
      // The next one's read need not wait for the append of this one.
      allOf(pieces, failure).then(resolve, reject)
    })
    return promise
  }

  /** Reads the messages and hands their copies to the commit loop, batch by batch. */
  async #carry(
    what: Sent,
    moving: Span<Move>,
  ): Promise<{ pieces: Promise<void>[]; failure: CometError | undefined }> {
    const { source } = what
    const pieces: Promise<void>[] = []
    let at = moving.from
    let failure: CometError | undefined
    while (at < moving.to && failure === undefined && !source.isDropped) {
      await this.#loop.room()
      // The batch may move while it is read; what was read is where it was.
      const { shift } = source
      try {
        const range = { from: at + shift, maxBytes: this.#config.frameMaxBytes }
        const result = await this.#ports.store.read(source.stored, range)
        switch (result.kind) {
          case 'caught-up':
            throw new CometError('INTERNAL', 'leased messages are not in their queue')
          case 'too-old': {
            const to = Math.min(result.minOffset - shift, moving.to)
            this.#loseToRetention(what, { ...moving, from: at, to })
            at = to
            break
          }
          case 'batches':
            for (const batch of result.batches) {
              const base = batch.baseQueueOffset - shift
              const to = Math.min(base + batch.messageCount, moving.to)
              if (to <= at) continue
              const messages = [at - base, to - base] as const
              pieces.push(this.#submit(what, { ...moving, from: at, to }, { batch, messages }))
              at = to
            }
            break
        }
      } catch (thrown) {
        failure = toCometError(thrown)
        this.#undo(source, { ...moving, from: at })
      }
    }
    return { pieces, failure }
  }

  /** `moving` are those messages of the batch. Resolves when it is durable, or pointless by now. */
  #submit(asked: Sent, moving: Span<Move>, stored: StoredMessages): Promise<void> {
    const { what, copy } = this.#copy(asked, stored)
    const { source } = what
    // A state of its own, so that it becomes done when it is, and not with the rest of the lease.
    const move: Move = { ...moving.value }
    const piece = { ...moving, value: move }
    source.table.move(moving, move)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let retry: RetryRow | undefined
    const work: Work = {
      bytes: copy.totalBytes,
      prepare: (offsets) => {
        if (source.isDropped || !source.table.isMoving(piece)) {
          source.table.undoMove(piece, undefined)
          resolve()
          return undefined
        }
        move.isCommitting = true
        retry = this.#retryRowOf(what, copy, offsets)
        return this.#parcelOf(what, copy, retry)
      },
      committed: () => {
        source.table.finishMove(piece)
        if (retry !== undefined) what.onRetryStored(retry)
        source.stirred()
        resolve()
      },
      failed: (error) => {
        move.isCommitting = false
        this.#undo(source, piece)
        reject(error)
      },
    }
    this.#loop.submit(work)
    return promise
  }

  #parcelOf(what: Sent, copy: RecordBatch, retry: RetryRow | undefined): Parcel {
    const changes = [...this.#ports.topics.defineInternal(copy.topic)]
    if (retry !== undefined) changes.push(putRetry(what.group, what.source.topic, retry))
    return { batches: [copy], changes, rows: [what.source] }
  }

  #retryRowOf(what: Sent, copy: RecordBatch, offsets: NextOffsets): RetryRow | undefined {
    if (what.to.kind === 'dead-letters') return undefined
    const { messageCount } = copy
    const queue = { topic: copy.topic, queueId: copy.queueId }
    const attempted = [{ from: 0, to: messageCount, attempts: what.attempts }]
    return {
      dueAtMs: copy.sections.origin?.dueAtMs ?? 0,
      storedFrom: offsets.take(queue, messageCount),
      messageCount,
      delayMs: what.to.delayMs,
      progress: { doneBelow: 0, done: [], attempted },
    }
  }

  /**
   * What is sent back, and where to.
   *
   * Brokers store bodies unopened, and so may find only here that one holds anything but messages. No
   * attempt would help: there is an empty dead letter for each of them, which says where they came
   * from and what is wrong. The original stays where it is until retention takes it.
   */
  #copy(what: Sent, stored: StoredMessages): { what: Sent; copy: RecordBatch } {
    const [first, last] = stored.messages
    try {
      return { what, copy: this.#encode(what, stored, stored.batch.messages(first, last)) }
    } catch (thrown) {
      const reason = `cannot be opened: ${toCometError(thrown).message}`
      const { topic, queueId } = what.source.stored
      this.#ports.log.warn({ group: what.group, topic, queueId, reason }, 'messages are unreadable')
      const given = { ...what, to: { kind: 'dead-letters' } as const, reason }
      const standIns = Array.from({ length: last - first }, () => ({ body: Buffer.alloc(0) }))
      return { what: given, copy: this.#encode(given, stored, standIns) }
    }
  }

  /** A batch of their own, with their identity and where they come from. */
  #encode(
    what: Sent,
    { batch, messages }: StoredMessages,
    contents: readonly Message[],
  ): RecordBatch {
    const { group, source, to, attempts, reason } = what
    // The wall clock may have begun its millisecond almost one ago.
    const dueAtMs = to.kind === 'retry' ? this.#ports.clock.nowMs() + 1 + to.delayMs : 0
    const came = cameFrom(source, batch, messages[0])
    return copyOf(batch, {
      queue: {
        topic: to.kind === 'retry' ? retryTopicOf(group) : deadLetterTopicOf(group),
        queueId: 0,
      },
      messages,
      contents,
      origin: { ...came, attempts, reason: cutReason(reason), dueAtMs },
    })
  }

  #loseToRetention({ group, source }: Sent, gone: Span<Move>): void {
    const { topic, queueId } = source.stored
    const fields = { group, topic, queueId, from: gone.from, to: gone.to }
    this.#ports.log.warn(fields, 'messages to be redelivered were deleted by retention')
    source.table.finishMove(gone)
    this.#loop.touch(source)
    source.stirred()
  }

  #undo(source: Source, part: Span<Move>): void {
    const { before } = part.value
    source.table.undoMove(part, this.#still(before))
    this.#loop.touch(source)
    source.stirred()
  }

  /** What came before the move, if it has not ended meanwhile. */
  #still(before: Lease | Parked | undefined): Lease | Parked | undefined {
    if (before?.kind !== 'leased') return before
    const { holder, deadlineMs } = before
    const isHeld =
      holder instanceof Session &&
      holder.state !== 'gone' &&
      deadlineMs > this.#ports.clock.elapsedMs()
    return isHeld ? before : undefined
  }
}

const NOTHING_ELSE = { onRetryStored: () => {}, onDelayed: () => {} }

/**
 * Copies messages `[first, last)` of a batch into one for another queue. Producer and numbers stay,
 * and with them the identity of each message.
 */
export function copyOf(
  batch: RecordBatch,
  change: {
    readonly queue: QueueKey
    readonly messages: readonly [first: number, last: number]
    /** What is in them, where the caller knows. */
    readonly contents?: readonly Message[]
    readonly origin: Origin
  },
): RecordBatch {
  const { producer } = batch
  const [first, last] = change.messages
  const bytes = encodeBatch({
    topic: change.queue.topic,
    queueId: change.queue.queueId,
    producer: { ...producer, baseMessageNumber: producer.baseMessageNumber + first },
    bornTimeMs: batch.bornTimeMs,
    messages: change.contents ?? batch.messages(first, last),
    compression: batch.isCompressed ? 'zstd' : 'none',
    origin: change.origin,
  })
  return RecordBatch.parse(bytes)
}

/** Waits for all of them, then fails with the first failure, if there is one. */
async function allOf(
  pieces: readonly Promise<void>[],
  before: CometError | undefined,
): Promise<void> {
  let failure = before
  for (const result of await Promise.allSettled(pieces)) {
    if (result.status === 'rejected') failure ??= toCometError(result.reason)
  }
  if (failure !== undefined) throw failure
}

/** A message sent back again still comes from where it was sent to first. */
function cameFrom(
  source: Source,
  batch: RecordBatch,
  index: number,
): Pick<Origin, 'topic' | 'queueId' | 'queueOffset' | 'storeTimeMs'> {
  const { origin } = batch.sections
  if (source.isRetry && origin !== undefined) {
    const { topic, queueId, storeTimeMs } = origin
    return { topic, queueId, queueOffset: origin.queueOffset + index, storeTimeMs }
  }
  return {
    topic: batch.topic,
    queueId: batch.queueId,
    queueOffset: batch.baseQueueOffset + index,
    storeTimeMs: batch.storeTimeMs,
  }
}

function cutReason(reason: string): string {
  if (Buffer.byteLength(reason) <= limits.reasonMaxBytes) return reason
  // Cutting a character in two makes a replacement character of three bytes.
  return Buffer.from(reason).toString('utf8', 0, limits.reasonMaxBytes - 3)
}
