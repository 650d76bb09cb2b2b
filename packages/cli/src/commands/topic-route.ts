import { CometError, loadServices, type RouteUpdate } from '@cometmq/protocol'
import type { Connection } from '@cometmq/runtime'
import { endpointsOf, type WatchedOptions } from '../operator.ts'
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
  const endpoints = endpointsOf(terminal, options)
  const { openNodeRuntime } = await import('@cometmq/runtime/node')
  await using runtime = openNodeRuntime({ name: 'comet', logLevel: 'silent' })
  await showOrWatch(terminal, options, async () => {
    let failure: unknown
    for (const endpoint of endpoints) {
      const connection = runtime.transport.connect(endpoint)
      try {
        return routeView(topic, await firstUpdate(connection, topic, options.timeout))
      } catch (error) {
        if (!(error instanceof CometError) || error.code !== 'CONNECT_FAILED') throw error
        failure = error
      } finally {
        connection.close()
      }
    }
    throw failure
  })
}

/** The first thing that a name server says to a client that asks for the topic. */
async function firstUpdate(
  connection: Connection,
  topic: string,
  timeoutMs: number,
): Promise<RouteUpdate> {
  const { promise, resolve, reject } = Promise.withResolvers<RouteUpdate>()
  const stream = connection.open(loadServices().routes.Watch)
  const { address } = connection
  stream.receive({
    message: (update) => {
      // Right after its start a name server does not know what is missing, and says nothing of it.
      const isKnown = update.topics.length > 0 || update.missing.length > 0
      if (isKnown) resolve(update)
    },
    ended: () => reject(new CometError('UNAVAILABLE', `${address} ended the stream`)),
    failed: reject,
  })
  stream.send({ topics: [topic], allTopics: false })
  const timer = setTimeout(() => {
    reject(new CometError('TIMEOUT', `${address} does not say whether there is a topic "${topic}"`))
  }, timeoutMs)
  try {
    const update = await promise
    if (!update.missing.includes(topic)) return update
    throw new CometError('TOPIC_NOT_FOUND', `there is no topic "${topic}"`)
  } finally {
    clearTimeout(timer)
    stream.cancel()
  }
}

export function routeView(topic: string, update: RouteUpdate): View {
  const route = update.topics.find((candidate) => candidate.topic === topic)
  const brokers = (route?.queueGroups ?? [])
    .map((group) => {
      const heard = update.brokers.filter(({ brokerName }) => brokerName === group.brokerName)
      const { address = '', epoch = 0 } = heard.find(({ brokerId }) => brokerId === 0) ?? {}
      return { ...group, address, epoch, away: heard.length === 0 }
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
          { title: 'ACCESS', value: (broker) => (broker.away ? 'away' : accessOf(broker)) },
        ],
        brokers,
        style,
      ),
  }
}
