import { encodeBatch, NO_PRODUCER_ID, RecordBatch } from '@cometmq/protocol'
import { silentLogger } from '@cometmq/runtime'
import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { MessageStore, storeConfig } from '@cometmq/store'
import { expect, test } from 'vitest'
import type { LedgerLine } from '../../packages/cli/src/drill/ledger.ts'
import { faultsInLogs } from './logs.ts'

const clock = new VirtualClock()
const NOBODY = {
  producerId: NO_PRODUCER_ID,
  producerEpoch: 0,
  sequence: 0,
  baseMessageNumber: 0,
}

/** The folder of a member that holds these messages in one queue and was killed. */
async function memberWith(
  disk: SimulatedDisk,
  name: string,
  bodies: readonly string[],
): Promise<{ name: string; directory: string }> {
  const directory = `/${name}`
  const { files, keyValueStores } = disk
  const store = await MessageStore.open(
    { files, keyValueStores, clock, random: new SeededRandom(1), log: silentLogger },
    storeConfig(directory, { segmentMaxBytes: 4096, minFreeBytes: 0, hardFreeBytes: 0 }),
  )
  for (const body of bodies) {
    const bytes = encodeBatch({
      topic: 'drill',
      queueId: 0,
      producer: NOBODY,
      bornTimeMs: 1_760_000_000_000,
      messages: [{ body: Buffer.from(body) }],
    })
    const batch = RecordBatch.parse(bytes)
    await store.append({ records: [{ kind: 'batch', batch, idempotent: false }] })
  }
  await store.close()
  return { name, directory }
}

function faults(
  disk: SimulatedDisk,
  members: readonly { name: string; directory: string }[],
  count: number,
): Promise<string[]> {
  const lines = Array.from({ length: count }, (_, queueOffset): LedgerLine => {
    const place = { brokerName: 'broker-a', queueId: 0, queueOffset }
    return { kind: 'stored', atMs: 0, id: `${queueOffset}`, hash: '', ...place }
  })
  return faultsInLogs(disk.files, { name: 'broker-a', members }, { topic: 'drill', lines })
}

const many = Array.from({ length: 60 }, (_, index) => `message ${index}`)

test('members that hold the same have no faults, whatever the number of their segments', async () => {
  const disk = new SimulatedDisk()
  const members = [await memberWith(disk, 'a-0', many), await memberWith(disk, 'a-1', many)]

  expect(await faults(disk, members, many.length)).toEqual([])
})

// Readers only see the master: what a slave lacks is lost with the next election.
test('a member that has less than readers saw is found', async () => {
  const disk = new SimulatedDisk()
  const members = [
    await memberWith(disk, 'a-0', many),
    await memberWith(disk, 'a-1', many.slice(0, -1)),
  ]

  const found = await faults(disk, members, many.length)

  expect(found).toEqual(['a-1 has drill/0 to 59, and readers to 60'])
})

test('a member that has more than readers saw is found', async () => {
  const disk = new SimulatedDisk()
  const members = [await memberWith(disk, 'a-0', many)]

  expect(await faults(disk, members, many.length - 1)).toHaveLength(1)
})

test('a record that differs is found, and where', async () => {
  const disk = new SimulatedDisk()
  const other = many.with(30, 'message !!')
  const members = [await memberWith(disk, 'a-0', many), await memberWith(disk, 'a-1', other)]

  const found = await faults(disk, members, many.length)

  expect(found).toEqual([expect.stringMatching(/^the logs of a-0 and a-1 differ at \d{4}$/)])
})

test('a damaged body is found', async () => {
  const disk = new SimulatedDisk()
  const members = [await memberWith(disk, 'a-0', many)]
  disk.flipBit('/a-0/log/00000000000000000000', { at: 400 })

  expect(await faults(disk, members, many.length)).not.toEqual([])
})
