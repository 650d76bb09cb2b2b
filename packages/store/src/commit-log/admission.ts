import { CometError } from '@cometmq/protocol'
import type { Appender, DiskSpace } from '../disk-space.ts'
import type { CommitLog } from './commit-log.ts'
import type { RecordToPlace } from './placement.ts'

const DISK_RETRY_AFTER_MS = 1_000
const BUSY_RETRY_AFTER_MS = 10

/** Whether a group may wait for the log: by the space on the disk, its size, and what waits already. */
export class Admission {
  readonly #log: CommitLog
  readonly #space: DiskSpace
  readonly #maxPendingBytes: number
  #pendingBytes = 0

  constructor(
    parts: { readonly log: CommitLog; readonly space: DiskSpace },
    options: { readonly maxPendingBytes: number },
  ) {
    this.#log = parts.log
    this.#space = parts.space
    this.#maxPendingBytes = options.maxPendingBytes
  }

  /** Of groups that were taken and are not confirmed yet. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Why a group of these records is refused now; `undefined` if it is not. */
  refusal(
    appender: Appender,
    records: readonly RecordToPlace[],
    bytes: number,
  ): CometError | undefined {
    return this.refusalForSpace(appender) ?? this.#refusalForSize(records, bytes)
  }

  refusalForSpace(appender: Appender): CometError | undefined {
    const why = this.#space.refusal(appender)
    if (why === undefined) return undefined
    return new CometError('DISK_FULL', why, { retryAfterMs: DISK_RETRY_AFTER_MS })
  }

  take(bytes: number): void {
    this.#pendingBytes += bytes
  }

  give(bytes: number): void {
    this.#pendingBytes -= bytes
  }

  #refusalForSize(records: readonly RecordToPlace[], bytes: number): CometError | undefined {
    for (const { record } of records) {
      if (this.#log.fits(record.totalBytes)) continue
      return new CometError(
        'BATCH_TOO_LARGE',
        `a record of ${record.totalBytes} bytes does not fit a segment of the log; send smaller batches, or raise segmentMaxBytes`,
      )
    }
    if (this.#pendingBytes === 0 || this.#pendingBytes + bytes <= this.#maxPendingBytes) {
      return undefined
    }
    return new CometError(
      'STORE_BUSY',
      `${this.#pendingBytes} bytes wait for the disk and the in-sync set, ${this.#maxPendingBytes} may`,
      { retryAfterMs: BUSY_RETRY_AFTER_MS },
    )
  }
}
