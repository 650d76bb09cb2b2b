import { EpochHistory } from '@cometmq/protocol'
import type { File, FileSystem } from '@cometmq/runtime'
import { SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import type { MessageStore } from '../message-store.ts'
import { openMemberOn, REIGN } from '../testing/members.ts'
import { batchOf, bodiesOf, groupOf, openStoreOn, PRODUCER, QUEUE } from '../testing/scenario.ts'

describe('a member that leads', () => {
  // A slave has to be told where an epoch begins before it is sent a byte of it, and a crash between
  // the two must leave an entry without bytes rather than bytes without an entry.
  test('notes its epoch durably before the first record of it', async () => {
    const { disk, store } = await member()

    const opened = await store.log.lead({ epoch: 3, openedBy: { brokerId: 2, incarnation: 9 } })

    expect(store.log.epochs.entries).toEqual([{ epoch: 3, start: 0 }])
    expect((await disk.files.readFile('/data/replication/epochs'))?.toString()).toMatch(/^3 0$/m)
    expect(opened).toMatchObject({ logOffset: 0, endOffset: 132 })
    expect(store.status.epoch).toBe(3)
  })

  test('refuses an epoch that the log knows, or one before it', async () => {
    const { store } = await member()
    await store.log.lead({ epoch: 3 })

    await expect(store.log.lead({ epoch: 3 })).rejects.toMatchObject({ code: 'STALE_EPOCH' })
    await expect(store.log.lead({ epoch: 2 })).rejects.toMatchObject({ code: 'STALE_EPOCH' })

    expect(store.log.epochs.entries).toEqual([{ epoch: 3, start: 0 }])
    await expect(store.append(groupOf(), 'flushed')).resolves.toMatchObject({ epoch: 3 })
  })

  // A checkpoint that fails while a batch is being written: it was abandoned with the others before it
  // had begun to wait, and whoever closes the store waited for its answer for ever.
  test('answers what was being written when something else stopped the store', async () => {
    const { disk, clock, files, standStill, goOn } = slowDisk('/data/log/')
    const { keyValueStores } = disk
    const store = await openMemberOn({ files, keyValueStores }, clock)
    await store.log.lead({ epoch: 1 })
    standStill()
    const appended = store.append(groupOf())
    appended.catch(() => {})

    for (const slot of [0, 1]) disk.failNextWrite(`/data/checkpoint.${slot}`)
    await clock.advance(10_000)
    await expect(store.failed).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
    goOn()

    await expect(appended).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
  })

  // The opening record was put in line all the same, and the line tried to write it for ever, in one
  // turn of the event loop: a broker whose checkpoint failed at that moment answered nobody any more.
  test('opens no epoch when something else stops the store while its entry is written', async () => {
    const { disk, clock, files, standStill, goOn } = slowDisk('/data/replication/')
    const { keyValueStores } = disk
    const store = await openMemberOn({ files, keyValueStores }, clock)
    await store.log.lead({ epoch: 1 })
    await store.append(groupOf(), 'flushed')
    standStill()
    const opened = store.log.lead({ epoch: 2 })
    opened.catch(() => {})

    for (const slot of [0, 1]) disk.failNextWrite(`/data/checkpoint.${slot}`)
    await clock.advance(10_000)
    await expect(store.failed).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
    goOn()

    await expect(opened).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
  })

  test('opens a later epoch on top of its own, and what waits goes on waiting', async () => {
    const { store } = await member()
    await store.log.lead({ epoch: 1 })
    const first = store.append(groupOf())
    await store.append(groupOf(), 'flushed')

    const opened = await store.log.lead({ epoch: 2 })
    const last = await store.append(groupOf(), 'flushed')

    store.log.confirm(store.log.offsets.flushed)
    await expect(first).resolves.toMatchObject({ epoch: 1 })
    expect(last).toMatchObject({ epoch: 2, records: [{ baseQueueOffset: 2 }] })
    expect(store.log.epochs.entries).toEqual([
      { epoch: 1, start: 0 },
      { epoch: 2, start: opened.logOffset },
    ])
  })

  // What is not confirmed may be cut and its offset given to another message: nobody may see it.
  test('shows and answers only what is confirmed, and numbers on with the rest', async () => {
    const { store } = await member()
    await store.log.lead(REIGN)
    const heard: number[] = []
    store.subscribe({ appended: ({ from }) => heard.push(from) })
    const answers: string[] = []
    const append = (body: string) => {
      const appended = store.append(groupOf({ bodies: [body] }))
      appended.then(
        () => answers.push(body),
        () => {},
      )
      return appended
    }
    const [a, b] = [append('a'), append('b')]
    const flushed = await store.append(groupOf({ bodies: ['c'] }), 'flushed')

    expect(flushed.records[0]?.baseQueueOffset).toBe(2)
    expect(await store.read(QUEUE, { from: 0, maxBytes: 100 })).toEqual({ kind: 'caught-up' })
    expect([answers, heard]).toEqual([[], []])
    const [first] = (store.log.confirm(store.log.offsets.max - 1), (await a).records)
    await b
    expect([answers, heard]).toEqual([
      ['a', 'b'],
      [0, 1],
    ])
    expect((await bodiesOf(store)).bodies).toEqual(['a', 'b'])
    expect(first?.baseQueueOffset).toBe(0)
    expect(store.status.appliedOffset).toBeLessThanOrEqual(store.log.offsets.confirm)
  })

  // A crash would take half a group back; nobody may have seen it.
  test('shows append groups as a whole, wherever the confirm offset falls', async () => {
    const { store } = await member()
    await store.log.lead(REIGN)
    const batch = (body: string) => {
      return { kind: 'batch', batch: batchOf({ bodies: [body] }), idempotent: true } as const
    }
    const group = { records: [batch('a'), batch('b')] }
    const { records } = await store.append(group, 'flushed')

    store.log.confirm(records[0]?.endOffset ?? 0)

    expect(store.bounds(QUEUE)).toBeUndefined()
    store.log.confirm(records[1]?.endOffset ?? 0)
    expect((await bodiesOf(store)).bodies).toEqual(['a', 'b'])
  })

  test('numbers on as if nothing had been, after a write that found no space', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk()
    const store = await openMemberOn(disk, clock)
    await store.log.lead(REIGN)
    const sequence = (number: number) => groupOf({ producerId: PRODUCER, sequence: number })
    await store.append(sequence(0), 'flushed')
    disk.setCapacity(0)
    const refused = Array.from({ length: 40 }, (_, n) => store.append(sequence(n + 1), 'flushed'))
    const outcomes = await Promise.allSettled(refused)

    disk.setCapacity(2 ** 40)
    await clock.advance(1_000)

    expect(outcomes.map(({ status }) => status)).not.toContain('fulfilled')
    const { records } = await store.append(sequence(1), 'flushed')
    expect(records[0]).toMatchObject({ baseQueueOffset: 1, duplicate: false })
    store.log.confirm(store.log.offsets.max)
    expect((await bodiesOf(store)).bodies).toHaveLength(2)
  })

  // Confirmed by everybody else is not enough for what is derived here: a power cut would leave level
  // ahead of the log.
  test('waits for its own flush when others were faster', async () => {
    const clock = new VirtualClock()
    const latency = { read: [0, 0], write: [1, 1], sync: [9, 9] } as const
    const disk = new SimulatedDisk({ clock, latency })
    const store = await clock.runUntil(openMemberOn(disk, clock), { limitMs: 1_000 })
    await clock.runUntil(store.log.lead(REIGN), { limitMs: 1_000 })
    const before = store.log.offsets.flushed
    const written = store.append(groupOf(), 'written')
    const confirmed = store.append(groupOf())
    await clock.runUntil(written, { limitMs: 100 })

    store.log.confirm(1_000_000)

    expect(store.log.offsets).toMatchObject({ flushed: before, confirm: before })
    await clock.runUntil(confirmed, { limitMs: 100 })
    expect(store.log.offsets.confirm).toBe(store.log.offsets.max)
  })

  test('answers a repeated batch when the first one is confirmed, with its place', async () => {
    const { store } = await member()
    await store.log.lead(REIGN)
    const shape = { producerId: PRODUCER, sequence: 0 }
    const first = store.append(groupOf(shape))
    await store.append(groupOf(), 'flushed')
    let answered = false
    const repeated = store.append(groupOf(shape)).then((receipt) => {
      answered = true
      return receipt
    })
    await store.append(groupOf(), 'flushed')

    expect(answered).toBe(false)
    store.log.confirm(store.log.offsets.max)
    const [once, again] = [await first, await repeated]
    expect(again.records[0]).toEqual({ ...once.records[0], duplicate: true })
  })

  // Their batches are in memory until they are confirmed.
  test('refuses more when too much waits to be confirmed', async () => {
    const { store } = await member({ maxPendingBytes: 500 })
    await store.log.lead(REIGN)
    store.log.confirm(store.log.offsets.max)
    await store.append(groupOf({ bodies: ['x'.repeat(200)] }), 'flushed')

    const refused = store.append(groupOf({ bodies: ['x'.repeat(200)] }), 'flushed')

    await expect(refused).rejects.toMatchObject({ code: 'STORE_BUSY' })
    store.log.confirm(store.log.offsets.max)
    expect(store.status.pendingBytes).toBe(0)
    await expect(store.append(groupOf(), 'flushed')).resolves.toBeDefined()
  })

  // Whoever takes the reign over must find the log at rest; a producer should not notice.
  test('lets appends wait while it is held, and writes them when it goes on', async () => {
    const { store } = await member()
    await store.log.lead({ epoch: 1 })
    await store.append(groupOf(), 'flushed')

    await store.log.hold()
    const end = store.log.offsets.max
    const held = store.append(groupOf(), 'flushed')
    await new Promise(setImmediate)
    expect(store.log.offsets.max).toBe(end)
    store.log.release()

    await expect(held).resolves.toMatchObject({ epoch: 1, records: [{ logOffset: end }] })
  })

  test('refuses what waited while it was held when its reign ends', async () => {
    const { store } = await member()
    await store.log.lead({ epoch: 1 })
    await store.log.hold()
    const held = store.append(groupOf())

    await store.log.follow()

    await expect(held).rejects.toMatchObject({ code: 'NOT_MASTER' })
  })

  test('tells what becomes of appends when it ends its reign', async () => {
    const { store } = await member()
    await store.log.lead(REIGN)
    const written = store.append(groupOf())
    await store.append(groupOf(), 'flushed')

    const waiting = store.append(groupOf())
    await store.log.follow()

    await expect(written).rejects.toMatchObject({ code: 'NOT_CONFIRMED' })
    await expect(waiting).rejects.toMatchObject({ code: 'NOT_MASTER' })
    await expect(store.append(groupOf())).rejects.toMatchObject({ code: 'NOT_MASTER' })
    expect(store.status).toMatchObject({ pendingBytes: 0, writable: false })
  })

  test('says of unconfirmed appends that nobody knows when it is closed', async () => {
    const { store } = await member()
    await store.log.lead(REIGN)
    const written = store.append(groupOf())
    await store.append(groupOf(), 'flushed')

    await store.close()

    await expect(written).rejects.toMatchObject({ code: 'NOT_CONFIRMED' })
  })

  test('leads nothing when there was no room to begin', async () => {
    const { disk, store } = await member()
    disk.setCapacity(0)

    await expect(store.log.lead(REIGN)).rejects.toMatchObject({ code: 'DISK_FULL' })

    await expect(store.append(groupOf())).rejects.toMatchObject({ code: 'NOT_MASTER' })
    disk.setCapacity(2 ** 40)
    await store.log.lead(REIGN)
    await expect(store.append(groupOf(), 'flushed')).resolves.toMatchObject({ epoch: 1 })
  })
})

