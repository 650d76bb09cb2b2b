import {
  CometError,
  type CreateGroupRequest,
  type CreateTopicRequest,
  type ErrorCode,
  errorTable,
  loadServices,
  type PublishRequest,
  type PublishResponse,
  type PublishResult,
  publishMethod,
  RecordBatch,
  readMethod,
  subscribeMethod,
} from '@cometmq/protocol'
import { accept, answer, type Handler, type MessageStream, type Runtime } from '@cometmq/runtime'
import { ScriptedMember, ScriptedReader } from './scripted-streams.ts'

const services = loadServices()

/**
 * What a script says to a batch: an error, no answer at all, that it was stored and is not known to
 * be confirmed, or undefined: store it as usual.
 */
export type PublishScript = (
  batch: RecordBatch,
  count: number,
) => ErrorCode | 'silence' | 'unconfirmed' | 'late' | undefined

interface StoredBatch {
  readonly topic: string
  readonly queueId: number
  readonly base: number
  readonly batch: RecordBatch
}

/**
 * A broker for tests. It stores what it is sent, with the checks of sequence numbers that a real one
 * makes, unless the test's script has another answer. What arrived can be looked at afterwards.
 */
export class ScriptedBroker {
  readonly brokerName: string
  readonly address: string
  /** Every batch that arrived, also those that were refused. */
  readonly arrived: RecordBatch[] = []
  /** Publish requests that arrived, by their number of batches. */
  readonly requests: number[] = []
  readonly stored: StoredBatch[] = []
  readonly created: CreateTopicRequest[] = []
  readonly groups: CreateGroupRequest[] = []
  readonly members: ScriptedMember[] = []
  readonly readers: ScriptedReader[] = []
  script: PublishScript = () => undefined
  /** Called when a topic is made. */
  onCreateTopic: (request: CreateTopicRequest) => void = () => {}
  readonly #sequences = new Map<string, { epoch: number; results: number[] }>()
  readonly #nextOffsets = new Map<string, number>()
  readonly #streams = new Set<MessageStream<PublishResponse, PublishRequest>>()
  #close: () => Promise<void> = async () => {}

  private constructor(brokerName: string, address: string) {
    this.brokerName = brokerName
    this.address = address
  }

  static async open(runtime: Runtime, address: string): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(address.split(':')[0] ?? '', address)
    const listener = await runtime.transport.listen({ address, handlers: broker.#handlers() })
    broker.#close = () => listener.close()
    return broker
  }

  close(): Promise<void> {
    return this.#close()
  }

  /** Bodies that are stored, in the order of their queues. */
  bodies(queueId?: number): string[] {
    return this.stored
      .filter((stored) => queueId === undefined || stored.queueId === queueId)
      .flatMap(({ batch }) => batch.messages().map(({ body }) => Buffer.from(body).toString()))
  }

  /** Breaks every publish stream, with whatever is unanswered on it. */
  breakPublishing(): void {
    for (const stream of this.#streams) stream.cancel(new CometError('UNAVAILABLE', 'broken'))
    this.#streams.clear()
  }

  #handlers(): Handler[] {
    return [
      accept(publishMethod, (stream) => this.#publish(stream)),
      accept(subscribeMethod, (stream) => void this.members.push(new ScriptedMember(stream))),
      accept(readMethod, (stream) => void this.readers.push(new ScriptedReader(stream))),
      answer(services.admin.CreateTopic, async (request) => {
        this.created.push(request)
        this.onCreateTopic(request)
        return { brokers: [] }
      }),
      answer(services.admin.GetMessage, () =>
        Promise.reject(new CometError('MESSAGE_NOT_FOUND', `not on ${this.address}`)),
      ),
      answer(services.admin.CreateGroup, async (request) => {
        this.groups.push(request)
        return { brokers: [] }
      }),
    ]
  }

  #publish(stream: MessageStream<PublishResponse, PublishRequest>): void {
    this.#streams.add(stream)
    stream.receive({
      message: ({ batches }) => {
        this.requests.push(batches.length)
        const results = batches.flatMap((bytes) =>
          this.#store(RecordBatch.parse(Buffer.from(bytes))),
        )
        if (results.length > 0) stream.send({ results })
      },
      ended: () => stream.end(),
      failed: () => this.#streams.delete(stream),
    })
  }

  #store(batch: RecordBatch): PublishResult[] {
    this.arrived.push(batch)
    const scripted = this.script(batch, this.arrived.length)
    if (scripted === 'silence') return []
    if (scripted === 'unconfirmed') {
      this.#append(batch)
      return [refusal('NOT_CONFIRMED')]
    }
    if (scripted === 'late') {
      this.#append(batch)
      return [refusal('REPLICATION_TIMEOUT')]
    }
    return [scripted === undefined ? this.#append(batch) : refusal(scripted)]
  }

  #append(batch: RecordBatch): PublishResult {
    batch.verifyBody()
    const { producerId, producerEpoch, sequence } = batch.producer
    const { topic, queueId } = batch
    const key = `${producerId}/${topic}/${queueId}`
    const known = this.#sequences.get(key)
    let window = known
    if (window !== undefined && producerEpoch < window.epoch) return refusal('PRODUCER_FENCED')
    if (window === undefined || producerEpoch > window.epoch) {
      if (sequence !== 0) return refusal('SEQUENCE_GAP')
      window = { epoch: producerEpoch, results: [] }
      this.#sequences.set(key, window)
    }
    const before = window.results[sequence]
    if (before !== undefined) return { ...success(before), duplicate: true }
    if (sequence > window.results.length) return refusal('SEQUENCE_GAP')
    const base = this.#nextOffsets.get(`${topic}/${queueId}`) ?? 0
    this.#nextOffsets.set(`${topic}/${queueId}`, base + batch.messageCount)
    window.results.push(base)
    this.stored.push({ topic, queueId, base, batch })
    return success(base)
  }

  /** Has the whole log of another member of its broker group, and nothing else. */
  takeOver(from: ScriptedBroker): void {
    this.stored.splice(0, this.stored.length, ...from.stored)
    this.#sequences.clear()
    for (const [queue, offset] of from.#nextOffsets) this.#nextOffsets.set(queue, offset)
    for (const [key, { epoch, results }] of from.#sequences) {
      this.#sequences.set(key, { epoch, results: [...results] })
    }
  }

  /** Forgets what it knows of producers, as a broker does after a long time. */
  forgetProducers(): void {
    this.#sequences.clear()
  }
}

function success(baseQueueOffset: number): PublishResult {
  return { error: 0, message: '', baseQueueOffset, epoch: 1, duplicate: false, retryAfterMs: 0 }
}

function refusal(code: ErrorCode): PublishResult {
  return { ...success(0), error: errorTable[code].id, message: `the script says ${code}` }
}
