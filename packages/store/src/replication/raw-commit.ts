import { CometError, commitLogOffset } from '@cometmq/protocol'
import type { AppendPlan } from '../commit-log/append-plan.ts'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { LogWriter } from '../commit-log/log-writer.ts'
import type { DiskSpace } from '../disk-space.ts'
import type { PlacedRecord } from '../placed-record.ts'
import type { EpochFile } from './epoch-file.ts'
import { placedRecords, planRaw, type RawRecords, readRawRecords } from './raw-records.ts'

/** One cycle takes no more than this, as for a master's own appends. */
const CYCLE_BYTES = 16 * 1024 * 1024

export interface RawCommitParts {
  readonly log: CommitLog
  readonly writer: LogWriter
  readonly epochs: EpochFile
  readonly space: DiskSpace
  readonly isMaster: () => boolean
  /** Called before each cycle; the cycle waits for it. */
  readonly keepUp: () => Promise<void> | undefined
}

/** Which master wrote the bytes. */
export interface RawOrigin {
  readonly epoch: number
  readonly epochStart: number
}

interface WaitingRaw extends RawOrigin {
  readonly raw: RawRecords
  readonly resolve: () => void
  readonly reject: (error: CometError) => void
}

/**
 * Appends of a slave: its master's bytes, unchanged, where they lie on the master. What waits is
 * written at once and synced once. How much may wait is up to the stream that brings it.
 */
export class RawCommit {
  readonly #parts: RawCommitParts
  #waiting: WaitingRaw[] = []
  #running: Promise<void> | undefined

  constructor(parts: RawCommitParts) {
    this.#parts = parts
    parts.writer.onStopped((error) => this.#rejectWaiting(error))
  }

  /**
   * Resolves when the system has the bytes: they are counted as received, and will be flushed.
   *
   * Rejects, and nothing is appended, with `MALFORMED_BATCH`, `CHECKSUM_MISMATCH`, `CONFIG_INVALID`,
   * `OFFSET_OUT_OF_RANGE` unless `offset` is where the log ends, `STALE_EPOCH`, or `DISK_FULL`.
   */
  append(offset: number, bytes: Buffer, origin: RawOrigin): Promise<void> {
    const { writer, space } = this.#parts
    if (writer.refusal !== undefined) return Promise.reject(writer.refusal)
    const why = space.refusal('store')
    if (why !== undefined) return Promise.reject(new CometError('DISK_FULL', why))
    return new Promise((resolve, reject) => {
      // What this throws rejects the promise.
      const raw = readRawRecords(bytes, { offset, epoch: origin.epoch })
      this.#waiting.push({ ...origin, raw, resolve, reject })
      this.#start()
    })
  }

  /** Resolves when everything that waits has been written, or refused. */
  async finish(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#waiting.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    const { writer, keepUp } = this.#parts
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const behind = keepUp()
      if (behind !== undefined) await behind
      let taken: readonly WaitingRaw[] = []
      try {
        await writer.turn(async () => {
          taken = this.#take()
          await this.#cycle(taken)
        })
      } catch (error) {
        writer.stop(error)
        for (const { reject } of taken) reject(writer.refusal as CometError)
      }
    }
  }

  /** Of one epoch: before the next one begins, its entry has to be durable. */
  #take(): WaitingRaw[] {
    let bytes = 0
    let count = 0
    for (const { epoch, raw } of this.#waiting) {
      if (count > 0 && (epoch !== this.#waiting[0]?.epoch || bytes >= CYCLE_BYTES)) break
      bytes += raw.bytes.length
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #cycle(taken: readonly WaitingRaw[]): Promise<void> {
    const { log, writer } = this.#parts
    const plan = log.plan()
    const records: PlacedRecord[] = []
    const accepted: WaitingRaw[] = []
    for (const waiting of taken) {
      try {
        await this.#place(waiting, plan)
      } catch (error) {
        if (!(error instanceof CometError) || error.code === 'STORE_UNUSABLE') throw error
        waiting.reject(error)
        continue
      }
      records.push(...placedRecords(waiting.raw))
      accepted.push(waiting)
    }
    const written = (): void => {
      for (const { resolve } of accepted) resolve()
    }
    const outcome = await writer.commit({ plan, records, written })
    if (outcome === 'flushed') return
    const error = new CometError('DISK_FULL', 'a write found no space')
    for (const { reject } of accepted) reject(error)
  }

  async #place(waiting: WaitingRaw, plan: AppendPlan): Promise<void> {
    const { raw, epoch, epochStart } = waiting
    const { epochs, isMaster } = this.#parts
    if (isMaster()) {
      throw new CometError('STALE_EPOCH', `this member leads, and takes nothing of epoch ${epoch}`)
    }
    if (raw.from !== plan.position) {
      throw new CometError(
        'OFFSET_OUT_OF_RANGE',
        `bytes for log offset ${raw.from} came where the log ends at ${plan.position}`,
      )
    }
    const entry = { epoch, start: commitLogOffset(epochStart) }
    const { last } = epochs.history
    const isKnown = last?.epoch === epoch && last.start === epochStart
    // An epoch that began earlier would claim bytes that others wrote.
    if (!isKnown && epochStart !== raw.from) {
      throw new CometError(
        'STALE_EPOCH',
        `epoch ${epoch} is said to begin at ${epochStart}, and nothing of it is there below ${raw.from}`,
      )
    }
    const mark = plan.mark()
    try {
      planRaw(plan, raw)
    } catch (error) {
      plan.rollBack(mark)
      throw error
    }
    await epochs.append(entry)
  }

  #rejectWaiting(why: CometError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(why)
  }
}
