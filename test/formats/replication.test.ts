import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { encodeBatch, RecordBatch } from '@cometmq/protocol'
import { encodeStaticRecord } from '@cometmq/replication'
import { type FileSystem, silentLogger } from '@cometmq/runtime'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import {
  type AppendGroup,
  MessageStore,
  StartingOver,
  type StoreConfig,
  storeConfig,
  type StoreRuntime,
} from '@cometmq/store'
import { describe, expect, test } from 'vitest'
import { bytesOfDump, dumpBytes, dumpRecord } from './dump.ts'

/**
 * What a member of a broker group has beside its log, as the first version wrote it. Members of one
 * group may be of different versions, and each finds the folder of the one before.
 */

const FOLDER = '/data'
const BATCHES = 6

describe('the folder replication as it was frozen', () => {
  test('has what this version writes while it cuts the log', async () => {
    const { member, written, at } = await lapsedMaster()

    await member.log.truncateTo(at)

    await expect(written.get('truncating')?.toString()).toMatchFileSnapshot(
      placeOf('replication-truncating'),
    )
    await expect(written.get('epochs')?.toString()).toMatchFileSnapshot(
      placeOf('replication-epochs'),
    )
  })

  test('still means the same', async () => {
    const { disk, clock, member, at } = await lapsedMaster()
    const { max } = member.log.offsets
    disk.crash()
    await disk.files.replaceFile(
      `${FOLDER}/replication/truncating`,
      bytesOf('replication-truncating'),
    )

    await using again = await openOn(disk, clock)

    expect(max).toBeGreaterThan(at)
    expect(again.log.offsets.max).toBe(at)
    expect(again.log.epochs.entries).toEqual([
      { epoch: 1, start: 0 },
      { epoch: 3, start: 132 + BATCHES * BATCH_BYTES },
    ])
    const epochs = await disk.files.readFile(`${FOLDER}/replication/epochs`)
    expect(epochs).toEqual(bytesOf('replication-epochs'))
  })

  test('has what an operator has said as this version writes it', async () => {
    const record = {
      appointment: { epoch: 7, master: 2, by: 'promotion 5f2e91ac', loss: undefined },
      inSyncAs: 3,
    }

    await expect(encodeStaticRecord(record)).toMatchFileSnapshot(placeOf('replication-appointment'))
  })

  test('begins an epoch with the record that this version writes', async () => {
    const { member } = await lapsedMaster()
    const range = await member.log.readRange(0, 1)

    await expect(dumpRecord(range?.bytes ?? Buffer.alloc(0))).toMatchFileSnapshot(
      placeOf('epoch-opened-by-member'),
    )
  })
})

describe('the state that a member was given, as it was frozen', () => {
  test('is what this version writes', async () => {
    const { disk } = await startedOver()
    const state = await disk.files.readFile(`${FOLDER}/replication/state`)

    await expect(dumpBytes(state ?? Buffer.alloc(0))).toMatchFileSnapshot(
      placeOf('replication-state'),
    )
  })

  test('still means the same', async () => {
    const { disk, clock } = await startedOver()
    const frozen = readFileSync(placeOf('replication-state'), 'utf8')
    await disk.files.replaceFile(`${FOLDER}/replication/state`, bytesOfDump(frozen))

    await using member = await openOn(disk, clock)

    expect(member.table('topics').get(Buffer.from('orders'))?.toString()).toBe('{"queueCount":8}')
    expect(member.status.appliedOffset).toBe(member.log.offsets.max)
    expect([...member.queues()]).toEqual([
      { topic: 'orders', queueId: 5, minOffset: 0, maxOffset: 1 },
    ])
  })
})

