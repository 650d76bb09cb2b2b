import {
  CometError,
  type Inspection as InspectionAnswer,
  type Services,
  toCometError,
} from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import type {
  Elector,
  ElectorLease,
  GroupHint,
  GroupView,
  ReadOutcome,
  Revision,
  SwapOutcome,
  Transaction,
  Versioned,
} from '../elector.ts'
import type { LiveRecord, MemberRecord } from '../group-records.ts'
import { APPOINTED, type GroupState } from '../group-state.ts'
import {
  type Appointment,
  appointmentOf,
  configured,
  isKnown,
  readStaticRecord,
  type StaticRecord,
  supersedes,
  writeStaticRecord,
} from './appointment.ts'
import { OwnKeys } from './own-keys.ts'

export interface StaticElectorPorts extends Pick<Runtime, 'files' | 'log' | 'transport'> {
  readonly methods: Services['replication']
}

export interface StaticGroup {
  readonly cluster: string
  readonly brokerName: string
  /** Own number, from 1. */
  readonly me: number
  /** Who leads until an operator says otherwise. */
  readonly master: number
  /** Where each member of the group is reached by the others, by number; this one, too. */
  readonly members: ReadonlyMap<number, string>
  readonly minInSync: number
  /** Of the files that replication keeps beside the log. */
  readonly folder: string
  /** So long a member has to say how it is. */
  readonly inspectMs: number
  /** The highest epoch that this member has seen, be it before anybody told who leads it. */
  readonly seen: () => number
}

/** What another member says of itself, or why it does not. */
export interface PeerAnswer {
  readonly brokerId: number
  readonly address: string
  readonly answer: InspectionAnswer | undefined
  readonly why: string
}

/** There is one, and nobody else's: a member that has known another elector must not obey it. */
export const STATIC_ELECTOR_ID = 'static'

/**
 * The elector of a group that has none: who leads is what its operator has said, in the configuration
 * or by a promotion, and what each member keeps on its own disk. Everything else about a group is the
 * same with it: nobody campaigns, for nobody but the appointed one is ever in the set of this view.
 *
 * Members tell each other the latest appointment whenever they ask each other how they are. The
 * appointed one begins an epoch of its own at each start, so that one process writes an epoch.
 */
export class StaticElector implements Elector {
  /** Nobody is elected behind its back, so it lasts. */
  readonly lease: ElectorLease = {
    id: () => STATIC_ELECTOR_ID,
    validUntilMs: () => Number.POSITIVE_INFINITY,
  }
  readonly #ports: StaticElectorPorts
  readonly #group: StaticGroup
  readonly #keys = new OwnKeys()
  readonly #watchers = new Set<(hint: GroupHint) => void>()
  /** What peers told of themselves last. */
  readonly #heard = new Map<number, { readonly storeId: string; readonly incarnation: number }>()
  readonly #answering = new Set<number>()
  #record: StaticRecord
  #line: Promise<unknown> = Promise.resolve()
  #isClosed = false

  private constructor(ports: StaticElectorPorts, group: StaticGroup, record: StaticRecord) {
    this.#ports = ports
    this.#group = group
    this.#record = record
    this.#showAppointed()
  }

  /** Throws `STORE_CORRUPT`. */
  static async open(ports: StaticElectorPorts, group: StaticGroup): Promise<StaticElector> {
    const found = await readStaticRecord(ports.files, group.folder)
    const record = found ?? { appointment: configured(group.master), inSyncAs: 0 }
    const { master, epoch, by } = record.appointment
    if (found !== undefined && master !== group.master) {
      ports.log.info({ master, epoch, by }, 'an operator has said otherwise than the configuration')
    }
    return new StaticElector(ports, group, record)
  }

  /** The latest that this member knows of, and has on disk. */
  get appointment(): Appointment {
    return this.#record.appointment
  }

  /** The incarnation as which this member was last told to be in sync; 0: never. */
  get inSyncAs(): number {
    return this.#record.inSyncAs
  }

  get isAppointed(): boolean {
    return this.appointment.master === this.#group.me
  }

