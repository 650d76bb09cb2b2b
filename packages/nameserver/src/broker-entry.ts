import type {
  BrokerAddress,
  ListenerAddress,
  RegisteredTopic,
  Registration,
} from '@cometmq/protocol'

/** One `Register` stream; numbers are never used again. */
export type ConnectionNumber = number

/** A broker that is registered, as it described itself. */
export interface BrokerEntry {
  readonly brokerName: string
  /** 0: the master. */
  readonly brokerId: number
  readonly epoch: number
  readonly storeId: string
  readonly address: string
  readonly listeners: readonly ListenerAddress[]
  readonly autoCreateTopics: boolean
  /** A slave that serves consumer groups in place of a dead master. */
  readonly standsIn: boolean
  readonly version: string
  readonly topics: Map<string, RegisteredTopic>
  readonly registeredAtMs: number
  readonly connection: ConnectionNumber
  /** Whether that stream still stands. Without it the broker stays until it counts as silent. */
  linked: boolean
  writable: boolean
  heardAtMs: number
}

export function entryOf(
  registration: Registration,
  arrival: {
    readonly connection: ConnectionNumber
    readonly registeredAtMs: number
    readonly heardAtMs: number
  },
): BrokerEntry {
  const { brokerName, brokerId, epoch, storeId, listeners, autoCreateTopics, standsIn, version } =
    registration
  return {
    brokerName,
    brokerId,
    epoch,
    storeId,
    address: addressOf(registration),
    listeners,
    autoCreateTopics,
    standsIn: standsIn && brokerId !== 0,
    version,
    topics: new Map(registration.topics.map((topic) => [topic.topic, topic])),
    linked: true,
    writable: true,
    ...arrival,
  }
}

/** The address of its first listener. */
export function addressOf({ listeners }: Pick<Registration, 'listeners'>): string {
  return listeners[0]?.address ?? ''
}

/** For who came in on that listener. */
export function brokerAddress(entry: BrokerEntry, listener: string): BrokerAddress {
  const { brokerName, brokerId, epoch, listeners, standsIn } = entry
  const named = listeners.find((each) => each.listener === listener)
  const address = named?.address ?? entry.address
  return {
    brokerName,
    brokerId,
    epoch,
    address,
    listeners: listeners.length > 1 ? [...listeners] : [],
    standsIn,
  }
}

/** Whether lists of brokers have the same to say of both. */
export function looksTheSame(before: BrokerEntry, now: BrokerEntry): boolean {
  const name = ({ listener, address }: ListenerAddress): string => `${listener} ${address}`
  return (
    before.brokerName === now.brokerName &&
    before.brokerId === now.brokerId &&
    before.epoch === now.epoch &&
    before.autoCreateTopics === now.autoCreateTopics &&
    before.standsIn === now.standsIn &&
    before.listeners.map(name).join() === now.listeners.map(name).join()
  )
}

interface Named {
  readonly brokerName: string
  readonly brokerId?: number
}

/** By broker name, and the master before its slaves. */
export function byName(a: Named, b: Named): number {
  if (a.brokerName !== b.brokerName) return a.brokerName < b.brokerName ? -1 : 1
  return (a.brokerId ?? 0) - (b.brokerId ?? 0)
}
