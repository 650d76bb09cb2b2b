import {
  CometError,
  errorTable,
  type Message,
  type PublishResult,
  queueOfGroup,
} from '@cometmq/protocol'
import { backoffMs, type Runtime } from '@cometmq/runtime'
import { Fifo } from '../fifo.ts'
import type { Route } from '../route/topic-route.ts'
import type { BatchOwner, PublishLane, SentBatch } from './publish-lane.ts'
import { Rotation } from './queue-selector.ts'
import { QueueWindow } from './queue-window.ts'
import { type BatchKind, SendBatch } from './send-batch.ts'
import { isOfWholeBroker, isShortOfCopies } from './whole-broker.ts'

/** A batch that collects while its broker is away closes after that, so that its deadline fits all in it. */
export const COLLECT_MAX_MS = 250

const RETRY = { baseMs: 10, maxMs: 1_000 } as const

/** What an outbox needs of its producer. */
export interface OutboxPorts {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly producerId: string
  lane(brokerName: string): PublishLane
  /** Takes the numbers of so many messages; returns the first. */
  numberMessages(count: number): number
  /** A batch has been settled; its room is free. */
  settled(batch: SendBatch): void
  /** Something may be sent now. */
  wake(outbox: Outbox): void
}

/** One queue of the topic, with all that waits for it. */
interface Slot {
  readonly window: QueueWindow
  readonly lane: PublishLane
  /** Batches of message groups; the last one may still collect. */
  readonly keyed: Fifo<SendBatch>
  isWritable: boolean
  /** `clock.elapsedMs()`; nothing is sent before, in the reign in which it was said. */
  pausedUntilMs: number
  pausedInReign: number
}

/**
 * The messages of one topic on their way to its queues.
 *
 * Messages without a message group collect in one place and get a queue only when they are sent;
 * what no broker has stored may still go to another. Messages of a group wait for their queue.
 */
export class Outbox implements BatchOwner {
  readonly topic: string
  readonly #ports: OutboxPorts
  readonly #rotation: Rotation
  /** Without message group: refused by a broker, or new; the last one may still collect. */
  readonly #free = new Fifo<SendBatch>()
  readonly #slots = new Map<string, Slot>()
  /** In the order of the topic's queues. */
  #ordered: readonly Slot[] = []
  /** Those with something to send that no other queue may have. */
  readonly #busy = new Set<Slot>()
  #route: Route | undefined
  #unsettled = 0

  constructor(ports: OutboxPorts, topic: string) {
    this.#ports = ports
    this.topic = topic
    this.#rotation = new Rotation(ports.runtime.random.fraction())
  }

  get hasRoute(): boolean {
    return this.#ordered.length > 0
  }

  /** Whether every message has been settled. */
  get isEmpty(): boolean {
    return this.#unsettled === 0
  }

  /** Without a route, nothing new can be added. */
  setRoute(route: Route | undefined): void {
    if (route === this.#route) return
    this.#route = route
    if (route === undefined) {
      this.#ordered = []
      return
    }
    const writable = new Map(route.groups.map((group) => [group.brokerName, group.writable]))
    for (const slot of this.#slots.values()) slot.isWritable = false
    this.#ordered = route.queues.map(({ brokerName, queueId }) => {
      const slot = this.#slot(brokerName, queueId)
      slot.isWritable = writable.get(brokerName) === true
      return slot
    })
    this.#ports.wake(this)
  }

  /** The batch that is to take a message of so many bytes. Only with a route. */
  batchFor(message: Message, bytes: number, kind: BatchKind): SendBatch {
    const { messageGroup } = message
    return messageGroup === undefined
      ? this.#freeBatch(bytes, kind)
      : this.#keyedBatch(messageGroup, bytes, kind)
  }

