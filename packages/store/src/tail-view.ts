import type { QueueIndex } from './indexes/queue-index.ts'
import type { ProducerWindow, ProducerWindows } from './producer-windows.ts'

/**
 * What queues and producers are like at the very end of the log, before that is confirmed: the next
 * offset of each queue, and the windows by which repeated batches are known.
 *
 * Holds only what differs from the confirmed state, so it is empty when everything is confirmed.
 */
export class TailView {
  readonly #confirmed: ProducerWindows
  readonly #nextOffsets = new Map<QueueIndex, number>()
  readonly #windows = new Map<string, ProducerWindow>()
  /** What has to be done to get back to where the group that is being placed began. */
  #undo: (() => void)[] = []

  constructor(confirmed: ProducerWindows) {
    this.#confirmed = confirmed
  }

  nextOffset(queue: QueueIndex): number {
    return this.#nextOffsets.get(queue) ?? queue.nextOffset
  }

  window(key: string): ProducerWindow | undefined {
    return this.#windows.get(key) ?? this.#confirmed.get(key)
  }

  advance(queue: QueueIndex, nextOffset: number): void {
    restore(this.#undo, this.#nextOffsets, queue)
    this.#nextOffsets.set(queue, nextOffset)
  }

  setWindow(key: string, window: ProducerWindow): void {
    restore(this.#undo, this.#windows, key)
    this.#windows.set(key, window)
  }

  /** From here on, `rollBack` comes back to here. */
  mark(): void {
    this.#undo = []
  }

  rollBack(): void {
    for (const undo of this.#undo.toReversed()) undo()
    this.#undo = []
  }

  /** Everything has been confirmed, or nothing of it was written. */
  clear(): void {
    this.#nextOffsets.clear()
    this.#windows.clear()
    this.#undo = []
  }
}

function restore<K, V>(undo: (() => void)[], map: Map<K, V>, key: K): void {
  const before = map.get(key)
  undo.push(() => {
    if (before === undefined) map.delete(key)
    else map.set(key, before)
  })
}
