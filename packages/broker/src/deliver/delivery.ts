import {
  type Backlog,
  CometError,
  type GroupDefinition,
  type MemberDescription,
  type StateChange,
} from '@cometmq/protocol'
import type { Timer } from '@cometmq/runtime'
import type { Unsubscribe } from '@cometmq/store'
import {
  editedGroup,
  type GroupEdit,
  type GroupWish,
  newGroup,
  plainGroup,
} from '../group-definition.ts'
import { deleteGroup, GroupRegistry, putGroup } from '../group-registry.ts'
import { TOPICS_TABLE } from '../topic-registry.ts'
import { countBacklog, describeBacklog } from './backlog.ts'
import { Burial } from './burial.ts'
import { carryForward } from './carry-forward.ts'
import { CommitLoop } from './commit-loop.ts'
import type { DeliveryContext } from './context.ts'
import { DeadLetters } from './dead-letters.ts'
import { GroupDelivery } from './group-delivery.ts'
import { checkOpen, join, type OpenMember } from './joining.ts'
import type { Member } from './member.ts'
import { type DeliveryConfig, type DeliveryPorts, deliveryDefaults } from './ports.ts'
import { keysOf, PROGRESS_TABLE, RESETS_TABLE } from './queue-progress.ts'
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
import { RETRIES_TABLE } from './retry-entry.ts'
import type { MemberSink } from './sessions.ts'
import { StartHold } from './start-hold.ts'
import { TopicReaders } from './topic-readers.ts'
import { Turns } from './turns.ts'

/** What is due is done at most so much later, so that many deadlines cost one sweep. */
const SWEEP_MS = 5

/** How often rows that nobody waits for are written, and idle groups forgotten. */
const TIDY_MS = 1_000
const DRAIN_CHECK_MS = 20

/** Groups are made by whoever names one; a loop that makes up names must not fill the memory. */
const GROUPS_MAX = 100_000

/** Makes what sees to failed deliveries. */
export type RedeliveryMaker = (parts: {
  readonly ports: DeliveryPorts
  readonly config: DeliveryConfig
  readonly loop: CommitLoop
}) => Redelivery

