import {
  CometError,
  type CommitLogOffset,
  type Inspection as InspectionAnswer,
  toCometError,
} from '@cometmq/protocol'
import type { Timer } from '@cometmq/runtime'
import type { Action } from '../actions.ts'
import type { Happening } from '../events.ts'
import type { GroupState } from '../group-state.ts'
import { inspectionOf } from '../inspection.ts'
import { copiesOf, isReigning, servesAt } from '../reign.ts'
import type { ReplicaContext, ReplicaState } from '../replica.ts'
import { recovering, step } from '../replica-state.ts'
import { designedRules } from '../rules.ts'
import type { Appointment } from '../static/appointment.ts'
import { ActionLine, type Moves } from './action-line.ts'
import { addressesOfOthers } from './addresses.ts'
import { inspectionAnswer } from './asking.ts'
import { Chronicle } from './chronicle.ts'
import { CheckpointSource, type CheckpointStream } from './checkpoint-source.ts'
import { DiskWatch } from './disk-watch.ts'
import { incarnate, logStateOf } from './first-state.ts'
import { LogMender } from './log-mender.ts'
import { type MemberHome, readMemberFile, writeMemberFile } from './member-file.ts'
import { type MemberStatus, memberStatus } from './member-status.ts'
import { type OverlaySource, type OverlayStream, serveOverlay } from './overlay-exchange.ts'
import { Performer } from './performer.ts'
import type { SlaveStream } from './slave-streams.ts'
import { StandingConnections } from './standing-connections.ts'
import type { MemberEnding, MemberOptions, MemberPorts } from './ports.ts'

const ANSWER_MS = 100

/**
 * A member of a broker group at work: tells the pure core what happens, and has done what it says.
 *
 * It owns the role of this process, and nothing of what a broker does in it.
 */
export class GroupMember implements AsyncDisposable {
  /** When the member has come to its end, and how. */
  readonly ended: Promise<MemberEnding>
  readonly #ports: MemberPorts
  readonly #options: MemberOptions
  readonly #context: ReplicaContext
  readonly #home: MemberHome
  readonly #performer: Performer
  readonly #line: ActionLine<Action>
  readonly #copies: CheckpointSource
  readonly #mender: LogMender
  readonly #connections: StandingConnections
  readonly #disk: DiskWatch
  readonly #chronicle: Chronicle
  readonly #end: (ending: MemberEnding) => void
  readonly #stopListening: (() => void)[] = []
  #state: ReplicaState
  #timer: Timer | undefined
  /** Called when this member leads nothing and its log is at rest. */
  #whenAtRest: (() => void)[] = []
  /** That it follows, for the first time. */
  #hasTold = false
  #hasFailed = false
  #isClosed = false

