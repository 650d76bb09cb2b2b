import type { MessageStore } from '@cometmq/store'
import type { DiskHealth } from '../frames.ts'

/** Without any progress for so long, something is wrong with the disk. */
const STALLED_MS = 500

/** How the disk below the log does, as far as the log tells. */
export class DiskWatch {
  readonly #store: Pick<MessageStore, 'hasSpace' | 'log'>
  #flushed = 0
  #sinceMs = 0

  constructor(store: Pick<MessageStore, 'hasSpace' | 'log'>) {
    this.#store = store
  }

  read(nowMs: number): DiskHealth {
    const { flushed, max } = this.#store.log.offsets
    if (flushed !== this.#flushed || flushed === max) {
      this.#flushed = flushed
      this.#sinceMs = nowMs
    }
    return { isFull: !this.#store.hasSpace, isStalled: nowMs - this.#sinceMs >= STALLED_MS }
  }
}
