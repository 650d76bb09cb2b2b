import type { BrokerDescription } from '@cometmq/protocol'
import type { AlarmName, MemberStatus } from '@cometmq/replication'
import type { MessageStore, StoreStatus } from '@cometmq/store'
import type { BrokerCounters } from './broker-counters.ts'
import type { BrokerConfig } from './config.ts'
import type { NameServerStatus } from './name-server-link.ts'

export type BrokerState = 'serving' | 'draining' | 'closed'

/** How a broker fares, for health checks and operators. */
export interface BrokerStatus {
  readonly state: BrokerState
  /** Whether producers' batches are taken. */
  readonly writable: boolean
  readonly whyNotWritable: string | undefined
  readonly nameservers: readonly NameServerStatus[]
  readonly store: StoreStatus
  /** In its broker group; undefined: it is the only member. */
  readonly member: MemberStatus | undefined
  /** It is a slave that serves consumer groups in place of a dead master. */
  readonly standsIn: boolean
  readonly counters: Readonly<BrokerCounters>
  /** Bytes that producers have sent and that are not answered. */
  readonly pendingPublishBytes: number
}

/** What only the process itself can tell. */
export interface ProcessProbes {
  rssBytes(): number
}

export function describeBroker(parts: {
  readonly config: BrokerConfig
  readonly status: BrokerStatus
  readonly store: MessageStore
  readonly address: string
  readonly uptimeMs: number
  readonly rssBytes: number
  readonly topics: number
  readonly groups: number
}): BrokerDescription {
  const { config, status } = parts
  const { store, counters } = status
  let queues = 0
  for (const _ of parts.store.queues()) queues++
  return {
    cluster: config.cluster,
    brokerName: config.brokerName,
    brokerId: status.member?.memberId ?? 0,
    role: status.member?.role ?? 'master',
    epoch: status.member?.epoch ?? store.epoch,
    version: config.version,
    uptimeMs: Math.round(parts.uptimeMs),
    address: parts.address,
    logMinOffset: store.minOffset,
    logMaxOffset: store.maxOffset,
    flushedOffset: store.flushedOffset,
    confirmOffset: store.confirmOffset,
    appliedOffset: store.appliedOffset,
    diskFreeBytes: store.freeBytes,
    writable: status.writable,
    notWritableBecause: status.whyNotWritable ?? '',
    rssBytes: parts.rssBytes,
    connections: counters.publishStreams + counters.subscribeStreams + counters.readStreams,
    messagesIn: counters.messagesIn,
    messagesOut: counters.messagesOut,
    bytesIn: counters.bytesIn,
    bytesOut: counters.bytesOut,
    topics: parts.topics,
    groups: parts.groups,
    queues,
    alarms: [...alarmsOf(status)],
    ...describeMember(status.member),
  }
}

/** What is wrong right now: with a member of a broker group, or with one that is alone. */
export function alarmsOf({
  member,
  store,
}: Pick<BrokerStatus, 'member' | 'store'>): readonly AlarmName[] {
  if (member !== undefined) return member.alarms
  return store.damage.damagedRecords > 0 ? ['log_damaged'] : []
}

/** Its part in a broker group of several. */
function describeMember(
  member: MemberStatus | undefined,
): Pick<
  BrokerDescription,
  'memberId' | 'groupMembers' | 'minInSync' | 'inSync' | 'replicas' | 'lastChange' | 'confirmLagMs'
> {
  const group = member?.group
  return {
    memberId: member?.memberId ?? 0,
    groupMembers: group?.memberCount ?? 0,
    minInSync: group?.minInSync ?? 0,
    inSync: [...(group?.inSync.keys() ?? [])],
    replicas: (member?.replicas ?? []).map(({ memberId, isInSync, lagBytes, heardAgoMs }) => ({
      memberId,
      inSync: isInSync,
      connected: lagBytes !== undefined,
      lagBytes: lagBytes ?? 0,
      heardAgoMs: Math.round(heardAgoMs ?? 0),
    })),
    lastChange: lastChangeOf(member),
    confirmLagMs: Math.round(member?.confirmLagMs ?? 0),
  }
}

/** The latest reign that followed another; who goes on after a vain hand-over has changed nothing. */
function lastChangeOf(member: MemberStatus | undefined): BrokerDescription['lastChange'] {
  const change = member?.changes.findLast(
    ({ previousMaster, reason }) => previousMaster !== 0 && reason !== 'retake',
  )
  if (change === undefined) return null
  const { times, ...rest } = change
  return {
    ...rest,
    hasTimes: times !== undefined,
    silentMs: times?.silentMs ?? 0,
    tookMs: times?.tookMs ?? 0,
  }
}
