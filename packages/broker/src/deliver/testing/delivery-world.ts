import assert from 'node:assert/strict'
import {
  type CometError,
  type Delivery,
  encodeBatch,
  type LeasedRange,
  type Origin,
  RecordBatch,
  type SettlementAction,
  type SettlementFailure,
  type TopicDefinition,
} from '@cometmq/protocol'
import type { Clock, Runtime } from '@cometmq/runtime'
import { deleteQueuesOf, MessageStore, type StoreConfig, storeConfig } from '@cometmq/store'
import { type GroupWish, plainGroup } from '../../group-definition.ts'
import { newTopic } from '../../topic-definition.ts'
import { deleteTopic, putTopic, TopicRegistry } from '../../topic-registry.ts'
import { DeliveryEngine } from '../delivery.ts'
import type { OpenMember } from '../joining.ts'
import type { Member } from '../member.ts'
import type { DeliveryConfig } from '../ports.ts'
import type { ResetOutcome, ResetWish } from '../reset.ts'
import type { MemberSink } from '../sessions.ts'

export const GROUP = 'billing'
export const TOPIC = 'orders'
export const ACKNOWLEDGE: SettlementAction = { kind: 'acknowledge' }
export const RETRY = { kind: 'retry', delayMs: undefined, reason: 'failed' } as const
export const REJECT: SettlementAction = { kind: 'reject', reason: 'no' }
export const NO_RETENTION = {
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  minFreeBytes: 0,
  checkIntervalMs: 1_000,
}

/** What a test needs of a simulation. */
interface Machines {
  readonly clock: Pick<Clock, 'elapsedMs'>
  machine(name: string): {
    runtime(): Runtime
    kill(): void
    powerCut(): void
    jumpClock(byMs: number): void
    readonly disk: { slowDown(factor: number): void }
  }
  advance(ms: number): Promise<void>
  runUntil<T>(goal: Promise<T>, options: { readonly limitMs: number }): Promise<T>
  runUntil(goal: () => boolean, options: { readonly limitMs: number }): Promise<void>
}

export function topic(filter: string): { topic: string; filter: string } {
  return { topic: TOPIC, filter }
}

export interface Received {
  readonly topic: string
  readonly queueId: number
  readonly retry: boolean
  readonly attempt: number
  readonly offset: number
  /** In its batch. */
  readonly index: number
  readonly body: string
  readonly id: string
  readonly origin: Origin | undefined
  readonly atMs: number
}

/** A consumer that keeps what it gets and settles when it is told to. */
export class TestMember implements MemberSink {
  readonly received: Received[] = []
  bytes = 0
  isDraining = false
  endedBy: string | undefined
  handle!: Member
  readonly #world: World
  readonly #settled = new Set<Received>()
  #takesLeft: number
  #writable = Promise.withResolvers<void>()

  constructor(world: World, takesAtOnce: number) {
    this.#world = world
    this.#takesLeft = takesAtOnce
  }

  get bodies(): string[] {
    return this.received.map(({ body }) => body)
  }

  deliver(delivery: Delivery): boolean {
    const batches = delivery.batches.map((bytes) => RecordBatch.parse(bytes))
    for (const batch of batches) this.bytes += batch.totalBytes
    for (let i = 0; i < delivery.ranges.length; i += 2) {
      const [from, to] = [delivery.ranges[i] as number, delivery.ranges[i + 1] as number]
      for (let offset = from; offset < to; offset++) {
        const batch = batches.find(
          ({ baseQueueOffset, messageCount }) =>
            baseQueueOffset <= offset && offset < baseQueueOffset + messageCount,
        )
        if (batch === undefined) throw new Error('a delivery lacks a batch')
        const index = offset - batch.baseQueueOffset
        const [message] = batch.messages(index, index + 1)
        if (message === undefined) throw new Error('a batch lacks a message')
        this.received.push({
          ...delivery,
          offset,
          index,
          body: Buffer.from(message.body).toString().replace(/\.+$/, ''),
          id: batch.messageId(index, message),
          origin: batch.sections.origin,
          atMs: this.#world.simulation.clock.elapsedMs(),
        })
      }
    }
    this.#takesLeft--
    return this.#takesLeft > 0
  }

