import { type CometError, loadServices, type RouteUpdate } from '@cometmq/protocol'
import { accept, type MessageStream, type Runtime } from '@cometmq/runtime'

const services = loadServices()

export interface ScriptedTopic {
  readonly topic: string
  /** Broker name to number of queues. */
  readonly queues: Readonly<Record<string, number>>
}

/** The master of a broker group: its address, and an epoch other than 1. */
export type ScriptedMaster = string | { readonly address: string; readonly epoch: number }

/** A slave that is heard. */
export interface ScriptedSlave {
  readonly brokerName: string
  readonly brokerId: number
  readonly address: string
  readonly standsIn?: boolean
}

/** Tells clients what the test wants them to know. */
export class ScriptedNameServer {
  readonly address: string
  readonly watches: string[][] = []
  readonly #streams = new Set<MessageStream<RouteUpdate, { topics: string[] }>>()
  #update: RouteUpdate = update({}, [])
  #refusal: CometError | undefined
  #close: () => Promise<void> = async () => {}

  private constructor(address: string) {
    this.address = address
  }

  static async open(runtime: Runtime, address: string): Promise<ScriptedNameServer> {
    const server = new ScriptedNameServer(address)
    const listener = await runtime.transport.listen({
      address,
      handlers: [accept(services.routes.Watch, (stream) => server.#serve(stream as never))],
    })
    server.#close = () => listener.close()
    return server
  }

  close(): Promise<void> {
    return this.#close()
  }

  /** Sets who is heard, and the topics, and tells every watcher. All other broker groups are away. */
  set(
    brokers: Readonly<Record<string, ScriptedMaster>>,
    topics: readonly ScriptedTopic[],
    also: Partial<Pick<RouteUpdate, 'autoCreateTopics' | 'forgotten'>> = {},
    slaves: readonly ScriptedSlave[] = [],
  ): void {
    this.#update = { ...update(brokers, topics, slaves), ...also }
    for (const stream of this.#streams) this.#tell(stream)
  }

  /** Breaks every watch, and takes none any more. */
  refuse(error: CometError): void {
    this.#refusal = error
    for (const stream of this.#streams) stream.cancel(error)
  }

  #serve(stream: MessageStream<RouteUpdate, { topics: string[] }>): void {
    stream.receive({
      message: ({ topics }) => {
        this.watches.push(topics)
        if (this.#refusal !== undefined) return stream.cancel(this.#refusal)
        this.#streams.add(stream)
        this.#tell(stream)
      },
      ended: () => {},
      failed: () => this.#streams.delete(stream),
    })
  }

  #tell(stream: MessageStream<RouteUpdate, { topics: string[] }>): void {
    const served = new Set(this.#update.topics.map(({ topic }) => topic))
    const asked = this.watches.at(-1) ?? []
    stream.send({ ...this.#update, missing: asked.filter((topic) => !served.has(topic)) })
  }
}

function update(
  brokers: Readonly<Record<string, ScriptedMaster>>,
  topics: readonly ScriptedTopic[],
  slaves: readonly ScriptedSlave[] = [],
): RouteUpdate {
  const masters = Object.entries(brokers).map(([brokerName, master]) => ({
    brokerName,
    brokerId: 0,
    listeners: [],
    standsIn: false,
    ...(typeof master === 'string' ? { epoch: 1, address: master } : master),
  }))
  const others = slaves.map((slave) => ({ epoch: 1, listeners: [], standsIn: false, ...slave }))
  const heard = new Set([...masters, ...others].map(({ brokerName }) => brokerName))
  return {
    brokers: [...masters, ...others],
    topics: topics.map(({ topic, queues }) => ({
      topic,
      type: 'normal',
      queueGroups: Object.entries(queues).map(([brokerName, queueCount]) => ({
        brokerName,
        queueCount,
        readable: heard.has(brokerName),
        writable: brokerName in brokers,
      })),
    })),
    missing: [],
    cluster: 'test',
    autoCreateTopics: false,
    version: 1,
    forgotten: [],
  }
}
