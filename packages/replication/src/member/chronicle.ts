import type { Clock, LogFields, Logger } from '@cometmq/runtime'
import type { Action, AlarmName } from '../actions.ts'
import type { Happening } from '../events.ts'
import type { GroupState, InSyncSet } from '../group-state.ts'
import { isReigning } from '../reign.ts'
import type { ReplicaState } from '../replica.ts'
import { durationsOf, type MasterChange } from './master-change.ts'
import { changesOfSet } from './set-changes.ts'

/** What has become of a member since its process started. Plain fields: most steps change none. */
export interface MemberCounters {
  /** Epochs that this member has won, by what for. */
  readonly elections: ReadonlyMap<string, number>
  /** Members that it has let into the in-sync set as master, or removed, by why. */
  readonly setChanges: ReadonlyMap<string, number>
  readonly alarms: ReadonlyMap<AlarmName, number>
  /** Answers to its transactions. */
  readonly swaps: { readonly won: number; readonly lost: number; readonly unknown: number }
  readonly truncatedBytes: number
}

interface Step {
  readonly before: ReplicaState
  readonly happening: Happening
  readonly after: ReplicaState
  readonly actions: readonly Action[]
}

/** The sign by which this member found that an epoch should end. */
interface Sign {
  readonly endsEpoch: number
  readonly atMs: number
  readonly silentMs: number
}

const REMEMBERED_CHANGES = 100

/**
 * Looks on as a member goes from step to step: counts, remembers who was master when and why, and
 * tells the few lines of its log that make up the story of a failover. Decides nothing.
 */
export class Chronicle {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #elections = new Map<string, number>()
  readonly #setChanges = new Map<string, number>()
  readonly #alarms = new Map<AlarmName, number>()
  readonly #swaps = { won: 0, lost: 0, unknown: 0 }
  #truncatedBytes = 0
  #changes: readonly MasterChange[] = []
  #sign: Sign | undefined
  /** What was written by then is not confirmed yet. */
  #waits: { readonly offset: number; readonly sinceMs: number } | undefined
  #renewalMarginMs: number | undefined

  constructor(ports: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = ports.clock
    this.#log = ports.log
  }

