import type { LeasedRange, Settlement, SettlementAction } from '@cometmq/protocol'

/** One queue as a consumer group sees it; `retry`: the group's own retry queue. */
export interface QueueOfGroup {
  readonly topic: string
  readonly queueId: number
  readonly retry: boolean
}

const ACKNOWLEDGE: SettlementAction = { kind: 'acknowledge' }

/** Collects what became of messages, as ranges; consecutive ones of one fate are one range. */
export class SettlementBuffer {
  readonly #queues = new Map<string, QueueSettlements>()
  #first: Settlement[] = []

  /** Where settlements of that queue are added. */
  queue(queue: QueueOfGroup): QueueSettlements {
    const name = `${queue.retry ? 'r' : 'q'}${queue.queueId}/${queue.topic}`
    let settlements = this.#queues.get(name)
    if (settlements === undefined) {
      settlements = new QueueSettlements(queue)
      this.#queues.set(name, settlements)
    }
    return settlements
  }

  get isEmpty(): boolean {
    if (this.#first.length > 0) return false
    for (const queue of this.#queues.values()) if (!queue.isEmpty) return false
    return true
  }

  /** Puts back what a broken stream has left unanswered. */
  putBack(settlements: readonly Settlement[]): void {
    this.#first = [...settlements, ...this.#first]
  }

  /** Takes out up to `max` settlements. */
  take(max: number): Settlement[] {
    const taken = this.#first.splice(0, max)
    for (const queue of this.#queues.values()) {
      if (taken.length >= max) break
      queue.take(max - taken.length, taken)
    }
    return taken
  }
}

interface SettledRange {
  from: number
  to: number
  readonly action: SettlementAction
}

/** The settlements of one queue that wait to be sent. */
export class QueueSettlements {
  readonly queue: QueueOfGroup
  #ranges: SettledRange[] = []

  constructor(queue: QueueOfGroup) {
    this.queue = queue
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  acknowledge(offset: number): void {
    const last = this.#ranges.at(-1)
    if (last?.to === offset && last.action === ACKNOWLEDGE) last.to = offset + 1
    else this.#ranges.push({ from: offset, to: offset + 1, action: ACKNOWLEDGE })
  }

  add(from: number, to: number, action: SettlementAction): void {
    const last = this.#ranges.at(-1)
    if (last?.to === from && isSame(last.action, action)) last.to = to
    else
      this.#ranges.push({ from, to, action: action.kind === 'acknowledge' ? ACKNOWLEDGE : action })
  }

  take(max: number, into: Settlement[]): void {
    const ranges = coalesce(this.#ranges)
    this.#ranges = ranges.splice(max)
    for (const { from, to, action } of ranges) {
      into.push({ range: { ...this.queue, from, to }, action })
    }
  }
}

/** Whether `outer` holds all of `inner`. */
export function covers(outer: LeasedRange, inner: LeasedRange): boolean {
  return isSameQueue(outer, inner) && outer.from <= inner.from && inner.to <= outer.to
}

export function isSameQueue(a: QueueOfGroup, b: QueueOfGroup): boolean {
  return a.queueId === b.queueId && a.retry === b.retry && a.topic === b.topic
}

/** Fewer ranges that say the same; what touches within one queue is joined. */
export function joinRanges(ranges: readonly LeasedRange[]): LeasedRange[] {
  const joined: { -readonly [Key in keyof LeasedRange]: LeasedRange[Key] }[] = []
  for (const range of ranges.toSorted(byQueueAndOffset)) {
    const last = joined.at(-1)
    if (last !== undefined && isSameQueue(last, range) && range.from <= last.to) {
      last.to = Math.max(last.to, range.to)
    } else joined.push({ ...range })
  }
  return joined
}

function byQueueAndOffset(a: LeasedRange, b: LeasedRange): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  if (a.retry !== b.retry) return a.retry ? 1 : -1
  return a.queueId - b.queueId || a.from - b.from
}

/**
 * Handlers finish in any order; sorted, what they acknowledged is few ranges again. Extensions come
 * first: behind an acknowledgement, they would ask to extend what has just ended.
 */
function coalesce(ranges: SettledRange[]): SettledRange[] {
  if (ranges.length < 2) return ranges
  const merged: SettledRange[] = []
  for (const range of ranges.toSorted((a, b) => rank(a) - rank(b) || a.from - b.from)) {
    const last = merged.at(-1)
    if (last?.to === range.from && isSame(last.action, range.action)) last.to = range.to
    else merged.push(range)
  }
  return merged
}

function rank({ action }: SettledRange): number {
  return action.kind === 'extend' ? 0 : 1
}

function isSame(a: SettlementAction, b: SettlementAction): boolean {
  if (a === b) return true
  switch (a.kind) {
    case 'acknowledge':
    case 'release':
      return a.kind === b.kind
    case 'extend':
      return b.kind === 'extend' && a.delayMs === b.delayMs
    case 'reject':
      return b.kind === 'reject' && a.reason === b.reason
    case 'retry':
      return b.kind === 'retry' && a.delayMs === b.delayMs && a.reason === b.reason
  }
}
