import { commitLogOffset } from '@cometmq/protocol'
import {
  type Action,
  designedRules,
  type ReplicaContext,
  type Rules,
  type Transaction,
} from '@cometmq/replication'
import { SeededRandom } from '@cometmq/simulation'
import { Checks, type Counts, Violation } from './checks.ts'
import { ElectorCalls } from './elector-calls.ts'
import { type Entry, MemberDisk } from './member-disk.ts'
import { MemberProcess, type Surroundings } from './member-process.ts'
import { Network } from './network.ts'
import { type Profile, profileOf } from './profile.ts'
import { Story } from './story.ts'

/** Longer logs find nothing more and cost time. */
const MAX_LOG = 200

export interface WorldOptions {
  readonly seed: number
  readonly rules?: Rules
  readonly tellsStory?: boolean
}

/** One broker group in a world where everything that may happen does, in the order of one seed. */
export class World implements Surroundings {
  readonly profile: Profile
  readonly checks: Checks
  readonly story: Story
  readonly #random: SeededRandom
  readonly #operator: SeededRandom
  readonly #rules: Rules
  readonly #network: Network
  readonly #elector: ElectorCalls
  readonly #disks = new Map<number, MemberDisk>()
  readonly #processes = new Map<number, MemberProcess>()
  /** Leases of processes that are gone; each ends some time. */
  readonly #orphanedLeases: string[] = []
  #lastEntry = 0
  #lastLease = 0
  #isCalm = false

