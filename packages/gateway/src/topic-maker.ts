import { type ChangeOutcome, type CreateTopicRequest, isInternalTopic } from '@cometmq/protocol'
import type { Logger, Transport } from '@cometmq/runtime'
import type { ClusterView, TopicMethods } from './ports.ts'

const TIMEOUT_MS = 5_000

/** Makes topics that clients ask for, where the cluster wants that: on every broker of it at once. */
export class TopicMaker {
  readonly #transport: Transport
  readonly #cluster: ClusterView
  readonly #methods: TopicMethods
  readonly #log: Logger
  /** A hundred clients that start at once make it once. */
  readonly #making = new Map<string, Promise<void>>()

  constructor(parts: {
    readonly transport: Transport
    readonly cluster: ClusterView
    readonly methods: TopicMethods
    readonly log: Logger
  }) {
    this.#transport = parts.transport
    this.#cluster = parts.cluster
    this.#methods = parts.methods
    this.#log = parts.log
  }

  /** Whether a topic of that name may come into being by being asked for. */
  mayMake(topic: string): boolean {
    return this.#cluster.autoCreateTopics && !isInternalTopic(topic)
  }

  /** Resolves when it was tried; whether it is there, the routes tell. */
  make(topic: string): Promise<void> {
    let making = this.#making.get(topic)
    if (making === undefined) {
      making = this.#make(topic).finally(() => this.#making.delete(topic))
      this.#making.set(topic, making)
    }
    return making
  }

  async #make(topic: string): Promise<void> {
    for (const brokerName of this.#cluster.brokerNames()) {
      const address = this.#cluster.addressOf(brokerName)
      const isMaster = this.#cluster.placeOfMaster(brokerName) !== 'nowhere'
      if (address === undefined || !isMaster) continue
      const connection = this.#transport.connect(address)
      try {
        const request: Partial<CreateTopicRequest> = { topic, everywhere: true, onFirstSend: true }
        const { brokers }: ChangeOutcome = await connection.call(
          this.#methods.CreateTopic,
          request,
          { timeoutMs: TIMEOUT_MS },
        )
        const made = brokers.filter(({ error }) => error === 0).length
        this.#log.info({ topic, made, brokers: brokers.length }, 'a topic was made for a client')
        return
      } catch (error) {
        this.#log.warn({ topic, brokerName, error }, 'a topic could not be made for a client')
      } finally {
        connection.close()
      }
    }
  }
}
