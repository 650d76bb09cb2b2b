import {
  type Broker,
  type BrokerConfig,
  brokerDefaults,
  replicationDefaults,
  runBroker,
} from '@cometmq/broker'
import {
  type CometError,
  type Delivery,
  encodeBatch,
  type LeasedRange,
  loadServices,
  NO_PRODUCER_ID,
  publishMethod,
  type PublishResponse,
  RecordBatch,
  type SettlementAction,
  subscribeMethod,
  type SubscribeRequest,
  type SubscribeResponse,
} from '@cometmq/protocol'
import { defaultSettings } from '@cometmq/replication'
import type { Connection, MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { NAME_SERVERS, nameServersOf } from '../simulated-cluster.ts'
import { SimulatedDaemon } from '../simulated-daemon.ts'
import { smallStore } from '../small-store.ts'

const TOPIC = 'orders'
const GROUP = 'billing'
const LIMIT = { limitMs: 60_000 }
const IDS = [1, 2, 3] as const
const RETRY_MS = 50

export type MemberId = (typeof IDS)[number]

/** Three members whose roles are configured, on machines of their own, and two name servers. */
export class StaticGroup {
  readonly simulation: Simulation
  readonly #members: ReadonlyMap<MemberId, SimulatedDaemon<Broker>>

  private constructor(simulation: Simulation) {
    this.simulation = simulation
    this.#members = new Map(
      IDS.map((id) => {
        const run = runMember(id)
        return [id, new SimulatedDaemon<Broker>(simulation, simulation.machine(`m${id}`), run)]
      }),
    )
  }

  /** Member 1 leads, and there is a topic with one queue. */
  static async start(seed: number): Promise<StaticGroup> {
    const simulation = new Simulation(seed)
    const group = new StaticGroup(simulation)
    const daemons = [...nameServersOf(simulation), ...group.#members.values()]
    await group.run(Promise.all(daemons.map((daemon) => daemon.start())))
    await group.until(() => group.member(1)?.status.writable === true)
    const { CreateTopic } = loadServices().admin
    await group.run(group.connect(1).call(CreateTopic, { topic: TOPIC, queueCount: 1 }))
    await group.untilCopied()
    return group
  }

  member(id: MemberId): Broker | undefined {
    return this.#daemon(id).present
  }

  kill(id: MemberId): void {
    this.#daemon(id).end()
  }

  /** With all that was not synced, perhaps. */
  cutPower(id: MemberId): void {
    this.#daemon(id).crash('power-cut', 100)
  }

  /** As an operator does who knows that the old master is off. */
  async promote(id: MemberId): Promise<void> {
    const { CommandGroup } = loadServices().admin
    const wish = { kind: 'promote', memberId: id, timeoutMs: 30_000, oldMasterIsDead: true }
    await this.run(this.connect(id).call(CommandGroup, wish))
  }

  startAgain(id: MemberId): Promise<void> {
    return this.run(this.#daemon(id).start())
  }

  /** What nobody had asked to end. */
  get failures(): readonly unknown[] {
    return [...this.#members.values()].flatMap(({ failures }) => failures)
  }

  /** Every member that runs has all of the log. */
  untilCopied(): Promise<void> {
    return this.until(() => {
      const stores = IDS.map((id) => this.member(id)?.status.store).filter(
        (one) => one !== undefined,
      )
      const ends = new Set(stores.flatMap((store) => [store.maxOffset, store.appliedOffset]))
      return ends.size === 1
    })
  }

  connect(id: MemberId): Connection {
    return this.simulation.machine('client').runtime().transport.connect(`m${id}:8081`)
  }

  /** Stored by every member, or the code with which it was refused. */
  async publish(to: MemberId, ...bodies: readonly string[]): Promise<number> {
    const answers: PublishResponse[] = []
    const stream = this.connect(to).open(publishMethod)
    const ignore = (): void => {}
    const message = (response: PublishResponse): void => void answers.push(response)
    stream.receive({ message, ended: ignore, failed: ignore })
    stream.send({
      batches: [
        encodeBatch({
          topic: TOPIC,
          queueId: 0,
          producer: {
            producerId: NO_PRODUCER_ID,
            producerEpoch: 0,
            sequence: 0,
            baseMessageNumber: 0,
          },
          bornTimeMs: 1,
          messages: bodies.map((body) => ({ body: Buffer.from(body) })),
        }),
      ],
    })
    await this.until(() => answers[0]?.results[0] !== undefined)
    stream.end()
    return answers[0]?.results[0]?.error ?? -1
  }

  /** Tries until that member takes it. */
  async join(to: MemberId, name: string): Promise<Consumer> {
    for (;;) {
      const consumer = await this.tryToJoin(to, name)
      if (consumer.isOpen) return consumer
      await this.simulation.advance(RETRY_MS)
    }
  }

  /** It is open, or has ended. */
  async tryToJoin(to: MemberId, name: string): Promise<Consumer> {
    const consumer = new Consumer(this.connect(to), name)
    await this.until(() => consumer.isOpen || consumer.endedBy !== undefined)
    return consumer
  }

  /** The numbers of those that stand in, as that member finds it. */
  async standIns(at: MemberId): Promise<number[]> {
    const { DescribeReplicas } = loadServices().admin
    const { replicas } = await this.run(this.connect(at).call(DescribeReplicas, {}))
    return replicas.flatMap(({ memberId, standsIn }) => (standsIn ? [memberId] : []))
  }

  /** As that member counts them. */
  async deadLetters(at: MemberId): Promise<number> {
    const { ListDeadLetters } = loadServices().admin
    const { counts } = await this.run(this.connect(at).call(ListDeadLetters, { group: GROUP }))
    return counts.reduce((sum, { messages }) => sum + messages, 0)
  }

  /** The file with what that member was told while it stood in. */
  overlayOf(id: MemberId): Promise<Buffer | undefined> {
    const { files } = this.simulation.machine(`m${id}`).disk
    return this.run(files.readFile('/data/replication/overlay'))
  }

  until(holds: () => boolean): Promise<void> {
    return this.simulation.runUntil(holds, LIMIT)
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.simulation.runUntil(work, LIMIT)
  }

  #daemon(id: MemberId): SimulatedDaemon<Broker> {
    return this.#members.get(id) as SimulatedDaemon<Broker>
  }
}

/** A member of a consumer group, on a stream to one broker. */
export class Consumer {
  /** With the attempt, `body 1`. */
  readonly received: string[] = []
  isOpen = false
  endedBy: CometError | undefined
  readonly #stream: MessageStream<SubscribeRequest, SubscribeResponse>
  readonly #ranges = new Map<string, LeasedRange>()
  readonly #settled = new Set<number>()
  #settlements = 0

  constructor(connection: Connection, name: string) {
    this.#stream = connection.open(subscribeMethod)
    this.#stream.receive({
      message: (response) => this.#take(response),
      ended: () => {},
      failed: (error) => {
        this.endedBy = error
      },
    })
    this.#stream.send({
      kind: 'open',
      group: GROUP,
      sessionId: name,
      clientId: name,
      topics: [{ topic: TOPIC, filter: '' }],
      invisibleMs: 0,
      creditBytes: 1_000_000,
      held: [],
    })
  }

  /** Resolves to whether it is answered, once the simulation goes on. */
  settle(body: string, action: SettlementAction): () => boolean {
    const range = this.#ranges.get(body)
    if (range === undefined) throw new Error(`${body} was not received`)
    const id = ++this.#settlements
    this.#stream.send({ kind: 'settle', id, settlements: [{ range, action }] })
    return () => this.#settled.has(id)
  }

  /** What it holds is for others. */
  leave(): void {
    this.#stream.cancel()
  }

  #take(response: SubscribeResponse): void {
    switch (response.kind) {
      case 'opened':
        this.isOpen = true
        return
      case 'deliver':
        for (const delivery of response.deliveries) this.#takeDelivery(delivery)
        return
      case 'settled':
        if (response.failures.length === 0) this.#settled.add(response.id)
        return
      case 'draining':
        return
    }
  }

  #takeDelivery({ topic, queueId, retry, attempt, ranges, batches }: Delivery): void {
    const parsed = batches.map((bytes) => RecordBatch.parse(bytes))
    for (let at = 0; at < ranges.length; at += 2) {
      for (let from = ranges[at] as number; from < (ranges[at + 1] as number); from++) {
        const batch = parsed.find(
          ({ baseQueueOffset, messageCount }) =>
            baseQueueOffset <= from && from < baseQueueOffset + messageCount,
        ) as RecordBatch
        const index = from - batch.baseQueueOffset
        const body = Buffer.from(batch.messages(index, index + 1)[0]?.body ?? '').toString()
        this.received.push(`${body} ${attempt}`)
        this.#ranges.set(body, { topic, queueId, retry, from, to: from + 1 })
      }
    }
  }
}

function runMember(id: MemberId): ConstructorParameters<typeof SimulatedDaemon<Broker>>[2] {
  return (runtime, parts) =>
    runBroker(configOf(id), runtime, {
      ...parts,
      probes: { rssBytes: () => 0 },
      elector: () => undefined,
    })
}

function configOf(id: MemberId): BrokerConfig {
  const machine = `m${id}`
  return {
    ...brokerDefaults,
    cluster: 'simulated',
    brokerName: 'broker-a',
    listen: `${machine}:8081`,
    nameservers: NAME_SERVERS,
    store: smallStore(),
    replication: {
      ...replicationDefaults,
      listen: `${machine}:10911`,
      memberId: id,
      host: machine,
      bootId: 'boot',
      settings: { ...defaultSettings, memberCount: IDS.length, minInSync: 2 },
      static: {
        members: IDS.map((each) => `m${each}:10911`),
        master: 1,
        startsAlone: false,
      },
    },
  }
}
