import {
  CometError,
  encodeBatch,
  errorCodeOfId,
  NO_PRODUCER_ID,
  RecordBatch,
  type ReadRequest,
  type ReadResponse,
  type ReadStart,
  readMethod,
} from '@cometmq/protocol'
import type { MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { newBrokerCounters } from '../broker-counters.ts'
import { ReadService } from '../rpc/read-service.ts'
import { newTopic } from '../topic-definition.ts'
import { putTopic, TopicRegistry } from '../topic-registry.ts'
import { positionsInLog } from './positions.ts'
import { QueueWakeups } from './queue-wakeups.ts'
import type { SlaveAdvice } from './slave-advice.ts'
import type { Standing } from './standing.ts'

const MINUTE = { limitMs: 60_000 }

describe('a reader of a member of a broker group', () => {
  // What is not confirmed may be cut by the next master, and its offset given to another message.
  test('gets nothing above what is confirmed, and all of that', async () => {
    const scene = await Scene.open('slave')
    await scene.append('a')
    scene.confirm()
    await scene.append('b')

    scene.assign({ kind: 'earliest' })
    await scene.until(() => scene.bodies.length > 0)
    await scene.simulation.advance(1_000)
    expect(scene.bodies).toEqual(['a'])

    scene.confirm()
    await scene.until(() => scene.bodies.length > 1)
    expect(scene.bodies).toEqual(['a', 'b'])
  })

  // It would go back to the end of a slave that is a moment late, and read twice what it has read.
  test('waits for what it has seen at another member already', async () => {
    const scene = await Scene.open('slave')
    await scene.append('a')
    scene.confirm()

    expect(await scene.problemAt({ kind: 'offset', offset: 2 })).toBe('NOT_READY')
    scene.standing = 'settling'
    expect(await scene.problemAt({ kind: 'offset', offset: 2 })).toBe('NOT_READY')
    scene.standing = 'master'
    expect(await scene.problemAt({ kind: 'offset', offset: 2 })).toBe('OFFSET_OUT_OF_RANGE')
  })

  // It applies what earlier masters left; until then its end lies below one that was told before.
  test('is not told an end by a master that does not know it yet', async () => {
    const scene = await Scene.open('settling')
    const named = { kind: 'named', name: 'mine', otherwiseLatest: true } as const

    expect(await scene.problemAt({ kind: 'latest' })).toBe('NOT_READY')
    expect(await scene.problemAt({ kind: 'timestamp', timestampMs: 0 })).toBe('NOT_READY')
    expect(await scene.problemAt(named)).toBe('NOT_READY')
    scene.standing = 'slave'
    scene.assign({ kind: 'latest' })
    await scene.until(() => scene.of('assigned').length > 0)
  })

  test('is told with what it reads where it had better read on', async () => {
    const scene = await Scene.open('master')
    const asked: unknown[] = []
    scene.advise = (logOffset, standing) => {
      asked.push([logOffset > 0, standing])
      return { suggested: 'slave:8081', nearEnd: false }
    }
    await scene.append('a')
    scene.confirm()

    scene.assign({ kind: 'earliest' })
    await scene.until(() => scene.of('batches').length > 0)

    expect(scene.of('batches')[0]).toMatchObject({ suggested: 'slave:8081', nearEnd: false })
    expect(asked).toEqual([[true, 'master']])
  })

  // Two members would keep positions of their own, and the group's log would fork.
  test('commits at a master only, whatever a slave has of the queue', async () => {
    const scene = await Scene.open('slave')
    scene.refusal = new CometError('NOT_MASTER', 'ask the master')

    scene.send({ kind: 'commit', id: 1, name: 'mine', topic: 'orders', queueId: 0, offset: 7 })
    await scene.until(() => scene.of('committed').length > 0)

    expect(scene.of('committed').map(({ error }) => errorCodeOfId(error))).toEqual(['NOT_MASTER'])
  })
})

/** A reader's stream to one member, whose log is confirmed when the test says so. */
class Scene {
  readonly simulation: Simulation
  readonly responses: ReadResponse[] = []
  standing: Standing
  refusal: CometError | undefined
  advise: SlaveAdvice['at'] = () => ({ suggested: '', nearEnd: false })
  readonly #store: MessageStore
  readonly #stream: MessageStream<ReadRequest, ReadResponse>
  #assignments = 0

  private constructor(
    simulation: Simulation,
    standing: Standing,
    parts: { readonly store: MessageStore; readonly topics: TopicRegistry },
  ) {
    this.simulation = simulation
    this.standing = standing
    this.#store = parts.store
    const { store, topics } = parts
    const readers = new ReadService({
      store,
      topics,
      wakeups: new QueueWakeups(store, topics),
      counters: newBrokerCounters(),
      positions: positionsInLog(store, () => this.refusal),
      standing: () => this.standing,
      advice: { at: (...asked) => this.advise(...asked) },
    })
    const { transport } = simulation.machine('member').runtime()
    void transport.listen({ address: 'member:8081', handlers: readers.handlers() })
    const connection = simulation.machine('client').runtime().transport.connect('member:8081')
    this.#stream = connection.open(readMethod)
    this.#stream.receive({
      message: (response) => this.responses.push(response),
      ended: () => {},
      failed: () => {},
    })
    this.send({ kind: 'credit', bytes: 1_000_000 })
  }

  static async open(standing: Standing): Promise<Scene> {
    const simulation = new Simulation(1)
    const runtime = simulation.machine('member').runtime()
    const run = <T>(work: Promise<T>): Promise<T> => simulation.runUntil(work, MINUTE)
    const config = { ...storeConfig('/data'), confirm: 'external' } as const
    const store = await run(MessageStore.open(runtime, config))
    await run(store.log.lead({ epoch: 1 }))
    const wish = { topic: 'orders', type: '', queueCount: 1, flush: '', replicas: '' }
    const changes = [putTopic(newTopic(wish, { queueCount: 1 }, 0))]
    await run(store.append({ records: [{ kind: 'change', changes }] }, 'flushed'))
    store.log.confirm(store.log.offsets.flushed)
    await simulation.advance(10)
    const topics = await run(TopicRegistry.open(store, runtime.clock))
    return new Scene(simulation, standing, { store, topics })
  }

  async append(body: string): Promise<void> {
    const bytes = encodeBatch({
      topic: 'orders',
      queueId: 0,
      producer: {
        producerId: NO_PRODUCER_ID,
        producerEpoch: 0,
        sequence: 0,
        baseMessageNumber: 0,
      },
      bornTimeMs: 1,
      messages: [{ body: Buffer.from(body) }],
    })
    const records = [{ kind: 'batch' as const, batch: RecordBatch.parse(bytes), idempotent: false }]
    await this.simulation.runUntil(this.#store.append({ records }, 'flushed'), MINUTE)
  }

  confirm(): void {
    this.#store.log.confirm(this.#store.log.offsets.flushed)
  }

  send(request: ReadRequest): void {
    this.#stream.send(request)
  }

  assign(start: ReadStart): number {
    const assignmentId = ++this.#assignments
    this.send({ kind: 'assign', assignmentId, topic: 'orders', queueId: 0, filter: '', start })
    return assignmentId
  }

  async problemAt(start: ReadStart): Promise<string> {
    const id = this.assign(start)
    const isIt = (response: ReadResponse): boolean =>
      response.kind === 'problem' && response.assignmentId === id
    await this.until(() => this.responses.some(isIt))
    return errorCodeOfId(this.of('problem').at(-1)?.error ?? 0)
  }

  until(holds: () => boolean): Promise<void> {
    return this.simulation.runUntil(holds, MINUTE)
  }

  get bodies(): string[] {
    return this.of('batches').flatMap(({ batches }) =>
      batches.flatMap((bytes) =>
        RecordBatch.parse(bytes)
          .messages()
          .map(({ body }) => Buffer.from(body).toString()),
      ),
    )
  }

  of<Kind extends ReadResponse['kind']>(kind: Kind): Extract<ReadResponse, { kind: Kind }>[] {
    return this.responses.filter(
      (response): response is Extract<ReadResponse, { kind: Kind }> => response.kind === kind,
    )
  }
}
