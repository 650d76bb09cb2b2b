import type { BrokerDescription } from '@cometmq/protocol'
import type { MessageStore, StoreStatus } from '@cometmq/store'
import type { BrokerCounters } from './broker-counters.ts'
import type { BrokerConfig } from './config.ts'
import type { GroupRole } from './master/group-membership.ts'
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
  readonly member: GroupRole | undefined
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
  }
}
