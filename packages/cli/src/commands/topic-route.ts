import {
  type BrokerAddress,
  CometError,
  loadServices,
  type QueueGroup,
  type RouteUpdate,
} from '@cometmq/protocol'
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

interface Member {
  readonly brokerId: number
  /** `stand-in`: a slave that serves consumer groups in place of a dead master. */
  readonly role: 'master' | 'slave' | 'stand-in'
  readonly address: string
  readonly epoch: number
}

/** A broker group that has the topic, and one of its members, if any is heard. */
interface Row extends QueueGroup {
  readonly member: Member | undefined
}

export function routeView(topic: string, update: RouteUpdate): View {
  const route = update.topics.find((candidate) => candidate.topic === topic)
  const brokers = (route?.queueGroups ?? [])
    .map((group) => {
      const members = membersOf(group.brokerName, update.brokers)
      const { address = '', epoch = 0 } = members.find(({ role }) => role === 'master') ?? {}
      return { ...group, address, epoch, away: members.length === 0, members }
    })
    .toSorted((a, b) => (a.brokerName < b.brokerName ? -1 : 1))
  const rows = brokers.flatMap(({ members, ...group }): Row[] =>
    members.length === 0
      ? [{ ...group, member: undefined }]
      : members.map((member) => ({ ...group, member })),
  )
  return {
    document: { topic, cluster: update.cluster, brokers },
    lines: (style) =>
      tableLines(
        [
          { title: 'BROKER', value: ({ brokerName }) => brokerName },
          { title: 'ID', value: ({ member }) => member?.brokerId ?? '-' },
          { title: 'ROLE', value: ({ member }) => member?.role ?? '-' },
          { title: 'ADDRESS', value: ({ member }) => member?.address ?? '-' },
          { title: 'QUEUES', value: ({ queueCount }) => queueCount },
          { title: 'EPOCH', value: ({ member }) => member?.epoch ?? '-' },
          { title: 'ACCESS', value: accessAt },
        ],
        rows,
        style,
      ),
  }
}

/** The master first. */
function membersOf(brokerName: string, brokers: readonly BrokerAddress[]): Member[] {
  return brokers
    .filter((broker) => broker.brokerName === brokerName)
    .toSorted((a, b) => a.brokerId - b.brokerId)
    .map(({ brokerId, address, epoch, standsIn }) => {
      const role = standsIn ? 'stand-in' : 'slave'
      return { brokerId, role: brokerId === 0 ? 'master' : role, address, epoch }
    })
}

/** What is allowed with the topic there. */
function accessAt({ member, readable, writable }: Row): string {
  if (member === undefined) return 'away'
  return accessOf({ readable, writable: writable && member.role === 'master' })
}
