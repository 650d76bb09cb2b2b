import { type CometClient, connect, type ReceivedMessage, type Topic, text } from '@cometmq/client'
import type { SeededRandom, Simulation } from '@cometmq/simulation'
import type { DeliveredMessage, History } from '../../packages/cli/src/history/history.ts'
import type { MessageOrder } from '../../packages/cli/src/history/message-order.ts'

const TOPIC = 'orders'
/** Shares messages; the other one keeps the order of keys, too. */
export const GROUPS = ['billing', 'ledger'] as const
export const FIFO_GROUP = 'ledger'
const CREATE_LIMIT_MS = 60_000

/** A client process: it sends, it consumes, and it can be killed like any other. */
export class SimulatedClient {
  readonly name: string
  readonly #simulation: Simulation
  readonly #history: History
  readonly #order: MessageOrder
  readonly #random: SeededRandom
  readonly #endpoints: string
  readonly #watch: ReadonlySet<string>
  readonly #reads: boolean
  #life = 0
  #number = 0
  #unsettled = 0
  #isSending = true
  #comet: CometClient | undefined

  constructor(
    simulation: Simulation,
    options: {
      readonly name: string
      readonly endpoints: string
      readonly history: History
      readonly order: MessageOrder
      /** Messages whose every event becomes part of the story. */
      readonly watch: ReadonlySet<string>
      /** Whether it also reads the topic as it grows, outside of all groups. */
      readonly reads?: boolean
    },
  ) {
    this.#watch = options.watch
    this.#reads = options.reads ?? false
    this.name = options.name
    this.#simulation = simulation
    this.#history = options.history
    this.#order = options.order
    this.#endpoints = options.endpoints
    this.#random = simulation.random.fork(`client ${options.name}`)
  }

