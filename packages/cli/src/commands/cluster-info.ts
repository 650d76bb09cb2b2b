import {
  type BrokerAddress,
  type BrokerDescription,
  type ClusterDescription,
  CometError,
  type RegisteredBroker,
} from '@cometmq/protocol'
import type { Cluster } from '../cluster.ts'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { fieldLines, tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { formatBytes, formatDuration } from '../units.ts'
import { showOrWatch } from '../watch.ts'

export async function clusterInfo(terminal: Terminal, options: WatchedOptions): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => {
      return clusterView(await cluster.describe(), await describeBrokers(cluster))
    })
  })
}

/** A broker that the name server knows, and what it says itself, or why it does not. */
export type BrokerState = { readonly brokerName: string; readonly address: string } & (
  | { readonly kind: 'answers'; readonly broker: BrokerDescription }
  | { readonly kind: 'silent'; readonly why: string }
)

/** A master that was asked, or a slave as it has described itself to the name server. */
type Member = BrokerState | { readonly kind: 'slave'; readonly slave: Slave }

type Slave = Omit<RegisteredBroker, 'broker'> & { readonly broker: BrokerAddress }

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
): View {
  const slaves = description.brokers.flatMap(({ broker, ...rest }): Slave[] =>
    broker === null || broker.brokerId === 0 ? [] : [{ ...rest, broker }],
  )
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
    ],
  }
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
      const { broker, version, topicCount, lastBeatAgoMs } = member.slave
      const { brokerName, brokerId, address, epoch } = broker
      const place = { brokerName, brokerId, address, epoch }
      return { ...place, role: 'slave', version, topics: topicCount, lastBeatAgoMs }
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
      () => 'slave',
    ),
  },
  {
    title: 'EPOCH',
    value: column(
      ({ epoch }) => epoch,
      ({ broker }) => broker.epoch,
    ),
  },
  {
    title: 'VERSION',
    value: column(
      ({ version }) => version,
      ({ version }) => version,
    ),
  },
  { title: 'UP', value: column(({ uptimeMs }) => formatDuration(uptimeMs)) },
  {
    title: 'TOPICS',
    value: column(
      ({ topics }) => topics,
      ({ topicCount }) => topicCount,
    ),
  },
  { title: 'GROUPS', value: column(({ groups }) => groups) },
  { title: 'CLIENTS', value: column(({ connections }) => connections) },
  { title: 'LOG', value: column((b) => formatBytes(b.logMaxOffset - b.logMinOffset)) },
  { title: 'FREE', value: column(({ diskFreeBytes }) => formatBytes(diskFreeBytes)) },
  { title: 'RSS', value: column(({ rssBytes }) => formatBytes(rssBytes)) },
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
  return member.kind === 'slave' ? 'follows' : healthOf(member)
}

/** `writable`, or why it is not. */
export function healthOf(state: BrokerState): string {
  if (state.kind === 'silent') return state.why
  if (state.broker.writable) return 'writable'
  return state.broker.notWritableBecause || 'not writable'
}