/** Where groups have rows by topic. */
const GROUP_TABLES = [PROGRESS_TABLE, RETRIES_TABLE, RESETS_TABLE]

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
  /** Groups at work. */
  readonly #active = new Map<string, GroupDelivery>()
  readonly #hold: StartHold
  readonly #unsubscribes: readonly Unsubscribe[]
  #timer: Timer | undefined
  #timerAtMs = Number.POSITIVE_INFINITY
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
      alarm: (atMs) => this.#alarm(atMs),
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
      await this.#needGroup(open.group)
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
    const definition = newGroup(wish, this.#context.clock.nowMs())
    return this.#turns.run(wish.group, async () => {
      if (this.groups.get(wish.group) !== undefined) {
        if (options.ifMissing) return false
        throw new CometError('GROUP_EXISTS', `group "${wish.group}" exists; edit it instead`)
      }
      this.#refuseTooMany()
      await this.#append([putGroup(definition)])
      return true
    })
  }

  /** Whether it changed anything. Throws `GROUP_NOT_FOUND` or `ILLEGAL_ARGUMENT`. */
  async editGroup(group: string, edit: GroupEdit): Promise<boolean> {
    return this.#turns.run(group, async () => {
      const before = this.groups.need(group)
      const now = editedGroup(before, edit)
      if (now === before) return false
      await this.#append([putGroup(now)])
      return true
    })
  }

  /** Grants nothing to the group's members any more; what they have goes on. */
  async pause(group: string): Promise<boolean> {
    return this.editGroup(group, { ...NO_EDIT, paused: 'true' })
  }

  async resume(group: string): Promise<boolean> {
    return this.editGroup(group, { ...NO_EDIT, paused: 'false' })
  }

  /**
   * Deletes the group with all it knows; its dead letters are cleared. Throws `GROUP_NOT_FOUND`;
   * `GROUP_ACTIVE` while it has members, unless forced: then their memberships end.
   */
  async deleteGroup(group: string, options: { readonly force: boolean }): Promise<void> {
    return this.#turns.run(group, async () => {
      this.groups.need(group)
      const members = this.#membersOf(group).length
      if (members > 0 && !options.force) {
        const message = `group "${group}" has ${members} members; stop them, or force the deletion`
        throw new CometError('GROUP_ACTIVE', message)
      }
      await this.#context.loop.append({
        isAlone: true,
        prepare: () => [
          ...deleteGroup(group),
          ...GROUP_TABLES.map((table) => deleteRows(table, group)),
          ...this.deadLetters.clear(group),
        ],
      })
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
          const rows = this.groups
            .readersOf(topic)
            .flatMap((group) => GROUP_TABLES.map((table) => deleteRows(table, group, topic)))
          return [...changes, ...rows]
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
    this.#timer?.cancel()
    this.#tidyTimer?.cancel()
    if (this.#context.loop.isDirty) await this.#context.loop.durable().catch(() => {})
    for (const group of this.#active.values()) group.dropAll(error)
    await this.#context.loop.stop(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #needGroup(group: string): Promise<void> {
    if (this.groups.get(group) !== undefined) return
    if (!this.#context.config.autoCreateGroups) this.groups.need(group)
    this.#refuseTooMany()
    await this.#append([putGroup(newGroup(plainGroup(group), this.#context.clock.nowMs()))])
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
    const nowMs = this.#context.clock.elapsedMs()
    const members: MemberDescription[] = []
    for (const session of this.#active.get(group)?.sessions.values() ?? []) {
      if (session.state === 'lost') continue
      const { clientId, peer, connectedAtMs, topics } = session.attachment
      members.push({
        sessionId: session.id,
        clientId,
        peer,
        connectedMs: Math.round(nowMs - connectedAtMs),
        heldMessages: session.held,
        creditBytes: Math.max(0, session.creditBytes),
        topics: [...topics].map(([topic, filter]) => {
          const { filter: tags, sql = '' } = filter.expression
          return { topic, filter: tags, sql }
        }),
      })
    }
    return members
  }

  #refuseTooMany(): void {
    if (this.groups.size < GROUPS_MAX) return
    throw new CometError('TOO_MANY', `this broker has ${GROUPS_MAX} groups; delete some`)
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new CometError('CLOSED', 'the broker has stopped')
  }

  #refuseWhenLeaving(): void {
    this.#refuseWhenClosed()
    if (!this.#isDraining) return
    throw new CometError('DRAINING', 'the broker shuts down; go on with the others')
  }

  async #append(changes: readonly StateChange[]): Promise<void> {
    await this.#context.store.append({ records: [{ kind: 'change', changes }] }, 'confirmed')
  }

  /** One timer for all deadlines of all groups. */
  #alarm(atMs: number): void {
    if (atMs >= this.#timerAtMs || this.#isClosed) return
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    const delayMs = Math.max(SWEEP_MS, atMs - this.#context.clock.elapsedMs())
    this.#timer = this.#context.clock.schedule(delayMs, () => this.#sweep())
  }

  #sweep(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const nowMs = this.#context.clock.elapsedMs()
    for (const group of this.#active.values()) if (group.wakesAtMs <= nowMs) group.sweep()
    let nextMs = Number.POSITIVE_INFINITY
    for (const group of this.#active.values()) nextMs = Math.min(nextMs, group.wakesAtMs)
    if (nextMs < Number.POSITIVE_INFINITY) this.#alarm(nextMs)
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

const NO_EDIT = { maxAttempts: 0, invisibleMs: 0, retryDelaysMs: [], paused: '' }

function deleteRows(table: string, group: string, topic?: string): StateChange {
  return { kind: 'delete-range', table, ...keysOf(group, topic) }
}
