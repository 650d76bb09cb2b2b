import {
  type BrokerAddress,
  isRetryTopic,
  type RegisteredTopic,
  type Registration,
  type Services,
  type TopicDefinition,
} from '@cometmq/protocol'
import { CLIENTS_LISTENER, type Runtime, type Timer } from '@cometmq/runtime'
import type { MessageStore } from '@cometmq/store'
import type { BrokerConfig } from './config.ts'
import type { HeardOfGroup, NameServerStatus } from './name-server-link.ts'
import { BrokerRegistration } from './registration.ts'
import type { TopicRegistry } from './topic-registry.ts'

/** How soon name servers hear that the disk is full, or has space again. */
const WRITABLE_CHECK_MS = 250

/** What this broker is in its broker group, as others are told it. */
export interface PublicRole {
  readonly isMaster: boolean
  /** Own number in the group; of no meaning for a master. */
  readonly memberId: number
  readonly epoch: number
  /** A slave that serves consumer groups in place of a dead master. */
  readonly standsIn: boolean
}

export interface PresenceParts {
  readonly config: BrokerConfig
  readonly services: Services
  readonly store: Pick<MessageStore, 'storeId' | 'status'>
  readonly topics: TopicRegistry
  readonly role: () => PublicRole
  readonly addressFor: (listener: string) => string
}

/** What name servers know of this broker: tells them all of it, then every change. */
export class Presence {
  readonly #runtime: Runtime
  readonly #parts: PresenceParts
  readonly #registration: BrokerRegistration
  #timer: Timer | undefined
  #announcedWritable: boolean

  /** Nothing is told before `start` or `again`. */
  constructor(runtime: Runtime, parts: PresenceParts) {
    const { services, store, config } = parts
    this.#runtime = runtime
    this.#parts = parts
    this.#registration = new BrokerRegistration(runtime, {
      nameservers: config.nameservers,
      services,
      source: {
        registration: () => this.#describe(),
        isWritable: () => store.status.writable,
      },
    })
    parts.topics.onChange(({ topic, now }) => {
      if (isRetryTopic(topic)) return
      if (now === undefined) this.#registration.topicRemoved(topic)
      else this.#registration.topicChanged(registeredTopic(now))
    })
    this.#announcedWritable = store.status.writable
    this.#watchWritable()
  }

  /** Every broker that some name server hears; undefined: none has answered. */
  get brokers(): readonly BrokerAddress[] | undefined {
    return this.#registration.brokers()
  }

  /** What each name server said last of this broker's group. */
  get heardOfGroup(): HeardOfGroup[] {
    return this.#registration.heardOfGroup
  }

  get status(): NameServerStatus[] {
    return this.#registration.status
  }

  start(): void {
    this.#registration.start()
  }

  /** This broker has another role: it is told anew, everywhere and at once. */
  again(): void {
    this.#registration.again()
  }

  /** Leaves the routes at once; resolves when every name server has heard it, or is beyond reach. */
  async goodbye(): Promise<void> {
    this.#timer?.cancel()
    await this.#registration.goodbye()
  }

  close(): void {
    this.#timer?.cancel()
    this.#registration.close()
  }

  #describe(): Registration {
    const { config, store, topics, role, addressFor } = this.#parts
    const { cluster, brokerName, autoCreateTopics, version } = config
    const { isMaster, memberId, epoch, standsIn } = role()
    const listeners = [CLIENTS_LISTENER, ...Object.keys(config.listeners)]
    return {
      cluster,
      brokerName,
      // To the outside the master of a group has number 0, whatever its own is.
      brokerId: isMaster ? 0 : memberId,
      epoch,
      storeId: store.storeId,
      listeners: listeners.map((listener) => ({ listener, address: addressFor(listener) })),
      topics: [...topics.all()].filter(isRouted).map(registeredTopic),
      autoCreateTopics,
      version,
      standsIn,
    }
  }

  #watchWritable(): void {
    const { store, role } = this.#parts
    const { clock, log } = this.#runtime
    // Whether a slave can be written is nobody's question.
    const { writable, whyNotWritable } = store.status
    if (role().isMaster && writable !== this.#announcedWritable) {
      this.#announcedWritable = writable
      this.#registration.writableChanged(writable)
      if (writable) log.info({}, 'broker takes writes again')
      else log.warn({ whyNotWritable }, 'broker takes no writes')
    }
    this.#timer = clock.schedule(WRITABLE_CHECK_MS, () => this.#watchWritable())
  }
}

/** A group's retry queue is its own business: nobody asks for a route to it. */
function isRouted({ topic }: TopicDefinition): boolean {
  return !isRetryTopic(topic)
}

function registeredTopic(definition: TopicDefinition): RegisteredTopic {
  const { topic, type, queueCount, readable, writable } = definition
  return { topic, type, queueCount, readable, writable }
}
