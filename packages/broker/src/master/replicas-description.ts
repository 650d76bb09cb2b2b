import type { EpochDescription, Replica, ReplicasDescription } from '@cometmq/protocol'
import {
  type GroupMember,
  type GroupView,
  isTrusted,
  type MemberStatus,
  type Surveyed,
} from '@cometmq/replication'

/** A broker group as one of its members finds it: what the elector has, and what each one says. */
export function replicasDescription(parts: {
  readonly brokerName: string
  readonly view: GroupView
  readonly surveyed: readonly Surveyed[]
  readonly own: Pick<GroupMember, 'status' | 'inspected'>
}): ReplicasDescription {
  const { brokerName, view, surveyed, own } = parts
  const group = view.state?.value
  const { status } = own
  return {
    brokerName,
    answeredBy: status.memberId,
    epoch: group?.epoch ?? 0,
    master: group?.master ?? 0,
    reason: group?.reason ?? '',
    minInSync: group?.minInSync ?? 0,
    groupMembers: group?.memberCount ?? 0,
    replicas: surveyed.map((each) => replicaOf(each, { view, status, surveyed })),
    epochs: epochsOf(view, surveyed, own),
    possibleLoss: possibleLossOf(view),
    pendingCommand: pendingCommandOf(view),
  }
}

function replicaOf(
  { brokerId, address, isObserver, isAlive, answer, why }: Surveyed,
  around: {
    readonly view: GroupView
    readonly status: MemberStatus
    readonly surveyed: readonly Surveyed[]
  },
): Replica {
  const { view, status, surveyed } = around
  const group = view.state?.value
  const isMaster = group?.master === brokerId
  const master = surveyed.find((each) => each.brokerId === group?.master)?.answer
  const progress = status.replicas.find(({ memberId }) => memberId === brokerId)
  const toldLag =
    answer === undefined || master === undefined
      ? undefined
      : Math.max(0, master.maxOffset - answer.flushedOffset)
  const lagBytes = isMaster ? 0 : (progress?.lagBytes ?? toldLag)
  const toldMs = answer?.hasHeardMaster === true ? answer.masterHeardAgoMs : undefined
  const heardAgoMs = isMaster ? undefined : (progress?.heardAgoMs ?? toldMs)
  return {
    memberId: brokerId,
    role: answer?.role ?? '',
    address,
    epoch: answer?.epoch ?? 0,
    maxOffset: answer?.maxOffset ?? 0,
    flushedOffset: answer?.flushedOffset ?? 0,
    confirmOffset: answer?.confirmOffset ?? 0,
    inSync: group?.inSync.has(brokerId) === true,
    trusted: isTrustedAs(answer, group?.inSync.get(brokerId)),
    observer: isObserver,
    alive: isAlive,
    hasLag: lagBytes !== undefined,
    lagBytes: lagBytes ?? 0,
    hasHeard: heardAgoMs !== undefined,
    heardAgoMs: Math.round(heardAgoMs ?? 0),
    error: why,
    storeId: answer?.member?.storeId ?? '',
    incarnation: answer?.member?.incarnation ?? 0,
    standsIn: answer?.standsIn === true,
  }
}

function isTrustedAs(answer: Surveyed['answer'], inSyncAs: number | undefined): boolean {
  if (answer === undefined) return false
  const { trustedSince, member } = answer
  return isTrusted({ incarnation: member?.incarnation ?? 0, trustedSince }, inSyncAs)
}

/** Of epochs that are not in the log any more, and of those that wrote nothing, nobody needs to know. */
function epochsOf(
  view: GroupView,
  surveyed: readonly Surveyed[],
  own: Pick<GroupMember, 'inspected'>,
): EpochDescription[] {
  const known = new Map<number, Omit<EpochDescription, 'start'>>()
  const group = view.state?.value
  const { previous } = group ?? {}
  if (previous !== undefined) known.set(previous.epoch, { ...previous, reason: '', atMs: 0 })
  if (group !== undefined) {
    const { epoch, master, reason } = group
    known.set(epoch, { epoch, master, reason, atMs: 0 })
  }
  for (const reign of surveyed.flatMap(({ answer }) => answer?.reigns ?? [])) {
    const before = known.get(reign.epoch)
    // Each saw it begin at another moment: the earliest is the nearest.
    const isNearer = reign.atMs > 0 && (!before?.atMs || reign.atMs < before.atMs)
    if (before === undefined || before.reason === '' || isNearer) known.set(reign.epoch, reign)
  }
  return own.inspected.epochs.map(({ epoch, start }) => {
    const { master = 0, reason = '', atMs = 0 } = known.get(epoch) ?? {}
    return { epoch, start, master, reason, atMs }
  })
}

function possibleLossOf({ state }: GroupView): string {
  const loss = state?.value.possibleLoss
  if (loss === undefined) return ''
  const { epoch, cause, keptTo, confirmedTo } = loss
  const why = cause === 'operator' ? 'an operator asked for it' : 'nobody in sync was trusted'
  const what =
    confirmedTo > keptTo
      ? `the log was kept to ${keptTo} and had been confirmed to ${confirmedTo} at least`
      : `the log was kept to ${keptTo}, which is all that anybody said to be confirmed`
  return `epoch ${epoch} began with an election outside of the in-sync set (${why}): ${what}`
}

function pendingCommandOf({ command }: GroupView): string {
  if (command === undefined) return ''
  const { value } = command
  switch (value.kind) {
    case 'forget':
      return `forget ${value.brokerId}`
    case 'hand-over':
      return value.to === undefined ? 'hand-over' : `hand-over to ${value.to}`
    case 'elect':
      return `elect ${value.to}`
  }
}
