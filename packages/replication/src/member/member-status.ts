import type { AlarmName } from '../actions.ts'
import { isTrusted } from '../eligibility.ts'
import type { GroupState } from '../group-state.ts'
import { masterSignAtMs } from '../inspection.ts'
import { durableOf, isReigning } from '../reign.ts'
import type { ReplicaContext, ReplicaState } from '../replica.ts'
import { Turn } from '../turn.ts'
import type { Chronicle, MemberCounters } from './chronicle.ts'
import type { MasterChange } from './master-change.ts'

/** How a member fares, for operators and health checks. */
export interface MemberStatus {
  readonly role: ReplicaState['role']['kind']
  /** Own number in the broker group; 0 until the elector gave one. */
  readonly memberId: number
  readonly epoch: number
  /** As last heard of the elector. */
  readonly group: GroupState | undefined
  /** It streams from a master, or is one. */
  readonly isInTouch: boolean
  /** Of a slave; undefined: it has heard none since it started. */
  readonly masterHeardAgoMs: number | undefined
  readonly unconfirmedBytes: number
  readonly confirmLagMs: number
  /** Of a master: how each other member does that it knows of. */
  readonly replicas: readonly ReplicaProgress[]
  /** Below 0: it is over. */
  readonly leaseLeftMs: number
  readonly renewalMarginMs: number | undefined
  /** What is wrong right now. */
  readonly alarms: readonly AlarmName[]
  readonly changes: readonly MasterChange[]
  readonly counters: MemberCounters
}

export interface ReplicaProgress {
  readonly memberId: number
  readonly isInSync: boolean
  /** Bytes of the log that it lacks for good; undefined: it has no stream that it agreed to. */
  readonly lagBytes: number | undefined
  readonly heardAgoMs: number | undefined
}

export function memberStatus(
  context: ReplicaContext,
  state: ReplicaState,
  about: { readonly chronicle: Chronicle; readonly isLogDamaged: boolean },
): MemberStatus {
  const { role, member, elector, log, lease, nowMs } = state
  const { chronicle, isLogDamaged } = about
  const heardAtMs = role.kind === 'following' ? masterSignAtMs(role) : undefined
  return {
    role: role.kind,
    memberId: member.brokerId ?? 0,
    epoch: member.lastSeenEpoch,
    group: elector.view?.state?.value,
    isInTouch:
      isReigning(role) || (role.kind === 'following' && role.stream?.phase === 'streaming'),
    masterHeardAgoMs: heardAtMs === undefined ? undefined : nowMs - heardAtMs,
    unconfirmedBytes: log.maxOffset - log.confirmOffset,
    confirmLagMs: chronicle.confirmLagMs(nowMs),
    replicas: replicasOf(context, state),
    leaseLeftMs: lease.validUntilMs - nowMs,
    renewalMarginMs: chronicle.renewalMarginMs,
    alarms: alarmsOf(state, isLogDamaged),
    changes: chronicle.changes,
    counters: chronicle.counters,
  }
}

function replicasOf(context: ReplicaContext, state: ReplicaState): ReplicaProgress[] {
  const { role, elector, member, log, nowMs } = state
  if (!isReigning(role)) return []
  const { reign } = role
  const turn = new Turn(context, state)
  const known = elector.view?.members.keys() ?? []
  const ids = new Set([...known, ...reign.inSync.keys(), ...reign.peers.keys()])
  ids.delete(member.brokerId ?? 0)
  return [...ids]
    .toSorted((a, b) => a - b)
    .map((memberId) => {
      const durable = durableOf(turn, reign.peers.get(memberId))
      const heardAtMs = reign.heardAtMs.get(memberId)
      return {
        memberId,
        isInSync: reign.inSync.has(memberId),
        lagBytes: durable === undefined ? undefined : log.maxOffset - durable,
        heardAgoMs: heardAtMs === undefined ? undefined : nowMs - heardAtMs,
      }
    })
}

function alarmsOf(state: ReplicaState, isLogDamaged: boolean): AlarmName[] {
  const { role, elector, member, disk } = state
  const group = elector.view?.state?.value
  const inSyncAs = group?.inSync.get(member.brokerId ?? 0)
  const isOn: Record<AlarmName, boolean> = {
    member_untrusted: !isTrusted(member, inSyncAs),
    quarantined: role.kind === 'quarantined',
    elector_down: elector.unreachableSinceMs !== undefined,
    elector_went_back: elector.isDistrusted,
    in_sync_at_floor: isReigning(role) && role.reign.isAtFloor,
    // The next election finds it settled; who looks later finds it in the state.
    possible_loss: group?.possibleLoss !== undefined && group.possibleLoss.epoch === group.epoch,
    disk_full: disk.isFull,
    flush_stalled: disk.isStalled,
    log_damaged: isLogDamaged,
  }
  return (Object.keys(isOn) as AlarmName[]).filter((name) => isOn[name])
}
