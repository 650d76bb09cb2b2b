import assert from 'node:assert/strict'
import { ByteReader, ByteWriter, CometError } from '@cometmq/protocol'
import type { Clock, KeyValueOperation, KeyValueStore, Logger } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { ConfirmedBy } from '../commit-log/confirm-gate.ts'
import { levelPrefix } from '../level-keys.ts'
import type { CheckpointSlots } from './checkpoint.ts'
import type { AppliedStamp, DerivedState, Dispatcher } from './dispatcher.ts'

/** Rows changed since the last checkpoint that memory holds before the next one begins early. */
const RECENT_ROWS_MAX = 50_000

/** The same for queues and windows: what each costs is paid in one go, and holds up everything else. */
const CHANGED_QUEUES_MAX = 4096

/** The writer waits when so many times the bytes of one checkpoint have been applied since the last. */
const LAG_MAX = 4

/** A replay lets everything else have its turn after so much: some ten milliseconds. */
const REPLAY_TURN_BYTES = 16 * 1024 * 1024

export interface CheckpointerParts {
  readonly clock: Clock
  readonly log: Logger
  readonly rows: KeyValueStore
  readonly slots: CheckpointSlots
  readonly commitLog: CommitLog
  readonly dispatcher: Dispatcher
  readonly state: DerivedState
}

interface Frozen {
  readonly appliedOffset: number
  readonly operations: readonly KeyValueOperation[]
  readonly done: () => void
}

