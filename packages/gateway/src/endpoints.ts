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

/**
 * The brokers that serve a topic now, each with its queues. Slaves and what nobody may use are left
 * out. A broker that is asked itself is where it was dialled: another port may be mapped to its own.
 */
export function servingBrokers(
  route: TopicRoute,
  cluster: ClusterView,
  asker: Asker,
): { readonly broker: Broker; readonly queueCount: number }[] {
  return route.queueGroups.flatMap(({ brokerName, queueCount, readable, writable }) => {
    const isOwn = cluster.placeOfMaster(brokerName) === 'here'
    const address =
      (isOwn ? asker.dialled : undefined) ?? cluster.addressFor(brokerName, asker.listener)
    if (address === undefined || (!readable && !writable)) return []
    return [{ broker: { name: brokerName, id: 0, endpoints: endpointsOf(address) }, queueCount }]
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