  /** Sends what may be sent now. Returns whether something is left that waits for its turn. */
  pump(nowMs: number): boolean {
    for (const slot of this.#busy) {
      if (this.#pumpSlot(slot, nowMs)) this.#busy.delete(slot)
    }
    this.#pumpFree(nowMs)
    return this.#free.length > 0 || this.#busy.size > 0
  }

  stored({ batch, window }: SentBatch, result: PublishResult): void {
    window.stored(batch)
    if (batch.outcome === undefined) {
      const { brokerName, queueId } = window
      batch.resolve({ brokerName, queueId, baseQueueOffset: result.baseQueueOffset })
      this.#settled(batch)
    }
    this.#rewind(window)
  }

  failed({ batch, window }: SentBatch, error: CometError): void {
    window.failed(batch, error)
    if (batch.outcome === undefined && errorTable[error.code].retry === 'never') {
      this.#reject(batch, error)
    }
    if (isOfWholeBroker(error)) this.#ports.lane(window.brokerName).refused(error)
    if (isShortOfCopies(error)) this.#ports.lane(window.brokerName).avoid()
    this.#rewind(window)
  }

  /** Fails what has waited too long. */
  expire(nowMs: number): void {
    this.#free.last?.close()
    for (const { keyed } of this.#busy) keyed.last?.close()
    this.#failWhere(
      (batch) => batch.deadlineMs <= nowMs,
      (batch, brokerName) => this.#timeout(batch, brokerName),
    )
  }

  /** Fails everything. */
  fail(error: CometError): void {
    this.#failWhere(
      () => true,
      () => error,
    )
  }

