import type { TopicRoute } from '@cometmq/protocol'
import type {
  Broker__Input as Broker,
  Endpoints__Input as Endpoints,
  MessageType,
} from '@cometmq/protocol/rocketmq'
import type { ClusterView } from './ports.ts'

/** `host:port` as clients read it; always one address, for several mean something else to each. */
function endpointsOf(address: string): Endpoints {
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at).replace(/^\[|\]$/g, '')
  const scheme = /^\d{1,3}(\.\d{1,3}){3}$/.test(host)
    ? 'IPv4'
    : host.includes(':')
      ? 'IPv6'
      : 'DOMAIN_NAME'
  return { scheme, addresses: [{ host, port: Number(address.slice(at + 1)) }] }
}

/** The brokers that serve a topic now, each with its queues. Slaves and what nobody may use are left out. */
export function servingBrokers(
  route: TopicRoute,
  cluster: ClusterView,
): { readonly broker: Broker; readonly queueCount: number }[] {
  return route.queueGroups.flatMap(({ brokerName, queueCount, readable, writable }) => {
    const address = cluster.addressOf(brokerName)
    if (address === undefined || (!readable && !writable)) return []
    return [{ broker: { name: brokerName, id: 0, endpoints: endpointsOf(address) }, queueCount }]
  })
}

/** What may be sent to a topic of that type. */
export function acceptedTypes(topicType: string): MessageType[] {
  switch (topicType) {
    case 'fifo':
      return ['FIFO']
    case 'delay':
      return ['DELAY']
    case 'transaction':
      return ['TRANSACTION']
    default:
      return ['NORMAL']
  }
}
