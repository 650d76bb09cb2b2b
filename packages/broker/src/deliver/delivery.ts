import {
  type Backlog,
  CometError,
  type GroupDefinition,
  type MemberDescription,
  type StateChange,
} from '@cometmq/protocol'
import type { Timer } from '@cometmq/runtime'
import type { Unsubscribe } from '@cometmq/store'
import type { GroupEdit, GroupWish } from '../group-definition.ts'
import { GroupRegistry } from '../group-registry.ts'
import { TOPICS_TABLE } from '../topic-registry.ts'
import { Alarm } from './alarm.ts'
import { countBacklog, describeBacklog } from './backlog.ts'
import { Burial } from './burial.ts'
import { carryForward } from './carry-forward.ts'
import { CommitLoop } from './commit-loop.ts'
import type { DeliveryContext } from './context.ts'
import { DeadLetters } from './dead-letters.ts'
import { describeMembers } from './describe-members.ts'
import { createGroup, deleteRowsOf, editGroup, needGroup, removeGroup } from './group-changes.ts'
import { GroupDelivery } from './group-delivery.ts'
import { checkOpen, join, type OpenMember } from './joining.ts'
import type { Member } from './member.ts'
import { type DeliveryConfig, type DeliveryPorts, deliveryDefaults } from './ports.ts'
import { ReadSlots } from './read-slots.ts'
import type { Redelivery } from './redelivery.ts'
import { RedeliveryByMove } from './redelivery-by-move.ts'
import {
  type DeliveryReceipt,
  type ReceiptOutcome,
  type ReceiptWish,
  settleReceipt,
} from './receipts.ts'
import { type ResetOutcome, type ResetWish, resetGroup } from './reset.ts'
import type { MemberSink } from './sessions.ts'
import { StartHold } from './start-hold.ts'
import { TopicReaders } from './topic-readers.ts'
import { Turns } from './turns.ts'

/** How often rows that nobody waits for are written, and idle groups forgotten. */
const TIDY_MS = 1_000
const DRAIN_CHECK_MS = 20

/** Makes what sees to failed deliveries. */
export type RedeliveryMaker = (parts: {
  readonly ports: DeliveryPorts
  readonly config: DeliveryConfig
  readonly loop: CommitLoop
}) => Redelivery

/** A group as an operator sees it. */
export interface GroupReport {
  readonly definition: GroupDefinition
  readonly members: MemberDescription[]
  readonly queues: Backlog[]
  readonly deadLetters: number
}

/**
 * Delivers messages to the members of consumer groups: leases ranges of each queue to whoever has
 * credit, and makes durable what becomes of them. Knows nothing of connections; each door, native
 * or not, opens members with a sink of its own.
 */
export class DeliveryEngine implements AsyncDisposable {
  /** Definitions and subscriptions of all groups. */
  readonly groups: GroupRegistry
  readonly deadLetters: DeadLetters
  readonly #context: DeliveryContext
  readonly #turns = new Turns()
  readonly #burial: Burial
  readonly #alarm: Alarm
  /** Groups at work. */
  readonly #active = new Map<string, GroupDelivery>()
  readonly #hold: StartHold
  readonly #unsubscribes: readonly Unsubscribe[]
  #tidyTimer: Timer | undefined
  #isDraining = false
  #isClosed = false