  /** Returns whether nothing is left to send. */
  #pumpSlot(slot: Slot, nowMs: number): boolean {
    const { window, keyed, lane } = slot
    if (isPaused(slot, nowMs)) return false
    for (let batch = window.nextToRepeat; batch !== undefined; batch = window.nextToRepeat) {
      if (!lane.hasRoom) return false
      this.#send(slot, batch)
    }
    for (let batch = keyed.first; batch !== undefined; batch = keyed.first) {
      const isPartial = keyed.length === 1 && batch.isOpen
      if (!isReady(slot, isPartial)) return false
      keyed.shift()
      this.#sendFirst(slot, batch, isPartial)
    }
    // While it rewinds, batches will have to be sent again.
    return window.canTake
  }

  #pumpFree(nowMs: number): void {
    // A broker group that cannot take them now is tried again when it may, or must.
    const hasOther = this.#ordered.some(
      ({ isWritable, lane }) => isWritable && !lane.isAvoidedAt(nowMs),
    )
    for (let batch = this.#free.first; batch !== undefined; batch = this.#free.first) {
      const isPartial = this.#free.length === 1 && batch.isOpen
      const index = this.#rotation.pick(this.#ordered.length, (candidate) => {
        const slot = this.#ordered[candidate] as Slot
        if (!slot.isWritable || (hasOther && slot.lane.isAvoidedAt(nowMs))) return false
        return !isPaused(slot, nowMs) && isReady(slot, isPartial)
      })
      if (index === -1) return
      this.#free.shift()
      this.#sendFirst(this.#ordered[index] as Slot, batch, isPartial)
    }
  }

  #sendFirst(slot: Slot, batch: SendBatch, isPartial: boolean): void {
    if (!batch.isNumbered) {
      batch.dropCancelled()
      if (batch.messageCount === 0) {
        this.#settled(batch)
        return
      }
      batch.numberMessages(this.#ports.producerId, this.#ports.numberMessages(batch.messageCount))
    }
    batch.isPartial = isPartial
    slot.window.take(batch)
    this.#send(slot, batch)
  }

  #send(slot: Slot, batch: SendBatch): void {
    slot.window.sent(batch)
    slot.lane.send({ batch, window: slot.window, owner: this })
  }

  #rewind(window: QueueWindow): void {
    const rewound = window.rewind()
    if (rewound === undefined) return
    const slot = this.#slot(window.brokerName, window.queueId)
    if (!window.isEmpty) this.#busy.add(slot)
    this.#free.unshift(rewound.moved)
    if (rewound.pause !== undefined) {
      const { clock, random } = this.#ports.runtime
      const { retryAfterMs } = rewound.pause
      const pauseMs = retryAfterMs ?? backoffMs(rewound.failures - 1, RETRY, random)
      slot.pausedUntilMs = clock.elapsedMs() + pauseMs
      slot.pausedInReign = slot.lane.reigns
      clock.schedule(pauseMs, () => this.#ports.wake(this))
    }
    this.#ports.wake(this)
  }

  #freeBatch(bytes: number, kind: BatchKind): SendBatch {
    const open = this.#free.last
    if (open?.takes(bytes, kind)) return open
    const batch = this.#newBatch(kind, false)
    this.#free.push(batch)
    return batch
  }

  #keyedBatch(messageGroup: string, bytes: number, kind: BatchKind): SendBatch {
    const slot = this.#ordered[queueOfGroup(messageGroup, this.#ordered.length)] as Slot
    const open = slot.keyed.last
    if (open?.takes(bytes, kind)) return open
    const batch = this.#newBatch(kind, true)
    slot.keyed.push(batch)
    this.#busy.add(slot)
    return batch
  }

  #newBatch({ timeoutMs, compression }: BatchKind, isKeyed: boolean): SendBatch {
    const { clock } = this.#ports.runtime
    this.#unsettled += 1
    return new SendBatch({
      topic: this.topic,
      compression,
      timeoutMs,
      deadlineMs: clock.elapsedMs() + timeoutMs + COLLECT_MAX_MS,
      bornTimeMs: clock.nowMs(),
      isKeyed,
    })
  }

  #slot(brokerName: string, queueId: number): Slot {
    const name = `${brokerName}/${queueId}`
    let slot = this.#slots.get(name)
    if (slot === undefined) {
      slot = {
        window: new QueueWindow(brokerName, queueId),
        lane: this.#ports.lane(brokerName),
        keyed: new Fifo(),
        isWritable: false,
        pausedUntilMs: 0,
        pausedInReign: 0,
      }
      this.#slots.set(name, slot)
    }
    return slot
  }

  /** `why` is told the broker of the one queue that a batch may go to, if there is such. */
  #failWhere(
    isMeant: (batch: SendBatch) => boolean,
    why: (batch: SendBatch, brokerName?: string) => CometError,
  ): void {
    const isKept = (batch: SendBatch): boolean => !isMeant(batch)
    for (const batch of this.#free.removeUnless(isKept)) this.#reject(batch, why(batch))
    for (const { keyed, window } of this.#slots.values()) {
      for (const batch of keyed.removeUnless(isKept)) {
        this.#reject(batch, why(batch, window.brokerName))
      }
      for (const batch of window.batches()) {
        if (batch.outcome !== undefined || !isMeant(batch)) continue
        const error = why(batch, window.brokerName)
        window.abandon(batch)
        this.#reject(batch, error)
      }
    }
  }

  #timeout(batch: SendBatch, brokerName?: string): CometError {
    const outcome =
      batch.mayBeStored || batch.isInFlight
        ? 'it may have been stored, or may still be'
        : 'it was not stored'
    const unreached =
      brokerName === undefined
        ? 'no broker of the topic could be reached'
        : `"${brokerName}", which has its queue, could not be reached`
    const why = batch.lastError?.message ?? unreached
    const text = `sending to "${batch.topic}" took longer than ${batch.timeoutMs} ms; ${outcome}`
    return batch.isInFlight && batch.lastError === undefined
      ? new CometError('TIMEOUT', `${text}; the broker has not answered`)
      : new CometError('TIMEOUT', `${text}; the last attempt: ${why}`, { cause: batch.lastError })
  }

  #reject(batch: SendBatch, error: CometError): void {
    batch.reject(error)
    this.#settled(batch)
  }

  #settled(batch: SendBatch): void {
    this.#unsettled -= 1
    this.#ports.settled(batch)
  }
}

function isReady({ lane, window }: Slot, isPartial: boolean): boolean {
  return (isPartial ? lane.takesPartial : lane.hasRoom) && window.canTake
}

/** Until another reign begins, or it says otherwise, nothing is sent. */
function isPaused({ lane, pausedUntilMs, pausedInReign }: Slot, nowMs: number): boolean {
  return pausedUntilMs > nowMs && pausedInReign === lane.reigns
}
