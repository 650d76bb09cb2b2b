import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encodeBatch, RecordBatch } from '@cometmq/protocol'
import { silentLogger } from '@cometmq/runtime'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { type AppendGroup, MessageStore, putQueue, storeConfig } from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { bytesOfDump, dumpBytes, dumpCheckpoint, dumpRow, rowOfDump } from './dump.ts'

/**
 * What lies in a data folder beside the log, as the first version wrote it. A broker that is updated
 * finds the folder of the one before, so a change here is a change of format: it takes a new layout
 * version, an ADR, and a broker that reads both.
 *
 * A store with a fixed id and a fixed clock writes the folder; so the tests know no code that makes
 * the bytes, only the names and the rows that `docs/formats/commit-log.md` lists.
 */

const FOLDER = '/data'
const ORDERS = { topic: 'orders', queueId: 5 }
const PRODUCER = '0123456789abcdef'
/** All is sent before an open store writes a checkpoint by itself. */
const SEND_INTERVAL_MS = 40

const files = [
  { name: 'store-json', path: 'store.json', dump: dumpBytes },
  { name: 'checkpoint-closed', path: 'checkpoint.0', dump: dumpCheckpoint },
  { name: 'checkpoint-open', path: 'checkpoint.1', dump: dumpCheckpoint },
] as const

/** Rows of level, by their keys' order. */
const rows = [
  'level-applied',
  'level-index',
  'level-producer',
  'level-queue-empty',
  'level-queue',
  'level-table',
] as const

describe('a data folder as it was frozen', () => {
  test.each(files)('has what this version writes: $path', async ({ name, path, dump }) => {
    const { disk } = await written()
    const bytes = (await disk.files.readFile(`${FOLDER}/${path}`)) ?? Buffer.alloc(0)

    await expect(dump(bytes)).toMatchFileSnapshot(placeOf(name))
  })

  test('has the rows that this version writes', async () => {
    const { disk } = await written()
    const found = await levelRows(disk)

    expect(found.length).toBe(rows.length)
    for (const [index, name] of rows.entries()) {
      const [key, value] = found[index] as [Buffer, Buffer]
      await expect(dumpRow({ key, value })).toMatchFileSnapshot(placeOf(name))
    }
  })

  test('has the files that the documentation names', async () => {
    const { disk } = await written()

    expect(await disk.files.list(FOLDER)).toEqual([
      'checkpoint.0',
      'checkpoint.1',
      'level',
      'lock',
      'log',
      'replication',
      'store.json',
    ])
    expect(await disk.files.list(`${FOLDER}/log`)).toEqual(['00000000000000000000'])
    expect(await disk.files.list(`${FOLDER}/replication`)).toEqual(['epochs'])
  })

  // The log is derived from nothing: it is written anew, by records that are frozen elsewhere.
  test('still means the same', async () => {
    const { disk, clock } = await written()
    await disk.files.removeDirectory(`${FOLDER}/level`)
    const level = await disk.keyValueStores.open(`${FOLDER}/level`)
    await level.apply(rows.map((name) => ({ kind: 'put', ...rowOfDump(textOf(name)) })))
    await level.close()
    for (const { name, path } of files) {
      await disk.files.replaceFile(`${FOLDER}/${path}`, bytesOfDump(textOf(name)))
    }

    await using store = await openOn(disk, clock)

    expect(store.storeId).toBe('000102030405060708090a0b0c0d0e0f')
    // Nothing was read from the log, so all of the following comes from the frozen rows.
    expect(store.recovery).toMatchObject({
      closedCleanly: true,
      rebuilt: undefined,
      replayedRecords: 0,
      cutBytes: 0,
    })
    expect([...store.queues()]).toEqual([
      { ...EMPTY, minOffset: 300, maxOffset: 300 },
      { ...ORDERS, minOffset: 0, maxOffset: 4 },
    ])
    expect(store.table('topics').get(Buffer.from('orders'))?.toString()).toBe('{"queueCount":8}')
    const begun = new VirtualClock().nowMs()
    expect(await store.offsetAtTime(ORDERS, begun + SEND_INTERVAL_MS + 1)).toBe(3)
    const read = await store.read(ORDERS, { from: 0, maxBytes: 10_000 })
    const bodies = read.kind === 'batches' ? read.batches.flatMap(bodiesOf) : []
    expect(bodies).toEqual(['a', 'b', 'c', 'd'])
    const again = await store.append(orders(1, ['c']))
    expect(again.records[0]).toMatchObject({ baseQueueOffset: 2, duplicate: true })
  })
})

/** A queue that was given its offsets by a change, and has no messages. */
const EMPTY = { topic: 'archive', queueId: 0 }

/** A store that was filled and closed. */
async function written(): Promise<{ disk: SimulatedDisk; clock: VirtualClock }> {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  const store = await openOn(disk, clock)
  const value = Buffer.from('{"queueCount":8}')
  await store.append({
    records: [
      {
        kind: 'change',
        changes: [
          { kind: 'put', table: 'topics', key: Buffer.from('orders'), value },
          putQueue(EMPTY, { nextOffset: 300, minOffset: 300 }),
        ],
      },
    ],
  })
  for (const [sequence, bodies] of [['a', 'b'], ['c'], ['d']].entries()) {
    await store.append(orders(sequence, bodies))
    await clock.advance(SEND_INTERVAL_MS)
  }
  await store.close()
  return { disk, clock }
}

function openOn(disk: SimulatedDisk, clock: VirtualClock): Promise<MessageStore> {
  const { files, keyValueStores } = disk
  const hex = (bytes: number): string =>
    Buffer.from(Array.from({ length: bytes }, (_, index) => index)).toString('hex')
  const random = { fraction: () => 0.5, hex }
  const config = storeConfig(FOLDER, { segmentMaxBytes: 4096, minFreeBytes: 0, hardFreeBytes: 0 })
  return MessageStore.open({ clock, files, keyValueStores, random, log: silentLogger }, config)
}

function orders(sequence: number, bodies: readonly string[]): AppendGroup {
  const bytes = encodeBatch({
    ...ORDERS,
    producer: { producerId: PRODUCER, producerEpoch: 7, sequence, baseMessageNumber: 0 },
    bornTimeMs: 1_760_000_000_000,
    messages: bodies.map((body) => ({ body: Buffer.from(body) })),
  })
  return { records: [{ kind: 'batch', batch: RecordBatch.parse(bytes), idempotent: true }] }
}

function bodiesOf(batch: RecordBatch): string[] {
  return batch.messages().map(({ body }) => Buffer.from(body).toString())
}

async function levelRows(disk: SimulatedDisk): Promise<(readonly [Buffer, Buffer])[]> {
  const level = await disk.keyValueStores.open(`${FOLDER}/level`)
  const found: (readonly [Buffer, Buffer])[] = []
  for await (const entry of level.entries({ from: Buffer.alloc(0), to: Buffer.of(0xff) })) {
    found.push(entry)
  }
  await level.close()
  return found
}

function textOf(name: string): string {
  return readFileSync(placeOf(name), 'utf8')
}

function placeOf(name: string): string {
  return fileURLToPath(new URL(`frozen/${name}.txt`, import.meta.url))
}