/**
 * Carries derived state to level, together with how far the log was applied, so that a restart
 * replays little. Losing what it wrote costs time, not data.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts
  readonly #storeId: string
  readonly #maxBytes: number
  readonly #confirmedBy: ConfirmedBy
  /** In level. */
  #appliedOffset: number
  /** Made, but not in level yet: the disk was full. */
  #frozen: Frozen | undefined
  /** Ends when the work under way has ended; everything here runs one after the other. */
  #last: Promise<void> = Promise.resolve()
  #requested = false
  /** As they are in the slot: how far the log is flushed, and confirmed. */
  #noted = { flushed: -1, confirmed: -1 }
  #yieldedAt = 0

  constructor(
    parts: CheckpointerParts,
    options: {
      readonly storeId: string
      readonly appliedOffset: number
      readonly maxBytes: number
      readonly confirmedBy: ConfirmedBy
    },
  ) {
    this.#parts = parts
    this.#storeId = options.storeId
    this.#appliedOffset = options.appliedOffset
    this.#maxBytes = options.maxBytes
    this.#confirmedBy = options.confirmedBy
  }

  get #isDue(): boolean {
    const { dispatcher, state } = this.#parts
    const { tables, queues, producers } = state
    if (tables.recentRows > RECENT_ROWS_MAX) return true
    if (queues.changedCount + producers.changedCount > CHANGED_QUEUES_MAX) return true
    return dispatcher.appliedOffset - this.#appliedOffset >= this.#maxBytes
  }

  /**
   * Called by the writer between groups: starts a checkpoint when one is due. What it answers holds
   * the writer up: the last checkpoint is far behind, and memory would fill with what level should
   * hold.
   */
  keepUp(failed: (error: unknown) => void): Promise<void> | undefined {
    if (!this.#isDue) return undefined
    if (!this.#requested) {
      this.#requested = true
      this.write()
        .catch(failed)
        .finally(() => {
          this.#requested = false
        })
        .catch(ignore)
    }
    const lag = this.#parts.dispatcher.appliedOffset - this.#appliedOffset
    return lag >= LAG_MAX * this.#maxBytes ? this.#last : undefined
  }

  /** The same while the log is replayed, when nobody waits for anything else. */
  async keepUpWithReplay(): Promise<void> {
    if (this.#isDue) await this.write()
    const { appliedOffset } = this.#parts.dispatcher
    if (appliedOffset - this.#yieldedAt < REPLAY_TURN_BYTES) return
    this.#yieldedAt = appliedOffset
    await this.#parts.clock.yieldTurn()
  }

  /** Brings level up to the applied offset. A full disk is survived: the next one tries again. */
  write(): Promise<void> {
    return this.exclusively(() => this.#write())
  }

  /** Notes beside the log how far it is durable and confirmed, unless it was noted before. */
  async note(): Promise<void> {
    const { flushedOffset, confirmOffset } = this.#parts.commitLog
    const { flushed, confirmed } = this.#noted
    if (flushedOffset === flushed && confirmOffset === confirmed) return
    try {
      await this.writeSlot({ closedCleanly: false })
    } catch (error) {
      if (!isDiskFull(error)) throw error
    }
  }

  /** Notes beside the log how far it is durable. */
  writeSlot(options: {
    readonly closedCleanly: boolean
    readonly minOffset?: number
  }): Promise<void> {
    const { commitLog, slots, dispatcher } = this.#parts
    return this.exclusively(async () => {
      const { epoch, storeTimeMs } = dispatcher.applied
      const { flushedOffset, confirmOffset } = commitLog
      this.#noted = { flushed: flushedOffset, confirmed: confirmOffset }
      await slots.write({
        epoch,
        storeTimeMs,
        flushedOffset,
        confirmOffset,
        minOffset: options.minOffset ?? commitLog.minOffset,
        closedCleanly: options.closedCleanly,
        confirmedBy: this.#confirmedBy,
      })
    })
  }

  /** Level as it is after a checkpoint, for a copy: `undefined` if it holds nothing. */
  exportRows(): Promise<{
    readonly applied: AppliedStamp | undefined
    readonly rows: AsyncIterable<readonly [key: Buffer, value: Buffer]>
  }> {
    const { rows } = this.#parts
    return this.exclusively(async () => {
      await this.#write()
      const applied = readApplied(rows)
      const all = rows.entries({ from: Buffer.alloc(0), to: Buffer.of(0xff) })
      const iterator = all[Symbol.asyncIterator]()
      // What is there at its first step is what it sees.
      return { applied, rows: withoutApplied(await iterator.next(), iterator) }
    })
  }

  /** Runs `work` while no checkpoint is being written. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.then(ignore, ignore)
    return result
  }

  async #write(): Promise<void> {
    this.#frozen ??= await this.#freeze()
    const frozen = this.#frozen
    if (frozen === undefined) return
    try {
      await this.#parts.rows.apply(frozen.operations)
    } catch (error) {
      if (!isDiskFull(error)) throw error
      this.#parts.log.warn({ error }, 'checkpoint put off, the disk is full')
      return
    }
    frozen.done()
    this.#frozen = undefined
    this.#appliedOffset = frozen.appliedOffset
  }

  async #freeze(): Promise<Frozen | undefined> {
    const { state } = this.#parts
    const { applied } = this.#parts.dispatcher
    const { appliedOffset } = applied
    if (appliedOffset === this.#appliedOffset) return undefined
    // No await among these: all of it is as of one applied offset.
    const parts = [state.queues.freeze(), state.producers.freeze(), state.tables.freeze()]
    const row = encodeApplied({ storeId: this.#storeId, ...applied })
    let operations: KeyValueOperation[] = []
    for (const part of parts) operations = operations.concat(await part.operations())
    operations.push({ kind: 'put', key: levelPrefix.applied, value: row })
    const done = (): void => {
      for (const part of parts) part.done()
    }
    return { appliedOffset, operations, done }
  }
}

/** How far the log was applied to the rows in level, and to which log. */
export interface Applied extends AppliedStamp {
  readonly storeId: string
}

export function readApplied(rows: KeyValueStore): Applied | undefined {
  const bytes = rows.get(levelPrefix.applied)
  if (bytes === undefined) return undefined
  const reader = new ByteReader(bytes)
  return {
    storeId: reader.text(),
    appliedOffset: reader.uint64(),
    epoch: reader.uint64(),
    storeTimeMs: reader.uint64(),
  }
}

async function* withoutApplied(
  first: IteratorResult<readonly [key: Buffer, value: Buffer]>,
  iterator: AsyncIterator<readonly [key: Buffer, value: Buffer]>,
): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
  try {
    for (let step = first; step.done !== true; step = await iterator.next()) {
      // It names the store.
      if (!step.value[0].equals(levelPrefix.applied)) yield step.value
    }
  } finally {
    await iterator.return?.()
  }
}

export function encodeApplied(applied: Applied): Buffer {
  const idBytes = Buffer.byteLength(applied.storeId)
  assert.ok(idBytes < 128, 'a store id is long')
  const writer = new ByteWriter(Buffer.allocUnsafe(1 + idBytes + 24))
  writer.text(applied.storeId, idBytes)
  writer.uint64(applied.appliedOffset)
  writer.uint64(applied.epoch)
  writer.uint64(applied.storeTimeMs)
  return writer.bytes
}

function isDiskFull(error: unknown): boolean {
  return error instanceof CometError && error.code === 'DISK_FULL'
}

function ignore(): void {}
