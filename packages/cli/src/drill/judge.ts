import { type DeliveredMessage, History, type Violation } from '../history/history.ts'
import { MessageOrder } from '../history/message-order.ts'
import type { LedgerLine, Place } from './ledger.ts'

/** A promise that was broken, in the words of the report. */
export interface Breach {
  readonly kind: BreachKind
  /** The message, or the place, that it is about. */
  readonly subject: string
  /** What the checker found. */
  readonly found: string
}

export type BreachKind = 'lost' | 'phantom' | 'duplicate' | 'out-of-order'

export interface Judgement {
  readonly acknowledged: number
  /** Messages that every group was given. */
  readonly delivered: number
  /** Deliveries of what the group had been given before: at-least-once allows them. */
  readonly redelivered: number
  /** Sends that ended without an acknowledgement. */
  readonly failed: number
  readonly breaches: readonly Breach[]
}

/** The consumer groups of a drill; `ordered` is a FIFO group. */
export interface DrillGroups {
  readonly shared: string
  readonly ordered: string
}

/**
 * Holds what the ledgers say against the promises. `lines` are in the order of their times, and
 * those of kind `stored` of one queue in that of the queue.
 */
export function judge(lines: readonly LedgerLine[], groups: DrillGroups): Judgement {
  const all = [groups.shared, groups.ordered]
  const history = new History()
  const order = new MessageOrder(groups.ordered)
  const keys = new Map<string, string>()
  const numbers = new Map<string, number>()
  const givenTo = new Map<string, Set<string>>()
  let failed = 0
  // A message may be delivered by one process before another has written down that it was sent.
  for (const line of lines) {
    if (line.kind !== 'sent') continue
    history.sent(line.id, line.hash)
    numbers.set(line.id, numbers.size)
    if (line.key !== undefined) keys.set(line.id, line.key)
  }
  for (const line of lines) {
    switch (line.kind) {
      case 'sent':
      case 'stored':
        break
      case 'failed':
        failed++
        break
      case 'acknowledged':
        history.acknowledged(line.id, positionOf(line))
        break
      case 'delivered':
        history.delivered(line.group, messageOf(line))
        if (line.group === groups.ordered) order.delivered(line.id)
        addTo(givenTo, line.id, line.group)
        break
      case 'finished':
        if (line.group === groups.ordered) order.finished(line.id)
        break
      case 'settled':
        history.settled(line.group, line.id)
        break
    }
  }
  const queues = queuesOf(lines)
  for (const queue of queues) history.finalQueue(queue)
  const keyOf = (id: string): string | undefined => keys.get(id)
  const violations = [
    ...history.violations({ groups: all, finalReads: true }),
    ...queues.flatMap((queue) => order.violations(queue, keyOf)),
  ]
  const { acknowledged, redeliveries: redelivered } = history.counts
  const delivered = [...givenTo.values()].filter((given) => given.size === all.length).length
  const misplaced = queues.flatMap((queue) => [...misplacedIn(queue, keyOf, numbers)])
  const breaches = [...violations.map(breachOf), ...misplaced]
  return { acknowledged, delivered, redelivered, failed, breaches }
}

/** How many messages it is about: one that is lost to two groups is one lost message. */
export function countOf(breaches: readonly Breach[], kind: BreachKind): number {
  const ofKind = breaches.filter((breach) => breach.kind === kind)
  return new Set(ofKind.map(({ subject }) => subject)).size
}

function breachOf(violation: Violation): Breach {
  const { kind, ...details } = violation
  const found = `${kind} ${JSON.stringify(details)}`
  const subject = 'messageId' in violation ? violation.messageId : found
  return { kind: kindOf(violation), subject, found }
}

function kindOf({ kind }: Violation): BreachKind {
  switch (kind) {
    case 'lost':
    case 'moved':
    case 'gap':
    case 'withdrawn':
    case 'stuck':
      return 'lost'
    case 'phantom':
    case 'replaced':
      return 'phantom'
    case 'stored-twice':
    case 'returned':
      return 'duplicate'
    case 'overtaken':
      return 'out-of-order'
  }
}

/** Messages of a key that lie in their queue before one that was sent earlier. */
function* misplacedIn(
  queue: readonly DeliveredMessage[],
  keyOf: (id: string) => string | undefined,
  numbers: ReadonlyMap<string, number>,
): Generator<Breach> {
  const last = new Map<string, string>()
  for (const { messageId } of queue) {
    const key = keyOf(messageId)
    if (key === undefined) continue
    const before = last.get(key)
    last.set(key, messageId)
    if (before === undefined) continue
    if ((numbers.get(before) ?? 0) < (numbers.get(messageId) ?? 0)) continue
    const found = `misplaced ${JSON.stringify({ key, messageId, before })}`
    yield { kind: 'out-of-order', subject: messageId, found }
  }
}

function queuesOf(lines: readonly LedgerLine[]): DeliveredMessage[][] {
  const queues = new Map<string, DeliveredMessage[]>()
  for (const line of lines) {
    if (line.kind !== 'stored') continue
    const name = `${line.brokerName}/${line.queueId}`
    const queue = queues.get(name)
    if (queue === undefined) queues.set(name, [messageOf(line)])
    else queue.push(messageOf(line))
  }
  return [...queues.values()]
}

function messageOf(
  line: Place & { readonly id: string; readonly hash: string; readonly attempt?: number },
): DeliveredMessage {
  // The hash stands for the body in every comparison.
  const { id: messageId, hash: body, attempt = 1 } = line
  return { ...positionOf(line), messageId, body, attempt }
}

function positionOf({ brokerName, queueId, queueOffset }: Place) {
  return { brokerName, topic: 'drill', queueId, queueOffset }
}

function addTo(sets: Map<string, Set<string>>, name: string, member: string): void {
  const set = sets.get(name)
  if (set === undefined) sets.set(name, new Set([member]))
  else set.add(member)
}