  constructor({ seed, rules = designedRules, tellsStory = false }: WorldOptions) {
    this.#random = new SeededRandom(seed)
    this.#operator = this.#random.fork('operator')
    this.#rules = rules
    this.profile = profileOf(this.#random.fork('profile'))
    this.story = new Story(tellsStory)
    this.checks = new Checks(
      {
        disks: this.#disks,
        processes: this.#processes,
        state: () => this.#elector.register.state?.value,
      },
      rules !== designedRules,
    )
    this.#network = new Network({
      random: this.#random.fork('network'),
      memberCount: this.profile.memberCount,
      misdirected: this.profile.misdirected,
      find: (brokerId) => this.#processes.get(brokerId),
    })
    this.#elector = new ElectorCalls(
      this.#random.fork('elector'),
      (process, transaction, before) => {
        this.story.applied(process, transaction)
        this.checks.applied(process, transaction, before)
      },
    )
    for (let id = 1; id <= this.profile.memberCount; id += 1) {
      this.#disks.set(id, new MemberDisk(id))
      this.#start(id)
    }
  }

  get counts(): Counts {
    return this.checks.counts
  }

  /** One thing happens. */
  step(index: number): void {
    const draw = this.#random.fraction()
    const { profile } = this
    if (draw < 0.36) this.#network.deliver()
    else if (draw < 0.46) this.#elector.advance()
    else if (draw < 0.56) this.#tell()
    else if (draw < 0.56 + profile.writes) this.#append()
    else if (draw < 0.76) this.#network.pushSome()
    else if (draw < 0.9) this.#tick()
    else if (draw < 0.94) this.#anyProcess()?.flush()
    else if (draw < 0.96) this.#read()
    else if (draw < 0.975) this.#crash()
    else if (draw < 0.99) this.#restart()
    else this.#slander()
    if (this.#random.chance(profile.electorSpeed)) this.#elector.advance()
    if (this.#random.chance(profile.linkSpeed)) this.#network.deliver()
    if (this.#random.chance(0.3)) this.#tell()
    this.#misfortune()
    if (index % 5 === 0) this.checks.always()
    if (index % 50 === 0) this.checks.lineage()
  }

  /** Faults stop; returns what is still wrong after all had their time, if anything is. */
  heal(): string | undefined {
    this.#isCalm = true
    this.#network.heal()
    this.#elector.heal()
    while (this.#orphanedLeases.length > 0) this.#endOrphanedLease()
    for (let round = 0; round < 1_500; round += 1) {
      for (const id of this.#disks.keys()) if (!this.#processes.has(id)) this.#start(id)
      for (let turn = 0; turn < 60; turn += 1) {
        this.#elector.advance()
        this.#network.deliver()
        this.#network.pushSome()
        this.#tell()
      }
      for (const process of this.#processes.values()) {
        process.flush()
        this.#tickOf(process, 4)
      }
      this.checks.always()
      if (round % 10 === 0 && this.#unrest() === undefined) return this.#finish()
    }
    return this.#unrest()
  }

  /** What every member is and holds. */
  describe(): string[] {
    return [...this.#disks].map(([id, disk]) => {
      const process = this.#processes.get(id)
      const { history, log, flushed, member } = disk
      const epochs = history.entries.map(({ epoch, start }) => `${epoch}@${start}`).join(' ')
      return (
        `${id}: ${process === undefined ? 'down' : JSON.stringify(process.role, replacer)}\n   ` +
        `log ${log.length}, flushed ${flushed}, confirm ${process?.state.log.confirmOffset}, ` +
        `seen ${member.lastSeenEpoch}, trusted since ${member.trustedSince}, epochs ${epochs}`
      )
    })
  }

  follow(process: MemberProcess, action: Extract<Action, { kind: 'follow' }>): void {
    this.#network.follow(process, action)
  }

  toMaster(...args: Parameters<Surroundings['toMaster']>): void {
    this.#network.toMaster(...args)
  }

  toSlave(...args: Parameters<Surroundings['toSlave']>): void {
    this.#network.toSlave(...args)
  }

  push(_process: MemberProcess, stream: number, from: number): void {
    this.#network.startPush(stream, from)
  }

  leave(process: MemberProcess, stream: number): void {
    this.#network.leave(process, stream)
  }

  close(process: MemberProcess, stream: number): void {
    this.#network.close(process, stream)
  }

  swap(process: MemberProcess, number: number, transaction: Transaction): void {
    this.#elector.swap(process, number, transaction)
  }

  read(process: MemberProcess): void {
    this.#elector.read(process)
  }

  inspect(process: MemberProcess, round: number, brokerIds: readonly number[]): void {
    this.#network.inspect(process, round, brokerIds)
  }

  stopped(process: MemberProcess, cleanly: boolean): void {
    if (cleanly) process.disk.flush(process.state.log.confirmOffset)
    this.#end(process, cleanly ? 'clean' : 'power')
  }

  nextEntry(epoch: number, isClients: boolean): Entry {
    this.#lastEntry += 1
    return { epoch, id: this.#lastEntry, isClients }
  }

  crashesBefore(process: MemberProcess, action: Action): boolean {
    this.story.acting(process, action)
    if (this.#isCalm) return false
    const { crashesInside, emptyEpochs } = this.profile
    const crashes = this.#random.chance(
      action.kind === 'append-opening' ? emptyEpochs : crashesInside,
    )
    if (crashes) this.#end(process, this.#wayToDie())
    return crashes
  }

  acted(process: MemberProcess, action: Action): void {
    this.checks.acted(process, action)
    if (action.kind === 'check-tail') this.#checkTail(process, action)
  }

  #tell(): void {
    const waiting = [...this.#processes.values()].filter(({ inbox }) => inbox.length > 0)
    if (waiting.length === 0) return
    const process = this.#random.pick(waiting)
    const happening = process.inbox.shift()
    if (happening !== undefined) process.happen(happening)
  }

  #append(): void {
    const process = this.#anyProcess()
    if (process !== undefined && process.disk.log.length < MAX_LOG) process.append()
  }

  #tick(): void {
    const process = this.#anyProcess()
    if (process === undefined) return
    const passedMs = this.#random.chance(0.1) ? this.#random.below(300) : this.#random.below(10)
    this.#tickOf(process, passedMs)
  }

  #tickOf(process: MemberProcess, passedMs: number): void {
    process.nowMs += passedMs
    const { isStalled } = process
    if (this.#isCalm || (isStalled && this.#random.chance(0.1))) process.stall(false)
    else if (!isStalled && this.#random.chance(this.profile.stalls)) process.stall(true)
    const holdsLease = this.#isCalm || !this.#random.chance(0.1)
    process.happen({
      kind: 'tick',
      lease: { id: process.leaseId, validUntilMs: holdsLease ? process.nowMs + 50 : 0 },
      disk: { isFull: !this.#isCalm && this.#random.chance(0.005), isStalled: process.isStalled },
    })
  }

  #read(): void {
    const process = this.#anyProcess()
    if (process !== undefined) this.checks.read(process)
  }

  #crash(): void {
    const process = this.#anyProcess()
    if (process !== undefined && this.#random.chance(this.profile.crashes)) {
      this.#end(process, this.#wayToDie())
    }
  }

  #wayToDie(): 'crash' | 'power' {
    return this.profile.hasPowerCuts && this.#random.chance(0.5) ? 'power' : 'crash'
  }

  #restart(): void {
    const down = [...this.#disks.keys()].filter((id) => !this.#processes.has(id))
    if (down.length > 0) this.#start(this.#random.pick(down))
  }

  #slander(): void {
    const process = this.#anyProcess()
    if (process !== undefined && this.#random.chance(this.profile.slander)) {
      this.#network.slander(process)
    }
  }

  /** What goes wrong beside everything else. */
  #misfortune(): void {
    const { cuts, electorCuts, electorHeals, lostAnswers, handOvers, leaseLosses } = this.profile
    const random = this.#random
    const anyId = () => 1 + random.below(this.profile.memberCount)
    if (random.chance(lostAnswers)) this.#elector.giveUp()
    if (random.chance(cuts)) {
      if (random.chance(electorCuts)) this.#elector.block(anyId())
      else this.#block(anyId(), anyId())
    }
    if (random.chance(cuts)) this.#network.unblock()
    if (random.chance(cuts * electorHeals)) this.#elector.heal()
    if (random.chance(this.profile.breaks)) this.#network.cut()
    if (random.chance(0.005)) this.#endOrphanedLease()
    if (random.chance(leaseLosses)) this.#loseLease()
    if (random.chance(handOvers)) this.#elector.register.order(this.#handOver())
    if (random.chance(handOvers / 4)) this.#anyProcess()?.happen({ kind: 'stop-wanted' })
    if (random.chance(0.02)) this.#anyProcess()?.happen({ kind: 'hinted' })
    this.#operate()
  }

  /** What an operator may do at any time, and what only after a look at the group. */
  #operate(): void {
    const { register } = this.#elector
    const random = this.#operator
    const anyId = () => 1 + random.below(this.profile.memberCount)
    if (random.chance(this.profile.forgets)) {
      register.order({ id: 'x', kind: 'forget', brokerId: anyId() })
    }
    const { state } = register
    const isAnybodyLeft = [...(state?.value.inSync.keys() ?? [])].some((id) =>
      this.#processes.has(id),
    )
    if (state === undefined || isAnybodyLeft || !random.chance(this.profile.elects)) return
    const { revision: stateRevision } = state
    const confirmedTo = commitLogOffset(0)
    this.checks.givesUp()
    register.order({ id: 'x', kind: 'elect', to: anyId(), stateRevision, confirmedTo })
  }

  #handOver() {
    const to = this.#random.chance(0.5) ? undefined : 1 + this.#random.below(2)
    return { id: 'x', kind: 'hand-over', to } as const
  }

  #block(from: number, to: number): void {
    this.#network.block(from, to)
    if (this.#random.chance(0.7)) this.#network.block(to, from)
  }

  #loseLease(): void {
    const process = this.#anyProcess()
    if (process === undefined) return
    this.#elector.register.endLease(process.leaseId)
    this.#lastLease += 1
    process.leaseId = `${process.brokerId}.${process.state.member.incarnation}.${this.#lastLease}`
  }

  #endOrphanedLease(): void {
    const lease = this.#orphanedLeases.shift()
    if (lease !== undefined) this.#elector.register.endLease(lease)
  }

  #start(id: number): void {
    const disk = this.#disks.get(id)
    if (disk === undefined) return
    const lostTrust = this.checks.doubtful.delete(id)
    const self = {
      configuredId: id,
      host: `host-${id}`,
      bootId: `boot-${id}`,
      replicationAddress: `host-${id}:10911`,
      isObserver: false,
      priority: 0,
    }
    const context: ReplicaContext = {
      settings: this.profile.settings,
      rules: this.#rules,
      self,
    }
    this.story.tell(`${id} starts${lostTrust ? ', not trusted' : ''}`)
    const process = new MemberProcess(context, this, disk, lostTrust)
    this.#processes.set(id, process)
    process.start()
  }

  #end(process: MemberProcess, how: 'clean' | 'crash' | 'power'): void {
    const { brokerId, disk } = process
    process.isUp = false
    this.#processes.delete(brokerId)
    if (how === 'power') {
      disk.cutPower(this.#random, this.#rules)
      if (this.profile.settings.confirmOn === 'received') this.checks.doubtful.add(brokerId)
    }
    this.story.tell(`${brokerId} ends (${how}), log ${disk.log.length}`)
    this.#network.died(process)
    this.#elector.died(process)
    this.#orphanedLeases.push(process.leaseId)
  }

  /** What the checksums of both tails would say. */
  #checkTail(process: MemberProcess, action: Extract<Action, { kind: 'check-tail' }>): void {
    const matches = this.#network.matchesTail(process, action.stream, action.to)
    process.inbox.push({ kind: 'tail-checked', stream: action.stream, matches })
  }

  #anyProcess(): MemberProcess | undefined {
    const all = [...this.#processes.values()]
    return all.length === 0 ? undefined : this.#random.pick(all)
  }

  /** Why a group that was left in peace is not whole again; undefined if it is. */
  #unrest(): string | undefined {
    const state = this.#elector.register.state?.value
    if (state === undefined) return 'there is no state'
    const master = this.#processes.get(state.master)
    if (master?.role.kind !== 'master' || master.role.reign.epoch !== state.epoch) {
      return `${state.master} is not master of epoch ${state.epoch}`
    }
    if (!master.role.reign.isSettled) return 'the epoch is not settled'
    if (master.disk.log.length !== master.state.log.confirmOffset) return 'not all is confirmed'
    for (const [id, disk] of this.#disks) {
      if (!state.inSync.has(id)) return `${id} is not in sync`
      if (disk.log.length !== master.disk.log.length) return `${id} has ${disk.log.length} records`
    }
    return undefined
  }

  #finish(): undefined {
    this.checks.lineage()
    for (const process of this.#processes.values()) this.checks.read(process)
    for (const [id, disk] of this.#disks) {
      for (const [at, entry] of this.checks.acknowledgedOffsets()) {
        if (disk.log[at]?.id !== entry) throw new Violation('I5', `${id} lacks ${entry} at the end`)
      }
    }
  }
}

function replacer(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}
