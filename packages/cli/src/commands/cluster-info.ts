import {
  type BrokerAddress,
  type BrokerDescription,
  type ClusterDescription,
  CometError,
  type RegisteredBroker,
} from '@cometmq/protocol'
import type { Cluster } from '../cluster.ts'
import { askMember } from '../broker-group.ts'
import { type Connected, type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { fieldLines, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatBytes, formatDuration, formatTime } from '../units.ts'
import { showOrWatch } from '../watch.ts'

export async function clusterInfo(terminal: Terminal, options: WatchedOptions): Promise<void> {
  await withCluster(terminal, options, async (cluster, connected) => {
    const call = { timeoutMs: options.timeout, signal: terminal.stop }
    await showOrWatch(terminal, options, async () => {
      const description = await cluster.describe()
      const [masters, slaves] = await Promise.all([
        describeBrokers(cluster),
        describeSlaves(connected, description, call),
      ])
      return clusterView(description, masters, slaves)
    })
  })
}

/** What slaves say themselves, by address; those that do not answer are left out. */
async function describeSlaves(
  connected: Connected,
  { brokers }: ClusterDescription,
  call: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, BrokerDescription>> {
  const told = new Map<string, BrokerDescription>()
  const addresses = brokers.flatMap(({ broker }) =>
    broker === null || broker.brokerId === 0 ? [] : [broker.address],
  )
  await Promise.all(
    addresses.map(async (address) => {
      const answer = askMember(connected, [address], 'DescribeBroker', {}, call)
      const slave = await answer.catch(() => undefined)
      if (slave !== undefined) told.set(address, slave)
    }),
  )
  return told
}

/** A broker that the name server knows, and what it says itself, or why it does not. */
export type BrokerState = { readonly brokerName: string; readonly address: string } & (
  | { readonly kind: 'answers'; readonly broker: BrokerDescription }
  | { readonly kind: 'silent'; readonly why: string }
)

/** A master that was asked, or a slave as it has described itself to the name server. */
type Member = BrokerState | { readonly kind: 'slave'; readonly slave: Slave }

type Slave = Omit<RegisteredBroker, 'broker'> & {
  readonly broker: BrokerAddress
  /** In its own words, if it answers. */
  readonly own: BrokerDescription | undefined
  /** As its master sees it. */
  readonly progress: ReplicaProgress | undefined
}

type ReplicaProgress = BrokerDescription['replicas'][number]

/** Asks each master; one that does not answer is a finding, not a failure. */
export async function describeBrokers(cluster: Cluster): Promise<readonly BrokerState[]> {
  const answers = await cluster.tryAll('DescribeBroker', {})
  return answers.map(({ brokerName, answer }) => {
    const address = cluster.addressOf(brokerName)
    return answer instanceof CometError
      ? { kind: 'silent', brokerName, address, why: answer.message }
      : { kind: 'answers', brokerName, address, broker: answer }
  })
}

export function clusterView(
  description: ClusterDescription,
  brokers: readonly BrokerState[],
  told: ReadonlyMap<string, BrokerDescription> = new Map(),
): View {
  const slaves = description.brokers.flatMap(({ broker, ...rest }): Slave[] => {
    if (broker === null || broker.brokerId === 0) return []
    const progress = progressOf(broker, brokers)
    return [{ ...rest, broker, own: told.get(broker.address), progress }]
  })
  const members: Member[] = [
    ...brokers,
    ...slaves.map((slave) => ({ kind: 'slave', slave }) as const),
  ].toSorted(byNameAndId)
  return {
    document: {
      cluster: description.cluster,
      nameServer: {
        version: description.version,
        uptimeMs: description.uptimeMs,
        ready: description.ready,
      },
      brokers: members.map(documentOf),
    },
    lines: (style) => [
      ...fieldLines([
        ['cluster', description.cluster],
        ['name server', `${description.version}, up ${formatDuration(description.uptimeMs)}`],
        ['brokers', members.length],
      ]),
      ...(members.length === 0 ? [] : ['', ...tableLines(columns, members, style)]),
      ...changesOf(brokers),
    ],
  }
}

function progressOf(
  { brokerName, brokerId }: BrokerAddress,
  brokers: readonly BrokerState[],
): ReplicaProgress | undefined {
  const master = brokers.find((state) => state.brokerName === brokerName)
  if (master?.kind !== 'answers') return undefined
  return master.broker.replicas.find(({ memberId }) => memberId === brokerId)
}

/** How each broker group came to its present master. */
function changesOf(brokers: readonly BrokerState[]): string[] {
  const lines = brokers.flatMap((state) => {
    const change = state.kind === 'answers' ? state.broker.lastChange : null
    if (change === null) return []
    const { epoch, master, previousMaster, reason, atMs, hasTimes, silentMs, tookMs } = change
    const when = atMs === 0 ? '' : `, ${formatTime(atMs)}`
    const took = hasTimes
      ? `, after ${formatDuration(tookMs)} (nothing heard for ${formatDuration(silentMs)} before)`
      : ''
    return [
      `${state.brokerName}: epoch ${epoch} went from member ${previousMaster} to ${master}: ${reason}${took}${when}`,
    ]
  })
  return lines.length === 0 ? [] : ['', ...lines]
}

function documentOf(member: Member): object {
  switch (member.kind) {
    case 'answers': {
      const { broker, brokerName, address } = member
      return { ...broker, brokerName, address }
    }
    case 'silent':
      return { brokerName: member.brokerName, address: member.address, error: member.why }
    case 'slave': {
      const { broker, version, topicCount, lastBeatAgoMs, own, progress } = member.slave
      const { brokerName, brokerId, address, epoch } = broker
      const place = { brokerName, brokerId, address, epoch: own?.epoch ?? epoch }
      const known = {
        ...place,
        role: slaveRoleOf(broker),
        version,
        topics: topicCount,
        lastBeatAgoMs,
      }
      return { ...own, ...known, ...(progress === undefined ? {} : { progress }) }
    }
  }
}

const columns = [
  { title: 'BROKER', value: (member: Member) => nameOf(member) },
  { title: 'ID', value: (member: Member) => idOf(member) },
  { title: 'ADDRESS', value: (member: Member) => addressOf(member) },
  {
    title: 'ROLE',
    value: column(
      ({ role }) => role,
      ({ broker }) => slaveRoleOf(broker),
    ),
  },
  {
    title: 'EPOCH',
    value: column(
      ({ epoch }) => epoch,
      ({ broker, own }) => own?.epoch ?? broker.epoch,
    ),
  },
  {
    title: 'VERSION',
    value: column(
      ({ version }) => version,
      ({ version }) => version,
    ),
  },
  { title: 'UP', value: own(({ uptimeMs }) => formatDuration(uptimeMs)) },
  {
    title: 'TOPICS',
    value: column(
      ({ topics }) => topics,
      ({ topicCount }) => topicCount,
    ),
  },
  { title: 'GROUPS', value: own(({ groups }) => groups) },
  { title: 'CLIENTS', value: own(({ connections }) => connections) },
  { title: 'LOG', value: own((b) => formatBytes(b.logMaxOffset - b.logMinOffset)) },
  { title: 'FREE', value: own(({ diskFreeBytes }) => formatBytes(diskFreeBytes)) },
  { title: 'RSS', value: own(({ rssBytes }) => formatBytes(rssBytes)) },
  { title: 'STATE', value: stateOf, flexible: true },
]

/** What a master says itself, and what the name server knows of a slave. */
function column(
  ofMaster: (broker: BrokerDescription) => string | number,
  ofSlave: (slave: Slave) => string | number = () => '-',
): (member: Member) => string | number {
  return (member) => {
    switch (member.kind) {
      case 'answers':
        return ofMaster(member.broker)
      case 'slave':
        return ofSlave(member.slave)
      case 'silent':
        return '-'
    }
  }
}

/** What every member says itself. */
function own(
  value: (broker: BrokerDescription) => string | number,
): (member: Member) => string | number {
  return column(value, (slave) => (slave.own === undefined ? '-' : value(slave.own)))
}

function nameOf(member: Member): string {
  return member.kind === 'slave' ? member.slave.broker.brokerName : member.brokerName
}

function idOf(member: Member): number {
  return member.kind === 'slave' ? member.slave.broker.brokerId : 0
}

function addressOf(member: Member): string {
  return member.kind === 'slave' ? member.slave.broker.address : member.address
}

function byNameAndId(a: Member, b: Member): number {
  const [one, other] = [nameOf(a), nameOf(b)]
  return one === other ? idOf(a) - idOf(b) : one < other ? -1 : 1
}

function stateOf(member: Member): string {
  if (member.kind !== 'slave') return `${healthOf(member)}${inSyncOf(member)}`
  const { progress, broker } = member.slave
  if (broker.standsIn) return 'serves consumers; nothing can be sent'
  if (progress === undefined) return 'follows'
  if (!progress.connected) return 'not connected to its master'
  const { inSync, lagBytes } = progress
  return `${inSync ? 'in sync' : 'follows, not in sync'}, ${formatBytes(lagBytes)} behind`
}

/** `stand-in`: it serves consumer groups in place of a dead master. */
function slaveRoleOf({ standsIn }: BrokerAddress): 'slave' | 'stand-in' {
  return standsIn ? 'stand-in' : 'slave'
}

function inSyncOf(state: BrokerState): string {
  if (state.kind === 'silent' || state.broker.groupMembers === 0) return ''
  const { memberId, inSync, groupMembers } = state.broker
  return `, member ${memberId}, in sync ${inSync.join(', ')} (${inSync.length} of ${groupMembers})`
}

/** `writable`, or why it is not. */
export function healthOf(state: BrokerState): string {
  if (state.kind === 'silent') return state.why
  if (state.broker.writable) return 'writable'
  return state.broker.notWritableBecause || 'not writable'
}
