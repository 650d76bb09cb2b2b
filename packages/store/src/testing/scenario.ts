import { encodeBatch, type Origin, RecordBatch, type StateChange } from '@cometmq/protocol'
import { type Clock, type FileSystem, type KeyValueStores, silentLogger } from '@cometmq/runtime'
import type { AppendGroup } from '../append-group.ts'
import { MessageStore } from '../message-store.ts'
import { type StoreConfig, storeConfig, type StoreRuntime } from '../store-config.ts'

export const PRODUCER = 'aaaaaaaaaaaaaaaa'
export const QUEUE = { topic: 'orders', queueId: 0 }

/** Segments so small that a dozen messages fill one. */
function tinyConfig(changes: Partial<Omit<StoreConfig, 'directory'>> = {}): StoreConfig {
  return storeConfig('/data', {
    segmentMaxBytes: 4096,
    minFreeBytes: 0,
    hardFreeBytes: 0,
    retention: {
      maxAgeMs: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
      minFreeBytes: 0,
      checkIntervalMs: 60_000,
    },
    ...changes,
  })
}

function runtimeOn(
  disk: { readonly files: FileSystem; readonly keyValueStores: KeyValueStores },
  clock: Clock,
): StoreRuntime {
  let made = 0
  const random = {
    fraction: () => 0.5,
    hex: (bytes: number) => String(++made).padStart(bytes * 2, '0'),
  }
  const { files, keyValueStores } = disk
  return { clock, files, keyValueStores, random, log: silentLogger }
}

export function openStoreOn(
  disk: { readonly files: FileSystem; readonly keyValueStores: KeyValueStores },
  clock: Clock,
  changes: Partial<Omit<StoreConfig, 'directory'>> = {},
): Promise<MessageStore> {
  return MessageStore.open(...storeOn(disk, clock, changes))
}

/** What a store is opened with. */
export function storeOn(
  disk: { readonly files: FileSystem; readonly keyValueStores: KeyValueStores },
  clock: Clock,
  changes: Partial<Omit<StoreConfig, 'directory'>> = {},
): [StoreRuntime, StoreConfig] {
  return [runtimeOn(disk, clock), tinyConfig(changes)]
}

export interface BatchShape {
  readonly topic?: string
  readonly queueId?: number
  readonly bodies?: readonly string[]
  readonly producerId?: string
  readonly producerEpoch?: number
  readonly sequence?: number
  readonly origin?: Origin
}

export function batchOf(shape: BatchShape = {}): RecordBatch {
  const bytes = encodeBatch({
    topic: shape.topic ?? QUEUE.topic,
    queueId: shape.queueId ?? QUEUE.queueId,
    producer: {
      producerId: shape.producerId ?? '0000000000000000',
      producerEpoch: shape.producerEpoch ?? 0,
      sequence: shape.sequence ?? 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1,
    messages: (shape.bodies ?? ['hello']).map((body) => ({ body: Buffer.from(body) })),
    ...(shape.origin === undefined ? {} : { origin: shape.origin }),
  })
  return RecordBatch.parse(bytes)
}

/** A group of one batch. */
export function groupOf(shape: BatchShape = {}): AppendGroup {
  const batch = batchOf(shape)
  return { records: [{ kind: 'batch', batch, idempotent: !batch.isBrokerMade }] }
}

export function put(table: string, key: string, value: string): StateChange {
  return { kind: 'put', table, key: Buffer.from(key), value: Buffer.from(value) }
}

export function changeGroup(...changes: StateChange[]): AppendGroup {
  return { records: [{ kind: 'change', changes }] }
}

/** Every message of a queue that can be read, in order, with the offset of the first. */
export async function bodiesOf(
  store: MessageStore,
  queue = QUEUE,
  maxBytes = 1000,
): Promise<{ readonly from: number; readonly bodies: string[] }> {
  const bounds = store.bounds(queue)
  const from = bounds?.minOffset ?? 0
  const bodies: string[] = []
  let at: number = from
  for (;;) {
    const result = await store.read(queue, { from: at, maxBytes })
    if (result.kind !== 'batches') return { from, bodies }
    for (const batch of result.batches) {
      const skipped = Math.max(0, at - batch.baseQueueOffset)
      for (const message of batch.messages(skipped))
        bodies.push(Buffer.from(message.body).toString())
    }
    at = result.next
  }
}

export async function rowsOf(store: MessageStore, table: string): Promise<[string, string][]> {
  const rows: [string, string][] = []
  for await (const [key, value] of store.table(table).entries()) {
    rows.push([key.toString(), value.toString()])
  }
  return rows
}

/** All that a user can see of a store. */
export async function viewOf(store: MessageStore): Promise<unknown> {
  const queues = [...store.queues()].toSorted((a, b) =>
    `${a.topic} ${a.queueId}` < `${b.topic} ${b.queueId}` ? -1 : 1,
  )
  const messages: unknown[] = []
  for (const queue of queues) messages.push([queue, await bodiesOf(store, queue)])
  return {
    messages,
    topics: await rowsOf(store, 'topics'),
    progress: await rowsOf(store, 'progress'),
  }
}