  writable(): Promise<void> {
    return this.#writable.promise
  }

  /** Takes whatever comes. */
  open(): void {
    this.#takesLeft = Number.POSITIVE_INFINITY
    this.#writable.resolve()
  }

  draining(): void {
    this.isDraining = true
  }

  ended(error: CometError): void {
    this.endedBy = error.code
  }

  settle(message: Received | undefined, action: SettlementAction): Promise<SettlementFailure[]> {
    return this.#world.run(this.settleNow(message, action))
  }

  settleNow(message: Received | undefined, action: SettlementAction): Promise<SettlementFailure[]> {
    if (message === undefined) throw new Error('nothing was received')
    if (action.kind !== 'extend') this.#settled.add(message)
    return this.handle.settle([{ range: rangeOf(message), action }])
  }

  acknowledgeAll(): Promise<SettlementFailure[]> {
    return this.settleAll(ACKNOWLEDGE)
  }

  /** All that it has and has not settled yet. */
  settleAll(action: SettlementAction): Promise<SettlementFailure[]> {
    const open = this.received.filter((message) => !this.#settled.has(message))
    for (const message of open) this.#settled.add(message)
    const settlements = open.map((message) => ({ range: rangeOf(message), action }))
    return this.#world.run(this.handle.settle(settlements))
  }

  /** What it has got, as ranges to hold. */
  ranges(): LeasedRange[] {
    return this.received.map(rangeOf)
  }
}

export function rangeOf({ topic, queueId, retry, offset }: Received): LeasedRange {
  return { topic, queueId, retry, from: offset, to: offset + 1 }
}

export interface WorldOptions {
  readonly queueCount?: number
  readonly delivery?: Partial<DeliveryConfig>
  readonly store?: Partial<StoreConfig>
}

/** One broker's store and engine on a simulated machine. */
export class World {
  readonly simulation: Machines
  store!: MessageStore
  topics!: TopicRegistry
  engine!: DeliveryEngine
  publishedAtMs = 0
  readonly #options: WorldOptions
  #sequence = new Map<string, number>()
  #messages = 0
  #isUp = false

  private constructor(simulation: Machines, options: WorldOptions) {
    this.#options = options
    this.simulation = simulation
  }

  static async start(simulation: Machines, options: WorldOptions): Promise<World> {
    const world = new World(simulation, options)
    await world.#open({})
    await world.defineTopic(TOPIC, options.queueCount ?? 1)
    return world
  }

  get nowMs(): number {
    return this.simulation.machine('a').runtime().clock.nowMs()
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise, { limitMs: 60_000 })
  }

  async restart(how: 'clean' | 'kill' | 'power', store: Partial<StoreConfig> = {}): Promise<void> {
    const machine = this.simulation.machine('a')
    if (how === 'clean') await this.#close()
    if (how === 'power') machine.powerCut()
    else machine.kill()
    await this.#open(store)
  }

