import {
  CometError,
  type Delivery,
  type ErrorCode,
  encodeBatch,
  errorTable,
  type LeasedRange,
  type ReadRequest,
  type ReadResponse,
  type Settlement,
  type SubscribeRequest,
  type SubscribeResponse,
  stampRecord,
} from '@cometmq/protocol'
import type { MessageStream } from '@cometmq/runtime'

/** The broker's end of one Subscribe stream. */
export class ScriptedMember {
  readonly requests: SubscribeRequest[] = []
  readonly #stream: MessageStream<SubscribeResponse, SubscribeRequest>
  /** Whether settlements are answered as soon as they come. */
  answers = true
  isOver = false

  constructor(stream: MessageStream<SubscribeResponse, SubscribeRequest>) {
    this.#stream = stream
    stream.receive({
      message: (request) => {
        this.requests.push(request)
        if (request.kind === 'settle' && this.answers) this.answer(request.id)
      },
      ended: () => {
        this.isOver = true
        stream.end()
      },
      failed: () => {
        this.isOver = true
      },
    })
  }

  get open(): Extract<SubscribeRequest, { kind: 'open' }> | undefined {
    return this.requests.find((request) => request.kind === 'open')
  }

  get creditBytes(): number {
    let bytes = this.open?.creditBytes ?? 0
    for (const request of this.requests) if (request.kind === 'credit') bytes += request.bytes
    return bytes
  }

  get settlements(): Settlement[] {
    return this.requests.flatMap((request) =>
      request.kind === 'settle' ? [...request.settlements] : [],
    )
  }

  get hasLeft(): boolean {
    return this.requests.some((request) => request.kind === 'leave')
  }

  welcome(invisibleMs = 60_000, lost: readonly LeasedRange[] = [], fifo = false): void {
    this.#stream.send({ kind: 'opened', invisibleMs, maxAttempts: 16, lost, fifo })
  }

  deliver(delivery: Partial<Delivery> & Pick<Delivery, 'topic' | 'batches' | 'ranges'>): void {
    this.#stream.send({
      kind: 'deliver',
      deliveries: [{ queueId: 0, retry: false, attempt: 1, invisibleMs: 60_000, ...delivery }],
    })
  }

  answer(id: number, failures: readonly { index: number; code: ErrorCode }[] = []): void {
    this.#stream.send({
      kind: 'settled',
      id,
      failures: failures.map(({ index, code }) => ({
        index,
        error: errorTable[code].id,
        message: `the script says ${code}`,
      })),
    })
  }

  drain(): void {
    this.#stream.send({ kind: 'draining' })
  }

  break(error = new CometError('UNAVAILABLE', 'broken')): void {
    this.#stream.cancel(error)
  }
}

/** The broker's end of one Read stream. */
export class ScriptedReader {
  readonly requests: ReadRequest[] = []
  /** Whether it ends its side as soon as the client has; else it has something to answer still. */
  endsWithClient = true
  readonly #stream: MessageStream<ReadResponse, ReadRequest>

  constructor(stream: MessageStream<ReadResponse, ReadRequest>) {
    this.#stream = stream
    stream.receive({
      message: (request) => this.requests.push(request),
      ended: () => {
        if (this.endsWithClient) stream.end()
      },
      failed: () => {},
    })
  }

  get assignments(): Extract<ReadRequest, { kind: 'assign' }>[] {
    return this.requests.filter((request) => request.kind === 'assign')
  }

  send(response: ReadResponse): void {
    this.#stream.send(response)
  }

  break(): void {
    this.#stream.cancel(new CometError('UNAVAILABLE', 'broken'))
  }
}

/** A stored batch of these bodies, whose first message has that offset. */
export function storedBatch(
  topic: string,
  baseQueueOffset: number,
  bodies: readonly string[],
  options: Partial<Parameters<typeof encodeBatch>[0]> = {},
): Buffer {
  const bytes = encodeBatch({
    topic,
    queueId: 0,
    producer: {
      producerId: '00000000000000aa',
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: baseQueueOffset,
    },
    bornTimeMs: 1_000,
    messages: bodies.map((body) => ({ body: Buffer.from(body) })),
    ...options,
  })
  stampRecord(bytes, {
    epoch: 1,
    logOffset: 0,
    confirmedBefore: 0,
    storeTimeMs: 2_000,
    baseQueueOffset,
    continues: false,
  })
  return bytes
}
