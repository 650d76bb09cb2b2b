import type { Clock } from '@cometmq/runtime'
import type { QueueKey } from '@cometmq/store'

/**
 * What an engine that has just begun keeps from everybody: messages that members of before may have.
 *
 * Leases are not in the log, so for a while whoever comes back first keeps what it says it has. What
 * has been appended since nobody can have, and that goes out at once.
 */
export class StartHold {
  /** By the elapsed clock. */
  readonly endsAtMs: number
  readonly #clock: Pick<Clock, 'elapsedMs'>
  /** Groups that nobody knew before had no members. */
  readonly #groups: ReadonlySet<string>
  /** By queue the first offset that was appended since. */
  readonly #newFrom = new Map<string, number>()
  #isOver = false

  constructor(
    clock: Pick<Clock, 'elapsedMs'>,
    parts: { readonly groups: ReadonlySet<string>; readonly holdMs: number },
  ) {
    this.#clock = clock
    this.#groups = parts.groups
    this.endsAtMs = clock.elapsedMs() + parts.holdMs
  }

  concerns(group: string): boolean {
    return !this.isOver && this.#groups.has(group)
  }

  get isOver(): boolean {
    if (this.#isOver) return true
    this.#isOver = this.#clock.elapsedMs() >= this.endsAtMs
    if (this.#isOver) this.#newFrom.clear()
    return this.#isOver
  }

  appended(queue: QueueKey, from: number): void {
    if (this.isOver) return
    const key = keyOf(queue)
    if (!this.#newFrom.has(key)) this.#newFrom.set(key, from)
  }

  /** Somebody may have what lies below. */
  newFrom(queue: QueueKey): number {
    if (this.isOver) return 0
    return this.#newFrom.get(keyOf(queue)) ?? Number.POSITIVE_INFINITY
  }
}

function keyOf({ topic, queueId }: QueueKey): string {
  return `${topic}\0${queueId}`
}
