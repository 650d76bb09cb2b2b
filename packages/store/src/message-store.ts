import {
  CometError,
  type CommitLogOffset,
  commitLogOffset,
  type QueueOffset,
  queueOffset,
  type RecordBatch,
} from '@cometmq/protocol'
import type { AppendGroup, AppendLevel, AppendReceipt } from './append-group.ts'
import type { RecoveryReport } from './commit-log/recovery.ts'
import { Scrub, SCRUB_INTERVAL_MS } from './damage/scrub.ts'
import { DataDirectory } from './data-directory.ts'
import { DiskSpace } from './disk-space.ts'
import { openStore, type OpenedStore } from './open-store.ts'
import type { QueueBounds, QueueKey } from './queue-key.ts'
import { type ReadResult, readQueue, recordBytesAt } from './read-queue.ts'
import { Repeating } from './repeating.ts'
import { finishStartingOver } from './replication/starting-over.ts'
import type { ReplicatedLog } from './replication/replicated-log.ts'
import type { StateTable } from './state/state-tables.ts'
import type { StoreConfig, StoreRuntime } from './store-config.ts'
import type { BeforeDelete, StoreListener, Unsubscribe } from './store-listener.ts'
import { type Writing, wireWriting } from './writing.ts'

const MEASURE_INTERVAL_MS = 1_000

export interface StoreStatus {
  readonly minOffset: CommitLogOffset
  readonly maxOffset: CommitLogOffset
  readonly flushedOffset: CommitLogOffset
  readonly confirmOffset: CommitLogOffset
  readonly appliedOffset: CommitLogOffset
  readonly epoch: number
  readonly pendingBytes: number
  /** As last measured, less what was written since. */
  readonly freeBytes: number
  /** Whether producers' batches are accepted. */
  readonly writable: boolean
  readonly whyNotWritable: string | undefined
  readonly damage: DamageStatus
}

/** What came of verifying the log, since the store was opened. */
export interface DamageStatus {
  /** Bytes that were read for nothing else. */
  readonly scrubbedBytes: number
  /** Records that were found to be damaged, */
  readonly foundRecords: number
  /** of which so many were put back as they were, */
  readonly mendedRecords: number
  /** and so many are damaged still. */
  readonly damagedRecords: number
}

/**
 * All that a broker keeps on disk, and the only door to it: the commit log, and what is derived
 * from it.
 */
export class MessageStore implements AsyncDisposable {
  /** Random, made with the folder. */
  readonly storeId: string
  /** What was found when the store was opened. */
  readonly recovery: RecoveryReport
  /** The log as the other members of a broker group see it. */
  readonly log: ReplicatedLog
  /** Rejects when the store has stopped itself: a write or a sync failed. The process should end. */
  readonly failed: Promise<never>
  readonly #directory: DataDirectory
  readonly #parts: OpenedStore
  readonly #config: StoreConfig
  readonly #writing: Writing
  readonly #space: DiskSpace
  readonly #scrub: Scrub
  readonly #hooks = new Set<BeforeDelete>()
  readonly #background: Repeating[]
  #closing: Promise<void> | undefined