  get counters(): MemberCounters {
    return {
      elections: this.#elections,
      setChanges: this.#setChanges,
      alarms: this.#alarms,
      swaps: { ...this.#swaps },
      truncatedBytes: this.#truncatedBytes,
    }
  }

  /** The latest epochs that began while this process looked on, oldest first. */
  get changes(): readonly MasterChange[] {
    return this.#changes
  }

  /** For so long something has waited to be confirmed. */
  confirmLagMs(nowMs: number): number {
    return this.#waits === undefined ? 0 : nowMs - this.#waits.sinceMs
  }

  /** What was left of the lease when it was last prolonged. */
  get renewalMarginMs(): number | undefined {
    return this.#renewalMarginMs
  }

  stepped(step: Step): void {
    const { before, happening, after, actions } = step
    if (happening.kind === 'swap-answered') this.#countSwap(happening.outcome.kind)
    if (happening.kind === 'tick') this.#readLease(before, after)
    this.#awaitConfirm(after)
    const [was, is] = [groupOf(before), groupOf(after)]
    if (is !== undefined && is !== was) this.#onGroup(was, is, before)
    if (after.role.kind !== before.role.kind) this.#onRole(before, after)
    for (const action of actions) this.#onAction(action, step)
  }

  #onAction(action: Action, { before, after }: Step): void {
    if (action.kind === 'alarm') increment(this.#alarms, action.name)
    if (action.kind === 'start-services') this.#onSettled(after)
    if (action.kind === 'send-to-master' && action.frame.kind === 'ready') {
      this.#tell(after, {}, 'broker group member follows')
    }
    if (action.kind !== 'truncate') return
    const cutBytes = before.log.maxOffset - action.to
    if (cutBytes <= 0) return
    this.#truncatedBytes += cutBytes
    this.#tell(after, { to: action.to, cutBytes }, 'tail of the log is cut')
  }

  #onRole(before: ReplicaState, after: ReplicaState): void {
    const { role, nowMs } = after
    switch (role.kind) {
      case 'candidate': {
        const { endsEpoch, trigger, heardAtMs } = role
        const silentMs = heardAtMs === undefined ? 0 : nowMs - heardAtMs
        if (this.#sign?.endsEpoch !== endsEpoch) this.#sign = { endsEpoch, atMs: nowMs, silentMs }
        const fields = { endsEpoch, reason: trigger, silentMs: Math.round(silentMs) }
        return this.#tell(after, fields, 'broker group member is candidate')
      }
      case 'promoting':
        this.#sign ??= { endsEpoch: role.epoch - 1, atMs: nowMs, silentMs: 0 }
        return
      case 'master': {
        if (before.role.kind !== 'promoting') {
          return this.#tell(after, { before: before.role.kind }, 'broker group member is master')
        }
        increment(this.#elections, groupOf(after)?.reason ?? '')
        const times = durationsOf(this.#sign, nowMs)
        return this.#tell(after, { ...times }, 'broker group member is master')
      }
      case 'draining':
        return this.#tell(after, { target: role.target }, 'broker group member is draining')
      case 'following':
        // A slave says so when it follows somebody.
        if (!isReigning(before.role)) return
        return this.#tell(after, {}, 'broker group member is master no longer')
      case 'quarantined':
        return this.#tell(after, { why: role.why }, 'broker group member is quarantined')
      case 'fenced':
      case 'stopped':
        return this.#tell(after, {}, `broker group member is ${role.kind}`)
      case 'recovering':
      case 'joining':
        return
    }
  }

  /** All that earlier epochs left is confirmed, and clients are served as ever. */
  #onSettled(after: ReplicaState): void {
    const times = durationsOf(this.#sign, after.nowMs)
    const last = this.#changes.at(-1)
    const { role } = after
    if (last !== undefined && isReigning(role) && last.epoch === role.reign.epoch) {
      this.#changes = [...this.#changes.slice(0, -1), { ...last, times }]
    }
    this.#sign = undefined
    this.#tell(after, { ...times }, 'reign of the broker group is settled')
  }

  #onGroup(was: GroupState | undefined, is: GroupState, before: ReplicaState): void {
    const isNewEpoch = was === undefined || is.epoch > was.epoch
    if (isNewEpoch) {
      const { epoch, master, reason, previous } = is
      // What a process finds when it starts may have begun at any time.
      const isFound = was === undefined && before.role.kind !== 'candidate'
      const atMs = isFound ? 0 : this.#clock.nowMs()
      const change = { epoch, master, previousMaster: previous?.master ?? 0, reason, atMs }
      this.#changes = [...this.#changes, { ...change, times: undefined }].slice(-REMEMBERED_CHANGES)
      return
    }
    const { role } = before
    if (!isReigning(role) || was.epoch !== is.epoch) return
    const changes = changesOfSet({ was: was.inSync, is: is.inSync, reign: role.reign })
    if (changes.length === 0) return
    for (const { why } of changes) increment(this.#setChanges, why)
    const [joined, left] = [true, false].map((joins) =>
      changes.filter((change) => change.joins === joins).map(({ brokerId }) => brokerId),
    )
    const reason = [...new Set(changes.map(({ why }) => why))].join(', ')
    const { epoch, minInSync } = is
    const inSync = idsOf(is.inSync)
    const member = before.member.brokerId
    const fields = { member, epoch, joined, left, reason, inSync, minInSync }
    this.#log.info(fields, 'in-sync set has changed')
  }

  #countSwap(kind: 'won' | 'lost' | 'unknown' | 'went-back'): void {
    if (kind !== 'went-back') this.#swaps[kind]++
  }

  #readLease({ lease: before }: ReplicaState, { lease, nowMs }: ReplicaState): void {
    const isRenewed = lease.id === before.id && lease.validUntilMs > before.validUntilMs
    if (isRenewed) this.#renewalMarginMs = before.validUntilMs - nowMs
  }

  #awaitConfirm({ log, nowMs }: ReplicaState): void {
    if (log.confirmOffset >= log.maxOffset) this.#waits = undefined
    else if (this.#waits === undefined || log.confirmOffset >= this.#waits.offset) {
      this.#waits = { offset: log.maxOffset, sinceMs: nowMs }
    }
  }

  #tell(state: ReplicaState, fields: LogFields, sentence: string): void {
    const group = groupOf(state)
    const { role, log, member } = state
    const epoch = role.kind === 'following' ? role.stream?.epoch : undefined
    this.#log.info(
      {
        member: member.brokerId,
        epoch: epoch || (group?.epoch ?? member.lastSeenEpoch),
        master: group?.master,
        reason: group?.reason,
        ...fields,
        inSync: idsOf(group?.inSync),
        maxOffset: log.maxOffset,
        confirmOffset: log.confirmOffset,
      },
      sentence,
    )
  }
}

function groupOf({ elector }: ReplicaState): GroupState | undefined {
  return elector.view?.state?.value
}

function idsOf(inSync: InSyncSet | undefined): number[] {
  return [...(inSync?.keys() ?? [])].toSorted((a, b) => a - b)
}

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
