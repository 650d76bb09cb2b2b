import { commitLogOffset } from '@cometmq/protocol'
import {
  type Action,
  durableOffset,
  type GroupState,
  type GroupView,
  isReigning,
  type Transaction,
} from '@cometmq/replication'
import type { MemberDisk } from './member-disk.ts'
import type { MemberProcess } from './member-process.ts'

/** Something that must never be, with what it broke. */
export class Violation extends Error {
  readonly rule: string

  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`)
    this.rule = rule
  }
}

export interface Counts {
  acknowledged: number
  elections: number
  truncations: number
  handOvers: number
  swaps: number
  recoveries: number
  /** Those of the recoveries that an operator asked for. */
  ordered: number
  forgotten: number
  reads: number
}

interface Group {
  readonly disks: ReadonlyMap<number, MemberDisk>
  readonly processes: ReadonlyMap<number, MemberProcess>
  readonly state: () => GroupState | undefined
}

/**
 * Holds a whole group against what is promised. `onlyLosses` leaves out what merely restates a rule:
 * with a rule left out, what has to show is that messages are lost or seen to change.
 */
export class Checks {
  readonly counts: Counts = {
    acknowledged: 0,
    elections: 0,
    truncations: 0,
    handOvers: 0,
    swaps: 0,
    recoveries: 0,
    ordered: 0,
    forgotten: 0,
    reads: 0,
  }
  /** Members that lost power and will not be trusted when they start; kept by the world. */
  readonly doubtful = new Set<number>()
  readonly #group: Group
  readonly #onlyLosses: boolean
  /** Which record was acknowledged, and which was seen, at an offset. */
  readonly #acknowledged = new Map<number, number>()
  readonly #seen = new Map<number, number>()
  readonly #masters = new Map<number, string>()
  readonly #confirmed = new Map<MemberProcess, number>()
  /** What an operator has given up who had a member elected whatever it lacks. */
  #givenUp: ReadonlyMap<number, number> = new Map()
  /** A recovery took a loss: what was seen before it may change. */
  #lossy = false

  constructor(group: Group, onlyLosses: boolean) {
    this.#group = group
    this.#onlyLosses = onlyLosses
  }

  get hasLoss(): boolean {
    return this.#lossy
  }

  acknowledgedOffsets(): ReadonlyMap<number, number> {
    return this.#acknowledged
  }

  acted(process: MemberProcess, action: Action): void {
    const { kind } = action
    if (kind === 'confirm') this.#onConfirm(process, action.offset)
    if (kind === 'append-opening') this.#onOpening(process, action.epoch)
    if (kind === 'append-raw') this.#onRaw(process, action.offset)
    if (kind === 'forget-confirmed') this.#confirmed.set(process, action.to)
    if (kind === 'swap') this.#onSwap(process, action.transaction)
    if (kind === 'send-to-slave' && action.frame.message.kind === 'hand-over') {
      this.counts.handOvers += 1
    }
    if (kind === 'truncate') {
      this.counts.truncations += 1
      const { confirmOffset } = process.state.log
      this.#rule('I8', action.to >= confirmOffset, () => 'cut below what is confirmed')
    }
    if (kind === 'alarm') this.#loss('quarantined', action.name !== 'quarantined', () => action.why)
  }

  /** An operator takes the loss of everything that is acknowledged by now. */
  givesUp(): void {
    this.#givenUp = new Map(this.#acknowledged)
  }

  /** A transaction took effect. */
  applied(process: MemberProcess, transaction: Transaction, before: GroupView): void {
    const after = this.#group.state()
    const old = before.state?.value
    if (transaction.kind === 'forget') this.counts.forgotten += 1
    if (!transaction.writes.some(({ kind }) => kind === 'put-state') || after === undefined) return
    this.#rule('I2', after.epoch >= (old?.epoch ?? 0), () => `${old?.epoch} to ${after.epoch}`)
    const { kind } = transaction
    const keepsFloor =
      old === undefined ||
      kind === 'recover' ||
      after.inSync.size >= Math.min(old.inSync.size, after.minInSync)
    this.#rule('I11', keepsFloor, () => `${after.inSync.size} in sync after ${kind}`)
    if (kind === 'change-set') {
      if (old !== undefined && after.inSync.size === old.inSync.size) this.counts.swaps += 1
      return
    }
    this.counts.elections += 1
    if (kind === 'recover') return this.#onRecovery(process, after)
    if (kind === 'bootstrap' || old === undefined || !isCurrent(process)) return
    const trustedIn = old.inSync.get(process.brokerId) ?? 0
    const isTrusted = trustedIn >= process.state.member.trustedSince
    this.#rule('I6', isTrusted, () => `${process.brokerId} is not a trusted member of the set`)
    this.#holdsAcknowledged(process.disk, `the elected ${process.brokerId}`)
  }

  /** A consumer reads everything that a member lets it see. */
  read(process: MemberProcess): void {
    if (this.#lossy) return
    this.counts.reads += 1
    const end = process.context.rules.readableEnd(process.state.log)
    for (let at = 0; at < Math.min(end, process.disk.log.length); at += 1) {
      const id = process.disk.log[at]?.id ?? 0
      const seen = this.#seen.get(at)
      if (seen === undefined) this.#seen.set(at, id)
      else this.#loss('I9', seen === id, () => `at ${at} ${seen} was seen, and now ${id}`)
    }
  }

  /** What must hold at every moment, whatever is under way. */
  always(): void {
    const state = this.#group.state()
    if (state === undefined) return
    for (const [brokerId, incarnation] of state.inSync) {
      const disk = this.#group.disks.get(brokerId)
      if (disk === undefined || incarnation < disk.member.trustedSince) continue
      // It lost power and has not started since, so it does not know yet that it is not trusted.
      if (this.doubtful.has(brokerId)) continue
      this.#holdsAcknowledged(disk, `${brokerId}, in sync,`)
    }
    for (const process of this.#group.processes.values()) this.#coversSet(process, state)
  }

  /** Dearer: every log against its own history, and every two logs against each other. */
  lineage(): void {
    const disks = [...this.#group.disks]
    for (const [brokerId, disk] of disks) {
      const wrong = disk.log.findIndex(
        ({ epoch }, at) => disk.history.at(commitLogOffset(at))?.epoch !== epoch,
      )
      this.#loss('I14', wrong < 0, () => `${brokerId}: the history is wrong about record ${wrong}`)
      for (const [otherId, other] of disks) {
        if (otherId > brokerId) this.#agree([brokerId, disk], [otherId, other])
      }
    }
  }

  #onConfirm(process: MemberProcess, offset: number): void {
    const before = this.#confirmed.get(process) ?? 0
    this.#rule('I8', offset >= before, () => `confirm fell from ${before} to ${offset}`)
    this.#confirmed.set(process, offset)
    if (process.answers === undefined) return
    for (let at = before; at < offset; at += 1) {
      const entry = process.disk.log[at]
      if (!entry?.isClients || entry.epoch !== process.answers) continue
      if (this.#acknowledged.get(at) === entry.id) continue
      this.#acknowledged.set(at, entry.id)
      this.counts.acknowledged += 1
      this.#onAcknowledged(process, at, entry.id)
    }
  }

  /** The level of a SYNC answer, at the moment of the answer. */
  #onAcknowledged(process: MemberProcess, at: number, id: number): void {
    const state = this.#group.state()
    if (state === undefined || state.epoch !== process.answers) return
    for (const [brokerId, incarnation] of state.inSync) {
      const disk = this.#group.disks.get(brokerId)
      // It lost power after it had acknowledged.
      if (this.doubtful.has(brokerId) || (disk?.member.trustedSince ?? 0) > incarnation) continue
      const { confirmOn } = process.context.settings
      const durable = disk === undefined ? 0 : durableOffset(disk.state(0), confirmOn)
      const isHeld = durable > at && disk?.log[at]?.id === id
      this.#rule('I7', isHeld, () => `${id} at ${at} was acknowledged without ${brokerId}`)
    }
  }

  #onOpening(process: MemberProcess, epoch: number): void {
    const who = `${process.brokerId}.${process.state.member.incarnation}`
    const before = this.#masters.get(epoch)
    this.#loss(
      'I1',
      before === undefined || before === who,
      () => `${before} and ${who} in ${epoch}`,
    )
    this.#masters.set(epoch, who)
    this.#writesKnownEpoch(process, epoch)
  }

  #onRaw(process: MemberProcess, offset: number): void {
    const { log } = process.disk
    this.#rule('I13', offset <= log.length, () => 'a hole in the log')
    const last = log.at(-1)
    if (last !== undefined) this.#writesKnownEpoch(process, last.epoch)
  }

  #writesKnownEpoch({ disk, brokerId }: MemberProcess, epoch: number): void {
    const known = disk.history.last?.epoch
    this.#rule('I14', known === epoch, () => `${brokerId} wrote in ${epoch} and knows of ${known}`)
  }

  #onSwap(process: MemberProcess, transaction: Transaction): void {
    const put = transaction.writes.find(({ kind }) => kind === 'put-state')
    const { role, log } = process.state
    if (transaction.kind !== 'change-set' || put?.kind !== 'put-state' || !isReigning(role)) return
    const { reign } = role
    for (const [brokerId, incarnation] of put.value.inSync) {
      if (reign.inSync.get(brokerId) === incarnation) continue
      const disk = this.#group.disks.get(brokerId)
      const { confirmOn } = process.context.settings
      const durable = disk === undefined ? 0 : durableOffset(disk.state(0), confirmOn)
      const holds = durable >= log.confirmOffset && durable >= reign.epochStart
      // It may have died since it said so.
      const isSame = this.#group.processes.get(brokerId)?.state.member.incarnation === incarnation
      this.#rule('I12', holds || !isSame, () => `${brokerId} joins with ${durable}`)
    }
  }

  /** While a master's epoch is the present one, it waits for everybody who may be elected. */
  #coversSet(process: MemberProcess, state: GroupState): void {
    const { role } = process.state
    if (!isReigning(role) || role.reign.epoch !== state.epoch) return
    const { inSync, inFlight } = role.reign
    for (const brokerId of state.inSync.keys()) {
      const isWaitedFor = inSync.has(brokerId) || inFlight?.has(brokerId) === true
      this.#rule('I4', isWaitedFor, () => `${brokerId} is in sync and nobody waits for it`)
    }
  }

  /** Everything acknowledged that some survivor had must be in the log that was elected. */
  #onRecovery(process: MemberProcess, { possibleLoss }: GroupState): void {
    this.counts.recoveries += 1
    const isOrdered = possibleLoss?.cause === 'operator'
    if (isOrdered) this.counts.ordered += 1
    const { role } = process.state
    const asked = role.kind === 'candidate' && isCurrent(process) ? role.survivors : []
    const { log } = process.disk
    const pool = asked.flatMap(({ brokerId }) => this.#group.disks.get(brokerId) ?? [])
    for (const [at, id] of this.#acknowledged) {
      if (log[at]?.id === id) continue
      const survivor = pool.findIndex((disk) => disk.log[at]?.id === id)
      this.#loss('recovery', survivor < 0, () => `${id} at ${at} survived and was given up`)
      const isAccepted = !isOrdered || this.#givenUp.get(at) === id
      this.#loss('order', isAccepted, () => `${id} at ${at} was lost by an outdated command`)
      this.#acknowledged.delete(at)
      this.#lossy = true
    }
    for (const [at, id] of this.#seen) if (log[at]?.id !== id) this.#lossy = true
    for (const [brokerId, disk] of this.#group.disks) {
      const { confirmOffset = 0 } = this.#group.processes.get(brokerId)?.state.log ?? {}
      const confirmed = disk.log.slice(0, Math.max(confirmOffset, disk.checkpoint))
      if (!confirmed.every(({ id }, at) => log[at]?.id === id)) this.#lossy = true
    }
  }

  #holdsAcknowledged(disk: MemberDisk, who: string): void {
    for (const [at, id] of this.#acknowledged) {
      this.#loss('I5', disk.log[at]?.id === id, () => `${who} lacks ${id} at ${at}`)
    }
  }

  #agree([idA, a]: [number, MemberDisk], [idB, b]: [number, MemberDisk]): void {
    for (const entry of a.history.newestFirst()) {
      if (!b.history.has(entry)) continue
      const end = Math.min(
        a.history.endOf(entry, commitLogOffset(a.log.length)),
        b.history.endOf(entry, commitLogOffset(b.log.length)),
      )
      for (let at = 0; at < end; at += 1) {
        const isSame = a.log[at]?.id === b.log[at]?.id
        this.#loss('I3', isSame, () => `${idA} and ${idB} differ at ${at}, below ${end}`)
      }
      return
    }
  }

  /** Messages are lost, change after they were seen, or two histories live under one name. */
  #loss(rule: string, holds: boolean, what: () => string): void {
    if (!holds) throw new Violation(rule, what())
  }

  #rule(rule: string, holds: boolean, what: () => string): void {
    if (!this.#onlyLosses) this.#loss(rule, holds, what)
  }
}

function isCurrent(process: MemberProcess): boolean {
  return process.isUp && process.disk.member.incarnation === process.state.member.incarnation
}
