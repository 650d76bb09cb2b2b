import type { Broker } from '@cometmq/broker'
import { type GroupState, isReigning, viewOfRecords } from '@cometmq/replication'
import type { Simulation } from '@cometmq/simulation'
import type { MemberDaemon, SimulatedGroup } from './group-cluster.ts'

/** So often it looks. No reign is as short. */
const EVERY_MS = 20

/** Who acts as master of an epoch. */
interface Claim {
  readonly process: string
  readonly memberId: number
}

/** A broker group did what must never be. */
export interface GroupViolation {
  readonly kind: 'invariant'
  /** As in the design of replication. */
  readonly rule: string
  readonly what: string
}

export interface GroupCounts {
  /** Elections and hand-overs beside the first. */
  reigns: number
  handOvers: number
  setChanges: number
  /** Elections among members none of which was trusted. */
  recoveries: number
}

/**
 * Holds broker groups to their invariants while they run: the numbers are those of the design of
 * replication.
 */
export class GroupWatch {
  readonly counts: GroupCounts = { reigns: 0, handOvers: 0, setChanges: 0, recoveries: 0 }
  readonly violations: GroupViolation[] = []
  readonly #simulation: Simulation
  readonly #groups: readonly SimulatedGroup[]
  /** By reign. */
  readonly #claims = new Map<string, Claim>()
  readonly #lastOf = new Map<MemberDaemon, Seen>()
  readonly #states = new Map<SimulatedGroup, { revision: number; state: GroupState | undefined }>()
  #isOn = true

  constructor(simulation: Simulation, groups: readonly SimulatedGroup[]) {
    this.#simulation = simulation
    this.#groups = groups
  }

  start(): void {
    if (!this.#isOn) return
    for (const group of this.#groups) this.#look(group)
    this.#simulation.clock.schedule(EVERY_MS, () => this.start())
  }

  stop(): void {
    this.#isOn = false
  }

  /** Which member was seen as master of that epoch. */
  writerOf({ shape }: SimulatedGroup, epoch: number): number | undefined {
    return this.#claims.get(reignOf(shape.brokerName, epoch))?.memberId
  }

  #look(group: SimulatedGroup): void {
    this.#lookAtState(group)
    for (const member of group.members) this.#lookAtMember(group, member)
    this.#lookAtConfirmed(group)
  }

  /** I5: whoever counts for the group has what any of its members takes for confirmed. */
  #lookAtConfirmed(group: SimulatedGroup): void {
    const inSync = this.#states.get(group)?.state?.inSync
    if (inSync === undefined) return
    const open = group.members.flatMap(({ machine, present }) => {
      const status = present?.status
      if (status?.member === undefined || status.state === 'closed') return []
      return [{ name: machine.name, member: status.member, store: status.store }]
    })
    const confirmed = Math.max(...open.map(({ store }) => store.confirmOffset))
    for (const { name, member, store } of open) {
      if (!inSync.has(member.memberId) || member.alarms.includes('member_untrusted')) continue
      // It does not know yet which start of itself the group counts.
      if (member.group === undefined) continue
      if (store.flushedOffset >= confirmed) continue
      this.#broken('I5', `${name} has ${store.flushedOffset} of ${confirmed} that is confirmed`)
    }
  }

  #lookAtState(group: SimulatedGroup): void {
    const { elector, shape } = group
    const before = this.#states.get(group)
    const { revision } = elector.keys
    if (before?.revision === revision) return
    const { records, clusterId } = elector.keys.read()
    const { state } = viewOfRecords(records, { revision, clusterId })
    const now = state?.value
    this.#states.set(group, { revision, state: now })
    if (now === undefined || before?.state === undefined) return
    this.#count(before.state, now)
    const { brokerName, minInSync } = shape
    const was = before.state
    if (now.epoch < was.epoch) {
      this.#broken('I2', `${brokerName} went from epoch ${was.epoch} back to ${now.epoch}`)
    }
    // An election outside of the set begins with the winner alone.
    const isOutside = now.possibleLoss?.epoch === now.epoch
    if (now.inSync.size < minInSync && was.inSync.size >= minInSync && !isOutside) {
      this.#broken('I11', `${brokerName} has ${now.inSync.size} in sync, below ${minInSync}`)
    }
    const loss = now.possibleLoss
    if (loss === undefined || loss.epoch === was.possibleLoss?.epoch) return
    this.counts.recoveries++
    if (loss.keptTo < loss.confirmedTo) {
      this.#broken('loss', `${brokerName} kept ${loss.keptTo} of ${loss.confirmedTo}`)
    }
  }

  #lookAtMember({ shape }: SimulatedGroup, member: MemberDaemon): void {
    const { present, machine } = member
    if (present === undefined) return
    const { member: role, store } = present.status
    if (role === undefined) return
    const who = `process ${member.life} of ${machine.name}`
    if (isReigning({ kind: role.role } as Parameters<typeof isReigning>[0])) {
      const reign = reignOf(shape.brokerName, store.epoch)
      const claimed = this.#claims.get(reign)
      const claim = { process: who, memberId: role.memberId }
      if (claimed === undefined) this.#claims.set(reign, claim)
      else if (claimed.process !== who) {
        this.#broken('I1', `${reign}: ${claimed.process}, and ${who}`)
      }
    }
    const before = this.#lastOf.get(member)
    this.#lastOf.set(member, {
      broker: present,
      epoch: role.epoch,
      confirm: store.confirmOffset,
    })
    if (store.appliedOffset > store.confirmOffset) {
      this.#broken('I10', `${who} applied ${store.appliedOffset}, beyond ${store.confirmOffset}`)
    }
    // What a process knew and had not written yet, it had not acted on.
    if (before?.broker !== present) return
    if (role.epoch < before.epoch) {
      this.#broken('I2', `${who} went from epoch ${before.epoch} back to ${role.epoch}`)
    }
    if (store.confirmOffset < before.confirm) {
      this.#broken('I8', `${who} unconfirmed ${store.confirmOffset} to ${before.confirm}`)
    }
  }

  #count(was: GroupState, now: GroupState): void {
    if (now.epoch === was.epoch) this.counts.setChanges++
    else this.counts.reigns++
    if (now.epoch !== was.epoch && now.reason === 'hand-over') this.counts.handOvers++
  }

  #broken(rule: string, what: string): void {
    if (this.violations.some((known) => known.rule === rule)) return
    this.#simulation.tell(`${rule} is broken: ${what}`)
    this.violations.push({ kind: 'invariant', rule, what })
  }
}

function reignOf(brokerName: string, epoch: number): string {
  return `${brokerName}, epoch ${epoch}`
}

interface Seen {
  readonly broker: Broker
  readonly epoch: number
  readonly confirm: number
}
