import type { TopicRoute } from '@cometmq/protocol'
import type {
  Broker__Input as Broker,
  Endpoints as SaidEndpoints,
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

/** Who asks where brokers are. */
export interface Asker {
  /** The listener it came in on. */
  readonly listener: string
  /** `host:port` that it has dialled, where it says so itself. */
  readonly dialled: string | undefined
}

export interface ServingBroker {
  readonly broker: Broker
  readonly queueCount: number
  /** A slave that stands in for its master serves consumers, and takes nothing. */
  readonly permission: 'READ' | 'READ_WRITE'
}

/**
 * The brokers that serve a topic now, each with its queues. Slaves that do not stand in for a master,
 * and what nobody may use, are left out. A broker that is asked itself is where it was dialled: another
 * port may be mapped to its own. Each has number 0, for clients consume from no other.
 */
export function servingBrokers(
  route: TopicRoute,
  cluster: ClusterView,
  asker: Asker,
): ServingBroker[] {
  return route.queueGroups.flatMap(({ brokerName, queueCount, readable, writable }) => {
    const isOwn = cluster.placeOfConsumers(brokerName) === 'here'
    const address =
      (isOwn ? asker.dialled : undefined) ?? cluster.addressFor(brokerName, asker.listener)
    if (address === undefined || (!readable && !writable)) return []
    const broker = { name: brokerName, id: 0, endpoints: endpointsOf(address) }
    const permission = cluster.placeOfMaster(brokerName) === 'nowhere' ? 'READ' : 'READ_WRITE'
    return [{ broker, queueCount, permission }]
  })
}

/** What a client says it has dialled, if that is what its connection says, too. */
export function askerOf(
  { endpoints }: { readonly endpoints?: SaidEndpoints | null },
  { listener, authority }: { readonly listener: string; readonly authority: string },
): Asker {
  const addresses = endpoints?.addresses ?? []
  const said = addresses.map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  )
  return { listener, dialled: said.length === 1 && said[0] === authority ? authority : undefined }
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