  /**
   * Takes an operator's word, durably. Throws `STALE_EPOCH` if there is a later one, or another one of
   * that epoch.
   */
  appoint(next: Appointment): Promise<void> {
    return this.#inTurn(async () => {
      if (isKnown(next, this.appointment)) return
      if (!supersedes(next, this.appointment)) {
        const { epoch, by } = this.appointment
        throw new CometError(
          'STALE_EPOCH',
          `member ${this.#group.me} knows of epoch ${epoch} (${by}); another promotion came first, look at the replicas and give the command again`,
        )
      }
      await this.#take(next)
    })
  }

  /** Asks every other member how it is, and takes in what it knows of who leads. */
  async ask(timeoutMs = this.#group.inspectMs): Promise<PeerAnswer[]> {
    const { members, me } = this.#group
    const others = [...members].filter(([brokerId]) => brokerId !== me)
    const answers = await Promise.all(
      others.map(([brokerId, address]) => this.#inspect(brokerId, address, timeoutMs)),
    )
    for (const { brokerId, answer } of answers) {
      const member = answer?.member
      if (member) this.#heard.set(brokerId, member)
      if (answer === undefined) this.#answering.delete(brokerId)
      else this.#answering.add(brokerId)
      if (answer?.appointment) await this.#learn(appointmentOf(answer.appointment))
      if (answer) await this.#noteInSync(brokerId, answer)
    }
    return answers
  }

  async read(): Promise<ReadOutcome> {
    await this.ask()
    const { master, epoch } = this.appointment
    // Nobody leads until the operator's promotion is through, or somebody tells who does.
    if (master === undefined || epoch < this.#group.seen()) return { kind: 'unreachable' }
    return { kind: 'read', view: this.#view() }
  }

  swap(transaction: Transaction): Promise<SwapOutcome> {
    return this.#inTurn(async () => {
      const state = transaction.writes.find((write) => write.kind === 'put-state')?.value
      if (state !== undefined && !this.#mayPut(state)) return this.#lost()
      if (!this.#keys.allows(transaction)) return this.#lost()
      // On disk before anybody is shown it: one that cannot be written has not been won.
      if (state !== undefined && state.epoch > this.appointment.epoch) {
        const { epoch, master, masterIncarnation, attempt: by, possibleLoss: loss } = state
        const appointment = { epoch, master, by, loss }
        await this.#write({ appointment, inSyncAs: masterIncarnation })
      }
      const revision = this.#keys.apply(transaction)
      return revision === undefined ? this.#lost() : { kind: 'won', revision }
    })
  }

  watch(_from: Revision, onChange: (hint: GroupHint) => void): AsyncDisposable {
    this.#watchers.add(onChange)
    return {
      [Symbol.asyncDispose]: async () => {
        this.#watchers.delete(onChange)
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#watchers.clear()
    await this.#line.catch(() => {})
  }

  /** Only the appointed one writes the state of the group, and only what goes on from it. */
  #mayPut(state: GroupState): boolean {
    return (
      this.isAppointed && state.master === this.#group.me && state.epoch >= this.appointment.epoch
    )
  }

  #lost(): SwapOutcome {
    return { kind: 'lost', view: this.#view() }
  }

  #learn(appointment: Appointment): Promise<void> {
    return this.#inTurn(async () => {
      if (supersedes(appointment, this.appointment)) await this.#take(appointment)
    })
  }

  async #take(next: Appointment): Promise<void> {
    if (this.#isClosed) throw new CometError('CLOSED', 'the broker has stopped')
    await this.#write({ ...this.#record, appointment: next })
    const { epoch, master, by } = next
    this.#ports.log.info({ epoch, master: master ?? 'nobody yet', by }, 'who leads is appointed')
    this.#showAppointed()
    const { revision } = this.#keys.view
    for (const watcher of this.#watchers) watcher({ revision })
  }

  /** The master has let this very process into its set: it holds all that was acknowledged then. */
  async #noteInSync(brokerId: number, { inSync }: InspectionAnswer): Promise<void> {
    const { me } = this.#group
    if (this.appointment.master !== brokerId) return
    const incarnation = this.#keys.view.live.get(me)?.value.incarnation
    const entry = inSync.find((member) => member.brokerId === me)
    if (incarnation === undefined || entry?.incarnation !== incarnation) return
    await this.#inTurn(async () => {
      if (this.#record.inSyncAs >= incarnation || this.#isClosed) return
      await this.#write({ ...this.#record, inSyncAs: incarnation })
    })
  }

  async #write(record: StaticRecord): Promise<void> {
    await writeStaticRecord(this.#ports.files, this.#group.folder, record)
    this.#record = record
  }

  /** The group as it is until the appointed one says more: with nobody else in sync. */
  #showAppointed(): void {
    const { epoch, master, by, loss } = this.appointment
    if (master === undefined) return
    const { minInSync, members } = this.#group
    this.#keys.putState({
      epoch,
      master,
      masterIncarnation: 0,
      inSync: new Map([[master, 0]]),
      minInSync,
      memberCount: members.size,
      attempt: by,
      reason: APPOINTED,
      previous: undefined,
      possibleLoss: loss,
    })
  }

  #view(): GroupView {
    const own = this.#keys.view
    const members = new Map(own.members)
    const live = new Map(own.live)
    for (const [brokerId, replicationAddress] of this.#group.members) {
      if (brokerId === this.#group.me) continue
      const { storeId = '', incarnation = 1 } = this.#heard.get(brokerId) ?? {}
      const record: MemberRecord = {
        storeId,
        lastIncarnation: incarnation,
        replicationAddress,
        observer: false,
        priority: 0,
      }
      members.set(brokerId, { revision: own.revision, value: record })
      if (!this.#answering.has(brokerId)) continue
      const alive: LiveRecord = { incarnation, host: '', bootId: '', replicationAddress }
      live.set(brokerId, { revision: own.revision, value: alive })
    }
    const clusterId = STATIC_ELECTOR_ID
    return { ...own, clusterId, members, live, state: this.#withIncarnation(own.state, live) }
  }

  /** An appointment names a member, whatever process of it runs now: it is eligible as it is. */
  #withIncarnation(
    state: Versioned<GroupState> | undefined,
    live: GroupView['live'],
  ): Versioned<GroupState> | undefined {
    if (state === undefined || state.value.masterIncarnation !== 0) return state
    const { master } = state.value
    const incarnation = live.get(master)?.value.incarnation ?? 1
    return {
      ...state,
      value: {
        ...state.value,
        masterIncarnation: incarnation,
        inSync: new Map([[master, incarnation]]),
      },
    }
  }

  async #inspect(brokerId: number, address: string, timeoutMs: number): Promise<PeerAnswer> {
    const { transport, methods } = this.#ports
    const { brokerName, me } = this.#group
    const connection = transport.connect(address)
    try {
      const request = { brokerName, from: me, epoch: 0 }
      const answer = await connection.call(methods.Inspect, request, { timeoutMs })
      const found = answer.member?.brokerId ?? 0
      // 0: it has just started and has no number yet.
      if (found === 0 || found === brokerId) return { brokerId, address, answer, why: '' }
      const why = `member ${found} answers at its address`
      return { brokerId, address, answer: undefined, why }
    } catch (thrown) {
      return { brokerId, address, answer: undefined, why: toCometError(thrown).message }
    } finally {
      connection.close()
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => {})
    return done
  }
}
