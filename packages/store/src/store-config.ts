import type { Runtime } from '@cometmq/runtime'
import type { ConfirmedBy } from './commit-log/confirm-gate.ts'

/** The ports a store needs. */
export type StoreRuntime = Pick<Runtime, 'clock' | 'files' | 'keyValueStores' | 'random' | 'log'>

/** How a store behaves. Sizes in bytes, times in milliseconds. */
export interface StoreConfig {
  /** The data folder; made if it is missing, taken for this process while the store is open. */
  readonly directory: string
  /** Size of one commit log file. No record, with a header more, may be larger. */
  readonly segmentMaxBytes: number
  readonly retention: RetentionConfig
  /** Who says what is confirmed. `external`: a member of a broker group, whose log others hold, too. */
  readonly confirm: ConfirmedBy
  /** With less free space, producers' batches are refused with `DISK_FULL`. */
  readonly minFreeBytes: number
  /** With less free space, the broker's own records are refused, too. */
  readonly hardFreeBytes: number
  /** Records handed in and not yet confirmed; beyond it appends are refused with `STORE_BUSY`. */
  readonly maxPendingBytes: number
  /** Derived state is written to level this often, if it changed … */
  readonly checkpointIntervalMs: number
  /** … and as soon as so much of the log has been applied since. Bounds what a restart replays. */
  readonly checkpointBytes: number
  /** Recently appended records kept in memory for consumers that keep up. */
  readonly tailCacheBytes: number
  /** Chunks of the log kept in memory for consumers that have fallen behind. */
  readonly readCacheBytes: number
  /** What was cut from the log when another master was followed is kept in files, the newest so far. */
  readonly cutKeptBytes: number
  /** So much of the log is read and verified each second, again and again; 0: none. */
  readonly scrubBytesPerSecond: number
}

/** When whole sealed segments are deleted, oldest first. `Infinity`, or 0 free bytes, is off. */
export interface RetentionConfig {
  readonly maxAgeMs: number
  readonly maxBytes: number
  /** Old segments are deleted to keep this much space free. */
  readonly minFreeBytes: number
  readonly checkIntervalMs: number
}

const MIB = 1024 * 1024

/** The defaults, with what the caller wants otherwise. */
export function storeConfig(
  directory: string,
  changes: Partial<Omit<StoreConfig, 'directory'>> = {},
): StoreConfig {
  return {
    directory,
    // Deleting one frees a noticeable part of a small disk, and ten of them are no burden to list.
    segmentMaxBytes: 256 * MIB,
    retention: {
      maxAgeMs: 72 * 3_600_000,
      maxBytes: Number.POSITIVE_INFINITY,
      // Off: what was acknowledged is not deleted early unless somebody asks for it.
      minFreeBytes: 0,
      checkIntervalMs: 10_000,
    },
    confirm: 'self',
    minFreeBytes: 1024 * MIB,
    hardFreeBytes: 256 * MIB,
    maxPendingBytes: 64 * MIB,
    checkpointIntervalMs: 1_000,
    // Replayed in well under a second.
    checkpointBytes: 64 * MIB,
    tailCacheBytes: 16 * MIB,
    readCacheBytes: 16 * MIB,
    cutKeptBytes: 1024 * MIB,
    // A segment in 17 minutes, and a hundred of them in a day; nobody notices it beside other reads.
    scrubBytesPerSecond: 256 * 1024,
    ...changes,
  }
}
