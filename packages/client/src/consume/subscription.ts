import { type CometError, type Services, toCometError } from '@cometmq/protocol'
import type { Connection, Runtime, Timer } from '@cometmq/runtime'
import type { RouteCache } from '../route/route-cache.ts'
import { untilAborted } from '../until-aborted.ts'
import {
  SubscriptionLane,
  type SubscriptionSettings,
  type TakenMessage,
} from './subscription-lane.ts'

/** Leases are looked after that often; far below the shortest lease that a broker grants. */
const LEASE_CHECK_MS = 250

const MISSING_TOPIC_WARNING_MS = 30_000

export interface SubscriptionPorts {
  readonly runtime: Runtime
  readonly services: Services
  readonly routes: RouteCache
  connectionTo(brokerName: string): Connection | undefined
  /** Makes a topic that somebody consumes before anybody has sent to it. */
  createTopic(topic: string): Promise<void>
}

/** How a group is made that is not there yet. */
export interface GroupSettings {
  readonly start: 'earliest' | 'latest' | 'timestamp'
  readonly startTimestampMs: number
  /** 0: the broker's default. */
  readonly maxAttempts: number
  /** Empty: the broker's default. */
  readonly retryDelaysMs: readonly number[]
  readonly fifo: boolean
}

export interface SubscriptionEvents {
  /** Messages lie ready. */
  delivered(): void
  /** A broker refuses this consumer for good. */
  refused(error: CometError): void
}

/**
 * Membership of a consumer group at every broker that serves the topic, and the messages that have
 * come from them. Brokers come and go with the route; losing one never stops the others.
 */
export class Subscription {
  readonly #ports: SubscriptionPorts
  readonly #settings: SubscriptionSettings
  readonly #group: GroupSettings | undefined
  readonly #events: SubscriptionEvents
  readonly #lanes = new Map<string, SubscriptionLane>()
  /** The lanes once more, to take from in turn. */
  readonly #inTurn: SubscriptionLane[] = []
  #turn = 0
  readonly #unwatch: () => void
  readonly #unlisten: () => void
  #leaseTimer: Timer | undefined
  #changed = Promise.withResolvers<void>()
  #isCreating = false
  #leaving = false
  #warnedAtMs = Number.NEGATIVE_INFINITY

  constructor(
    ports: SubscriptionPorts,
    settings: SubscriptionSettings,
    group: GroupSettings | undefined,
    events: SubscriptionEvents,
  ) {
    this.#ports = ports
    this.#settings = settings
    this.#group = group
    this.#events = events
    this.#unwatch = ports.routes.watch(settings.topic)
    this.#unlisten = ports.routes.onChange(() => this.#meetRoute())
    this.#checkLeasesSoon()
    this.#meetRoute()
  }

  /** Takes the next message, from each broker in turn. `nowMs`: `clock.elapsedMs()`. */
  take(nowMs: number): TakenMessage | undefined {
    for (let tried = 0; tried < this.#inTurn.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#inTurn.length
      const taken = this.#inTurn[this.#turn]?.take(nowMs)
      if (taken !== undefined) return taken
    }
    return undefined
  }

