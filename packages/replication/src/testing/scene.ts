import assert from 'node:assert/strict'
import { commitLogOffset, EpochHistory } from '@cometmq/protocol'
import type { Action, MemberFile } from '../actions.ts'
import type { GroupView, Revision, SwapOutcome } from '../elector.ts'
import type { Happening } from '../events.ts'
import type { DiskHealth, Inspection, MasterMessage, SlaveFrame } from '../frames.ts'
import type { LiveRecord, MemberRecord } from '../group-records.ts'
import type { GroupState } from '../group-state.ts'
import type { LogState } from '../log-state.ts'
import type { ReplicaContext, ReplicaState, Self } from '../replica.ts'
import { recovering, step } from '../replica-state.ts'
import { designedRules } from '../rules.ts'
import { defaultSettings, type ReplicationSettings } from '../settings.ts'

const WELL: DiskHealth = { isFull: false, isStalled: false }

type ActionOf<K extends Action['kind']> = Extract<Action, { kind: K }>

/** A group of three with floor two, of which broker 1 is master; the member of a scene is broker 2. */
export const groupOfThree: GroupState = {
  epoch: 5,
  master: 1,
  masterIncarnation: 1,
  inSync: new Map([
    [1, 1],
    [2, 1],
    [3, 1],
  ]),
  minInSync: 2,
  memberCount: 3,
  attempt: '1.1.1',
  reason: 'process-gone',
  previous: undefined,
  possibleLoss: undefined,
}

export interface SceneOptions {
  readonly settings?: Partial<ReplicationSettings>
  readonly self?: Partial<Self>
  readonly member?: Partial<MemberFile>
  readonly log?: LogState
}

/** One member, told what happens by a test, which looks at what it would do. */
export class Scene {
  readonly context: ReplicaContext
  state: ReplicaState
  /** Of the latest event. */
  actions: readonly Action[] = []
  nowMs = 10_000
  #revision = 10
  #view: GroupView

