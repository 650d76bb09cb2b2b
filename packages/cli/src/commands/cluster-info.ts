import { type BrokerDescription, type ClusterDescription, CometError } from '@cometmq/protocol'
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

/** Asks each broker; one that does not answer is a finding, not a failure. */
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
  return {
    document: {
      cluster: description.cluster,
      nameServer: {
        version: description.version,
        uptimeMs: description.uptimeMs,
        ready: description.ready,
      },
      brokers: brokers.map((state) =>
        state.kind === 'answers'
          ? { ...state.broker, brokerName: state.brokerName, address: state.address }
          : { brokerName: state.brokerName, address: state.address, error: state.why },
      ),
    },
    lines: (style) => [
      ...fieldLines([
        ['cluster', description.cluster],
        ['name server', `${description.version}, up ${formatDuration(description.uptimeMs)}`],
        ['brokers', brokers.length],
      ]),
      ...(brokers.length === 0 ? [] : ['', ...tableLines(columns, brokers, style)]),
    ],
  }
}

const columns = [
  { title: 'BROKER', value: ({ brokerName }: BrokerState) => brokerName },
  { title: 'ADDRESS', value: ({ address }: BrokerState) => address },
  { title: 'ROLE', value: ofAnswer(({ role }) => role) },
  { title: 'EPOCH', value: ofAnswer(({ epoch }) => epoch) },
  { title: 'VERSION', value: ofAnswer(({ version }) => version) },
  { title: 'UP', value: ofAnswer(({ uptimeMs }) => formatDuration(uptimeMs)) },
  { title: 'TOPICS', value: ofAnswer(({ topics }) => topics) },
  { title: 'GROUPS', value: ofAnswer(({ groups }) => groups) },
  { title: 'CLIENTS', value: ofAnswer(({ connections }) => connections) },
  { title: 'LOG', value: ofAnswer((b) => formatBytes(b.logMaxOffset - b.logMinOffset)) },
  { title: 'FREE', value: ofAnswer(({ diskFreeBytes }) => formatBytes(diskFreeBytes)) },
  { title: 'RSS', value: ofAnswer(({ rssBytes }) => formatBytes(rssBytes)) },
  { title: 'STATE', value: healthOf, flexible: true },
]

function ofAnswer(
  value: (broker: BrokerDescription) => string | number,
): (state: BrokerState) => string | number {
  return (state) => (state.kind === 'answers' ? value(state.broker) : '-')
}

/** `writable`, or why it is not. */
export function healthOf(state: BrokerState): string {
  if (state.kind === 'silent') return state.why
  if (state.broker.writable) return 'writable'
  return state.broker.notWritableBecause || 'not writable'
}