  /** Resolves when every broker that serves the topic has let this consumer in. */
  async opened(signal?: AbortSignal): Promise<void> {
    while (!this.#isOpened && !this.#leaving) await this.#change(signal)
  }

  /** Takes nothing more, and gives back what was not taken. */
  leave(): void {
    this.#leaving = true
    this.#unlisten()
    this.#unwatch()
    for (const lane of this.#lanes.values()) lane.leave()
    this.#notify()
  }

  /** After `leave`: resolves when what was taken is settled, and all of that is durable. */
  async settled(signal?: AbortSignal): Promise<void> {
    while ([...this.#lanes.values()].some((lane) => !lane.isIdle)) await this.#change(signal)
  }

  /** After `leave`: resolves when all that is settled is durable, whatever else was taken. */
  async flushed(signal?: AbortSignal): Promise<void> {
    while ([...this.#lanes.values()].some((lane) => !lane.isFlushed)) await this.#change(signal)
  }

  close(): void {
    this.leave()
    this.#leaseTimer?.cancel()
    for (const lane of this.#lanes.values()) lane.close()
  }

  get #isOpened(): boolean {
    const state = this.#ports.routes.state(this.#settings.topic)
    if (state.kind !== 'routed') return false
    const readable = state.route.groups.filter((group) => group.readable)
    return (
      readable.length > 0 &&
      readable.every(({ brokerName }) => this.#lanes.get(brokerName)?.isOpen === true)
    )
  }

  #meetRoute(): void {
    this.#notify()
    const { topic } = this.#settings
    const state = this.#ports.routes.state(topic)
    if (state.kind === 'routed') {
      for (const { brokerName } of state.route.groups) this.#lane(brokerName).routeChanged()
    } else if (state.kind === 'missing') {
      if (state.autoCreate && !this.#isCreating) void this.#create(topic)
      else if (!state.autoCreate) this.#warnOfMissing(topic)
    }
  }

  #lane(brokerName: string): SubscriptionLane {
    const known = this.#lanes.get(brokerName)
    if (known !== undefined) return known
    const lane = new SubscriptionLane(
      {
        runtime: this.#ports.runtime,
        connect: () => this.#ports.connectionTo(brokerName),
        prepare: (connection) => this.#prepare(connection),
        delivered: () => this.#events.delivered(),
        changed: () => this.#notify(),
        refused: (error) => this.#events.refused(error),
        doubt: () => this.#ports.routes.doubt(),
      },
      brokerName,
      this.#settings,
    )
    this.#lanes.set(brokerName, lane)
    this.#inTurn.push(lane)
    return lane
  }

  /** The group is made where it is missing, so that its start holds on every broker. */
  async #prepare(connection: Connection): Promise<void> {
    if (this.#group === undefined) return
    const { start, startTimestampMs, maxAttempts, retryDelaysMs, fifo } = this.#group
    await connection.call(
      this.#ports.services.admin.CreateGroup,
      {
        group: this.#settings.group,
        start,
        startTimestampMs,
        maxAttempts,
        retryDelaysMs: [...retryDelaysMs],
        invisibleMs: this.#settings.invisibleMs,
        fifo,
        ifMissing: true,
      },
      { timeoutMs: 10_000 },
    )
  }

  async #create(topic: string): Promise<void> {
    this.#isCreating = true
    try {
      await this.#ports.createTopic(topic)
    } catch (thrown) {
      const error = toCometError(thrown)
      this.#ports.runtime.log.warn({ topic, error }, 'cannot make the topic to consume')
    } finally {
      this.#isCreating = false
    }
  }

  #warnOfMissing(topic: string): void {
    const nowMs = this.#ports.runtime.clock.elapsedMs()
    if (nowMs - this.#warnedAtMs < MISSING_TOPIC_WARNING_MS) return
    this.#warnedAtMs = nowMs
    this.#ports.runtime.log.warn(
      { topic, group: this.#settings.group, advice: `comet topic create ${topic}` },
      'the topic to consume does not exist; waiting for it',
    )
  }

  #checkLeasesSoon(): void {
    this.#leaseTimer = this.#ports.runtime.clock.schedule(LEASE_CHECK_MS, () => {
      const nowMs = this.#ports.runtime.clock.elapsedMs()
      for (const lane of this.#lanes.values()) lane.extendLeases(nowMs)
      this.#checkLeasesSoon()
    })
  }

  #notify(): void {
    const changed = this.#changed
    this.#changed = Promise.withResolvers()
    changed.resolve()
  }

  /** Waits for the next change. Rejects with `CANCELLED` when the signal is aborted. */
  #change(signal: AbortSignal | undefined): Promise<void> {
    return untilAborted(this.#changed.promise, signal)
  }
}