/** A folder of a member that has started over and was not opened since. */
async function startedOver(): Promise<{
  readonly disk: SimulatedDisk
  readonly clock: VirtualClock
}> {
  const clock = new VirtualClock()
  const master = await openOn(new SimulatedDisk(), clock)
  await master.log.lead({ epoch: 1 })
  const value = Buffer.from('{"queueCount":8}')
  const change = { kind: 'put', table: 'topics', key: Buffer.from('orders'), value } as const
  await master.append({ records: [{ kind: 'change', changes: [change] }] }, 'flushed')
  await master.append(group(), 'flushed')
  master.log.confirm(master.log.offsets.max)
  const disk = new SimulatedDisk()
  const exported = await master.log.exportState()
  await using copying = await StartingOver.begin(...storeOn(disk, clock), exported)
  for await (const row of exported.rows) await copying.putRows([row])
  const range = await master.log.readRange(0, 10_000)
  await copying.appendLog(0, range?.bytes ?? Buffer.alloc(0), 1)
  await copying.finish()
  return { disk, clock }
}

/** One of `batch()`, as it lies in the log. */
const BATCH_BYTES = batch().totalBytes

/** A member that led epochs 1, 3 and 4, and is to give up a part of epoch 3 and all of epoch 4. */
async function lapsedMaster(): Promise<{
  readonly disk: SimulatedDisk
  readonly clock: VirtualClock
  readonly member: MessageStore
  /** What was written last to each file of the folder. */
  readonly written: ReadonlyMap<string, Buffer>
  readonly at: number
}> {
  const disk = new SimulatedDisk()
  const clock = new VirtualClock()
  const written = new Map<string, Buffer>()
  const files: FileSystem = {
    openFile: (path, options) => disk.files.openFile(path, options),
    makeDirectory: (path) => disk.files.makeDirectory(path),
    list: (path) => disk.files.list(path),
    readFile: (path) => disk.files.readFile(path),
    replaceFile: (path, content) => {
      written.set(path.split('/').at(-1) ?? '', Buffer.from(content))
      return disk.files.replaceFile(path, content)
    },
    removeFile: (path) => disk.files.removeFile(path),
    removeDirectory: (path) => disk.files.removeDirectory(path),
    syncDirectory: (path) => disk.files.syncDirectory(path),
    freeBytes: (path) => disk.files.freeBytes(path),
    lockDirectory: (path) => disk.files.lockDirectory(path),
  }
  const member = await openOn({ files, keyValueStores: disk.keyValueStores }, clock)
  let at = 0
  for (const epoch of [1, 3, 4]) {
    await member.log.lead({ epoch, openedBy: { brokerId: 2, incarnation: 17 } })
    for (let count = 0; count < BATCHES; count++) {
      const { records } = await member.append(group(), 'flushed')
      if (epoch === 3 && count === 1) at = records[0]?.endOffset ?? 0
    }
  }
  await member.log.follow()
  return { disk, clock, member, written, at }
}

type Disk = Pick<SimulatedDisk, 'files' | 'keyValueStores'>

function openOn(disk: Disk, clock: VirtualClock): Promise<MessageStore> {
  return MessageStore.open(...storeOn(disk, clock))
}

function storeOn(disk: Disk, clock: VirtualClock): [StoreRuntime, StoreConfig] {
  const { files, keyValueStores } = disk
  const random = { fraction: () => 0.5, hex: (bytes: number) => 'a1'.repeat(bytes) }
  const config = storeConfig(FOLDER, {
    segmentMaxBytes: 4096,
    minFreeBytes: 0,
    hardFreeBytes: 0,
    confirm: 'external',
  })
  return [{ clock, files, keyValueStores, random, log: silentLogger }, config]
}

function group(): AppendGroup {
  return { records: [{ kind: 'batch', batch: batch(), idempotent: true }] }
}

function batch(): RecordBatch {
  const bytes = encodeBatch({
    topic: 'orders',
    queueId: 5,
    producer: {
      producerId: '0000000000000000',
      producerEpoch: 0,
      sequence: 0,
      baseMessageNumber: 0,
    },
    bornTimeMs: 1_760_000_000_000,
    messages: [{ body: Buffer.from('hello') }],
  })
  return RecordBatch.parse(bytes)
}

function bytesOf(name: string): Buffer {
  return readFileSync(placeOf(name))
}

function placeOf(name: string): string {
  return fileURLToPath(new URL(`frozen/${name}.txt`, import.meta.url))
}