describe('a store that is in no group', () => {
  test('opens the first epoch itself, and confirms what it has flushed', async () => {
    await using store = await openStoreOn(new SimulatedDisk(), new VirtualClock())
    await store.append(groupOf())

    expect(store.log.epochs.entries).toEqual([{ epoch: 1, start: 0 }])
    expect(store.log.offsets.confirm).toBe(store.log.offsets.max)
    expect(store.log.epochs).toBeInstanceOf(EpochHistory)
  })
})

/** Writes to files below that folder wait between `standStill` and `goOn`. */
function slowDisk(below: string) {
  const disk = new SimulatedDisk()
  const writing = Promise.withResolvers<void>()
  let isSlow = false
  const turnOf = async (path: string): Promise<void> => {
    if (isSlow && path.startsWith(below)) await writing.promise
  }
  const openFile = async (...args: Parameters<FileSystem['openFile']>): Promise<File> => {
    const file = await disk.files.openFile(...args)
    const writeAt = file.writeAt.bind(file)
    file.writeAt = (...written) => turnOf(file.path).then(() => writeAt(...written))
    return file
  }
  const replaceFile = (path: string, content: Buffer): Promise<void> =>
    turnOf(path).then(() => disk.files.replaceFile(path, content))
  const slowed: Partial<FileSystem> = { openFile, replaceFile }
  const files = new Proxy(disk.files, {
    get: (target, name: keyof FileSystem) => slowed[name] ?? target[name].bind(target),
  })
  const standStill = (): void => void (isSlow = true)
  return { disk, clock: new VirtualClock(), files, standStill, goOn: () => writing.resolve() }
}

async function member(changes: Parameters<typeof openMemberOn>[2] = {}): Promise<{
  readonly disk: SimulatedDisk
  readonly store: MessageStore
}> {
  const disk = new SimulatedDisk()
  return { disk, store: await openMemberOn(disk, new VirtualClock(), changes) }
}