  constructor({ settings, self, member, log = logOf(0) }: SceneOptions = {}) {
    this.context = {
      settings: { ...defaultSettings, ...settings },
      rules: designedRules,
      self: {
        configuredId: 2,
        host: 'host-2',
        bootId: 'boot',
        replicationAddress: 'host-2:10911',
        isObserver: false,
        priority: 0,
        ...self,
      },
    }
    const file = {
      brokerId: 2,
      storeId: 'store-2',
      incarnation: 1,
      trustedSince: 1,
      lastSeenEpoch: 0,
      electorId: undefined,
      ...member,
    }
    this.state = recovering(file, log, this.nowMs)
    this.#view = {
      revision: 1 as Revision,
      clusterId: 'elector',
      state: undefined,
      nextId: undefined,
      command: undefined,
      members: new Map([1, 3].map((id) => [id, { revision: 1 as Revision, value: memberOf(id) }])),
      live: new Map([1, 3].map((id) => [id, { revision: 1 as Revision, value: liveOf(id) }])),
    }
    this.tell({ kind: 'recovered', member: file, log })
  }

  /** A member that has its seat and knows of `group`. */
  static joined(group: GroupState | undefined, options: SceneOptions = {}): Scene {
    const scene = new Scene(options)
    scene.tick()
    scene.show(group === undefined ? {} : { state: group })
    while (scene.state.pending !== undefined && scene.state.seat.kind !== 'taken') {
      scene.winSwap()
      scene.show({})
    }
    return scene
  }

  /** A slave that streams from broker 1. */
  static following(options: SceneOptions & { readonly group?: GroupState } = {}): Scene {
    const { group = groupOfThree, log = logOf(100, [5, 0]) } = options
    const scene = Scene.joined(group, { ...options, log })
    scene.frame({
      kind: 'welcome',
      history: log.history,
      minOffset: commitLogOffset(0),
      cutTo: log.maxOffset,
    })
    scene.tell({ kind: 'tail-checked', stream: scene.stream, matches: true })
    return scene
  }

  /** Broker 2 as master of epoch 6, its opening record at 100; nobody follows yet. */
  static master(options: SceneOptions & { readonly group?: GroupState } = {}): Scene {
    const { group = groupOfThree } = options
    const scene = Scene.following({ ...options, group })
    scene.tell({ kind: 'stream-ended', stream: scene.stream, why: 'refused' })
    scene.pass(scene.context.settings.canvassMs)
    scene.winSwap()
    scene.tell({ kind: 'epoch-opened', epoch: group.epoch + 1, end: commitLogOffset(101) })
    scene.tell({ kind: 'flushed', offset: commitLogOffset(101) })
    return scene
  }

  get role(): string {
    return this.state.role.kind
  }

  get view(): GroupView {
    return this.#view
  }

  /** The number of the slave's stream. */
  get stream(): number {
    const { role } = this.state
    assert.ok(role.kind === 'following' && role.stream !== undefined, `${role.kind} has no stream`)
    return role.stream.number
  }

  tell(happening: Happening): readonly Action[] {
    const [state, actions] = step(this.context, this.state, { ...happening, atMs: this.nowMs })
    this.state = state
    this.actions = actions
    return actions
  }

  /** What the latest event made it do, of one kind; the last if there are more. */
  did<K extends Action['kind']>(kind: K): ActionOf<K> | undefined {
    return this.actions.findLast((action): action is ActionOf<K> => action.kind === kind)
  }

  kinds(): string[] {
    return this.actions.map(({ kind }) => kind)
  }

  tick(leaseMs = 2_000, disk: DiskHealth = WELL): readonly Action[] {
    const lease = { id: 'lease', validUntilMs: this.nowMs + leaseMs }
    return this.tell({ kind: 'tick', lease, disk })
  }

  /** Time passes in ticks; the actions are those of all of them. */
  pass(ms: number, disk: DiskHealth = WELL): readonly Action[] {
    const actions: Action[] = []
    const endMs = this.nowMs + ms
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + this.context.settings.tickMs)
      actions.push(...this.tick(2_000, disk))
    }
    this.actions = actions
    return actions
  }

  /** The elector is read, with these changes since. */
  show(changes: {
    readonly state?: GroupState
    readonly live?: ReadonlyMap<number, LiveRecord>
    readonly command?: NonNullable<GroupView['command']>['value']
    readonly members?: ReadonlyMap<number, MemberRecord>
  }): readonly Action[] {
    const { state, live, command, members } = changes
    const at = this.#nextRevision()
    this.#view = {
      ...this.#view,
      revision: at,
      ...(state && { state: { revision: at, value: state } }),
      ...(command && { command: { revision: at, value: command } }),
      ...(live && { live: versioned(live, at) }),
      ...(members && { members: versioned(members, at) }),
    }
    return this.tell({ kind: 'viewed', view: this.#view })
  }

  /** The pending transaction takes effect and is answered. */
  winSwap(): readonly Action[] {
    const { pending } = this.state
    assert.ok(pending !== undefined, 'no transaction is pending')
    const revision = this.takeEffect()
    return this.answerSwap({ kind: 'won', revision })
  }

  /** The pending transaction takes effect, and nobody is told. */
  takeEffect(): Revision {
    const { pending } = this.state
    assert.ok(pending !== undefined, 'no transaction is pending')
    const revision = this.#nextRevision()
    const members = new Map(this.#view.members)
    const live = new Map(this.#view.live)
    for (const write of pending.transaction.writes) {
      if (write.kind === 'put-state') {
        this.#view = { ...this.#view, state: { revision, value: write.value } }
      }
      if (write.kind === 'put-member') {
        members.set(write.brokerId, { revision, value: write.value })
      }
      if (write.kind === 'put-live') live.set(write.brokerId, { revision, value: write.value })
      if (write.kind !== 'delete') continue
      if (write.key.kind === 'live') live.delete(write.key.brokerId)
      if (write.key.kind === 'member') members.delete(write.key.brokerId)
      if (write.key.kind === 'command') this.#view = { ...this.#view, command: undefined }
    }
    this.#view = { ...this.#view, revision, members, live }
    return revision
  }

  answerSwap(outcome: SwapOutcome): readonly Action[] {
    const { pending } = this.state
    assert.ok(pending !== undefined, 'no transaction is pending')
    return this.tell({ kind: 'swap-answered', number: pending.number, outcome })
  }

  /** A frame of the master on the slave's stream; it has confirmed as much, unless given. */
  frame(
    message: MasterMessage,
    epoch = this.#view.state?.value.epoch ?? 0,
    confirmOffset = this.state.log.confirmOffset,
  ): readonly Action[] {
    const { maxOffset } = this.state.log
    const frame = { epoch, confirmOffset, maxOffset, message }
    return this.tell({ kind: 'stream-frame', stream: this.stream, frame })
  }

  slave(stream: number, frame: SlaveFrame): readonly Action[] {
    return this.tell({ kind: 'slave-frame', stream, frame })
  }

  /** A slave with the master's whole log says hello and is ready; its stream has its id. */
  joins(brokerId: number, incarnation = 1): void {
    const { history, minOffset, maxOffset, confirmOffset } = this.state.log
    this.slave(brokerId, {
      kind: 'hello',
      member: { brokerId, incarnation, storeId: `store-${brokerId}` },
      lastSeenEpoch: this.state.member.lastSeenEpoch,
      history,
      minOffset,
      maxOffset,
      confirmOffset,
      isObserver: false,
    })
    this.slave(brokerId, { kind: 'ready', next: maxOffset, flushed: maxOffset })
  }

  /** Acknowledges everything that the master has, and its latest beat. */
  acknowledges(brokerId: number, offset = this.state.log.maxOffset): readonly Action[] {
    const { role } = this.state
    assert.ok('reign' in role, `${role.kind} has no slaves`)
    this.tell({ kind: 'pushed', stream: brokerId, to: this.state.log.maxOffset })
    return this.slave(brokerId, {
      kind: 'ack',
      epoch: role.reign.epoch,
      received: offset,
      flushed: offset,
      beat: role.reign.beats.number,
      disk: WELL,
    })
  }

  inspects(round: number, changes: Partial<Inspection>): readonly Action[] {
    const inspection: Inspection = {
      brokerId: 3,
      incarnation: 1,
      trustedSince: 1,
      isObserver: false,
      isElectable: true,
      priority: 0,
      epoch: this.state.member.lastSeenEpoch,
      lastRecordEpoch: 5,
      maxOffset: commitLogOffset(100),
      confirmOffset: commitLogOffset(0),
      masterHeardAgoMs: undefined,
      ...changes,
    }
    return this.tell({ kind: 'inspected', round, inspection })
  }

  #nextRevision(): Revision {
    this.#revision += 1
    return this.#revision as Revision
  }
}

/** A log of that length, all of it flushed and nothing confirmed. */
export function logOf(maxOffset: number, ...epochs: readonly (readonly [number, number])[]) {
  return {
    history: EpochHistory.of(
      epochs.map(([epoch, start]) => ({ epoch, start: commitLogOffset(start) })),
    ),
    minOffset: commitLogOffset(0),
    maxOffset: commitLogOffset(maxOffset),
    flushedOffset: commitLogOffset(maxOffset),
    confirmOffset: commitLogOffset(0),
  } satisfies LogState
}

export function memberOf(id: number, lastIncarnation = 1): MemberRecord {
  return {
    storeId: `store-${id}`,
    lastIncarnation,
    replicationAddress: `host-${id}:10911`,
    observer: false,
    priority: 0,
  }
}

export function liveOf(id: number, incarnation = 1): LiveRecord {
  return {
    incarnation,
    host: `host-${id}`,
    bootId: 'boot',
    replicationAddress: `host-${id}:10911`,
  }
}

function versioned<T>(values: ReadonlyMap<number, T>, revision: Revision) {
  return new Map([...values].map(([id, value]) => [id, { revision, value }]))
}