  start(): void {
    const life = ++this.#life
    this.#run(life).catch((error) => {
      // A client that could not connect is started again, as a supervisor would.
      if (life !== this.#life) return
      this.#simulation.story.tell(this.name, 'client ended', { error })
      this.kill(300)
    })
  }

  kill(downMs: number): void {
    const life = ++this.#life
    this.#comet = undefined
    this.#unsettled = 0
    this.#simulation.machine(this.name).kill()
    this.#simulation.clock.schedule(downMs, () => {
      if (life === this.#life) this.start()
    })
  }

  stopSending(): void {
    this.#isSending = false
  }

  /** No send of the present process waits for its answer. */
  get isQuiet(): boolean {
    return this.#unsettled === 0 && !this.#isSending
  }

  get comet(): CometClient | undefined {
    return this.#comet
  }

  async #run(life: number): Promise<void> {
    const runtime = this.#simulation.machine(this.name).runtime()
    const comet = await connect({ endpoints: this.#endpoints, runtime, timeout: '20s' })
    this.#comet = comet
    const topic = comet.topic(TOPIC, { codec: text() })
    const receiving = GROUPS.map((group) => this.#receive(life, topic, group))
    if (this.#reads) receiving.push(this.#read(life, topic))
    await Promise.all([this.#send(life, topic), ...receiving])
  }

  async #send(life: number, topic: Topic<string>): Promise<void> {
    const { clock } = this.#simulation
    while (this.#isSending && life === this.#life) {
      // Now one alone, now a burst that fills batches.
      const count = this.#random.chance(0.2) ? this.#random.below(20) : 1
      for (let i = 0; i < count; i++) this.#sendOne(topic)
      await clock.sleep(this.#random.between(1, 300))
    }
  }

  #sendOne(topic: Topic<string>): void {
    const id = `${this.name}-${this.#life}-${this.#number++}`
    const body = this.#random.chance(0.05) ? id + '.'.repeat(this.#random.below(9_000)) : id
    const key = this.#random.chance(0.3) ? { key: `k${this.#random.below(5)}` } : {}
    const life = this.#life
    this.#history.sent(id, body)
    this.#order.sent(id, `${this.name}-${life}`)
    this.#unsettled++
    topic
      .send(body, { timeout: '90s', ...key })
      .then(({ brokerName, queueId, queueOffset }) => {
        this.#history.acknowledged(id, { topic: TOPIC, brokerName, queueId, queueOffset })
        this.#tell(id, 'acknowledged', { brokerName, queueId, queueOffset })
      })
      .catch((error) => this.#simulation.story.tell(this.name, `send of ${id} failed`, { error }))
      .finally(() => {
        if (life === this.#life) this.#unsettled--
      })
  }

  async #receive(life: number, topic: Topic<string>, group: string): Promise<void> {
    const fifo = group === FIFO_GROUP ? { fifo: true } : {}
    for await (const message of topic.receive({ group, from: 'earliest', ...fifo })) {
      if (life !== this.#life) return
      const delivered = deliveredOf(message)
      this.#history.delivered(group, delivered)
      if (group === FIFO_GROUP) this.#order.delivered(delivered.messageId)
      const { messageId, brokerName, queueId, queueOffset, attempt } = delivered
      this.#tell(messageId, `delivered to ${group}`, { brokerName, queueId, queueOffset, attempt })
      void this.#settle(message, group)
      if (this.#random.chance(0.1)) await this.#simulation.clock.sleep(this.#random.between(1, 30))
    }
  }

  async #read(life: number, topic: Topic<string>): Promise<void> {
    for await (const message of topic.reader({ from: 'earliest' })) {
      if (life !== this.#life) return
      const delivered = deliveredOf(message)
      this.#history.read(delivered)
      const { messageId, brokerName, queueId, queueOffset } = delivered
      this.#tell(messageId, 'read', { brokerName, queueId, queueOffset })
    }
  }

  async #settle(message: ReceivedMessage<string>, group: string): Promise<void> {
    const id = idOf(message.body)
    try {
      if (message.attempt < 3 && this.#random.chance(0.05)) {
        await message.retry(this.#random.between(0, 800))
        this.#tell(id, `sent back by ${group}`)
        return
      }
      if (group === FIFO_GROUP) this.#order.finished(id)
      await message.ack()
      this.#history.settled(group, id)
      this.#tell(id, `settled by ${group}`)
    } catch (error) {
      this.#tell(id, `not settled by ${group}`, { error })
    }
  }

  #tell(messageId: string, what: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (!this.#watch.has(messageId)) return
    this.#simulation.story.tell(this.name, `${what} ${messageId}`, fields)
  }
}

/** Makes the topic and the groups. */
export async function createTopicAndGroups(
  simulation: Simulation,
  endpoints: string,
): Promise<void> {
  const runtime = simulation.machine('operator').runtime()
  const create = async (): Promise<void> => {
    await using comet = await connect({ endpoints, runtime })
    await comet.admin.topics.create(TOPIC, { queueCount: 3 })
    for (const group of GROUPS) {
      await comet.admin.groups.create(group, {
        start: 'earliest',
        maxAttempts: 1_000,
        invisibleMs: 3_000,
        retryDelaysMs: [200],
        fifo: group === FIFO_GROUP,
      })
    }
  }
  await simulation.runUntil(create(), { limitMs: CREATE_LIMIT_MS })
}

/** Every queue from its first message to its end. */
export async function readQueues(
  comet: CometClient,
): Promise<{ readonly queues: DeliveredMessage[][]; readonly keys: ReadonlyMap<string, string> }> {
  const queues = new Map<string, DeliveredMessage[]>()
  const keys = new Map<string, string>()
  // What a slave calls the end may be old.
  await using reader = comet
    .topic(TOPIC, { codec: text() })
    .reader({ from: 'earliest', untilEnd: true, fromSlaves: false })
  for await (const message of reader) {
    const key = `${message.brokerName}/${message.queueId}`
    const messages = queues.get(key) ?? []
    queues.set(key, messages)
    const delivered = deliveredOf(message)
    messages.push(delivered)
    if (message.key !== undefined) keys.set(delivered.messageId, message.key)
  }
  return { queues: [...queues.values()], keys }
}

function deliveredOf(message: {
  readonly brokerName: string
  readonly queueId: number
  readonly queueOffset: number
  readonly body: string
  readonly attempt?: number
}): DeliveredMessage {
  const { brokerName, queueId, queueOffset, body } = message
  const messageId = idOf(body)
  return {
    brokerName,
    topic: TOPIC,
    queueId,
    queueOffset,
    messageId,
    body,
    attempt: message.attempt ?? 1,
  }
}

function idOf(body: string): string {
  const end = body.indexOf('.')
  return end < 0 ? body : body.slice(0, end)
}
