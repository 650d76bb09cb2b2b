import { commitLogOffset } from '@cometmq/protocol'
import {
  type Action,
  type Happening,
  type MasterFrame,
  type ReplicaContext,
  type ReplicaState,
  type Role,
  recovering,
  type SlaveFrame,
  step,
  type Transaction,
} from '@cometmq/replication'
import type { Entry, MemberDisk } from './member-disk.ts'

/** What a process asks of the world around it. */
export interface Surroundings {
  follow(process: MemberProcess, action: Extract<Action, { kind: 'follow' }>): void
  toMaster(process: MemberProcess, stream: number, frame: SlaveFrame): void
  toSlave(process: MemberProcess, stream: number, frame: MasterFrame): void
  push(process: MemberProcess, stream: number, from: number): void
  leave(process: MemberProcess, stream: number): void
  close(process: MemberProcess, stream: number): void
  swap(process: MemberProcess, number: number, transaction: Transaction): void
  read(process: MemberProcess): void
  inspect(process: MemberProcess, round: number, brokerIds: readonly number[]): void
  stopped(process: MemberProcess, cleanly: boolean): void
  nextEntry(epoch: number, isClients: boolean): Entry
  /** Before each action; returns whether the process dies there. */
  crashesBefore(process: MemberProcess, action: Action): boolean
  /** After each action that was carried out. */
  acted(process: MemberProcess, action: Action): void
}

/** Records on their way to a slave. */
export interface RecordsOf {
  readonly byteLength: number
  readonly entries: readonly Entry[]
}

type StopWriting = Extract<Action, { kind: 'hold-writes' | 'refuse-writes' }>

/** The shell of one process of a member, as thin as it can be: it carries out what `step` says. */
export class MemberProcess {
  readonly brokerId: number
  readonly disk: MemberDisk
  readonly #context: ReplicaContext
  readonly #world: Surroundings
  /** What happened on this machine and was not told yet, in order. */
  readonly inbox: Happening[] = []
  state: ReplicaState
  nowMs = 0
  leaseId: string
  isUp = true
  /** The epoch that records of its own may be appended in. */
  writes: number | undefined
  /** Nothing is flushed; what is being written when it should stop is, until this has passed. */
  #isStalled = false
  #stops: StopWriting[] = []
  /** The epoch whose producers it answers. */
  answers: number | undefined

  constructor(context: ReplicaContext, world: Surroundings, disk: MemberDisk, lostTrust: boolean) {
    this.#context = context
    this.#world = world
    this.disk = disk
    const { member, log } = disk.recover(lostTrust)
    this.brokerId = member.brokerId ?? 0
    this.leaseId = `${this.brokerId}.${member.incarnation}.0`
    this.state = recovering(member, log, 0)
  }

  start(): void {
    const { member, log } = this.state
    this.happen({ kind: 'recovered', member, log })
  }

  get context(): ReplicaContext {
    return this.#context
  }

  get role(): Role {
    return this.state.role
  }

  happen(happening: Happening): void {
    if (!this.isUp) return
    const [state, actions] = step(this.#context, this.state, { ...happening, atMs: this.nowMs })
    this.state = state
    for (const action of actions) {
      if (this.#world.crashesBefore(this, action)) return
      this.#perform(action)
      if (!this.isUp) return
      this.#world.acted(this, action)
    }
  }

  /** Appends a producer's record, if this process may. */
  append(): boolean {
    if (this.writes === undefined) return false
    this.disk.log.push(this.#world.nextEntry(this.writes, true))
    this.inbox.push({ kind: 'appended', maxOffset: commitLogOffset(this.disk.log.length) })
    return true
  }

  get isStalled(): boolean {
    return this.#isStalled
  }

  stall(isStalled: boolean): void {
    this.#isStalled = isStalled
    if (isStalled) return
    for (const stop of this.#stops) this.#stopWriting(stop)
    this.#stops = []
  }

  flush(): void {
    if (this.#isStalled) return
    this.disk.flush(this.state.log.confirmOffset)
    this.inbox.push({ kind: 'flushed', offset: commitLogOffset(this.disk.flushed) })
  }

  #perform(action: Action): void {
    const { disk } = this
    switch (action.kind) {
      case 'keep-member':
        disk.member = action.member
        return
      case 'append-epoch':
        disk.history = this.#context.rules.appendEpoch(disk.history, action.entry)
        return
      case 'truncate':
        return disk.truncate(action.to, this.#context.rules)
      case 'forget-confirmed':
        disk.checkpoint = Math.min(disk.checkpoint, action.to)
        return
      case 'append-raw':
        disk.log.push(...(action.records as RecordsOf).entries)
        return
      case 'append-opening':
        disk.log.push(this.#world.nextEntry(action.epoch, false))
        this.inbox.push({
          kind: 'epoch-opened',
          epoch: action.epoch,
          end: commitLogOffset(disk.log.length),
        })
        return
      case 'check-tail':
        return
      case 'accept-writes':
        this.#stops = []
        this.writes = action.epoch
        this.answers = action.epoch
        return
      case 'hold-writes':
      case 'refuse-writes':
        if (action.kind === 'refuse-writes') this.answers = undefined
        if (this.#isStalled) this.#stops.push(action)
        else this.#stopWriting(action)
        return
      case 'follow':
        return this.#world.follow(this, action)
      case 'send-to-master':
        return this.#world.toMaster(this, action.stream, action.frame)
      case 'send-to-slave':
        return this.#world.toSlave(this, action.stream, action.frame)
      case 'push':
        return this.#world.push(this, action.stream, action.from)
      case 'leave-stream':
        return this.#world.leave(this, action.stream)
      case 'close-slave':
        return this.#world.close(this, action.stream)
      case 'swap':
        return this.#world.swap(this, action.number, action.transaction)
      case 'read':
        return this.#world.read(this)
      case 'inspect':
        return this.#world.inspect(this, action.round, action.brokerIds)
      case 'stop':
        return this.#world.stopped(this, action.cleanly)
      case 'start-over':
      case 'complete-tail':
      case 'confirm':
      case 'start-services':
      case 'stop-services':
      case 'register':
      case 'alarm':
        return
    }
  }

  #stopWriting({ number }: StopWriting): void {
    this.writes = undefined
    this.inbox.push({
      kind: 'appending-stopped',
      number,
      maxOffset: commitLogOffset(this.disk.log.length),
    })
  }
}