  private constructor(
    ports: DeliveryPorts & { readonly redelivery?: RedeliveryMaker },
    config: DeliveryConfig,
    groups: GroupRegistry,
  ) {
    const { redelivery = byMove } = ports
    const loop = new CommitLoop(ports)
    this.groups = groups
    this.#alarm = new Alarm(ports.clock, () => this.#sweep())
    this.#context = {
      clock: ports.clock,
      log: ports.log,
      store: ports.store,
      topics: ports.topics,
      config,
      groups,
      loop,
      redelivery: redelivery({ ports, config, loop }),
      slots: new ReadSlots(config.readsMax),
      readers: new TopicReaders(),
      inTurn: (group, work) => this.#turns.run(group, work),
      alarm: (atMs) => this.#alarm.set(atMs),
    }
    this.deadLetters = new DeadLetters(this.#context, {
      onRetryStored: (group, { topic, row }) => this.#active.get(group)?.retryStored(topic, row),
    })
    this.#burial = new Burial(this.#context, (group) => this.#groupOf(group))
    const knownGroups = new Set([...groups.all()].map(({ group }) => group))
    this.#hold = new StartHold(ports.clock, { groups: knownGroups, holdMs: config.startHoldMs })
    const forgetGroups = groups.onChange((group) => this.#groupChanged(group))
    const forgetStore = ports.store.subscribe({
      appended: ({ queue, from, to }) => {
        this.#hold.appended(queue, from)
        for (const group of this.#context.readers.of(queue.topic)) {
          group.appended(queue.topic, queue.queueId, to)
        }
      },
      changed: (changes) => {
        for (const change of changes) {
          if (change.table !== TOPICS_TABLE || change.kind === 'delete-range') continue
          this.#topicChanged(change.key.toString(), change.kind)
        }
      },
    })
    this.#unsubscribes = [forgetGroups, forgetStore]
    this.#tidyLater()
  }

  /** Reads the definitions, unless they are given; what groups have done is read with their first member. */
  static async open(
    ports: DeliveryPorts & {
      readonly groups?: GroupRegistry
      /** By moving, unless the store is one that takes no messages. */
      readonly redelivery?: RedeliveryMaker
    },
    config: Partial<DeliveryConfig> = {},
  ): Promise<DeliveryEngine> {
    const groups = ports.groups ?? (await GroupRegistry.open(ports.store))
    return new DeliveryEngine(ports, { ...deliveryDefaults, ...config }, groups)
  }

  /**
   * Makes a session a member of its group, and begins to deliver to the sink, maybe before this
   * resolves. The same session may open again on another connection and keeps what it holds.
   *
   * Throws `TOPIC_NOT_FOUND`, `NOT_ALLOWED`, `ILLEGAL_ARGUMENT`, `ILLEGAL_FILTER`, `ILLEGAL_NAME`,
   * `TOO_MANY`; `GROUP_NOT_FOUND` unless groups are made on demand; `SUBSCRIPTION_CONFLICT` while
   * other members read a topic with another filter; `DRAINING`; what the store says.
   */
  async openMember(open: OpenMember, sink: MemberSink): Promise<Member> {
    checkOpen(this.#context, open)
    return this.#turns.run(open.group, async () => {
      this.#refuseWhenLeaving()
      await needGroup(this.#context, open.group)
      return join(this.#context, this.#groupOf(open.group), { open, sink })
    })
  }

  /**
   * Does what the holder of a receipt says, whether or not its member is still there. Resolves when
   * it is durable. Throws `GROUP_NOT_FOUND`, `TOPIC_NOT_FOUND`, `OFFSET_OUT_OF_RANGE`, and what the
   * store says.
   */
  async settleReceipt(
    group: string,
    receipt: DeliveryReceipt,
    wish: ReceiptWish,
  ): Promise<ReceiptOutcome> {
    this.groups.need(group)
    const { topic } = receipt
    if (this.#context.topics.get(topic) === undefined) {
      throw new CometError('TOPIC_NOT_FOUND', `there is no topic "${topic}" on this broker`)
    }
    const active = this.#active.get(group)
    if (active?.topics.has(topic) === true) {
      return settleReceipt(this.#context, active, { receipt, wish })
    }
    return this.#turns.run(group, async () => {
      this.#refuseWhenClosed()
      const delivery = this.#groupOf(group)
      await delivery.load(topic)
      return settleReceipt(this.#context, delivery, { receipt, wish })
    })
  }

  /** `false`: it is there and `ifMissing` is given. Throws `GROUP_EXISTS` and what is wrong. */
  async createGroup(wish: GroupWish, options: { readonly ifMissing: boolean }): Promise<boolean> {
    return createGroup(this.#context, wish, options)
  }

  /** Whether it changed anything. Throws `GROUP_NOT_FOUND` or `ILLEGAL_ARGUMENT`. */
  async editGroup(group: string, edit: GroupEdit): Promise<boolean> {
    return editGroup(this.#context, group, edit)
  }

  /**
   * Deletes the group with all it knows; its dead letters are cleared. Throws `GROUP_NOT_FOUND`;
   * `GROUP_ACTIVE` while it has members, unless forced: then their memberships end.
   */
  async deleteGroup(group: string, { force }: { readonly force: boolean }): Promise<void> {
    return removeGroup(this.#context, group, {
      force,
      memberCount: () => this.memberCount(group),
      others: () => this.deadLetters.clear(group),
    })
  }

  /** Moves positions by time or offset; see `resetGroup`. Throws `GROUP_NOT_FOUND` and what is wrong. */
  async resetGroup(wish: ResetWish): Promise<ResetOutcome[]> {
    return this.#turns.run(wish.group, async () => {
      this.groups.need(wish.group)
      this.#refuseWhenLeaving()
      return resetGroup(this.#context, this.#groupOf(wish.group), wish)
    })
  }

  async describeGroup(group: string): Promise<GroupReport> {
    const definition = this.groups.need(group)
    return {
      definition,
      members: this.#membersOf(group),
      queues: await this.describeBacklog(group),
      deadLetters: this.deadLetters.count(group),
    }
  }

  /** Queue by queue, the retries last; for each `ready + inFlight + delayed = backlog`. */
  async describeBacklog(group: string): Promise<Backlog[]> {
    this.groups.need(group)
    return describeBacklog(this.#context, { group, delivery: this.#active.get(group) })
  }

  /** The sum over all queues and retries; reads no messages. */
  async backlogOf(group: string): Promise<number> {
    this.groups.need(group)
    const parts = { group, delivery: this.#active.get(group) }
    const queues = await countBacklog(this.#context, parts)
    return queues.reduce((sum, { backlog }) => sum + backlog, 0)
  }

  /** How many members are connected. */
  memberCount(group: string): number {
    return this.#membersOf(group).length
  }

  /**
   * Deletes a topic: `changes`, and with them what the groups know of it, in one append that nothing
   * of the topic follows. Rejects with what the store says; then everything is as it was.
   */
  async deleteTopic(topic: string, changes: readonly StateChange[]): Promise<void> {
    const { loop, topics } = this.#context
    let show = (): void => {}
    try {
      await loop.append({
        isAlone: true,
        prepare: () => {
          show = topics.hide(topic)
          const readers = this.groups.readersOf(topic)
          return [...changes, ...readers.flatMap((group) => deleteRowsOf(group, topic))]
        },
      })
    } catch (thrown) {
      show()
      for (const group of this.#context.readers.of(topic)) group.wake()
      throw thrown
    }
  }

  /** Before retention deletes `[from, to)` of the log: appends anew what is owed from there. */
  async carryForward(range: { readonly from: number; readonly to: number }): Promise<void> {
    for (const { group } of this.groups.all()) {
      await this.#turns.run(group, () => {
        const delivery = this.#active.get(group)
        return carryForward(this.#context, { group, delivery, below: range.to })
      })
    }
  }

  /**
   * Grants nothing more and tells the members. Resolves when none of them holds anything, or when
   * the signal is aborted.
   */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isDraining = true
    for (const group of this.#active.values()) group.drain()
    while (!signal.aborted && [...this.#active.values()].some((group) => group.isHeld)) {
      await this.#context.clock.sleep(DRAIN_CHECK_MS, signal).catch(() => {})
    }
  }

  /**
   * Writes what is not written yet and stops; every membership ends with `error`. The store must still
   * be open, and may refuse.
   */
  async close(error = new CometError('CLOSED', 'the broker has stopped')): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const unsubscribe of this.#unsubscribes) unsubscribe()
    this.#alarm.stop()
    this.#tidyTimer?.cancel()
    if (this.#context.loop.isDirty) await this.#context.loop.durable().catch(() => {})
    for (const group of this.#active.values()) group.dropAll(error)
    await this.#context.loop.stop(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #groupOf(group: string): GroupDelivery {
    let delivery = this.#active.get(group)
    if (delivery === undefined) {
      const hold = this.#hold.concerns(group) ? this.#hold : undefined
      delivery = new GroupDelivery(this.#context, group, hold)
      this.#active.set(group, delivery)
    }
    return delivery
  }

  /** In the moment in which the log says so: what is written from now on does not concern it. */
  #groupChanged(group: string): void {
    const delivery = this.#active.get(group)
    if (this.groups.get(group) !== undefined) {
      delivery?.wake()
      return
    }
    this.#active.delete(group)
    delivery?.dropAll(new CometError('GROUP_NOT_FOUND', `group "${group}" has been deleted`))
  }

  #topicChanged(topic: string, kind: 'put' | 'delete'): void {
    if (kind === 'delete') {
      for (const group of this.#active.values()) group.drop(topic)
      return
    }
    // It may have become readable.
    for (const group of this.#context.readers.of(topic)) group.wake()
  }

  #membersOf(group: string): MemberDescription[] {
    const sessions = this.#active.get(group)?.sessions.values() ?? []
    return describeMembers(sessions, this.#context.clock.elapsedMs())
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new CometError('CLOSED', 'the broker has stopped')
  }

  #refuseWhenLeaving(): void {
    this.#refuseWhenClosed()
    if (!this.#isDraining) return
    throw new CometError('DRAINING', 'the broker shuts down; go on with the others')
  }

  #sweep(): void {
    const nowMs = this.#context.clock.elapsedMs()
    for (const group of this.#active.values()) if (group.wakesAtMs <= nowMs) group.sweep()
    let nextMs = Number.POSITIVE_INFINITY
    for (const group of this.#active.values()) nextMs = Math.min(nextMs, group.wakesAtMs)
    if (nextMs < Number.POSITIVE_INFINITY) this.#alarm.set(nextMs)
  }

  #tidyLater(): void {
    this.#tidyTimer = this.#context.clock.schedule(TIDY_MS, () => {
      this.#tidy()
      this.#tidyLater()
    })
  }

  #tidy(): void {
    const { loop } = this.#context
    void this.#burial.goOn()
    // A failure is logged by the loop, which tries again by itself.
    if (!loop.isIdle) loop.durable().catch(() => {})
    for (const [name, group] of this.#active) {
      if (loop.isIdle && group.unload()) this.#active.delete(name)
      else group.loadMissing()
    }
  }
}

const byMove: RedeliveryMaker = ({ ports, config, loop }) =>
  new RedeliveryByMove(ports, config, loop)
