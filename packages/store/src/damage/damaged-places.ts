import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import type { Logger } from '@cometmq/runtime'
import type { CommitLog } from '../commit-log/commit-log.ts'
import type { Unsubscribe } from '../store-listener.ts'

export interface DamagedPlacesParts {
  readonly log: Logger
  readonly commitLog: CommitLog
}

/**
 * Where records of the log are damaged and not mended, as far as is known.
 *
 * Whoever reads a record that fails its checksums `suspect`s it. Only a walk from the begin of its
 * segment tells whether a record begins there at all: offsets come from indexes and from others.
 */
export class DamagedPlaces {
  readonly #parts: DamagedPlacesParts
  readonly #places = new Set<number>()
  readonly #foundListeners = new Set<(at: CommitLogOffset) => void>()
  readonly #suspectListeners = new Set<(at: number) => void>()
  #foundRecords = 0
  #mendedRecords = 0

  constructor(parts: DamagedPlacesParts) {
    this.#parts = parts
  }

  /** Log offsets of the records, ascending. */
  get stored(): CommitLogOffset[] {
    const { minOffset } = this.#parts.commitLog
    for (const at of this.#places) if (at < minOffset) this.#places.delete(at)
    return [...this.#places].toSorted((a, b) => a - b).map(commitLogOffset)
  }

  /** Since the store was opened. */
  get foundRecords(): number {
    return this.#foundRecords
  }

  get mendedRecords(): number {
    return this.#mendedRecords
  }

  has(at: number): boolean {
    return this.#places.has(at)
  }

  suspect(at: number): void {
    if (this.#places.has(at)) return
    for (const listener of this.#suspectListeners) listener(at)
  }

  /** A record that begins there is damaged, which is told once. */
  found(at: number, why: string): void {
    if (this.#places.has(at)) return
    const { log, commitLog } = this.#parts
    this.#places.add(at)
    this.#foundRecords++
    log.error({ at, place: commitLog.describe(at), why }, 'record of the log is damaged')
    for (const listener of this.#foundListeners) listener(commitLogOffset(at))
  }

  /**
   * What lies there was replaced by what was there before the damage. A walk that went on meanwhile may
   * have found some of those that were `damaged` before to be well already.
   */
  mended(from: number, to: number, damaged: readonly number[]): void {
    this.#mendedRecords += damaged.filter((at) => at >= from && at < to).length
    this.forget(from, to)
  }

  /** What lies there is gone, or as it should be. */
  forget(from: number, to: number): void {
    for (const at of this.#places) if (at >= from && at < to) this.#places.delete(at)
  }

  /** Must return soon and must not throw. */
  onFound(listener: (at: CommitLogOffset) => void): Unsubscribe {
    this.#foundListeners.add(listener)
    return () => {
      this.#foundListeners.delete(listener)
    }
  }

  onSuspected(listener: (at: number) => void): void {
    this.#suspectListeners.add(listener)
  }
}