  private constructor(ports: MemberPorts, options: MemberOptions, state: ReplicaState) {
    const { cluster, brokerName, settings, self, folder, rules = designedRules } = options
    const { store } = ports
    this.#ports = ports
    this.#options = options
    this.#context = { settings, self, rules }
    this.#state = state
    const { promise, resolve } = Promise.withResolvers<MemberEnding>()
    this.ended = promise
    this.#end = resolve
    this.#disk = new DiskWatch(store)
    this.#chronicle = new Chronicle(ports)
    this.#copies = new CheckpointSource(ports, { cluster, brokerName })
    const others = (): string[] => addressesOfOthers(this.#state)
    this.#mender = new LogMender(ports, { cluster, brokerName }, others)
    const asking = { brokerName, timeoutMs: settings.inspectMs }
    this.#connections = new StandingConnections(ports, asking, others)
    this.#home = { folder, cluster, brokerName, storeId: store.storeId }
    this.#performer = new Performer({
      ports,
      options,
      home: this.#home,
      state: () => this.#state,
      happen: (happening) => this.#happen(happening),
      end: (ending) => this.#end(ending),
    })
    this.#line = new ActionLine({
      perform: (action) => this.#performer.perform(action),
      moves: movesOf,
      failed: (error) => void this.#failed(error),
    })
  }

  /**
   * Counts this start of the process, durably. Throws `STORE_CORRUPT`, and `CONFIG_INVALID` if the
   * folder is no member's of this group.
   */
  static async open(ports: MemberPorts, options: MemberOptions): Promise<GroupMember> {
    const { store, files, clock } = ports
    const { folder, cluster, brokerName } = options
    const home = { folder, cluster, brokerName, storeId: store.storeId }
    const member = incarnate(await readMemberFile(files, home), store, {
      configuredId: options.self.configuredId,
      isStatic: ports.appointments !== undefined,
    })
    await writeMemberFile(files, home, member)
    await store.log.settleDoubt()
    const state = recovering(member, logStateOf(store), clock.elapsedMs())
    return new GroupMember(ports, options, state)
  }

  /** Takes its place in the group. */
  start(): void {
    const { store } = this.#ports
    this.#stopListening.push(
      store.log.tap(({ to }) => this.#written(to)),
      store.log.onFlushed((offset) => this.#happen({ kind: 'flushed', offset })),
      store.subscribe({ trimmed: (minOffset) => this.#happen({ kind: 'trimmed', minOffset }) }),
    )
    store.failed.catch((error: unknown) => this.#failed(error))
    const { member } = this.#state
    this.#happen({ kind: 'recovered', member, log: logStateOf(store) })
    this.#mender.start()
    this.#connections.start()
    this.#tick()
  }

  /** A stream of another member, which follows this one or takes it for its master. */
  acceptSlave(stream: SlaveStream): void {
    this.#performer.acceptSlave(stream)
  }

  /** Another member makes its store anew as a copy of this one's. */
  giveCopy(stream: CheckpointStream): void {
    this.#copies.accept(stream)
  }

  /** A master that has come back takes what this member was told without it. */
  giveOverlay(stream: OverlayStream, source: OverlaySource | undefined): void {
    const { cluster, brokerName } = this.#options
    serveOverlay(this.#ports.log, stream, { group: { cluster, brokerName }, source })
  }

  /** What it tells whoever asks, from memory. */
  get inspected(): InspectionAnswer {
    const { role, log } = this.#state
    const inspection = inspectionOf(this.#context, this.#now)
    const isElectable = inspection.isElectable && !this.#hasFailed
    return inspectionAnswer(
      { ...inspection, isElectable },
      {
        role: role.kind,
        storeId: this.#ports.store.storeId,
        log,
        changes: this.#chronicle.changes,
        inSync: isReigning(role) ? role.reign.inSync : new Map(),
        appointments: this.#ports.appointments,
      },
    )
  }

  get status(): MemberStatus {
    const isLogDamaged = this.#ports.store.log.damaged.length > 0
    return memberStatus(this.#context, this.#now, { chronicle: this.#chronicle, isLogDamaged })
  }

  get cluster(): string {
    return this.#options.cluster
  }

  get brokerName(): string {
    return this.#options.brokerName
  }

  get state(): ReplicaState {
    return this.#state
  }

  /** As last viewed. */
  get group(): GroupState | undefined {
    return this.#state.elector.view?.state?.value
  }

  /** Whether this member is master and may answer clients right now. */
  get mayServe(): boolean {
    return servesAt(this.#context, this.#state, this.#ports.clock.elapsedMs())
  }

  /** How many members its writes wait for, and how many they have to be; undefined unless it leads. */
  get copies(): { readonly members: number; readonly minMembers: number } | undefined {
    return copiesOf(this.#context, this.#state)
  }

  /** Asks for a proper end, before which a master hands over; `ended` tells when. */
  stop(): void {
    this.#happen({ kind: 'stop-wanted' })
  }

  /** Somebody knows of that epoch. */
  epochSeen(epoch: number): void {
    if (epoch > this.#state.member.lastSeenEpoch) this.#happen({ kind: 'epoch-seen', epoch })
  }

  /**
   * An operator's word on who leads. Resolves when it is durable here, nothing of an earlier epoch is
   * appended any more, and the log is at rest. Throws `MEMBER_UNFIT`, `STALE_EPOCH`.
   */
  async appoint(appointment: Appointment): Promise<void> {
    const { appointments } = this.#ports
    if (appointments === undefined) {
      const why = 'this broker group has an elector; its members are elected, not appointed'
      throw new CometError('MEMBER_UNFIT', why)
    }
    await appointments.appoint(appointment)
    this.epochSeen(appointment.epoch)
    if (!isAtRest(this.#state)) {
      await new Promise<void>((resolve) => this.#whenAtRest.push(resolve))
    }
  }

  /** If it is appointed, and does not lead yet: it ends soon, after whoever said so was answered. */
  obeyAppointment(): void {
    if (this.#ports.appointments?.isAppointed !== true || isReigning(this.#state.role)) return
    this.#ports.clock.schedule(ANSWER_MS, () => this.#end({ kind: 'begins-anew' }))
  }

  /** Leaves the group without a word, unless it has come to its end before. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.cancel()
    for (const stop of this.#stopListening) stop()
    this.#line.close()
    this.#connections.close()
    await this.#mender.close()
    await this.#performer.close()
    this.#tellAtRest()
    this.#end({ kind: 'stopped' })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #happen(happening: Happening): void {
    if (this.#isClosed) return
    const atMs = this.#ports.clock.elapsedMs()
    const [state, actions] = step(this.#context, this.#state, { ...happening, atMs })
    this.#chronicle.stepped({ before: this.#state, happening, after: state, actions })
    this.#state = state
    this.#line.put(actions)
    this.#tellAtRest()
    // The core tells of reigns that begin and end; that a member is there is news as well.
    if (this.#hasTold) return
    if (actions.some(({ kind }) => kind === 'register')) this.#hasTold = true
    else if (state.role.kind === 'following') {
      this.#hasTold = true
      this.#ports.duties.roleChanged()
    }
  }

  /** Of what a slave writes, the core has known before. */
  #written(maxOffset: CommitLogOffset): void {
    if (maxOffset > this.#state.log.maxOffset) this.#happen({ kind: 'appended', maxOffset })
  }

  #tick(): void {
    const { clock, elector } = this.#ports
    const lease = { id: elector.lease.id(), validUntilMs: elector.lease.validUntilMs() }
    this.#happen({ kind: 'tick', lease, disk: this.#disk.read(clock.elapsedMs()) })
    if (this.#isClosed) return
    this.#timer = clock.schedule(this.#options.settings.tickMs, () => this.#tick())
  }

  /**
   * What is on disk is not known any more: nothing else is done before a start has found out, and
   * nobody elects what starts then before it has been added anew.
   */
  async #failed(error: unknown): Promise<void> {
    if (this.#hasFailed || this.#isClosed) return
    this.#hasFailed = true
    this.#line.close()
    const { log, files, store } = this.#ports
    log.error({ error: toCometError(error) }, 'member of the broker group has failed')
    // What a hand-over holds back is written by nobody any more; the end of this process waits for it.
    store.log.follow().catch(() => {})
    const { member } = this.#state
    try {
      await writeMemberFile(files, this.#home, { ...member, trustedSince: member.incarnation + 1 })
    } catch (thrown) {
      log.error({ error: thrown }, 'that it is not to be trusted could not be noted')
    }
    this.#end({ kind: 'failed' })
  }

  #tellAtRest(): void {
    if (this.#whenAtRest.length === 0 || !(this.#isClosed || isAtRest(this.#state))) return
    const waiting = this.#whenAtRest
    this.#whenAtRest = []
    for (const tell of waiting) tell()
  }

  /** Its state as of now, whenever it made its latest step. */
  get #now(): ReplicaState {
    return { ...this.#state, nowMs: this.#ports.clock.elapsedMs() }
  }
}

/** It leads nothing, is about to lead nothing, and what it led is written to its end. */
function isAtRest({ role }: ReplicaState): boolean {
  if (isReigning(role) || role.kind === 'candidate' || role.kind === 'promoting') return false
  return role.kind !== 'following' || role.settlesLog === undefined
}

/** What is copied may be handed to the log before what was copied earlier is written: it keeps the order. */
function movesOf(action: Action): Moves {
  if (action.kind === 'append-raw') return 'begins-early'
  const isAck = action.kind === 'send-to-master' && action.frame.kind === 'ack'
  // What is asked of others has nothing to do with what is copied meanwhile.
  const asks = action.kind === 'read' || action.kind === 'inspect'
  return isAck || asks || action.kind === 'confirm' ? 'lets-pass' : 'never'
}
