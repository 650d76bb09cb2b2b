import { type Delivery, type FilterText, isSameFilter, RecordBatch } from '@cometmq/protocol'
import type { Clock, Random, Timer } from '@cometmq/runtime'
import type {
  Consumer,
  HeldMessage,
  Receipt,
  ReceiptAction,
  ReceiptOutcome,
  Received,
  ReceiveRequest,
  Segment,
  TopicSubscription,
} from '@cometmq/gateway'
import type { BrokerCounters } from '../broker-counters.ts'
import type { DeliveryEngine } from '../deliver/delivery.ts'
import { PopMember } from './pop-member.ts'

/** Record bytes of one answer; each message of it is a message of its own on the wire. */
const RECEIVE_MAX_BYTES = 4 * 1024 * 1024

/** A renewed lease does not last longer, however long its client lives. */
const RENEWED_MAX_MS = 3 * 3_600_000

const SWEEP_MS = 1_000

export interface PopPorts {
  readonly delivery: DeliveryEngine
  readonly counters: BrokerCounters
  readonly clock: Clock
  readonly random: Random
}

/**
 * The door for clients that ask for messages and settle each of them by a receipt. Behind it is the
 * one delivery engine: a group may have members at both doors, and each message goes to one of them.
 */
export class PopDoor {
  readonly #ports: PopPorts
  /** By client, then by group and topic. */
  readonly #clients = new Map<string, Map<string, Promise<PopMember>>>()
  /** Of clients that have gone, while something is leased to them. */
  readonly #leaving = new Set<PopMember>()
  /** Tells the leases of this life of the process from those of others. */
  readonly #life: string
  #grants = 0
  #timer: Timer | undefined

  constructor(ports: PopPorts) {
    this.#ports = ports
    this.#life = ports.random.hex(4)
    this.#sweepLater()
  }

  async subscribe(consumer: Consumer, topics: readonly TopicSubscription[]): Promise<void> {
    await Promise.all(topics.map((topic) => this.#member(consumer, topic)))
  }

  async receive(request: ReceiveRequest): Promise<Received | undefined> {
    const { clock, counters } = this.#ports
    const member = await this.#member(request, request)
    const generation = this.#nextGeneration()
    const { isRenewed, invisibleMs, maxMessages, attemptId } = request
    member.releaseAttempt(attemptId)
    const late = new AbortController()
    const timer = clock.schedule(Math.max(0, request.waitMs), () => late.abort())
    const signal = AbortSignal.any([late.signal, request.signal])
    let deliveries: readonly Delivery[] = []
    try {
      deliveries = await member.receive(
        {
          maxMessages,
          maxBytes: RECEIVE_MAX_BYTES,
          invisibleMs: isRenewed ? RENEWED_MAX_MS : invisibleMs,
          lease: { generation, isRenewed, isSuspended: false },
        },
        signal,
      )
    } finally {
      timer.cancel()
    }
    if (deliveries.length === 0) return undefined
    member.answered(attemptId, deliveries)
    const release = (): void => {
      for (const delivery of deliveries) member.settle(delivery, { kind: 'release' })
    }
    if (request.signal.aborted) {
      release()
      return undefined
    }
    const parts = deliveries.map((delivery) => {
      const { retry, queueId, attempt } = delivery
      return { retry, queueId, attempt, segments: segmentsOf(delivery) }
    })
    for (const { from, to } of parts.flatMap(({ segments }) => segments)) {
      counters.messagesOut += to - from
    }
    return { generation, parts, release }
  }

  async settle(receipt: Receipt, action: ReceiptAction): Promise<ReceiptOutcome> {
    const generation = this.#nextGeneration()
    const wish = action.kind === 'change' ? { ...action, generation } : action
    const outcome = await this.#ports.delivery.settleReceipt(receipt.group, receipt, wish)
    return outcome === 'changed' ? { kind: 'changed', generation } : { kind: outcome }
  }

  async receiptOf({
    clientId,
    group,
    topic,
    messageId,
  }: HeldMessage): Promise<Receipt | undefined> {
    const opening = this.#clients.get(clientId)?.get(`${group}\0${topic}`)
    const member = await opening?.catch(() => undefined)
    const receipt = await member?.receiptOf(topic, messageId)
    return receipt === undefined ? undefined : { ...receipt, group }
  }

  clientGone(clientId: string): void {
    const members = this.#clients.get(clientId)
    this.#clients.delete(clientId)
    for (const opening of members?.values() ?? []) {
      opening.then(
        (member) => {
          member.abandon()
          if (!member.endIfIdle()) this.#leaving.add(member)
        },
        () => {},
      )
    }
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** The client's member for a topic of a group, with that filter. */
  #member(consumer: Consumer, subscription: TopicSubscription): Promise<PopMember> {
    const { clientId, group } = consumer
    let members = this.#clients.get(clientId)
    if (members === undefined) this.#clients.set(clientId, (members = new Map()))
    const key = `${group}\0${subscription.topic}`
    const before = members.get(key)
    const opening = this.#reuse(before, subscription).then(
      (known) => known ?? this.#open(consumer, subscription),
    )
    members.set(key, opening)
    opening.catch(() => {
      if (members.get(key) === opening) members.delete(key)
    })
    return opening
  }

  async #reuse(
    before: Promise<PopMember> | undefined,
    filter: FilterText,
  ): Promise<PopMember | undefined> {
    try {
      const known = await before
      return known === undefined || known.isOver || !isSameFilter(known.filter, filter)
        ? undefined
        : known
    } catch {
      return undefined
    }
  }

  async #open(consumer: Consumer, { topic, filter, sql }: TopicSubscription): Promise<PopMember> {
    const { group, clientId, peer } = consumer
    const popMember = new PopMember(this.#ports.clock, { filter, sql })
    const member = await this.#ports.delivery.openMember(
      {
        group,
        sessionId: `${clientId} ${topic}`,
        clientId,
        peer,
        topics: [{ topic, filter, sql }],
        invisibleMs: 0,
        creditBytes: 0,
        isPop: true,
        held: [],
      },
      popMember,
    )
    popMember.opened(member)
    return popMember
  }

  #nextGeneration(): string {
    return `${this.#life}${(this.#grants++).toString(36)}`
  }

  #sweepLater(): void {
    this.#timer = this.#ports.clock.schedule(SWEEP_MS, () => {
      for (const member of this.#leaving) if (member.endIfIdle()) this.#leaving.delete(member)
      this.#sweepLater()
    })
  }
}

/** The leased messages of a delivery, batch by batch. */
function segmentsOf({ batches, ranges, retry }: Delivery): Segment[] {
  const segments: Segment[] = []
  for (const bytes of batches) {
    const batch = RecordBatch.parse(bytes)
    // A retry that retention has carried elsewhere keeps the offsets by which it is known.
    const isElsewhere = retry && (ranges[0] ?? 0) < batch.baseQueueOffset
    const base = isElsewhere ? (ranges[0] ?? 0) : batch.baseQueueOffset
    for (let i = 0; i < ranges.length; i += 2) {
      const from = Math.max(ranges[i] as number, base)
      const to = Math.min(ranges[i + 1] as number, base + batch.messageCount)
      if (from < to) segments.push({ batch, from: from - base, to: to - base, offset: from })
    }
  }
  return segments
}