  private constructor(
    runtime: StoreRuntime,
    config: StoreConfig,
    opened: { directory: DataDirectory; parts: OpenedStore; space: DiskSpace },
  ) {
    const { directory, parts, space } = opened
    const { clock, log } = runtime
    const { promise, reject } = Promise.withResolvers<never>()
    // Whoever does not look at it must not bring the process down by that.
    promise.catch(() => {})
    this.failed = promise
    this.storeId = directory.storeId
    this.recovery = parts.report
    this.#config = config
    this.#directory = directory
    this.#parts = parts
    this.#space = space
    const hooks = this.#hooks
    const { replicationPath } = directory
    this.#writing = wireWriting(runtime, config, parts, { space, hooks, replicationPath })
    const { writer, replicated, retention, verifier } = this.#writing
    const { commitLog } = parts
    const { scrubBytesPerSecond } = config
    this.#scrub = new Scrub({ log, commitLog, verifier }, scrubBytesPerSecond)
    this.log = replicated
    writer.onStopped((error) => {
      log.error({ error }, 'store stopped')
      reject(error)
    })
    const stop = (error: unknown): void => writer.stop(error)
    this.#background = [
      new Repeating(clock, config.checkpointIntervalMs, () => this.#writeCheckpoint().catch(stop)),
      new Repeating(clock, MEASURE_INTERVAL_MS, async () => {
        try {
          await space.measure()
        } catch (error) {
          log.warn({ error }, 'free space not measured')
        }
      }),
      new Repeating(clock, config.retention.checkIntervalMs, () => retention.run()),
    ]
    if (scrubBytesPerSecond > 0) {
      this.#background.push(new Repeating(clock, SCRUB_INTERVAL_MS, () => this.#scrub.step()))
    }
  }

