import assert from 'node:assert/strict'
import { CometError } from './errors.ts'
import { type CommitLogOffset, commitLogOffset } from './offsets.ts'

/** The reign of one master and the commit log offset of its first record. */
export interface EpochEntry {
  readonly epoch: number
  readonly start: CommitLogOffset
}

/**
 * Which master wrote which part of a commit log. An entry ends where the next one starts, the last
 * one at the end of the log. The only authority on lineage: two logs are compared by their
 * histories, never by their lengths.
 *
 * Immutable. Epochs and starts rise strictly, hence no entry but the last is empty.
 */
export class EpochHistory {
  static readonly empty = new EpochHistory([])

  readonly entries: readonly EpochEntry[]

  private constructor(entries: readonly EpochEntry[]) {
    this.entries = entries
  }

  /** Throws `STORE_CORRUPT` unless epochs and starts rise strictly and epochs are from 1. */
  static of(entries: readonly EpochEntry[]): EpochHistory {
    for (const [index, { epoch, start }] of entries.entries()) {
      const before = entries[index - 1]
      if (
        !Number.isSafeInteger(epoch) ||
        epoch < 1 ||
        (before !== undefined && (epoch <= before.epoch || start <= before.start))
      ) {
        throw new CometError('STORE_CORRUPT', `epoch ${epoch} from ${start} is out of order`)
      }
    }
    return entries.length === 0 ? EpochHistory.empty : new EpochHistory([...entries])
  }

  get last(): EpochEntry | undefined {
    return this.entries.at(-1)
  }

  /**
   * The history after a record of `entry` is appended at its start; itself if that is the last
   * entry already.
   *
   * Entries that start there or later are empty and are dropped. Keeping them, or refusing the new
   * one, is how an epoch goes unrecorded and two different tails come to look alike.
   *
   * Throws `STALE_EPOCH` if the epoch does not rise: whoever sends that is not a master to follow.
   */
  append(entry: EpochEntry): EpochHistory {
    const { last } = this
    if (last !== undefined && last.epoch === entry.epoch && last.start === entry.start) return this
    if (last !== undefined && entry.epoch <= last.epoch) {
      throw new CometError(
        'STALE_EPOCH',
        `epoch ${entry.epoch} from ${entry.start} comes after epoch ${last.epoch} from ${last.start}`,
      )
    }
    return EpochHistory.of([...this.#below(entry.start), entry])
  }

  /**
   * The history of the log cut at `to`. An entry that starts exactly there is dropped as well: the
   * log holds nothing of it, and what comes next at `to` may be of another epoch.
   */
  truncate(to: CommitLogOffset): EpochHistory {
    const { last } = this
    return last === undefined || last.start < to ? this : EpochHistory.of(this.#below(to))
  }

  /** The history of the log that starts at `minOffset`: the entry which holds that byte stays first. */
  retain(minOffset: CommitLogOffset): EpochHistory {
    const first = this.entries.findLastIndex(({ start }) => start <= minOffset)
    return first <= 0 ? this : new EpochHistory(this.entries.slice(first))
  }

  /** Whether this very reign, same epoch and same start, wrote a part of the log. */
  has({ epoch, start }: EpochEntry): boolean {
    return this.#indexOf(epoch, start) >= 0
  }

  /** Where the part of `entry` ends in a log of that length. The entry must be one of this history. */
  endOf({ epoch, start }: EpochEntry, maxOffset: CommitLogOffset): CommitLogOffset {
    const index = this.#indexOf(epoch, start)
    assert.ok(index >= 0, `epoch ${epoch} from ${start} is not in this history`)
    return this.entries[index + 1]?.start ?? maxOffset
  }

  /** The entry that wrote the byte at `offset`, were the log so long; undefined below the first. */
  at(offset: CommitLogOffset): EpochEntry | undefined {
    return this.entries.findLast(({ start }) => start <= offset)
  }

  newestFirst(): EpochEntry[] {
    return this.entries.toReversed()
  }

  #below(offset: CommitLogOffset): EpochEntry[] {
    return this.entries.filter(({ start }) => start < offset)
  }

  #indexOf(epoch: number, start: CommitLogOffset): number {
    return this.entries.findIndex((own) => own.epoch === epoch && own.start === start)
  }
}

/** What two members compare before one follows the other. */
export interface Lineage {
  readonly history: EpochHistory
  readonly maxOffset: CommitLogOffset
}

/**
 * Up to where two logs are byte for byte the same; undefined if they have no epoch in common.
 *
 * One incarnation of one broker writes an epoch, in order: inside of it two logs differ only in
 * length. And whoever holds bytes of an epoch was made to agree with its master before it got
 * them. So two logs that share an entry agree up to the smaller end of it.
 *
 * Truncating to the confirm offset instead loses or forks messages (KIP-101, KIP-279).
 */
export function consistentPoint(slave: Lineage, master: Lineage): CommitLogOffset | undefined {
  for (const own of slave.history.newestFirst()) {
    if (master.history.has(own)) {
      return commitLogOffset(
        Math.min(
          slave.history.endOf(own, slave.maxOffset),
          master.history.endOf(own, master.maxOffset),
        ),
      )
    }
  }
  return undefined
}
