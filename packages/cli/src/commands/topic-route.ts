import type { RouteUpdate } from '@cometmq/protocol'
import { type WatchedOptions, withCluster } from '../operator.ts'
import type { View } from '../output.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { showOrWatch } from '../watch.ts'
import { accessOf } from './topic-ls.ts'

export async function topicRoute(
  terminal: Terminal,
  topic: string,
  options: WatchedOptions,
): Promise<void> {
  await withCluster(terminal, options, async (cluster) => {
    await showOrWatch(terminal, options, async () => routeView(topic, await cluster.route(topic)))
  })
}

export function routeView(topic: string, update: RouteUpdate): View {
  const route = update.topics.find((candidate) => candidate.topic === topic)
  const brokers = (route?.queueGroups ?? [])
    .map((group) => {
      const address = update.brokers.find(
        ({ brokerName, brokerId }) => brokerName === group.brokerName && brokerId === 0,
      )
      return { ...group, address: address?.address ?? '', epoch: address?.epoch ?? 0 }
    })
    .toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
  return {
    document: { topic, cluster: update.cluster, brokers },
    lines: (style) =>
      tableLines(
        [
          { title: 'BROKER', value: ({ brokerName }) => brokerName },
          { title: 'ADDRESS', value: ({ address }) => address || '-' },
          { title: 'QUEUES', value: ({ queueCount }) => queueCount },
          { title: 'EPOCH', value: ({ epoch }) => epoch },
          { title: 'ACCESS', value: accessOf },
        ],
        brokers,
        style,
      ),
  }
}