  /**
   * Opens or makes the store, and replays what was not applied.
   *
   * Throws `STORE_LOCKED`; `STORE_CORRUPT` with segment and byte; `STORE_UNUSABLE`; `DISK_FULL`.
   */
  static async open(runtime: StoreRuntime, config: StoreConfig): Promise<MessageStore> {
    const { files, random } = runtime
    const directory = await DataDirectory.open(files, random, config.directory)
    let store: MessageStore
    try {
      if (await finishStartingOver(files, directory)) {
        runtime.log.warn({ path: directory.path }, 'store is empty, starting over was interrupted')
      }
      const space = new DiskSpace(files, config)
      await space.measure()
      const parts = await openStore(runtime, config, { directory, space })
      store = new MessageStore(runtime, config, { directory, parts, space })
    } catch (error) {
      await directory.release()
      throw error
    }
    try {
      await store.#begin()
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /**
   * Appends all records of the group, or none.
   *
   * Rejects with `STORE_BUSY`, `DISK_FULL`, `BATCH_TOO_LARGE`, `SEQUENCE_GAP`, `SEQUENCE_TOO_OLD`,
   * `PRODUCER_FENCED` or `CLOSED` if nothing was appended; with `STORE_UNUSABLE` when the store
   * stopped, and the outcome is unknown.
   */
  append(group: AppendGroup, level: AppendLevel = 'confirmed'): Promise<AppendReceipt> {
    return this.#writing.commits.append(group, level)
  }

  /**
   * Reads whole batches of one queue, up to `maxBytes` of record bytes yet at least one.
   *
   * Batches are views of shared buffers; copy what is kept for long. Rejects with `RECORD_CORRUPT`
   * if a record fails its checksums.
   */
  read(
    queue: QueueKey,
    range: { readonly from: number; readonly maxBytes: number },
  ): Promise<ReadResult> {
    return readQueue({ queues: this.#parts.state.queues, reader: this.#parts.reader }, queue, range)
  }

  /**
   * The size of the record that holds message `from`, where that is known without reading: a hint
   * for whoever would read in vain as long as there is no room for it.
   */
  recordBytesAt(queue: QueueKey, from: number): number | undefined {
    return recordBytesAt(this.#parts.state.queues, queue, from)
  }

  /** Reads one confirmed record by its place in the log. `OFFSET_OUT_OF_RANGE` if it was deleted. */
  readAt(position: CommitLogOffset): Promise<RecordBatch> {
    return this.#parts.reader.readAt(position)
  }

  /** Of confirmed messages; `undefined` for a queue without any, ever. */
  bounds(queue: QueueKey): QueueBounds | undefined {
    const index = this.#parts.state.queues.get(queue)
    if (index === undefined) return undefined
    return {
      minOffset: queueOffset(index.minOffset),
      maxOffset: queueOffset(index.nextOffset),
    }
  }

  /** Every known queue. */
  *queues(): Generator<QueueKey & QueueBounds> {
    for (const { key, minOffset, nextOffset } of this.#parts.state.queues.all()) {
      const bounds = { minOffset: queueOffset(minOffset), maxOffset: queueOffset(nextOffset) }
      yield { ...key, ...bounds }
    }
  }

  /** The first message stored at `timestampMs` or later; the queue's end if there is none. */
  async offsetAtTime(queue: QueueKey, timestampMs: number): Promise<QueueOffset> {
    const { queues } = this.#parts.state
    const index = queues.get(queue)
    if (index === undefined) return queueOffset(0)
    return queueOffset(await queues.offsetAtTime(index, timestampMs))
  }

  /** Rows as of all confirmed records. The store's own tables have none here. */
  table(name: string): StateTable {
    return this.#parts.state.tables.table(name)
  }

  subscribe(listener: StoreListener): Unsubscribe {
    return this.#parts.dispatcher.subscribe(listener)
  }

  /** Lets the owner carry forward what retention is about to delete. */
  beforeDelete(hook: BeforeDelete): Unsubscribe {
    this.#hooks.add(hook)
    return () => {
      this.#hooks.delete(hook)
    }
  }

  /** Whether the disk has room for what producers send. */
  get hasSpace(): boolean {
    return this.#space.refusal('producer') === undefined
  }

  get status(): StoreStatus {
    const { commitLog, dispatcher, admission, epochs, places } = this.#parts
    const refusal = this.#writing.commits.refusal?.message ?? this.#space.refusal('producer')
    return {
      minOffset: commitLogOffset(commitLog.minOffset),
      maxOffset: commitLogOffset(commitLog.maxOffset),
      flushedOffset: commitLogOffset(commitLog.flushedOffset),
      confirmOffset: commitLogOffset(commitLog.confirmOffset),
      appliedOffset: commitLogOffset(dispatcher.appliedOffset),
      epoch: epochs.history.last?.epoch ?? 0,
      pendingBytes: admission.pendingBytes,
      freeBytes: this.#space.freeBytes,
      writable: refusal === undefined,
      whyNotWritable: refusal,
      damage: {
        scrubbedBytes: this.#scrub.readBytes,
        foundRecords: places.foundRecords,
        mendedRecords: places.mendedRecords,
        damagedRecords: places.stored.length,
      },
    }
  }

  /**
   * What is confirmed now is so after any crash, too: without it a member learns that anew from its
   * master, as far as it had not been noted.
   */
  noteConfirmed(): Promise<void> {
    return this.#parts.checkpointer.note()
  }

  /** Refuses new appends, finishes the waiting ones, and marks the store as closed cleanly. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A store that is in no group leads from the beginning on; the first epoch begins with the log. */
  async #begin(): Promise<void> {
    if (this.#config.confirm === 'external') return
    const { last } = this.log.epochs
    if (last === undefined) await this.log.lead({ epoch: 1 })
    else this.#writing.commits.goOn(last.epoch)
  }

  async #writeCheckpoint(): Promise<void> {
    const { checkpointer } = this.#parts
    await checkpointer.write()
    await checkpointer.note()
  }

  async #close(): Promise<void> {
    const { rows, slots, commitLog, checkpointer, gate } = this.#parts
    const { writer, commits, raws, verifier } = this.#writing
    await verifier.close()
    await writer.close()
    await commits.finish()
    await raws.finish()
    // Of a group: whether it will be confirmed is not known here.
    gate.abandon(
      new CometError('NOT_CONFIRMED', 'the store was closed before the in-sync set had it'),
    )
    for (const work of this.#background) await work.stop()
    try {
      if (!writer.hasFailed) {
        await checkpointer.write()
        await checkpointer.writeSlot({ closedCleanly: true })
      }
    } finally {
      await rows.close()
      await slots.close()
      await commitLog.close()
      await this.#directory.release()
    }
  }
}