  async stop(): Promise<void> {
    if (this.#isUp) await this.#close()
  }

  async defineTopic(
    name: string,
    queueCount: number,
    change: Partial<TopicDefinition> = {},
  ): Promise<void> {
    const wish = { topic: name, type: '', queueCount, flush: '', replicas: '' }
    const definition = newTopic(wish, { queueCount: 1 }, 0)
    const changes = [putTopic({ ...definition, ...change })]
    await this.run(this.store.append({ records: [{ kind: 'change', changes }] }))
  }

  async deleteTopic(name: string): Promise<void> {
    const changes = [deleteTopic(name), deleteQueuesOf(name)]
    await this.run(this.engine.deleteTopic(name, changes))
    this.#sequence = new Map()
  }

  /** One batch, and the time in which it is delivered. */
  async publish(
    bodies: readonly string[],
    options: {
      readonly queueId?: number
      readonly tags?: readonly (string | undefined)[]
      readonly messageGroups?: readonly (string | undefined)[]
      readonly properties?: readonly Readonly<Record<string, string>>[]
    } = {},
  ): Promise<void> {
    const { queueId = 0, tags = [], messageGroups = [], properties = [] } = options
    const sequence = this.#sequence.get(`${queueId}`) ?? 0
    this.#sequence.set(`${queueId}`, sequence + 1)
    const bytes = encodeBatch({
      topic: TOPIC,
      queueId,
      producer: {
        producerId: 'aaaabbbbccccdddd',
        producerEpoch: 0,
        sequence,
        baseMessageNumber: this.#messages,
      },
      bornTimeMs: this.nowMs,
      messages: bodies.map((body, index) => ({
        body: Buffer.from(body),
        tag: tags[index],
        messageGroup: messageGroups[index],
        properties: properties[index],
      })),
    })
    this.#messages += bodies.length
    const batch = RecordBatch.parse(bytes)
    const unsubscribe = this.store.subscribe({
      appended: () => {
        this.publishedAtMs = this.simulation.clock.elapsedMs()
      },
    })
    await this.run(this.store.append({ records: [{ kind: 'batch', batch, idempotent: false }] }))
    unsubscribe()
    await this.simulation.advance(0)
  }

  createGroup(wish: Partial<GroupWish>): Promise<boolean> {
    const group = { ...plainGroup(GROUP), ...wish }
    return this.run(this.engine.createGroup(group, { ifMissing: false }))
  }

  /** A paused group is granted nothing more; what its members have goes on. */
  pause(paused = true): Promise<boolean> {
    const nothing = { maxAttempts: 0, invisibleMs: 0, retryDelaysMs: [] }
    return this.run(this.engine.editGroup(GROUP, { ...nothing, paused: `${paused}` }))
  }

  async join(
    change: Partial<OpenMember> = {},
    options: { readonly takesAtOnce?: number } = {},
  ): Promise<TestMember> {
    const member = new TestMember(this, options.takesAtOnce ?? Number.POSITIVE_INFINITY)
    const open: OpenMember = {
      group: GROUP,
      sessionId: 'session',
      clientId: 'client',
      peer: 'peer:1',
      topics: [topic('')],
      invisibleMs: 0,
      creditBytes: 16 * 1024 * 1024,
      held: [],
      ...change,
    }
    member.handle = await this.run(this.engine.openMember(open, member))
    return member
  }

  reset(change: Partial<ResetWish>): Promise<ResetOutcome[]> {
    const numbers = { timestampMs: 0, offset: 0, queueId: 0, hasQueueId: false }
    const wish = { group: GROUP, topic: '', to: 'earliest', dryRun: false, ...numbers, ...change }
    return this.run(this.engine.resetGroup(wish))
  }

  bounds(): { readonly minOffset: number; readonly maxOffset: number } {
    return this.store.bounds({ topic: TOPIC, queueId: 0 }) ?? { minOffset: 0, maxOffset: 0 }
  }

  /** The sums over all queues, which have to add up in each. */
  async backlog(): Promise<{ ready: number; inFlight: number; delayed: number; backlog: number }> {
    const sum = { ready: 0, inFlight: 0, delayed: 0, backlog: 0 }
    for (const queue of await this.run(this.engine.describeBacklog(GROUP))) {
      assert.equal(queue.ready + queue.inFlight + queue.delayed, queue.backlog)
      sum.ready += queue.ready
      sum.inFlight += queue.inFlight
      sum.delayed += queue.delayed
      sum.backlog += queue.backlog
    }
    return sum
  }

  async #open(changes: Partial<StoreConfig>): Promise<void> {
    const runtime = this.simulation.machine('a').runtime()
    const config = storeConfig('/data', {
      segmentMaxBytes: 1024 * 1024,
      retention: NO_RETENTION,
      ...this.#options.store,
      ...changes,
    })
    this.store = await this.run(MessageStore.open(runtime, config))
    const { store } = this
    const { clock, log } = runtime
    this.topics = await this.run(TopicRegistry.open(store, clock))
    const ports = { clock, log, store, topics: this.topics }
    this.engine = await this.run(DeliveryEngine.open(ports, this.#options.delivery))
    this.#isUp = true
  }

  async #close(): Promise<void> {
    this.#isUp = false
    await this.run(this.engine.close())
    await this.run(this.store.close())
  }
}
