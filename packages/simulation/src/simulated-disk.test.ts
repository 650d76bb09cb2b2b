import type { File } from '@cometmq/runtime'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

const PATH = '/data/log'
const PAGE = 4096

describe('another disk in its place', () => {
  // What is left of the old one would make a replaced machine know what it cannot know.
  test('is empty, and has all its space', async () => {
    const disk = new SimulatedDisk({ capacityBytes: 3 * PAGE })
    const file = await openLog(disk)
    await file.writeAt([Buffer.alloc(2 * PAGE, 'x')], 0)
    await file.sync()

    disk.replace()

    expect(await disk.files.readFile(PATH)).toBeUndefined()
    const again = await openLog(disk)
    expect(await again.writeAt([Buffer.alloc(3 * PAGE)], 0)).toBeUndefined()
  })
})

describe('a crash of the process', () => {
  // The page cache belongs to the system: only a power cut takes it.
  test('leaves all that was written, synced or not', async () => {
    const disk = new SimulatedDisk()
    const file = await openLog(disk)
    await file.writeAt([Buffer.from('not synced')], 0)

    disk.crash()

    expect((await disk.files.readFile(PATH))?.toString()).toBe('not synced')
  })

  // A process that went on writing after its death would hide what recovery gets wrong.
  test('stops its operations for ever', async () => {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ clock })
    const file = await clock.runUntil(openLog(disk), { limitMs: 100 })
    const outcomes: string[] = []
    const follow = (name: string, operation: Promise<unknown>): void => {
      operation.then(
        () => outcomes.push(name),
        () => outcomes.push(name),
      )
    }
    follow('under way', file.sync())

    disk.crash()
    follow('begun after it', file.writeAt([Buffer.from('ghost')], 0))
    await clock.advance(1_000)

    expect(outcomes).toEqual([])
    const after = await clock.runUntil(disk.files.readFile(PATH), { limitMs: 100 })
    expect(after).toEqual(Buffer.alloc(0))
  })

  test('sometimes catches a write half done', async () => {
    const lengths = await lengthsAfter(async (disk, clock, file) => {
      void file.writeAt([Buffer.alloc(100, 'x')], 0)
      await clock.advance(0.001)
      disk.crash()
    })

    expect(lengths).toContain(0)
    expect(lengths).toContain(100)
    expect(lengths.some((length) => length > 0 && length < 100)).toBe(true)
  })

  test('lets go of locks and of open key-value stores', async () => {
    const disk = new SimulatedDisk()
    await disk.files.lockDirectory('/data')
    await disk.keyValueStores.open('/data/state')

    disk.crash()

    await expect(disk.files.lockDirectory('/data')).resolves.toBeDefined()
    await expect(disk.keyValueStores.open('/data/state')).resolves.toBeDefined()
  })
})

describe('a power cut', () => {
  test('leaves all that was synced', async () => {
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      await file.writeAt([Buffer.alloc(3 * PAGE, 'a')], 0)
      await file.sync()

      disk.powerCut()

      const left = await disk.files.readFile(PATH)
      expect(left?.equals(Buffer.alloc(3 * PAGE, 'a'))).toBe(true)
    }
  })

  // Each of these outcomes has broken a real store; a disk that never shows one proves nothing.
  test('loses, keeps or tears what was not synced, page by page', async () => {
    const outcomes = new Set<string>()
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      await file.writeAt([Buffer.alloc(4 * PAGE, 'a')], 0)
      await file.sync()
      await file.writeAt([Buffer.alloc(4 * PAGE, 'b')], 0)

      disk.powerCut()

      const left = (await disk.files.readFile(PATH)) ?? Buffer.alloc(0)
      const pages = [0, 1, 2, 3].map((page) => left.subarray(page * PAGE, (page + 1) * PAGE))
      for (const page of pages) outcomes.add(kindOf(page))
      if (new Set(pages.map(kindOf)).size > 1) outcomes.add('pages differ')
    }

    expect([...outcomes].sort()).toEqual(['kept', 'lost', 'pages differ', 'torn'])
  })

  test('leaves every page as it was at one moment since the sync', async () => {
    const seen = new Set<string>()
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      for (const letter of ['a', 'b', 'c']) {
        await file.writeAt([Buffer.alloc(8, letter)], 0)
        if (letter === 'a') await file.sync()
      }

      disk.powerCut()

      seen.add((await disk.files.readFile(PATH))?.toString() ?? '')
    }

    // Torn ones begin with the newer letter; an older one over a newer one would be impossible.
    for (const text of seen) expect(text).toMatch(/^(b*a*|c*b*)$/)
    expect([...seen]).toEqual(expect.arrayContaining(['a'.repeat(8), 'b'.repeat(8), 'c'.repeat(8)]))
  })

  // A log that is appended to without sync can come back shorter, or with a hole of zeros.
  test('may leave the new size without the new bytes, or neither', async () => {
    const outcomes = new Set<string>()
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      await file.writeAt([Buffer.from('head')], 0)
      await file.sync()
      await file.writeAt([Buffer.alloc(PAGE, 't')], PAGE)

      disk.powerCut()

      const left = (await disk.files.readFile(PATH)) ?? Buffer.alloc(0)
      expect(left.subarray(0, 4).toString()).toBe('head')
      if (left.length === 4) outcomes.add('short')
      else outcomes.add(left.subarray(PAGE).includes('t') ? 'long' : 'zeros')
    }

    expect([...outcomes].sort()).toEqual(['long', 'short', 'zeros'])
  })

  // §1.6 of the replication design syncs after cutting because of this.
  test('may bring back a tail that was cut but not synced', async () => {
    const lengths = new Set<number>()
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      await file.writeAt([Buffer.alloc(2 * PAGE, 'a')], 0)
      await file.sync()
      await file.truncate(10)

      disk.powerCut()

      const left = (await disk.files.readFile(PATH)) ?? Buffer.alloc(0)
      lengths.add(left.length)
      expect(left.equals(Buffer.alloc(left.length, 'a'))).toBe(true)
    }

    expect(lengths).toEqual(new Set([10, 2 * PAGE]))
  })

  test('forgets a name whose folder was not synced, and brings back one that was removed', async () => {
    const created = new Set<boolean>()
    const removed = new Set<boolean>()
    for (const disk of seededDisks()) {
      const old = await openLog(disk)
      await old.sync()
      await disk.files.removeFile(PATH)
      const file = await disk.files.openFile('/data/new', { create: true })
      await file.sync()

      disk.powerCut()

      const names = await disk.files.list('/data')
      created.add(names.includes('new'))
      removed.add(!names.includes('log'))
    }

    expect(created.size).toBe(2)
    expect(removed.size).toBe(2)
  })

  test('keeps names whose folder was synced', async () => {
    for (const disk of seededDisks()) {
      await openLog(disk)
      await disk.files.makeDirectory('/data/sub')
      await disk.files.syncDirectory('/data')

      disk.powerCut()

      expect(await disk.files.list('/data')).toEqual(['log', 'sub'])
    }
  })

  test('leaves a replaced file old or new, and new once that was reported', async () => {
    const interrupted = new Set<string | undefined>()
    const reported = new Set<string | undefined>()
    for (let seed = 0; seed < 60; seed += 1) {
      interrupted.add(await afterReplacing(seed, { cutAfterMs: 0.1 }))
      reported.add(await afterReplacing(seed, { cutAfterMs: 100 }))
    }

    expect(interrupted).toEqual(new Set(['old', 'new']))
    expect(reported).toEqual(new Set(['new']))
  })

  test('undoes some number of the newest batches of a key-value store', async () => {
    const counts = new Set<number>()
    for (const disk of seededDisks()) {
      await disk.files.makeDirectory('/data')
      const store = await disk.keyValueStores.open('/data/state')
      await disk.files.syncDirectory('/data')
      for (let batch = 1; batch <= 3; batch += 1) {
        const value = Buffer.from([batch])
        await store.apply([
          { kind: 'put', key: Buffer.from('mark'), value },
          { kind: 'put', key: Buffer.from(`row ${batch}`), value },
        ])
      }

      disk.powerCut()

      const again = await disk.keyValueStores.open('/data/state')
      const mark = again.get(Buffer.from('mark'))?.[0] ?? 0
      for (let batch = 1; batch <= 3; batch += 1) {
        const isThere = again.get(Buffer.from(`row ${batch}`)) !== undefined
        expect(isThere).toBe(batch <= mark)
      }
      counts.add(mark)
    }

    expect(counts).toEqual(new Set([0, 1, 2, 3]))
  })
})

describe('faults', () => {
  test('turn one bit, for good', async () => {
    const disk = new SimulatedDisk()
    const file = await openLog(disk)
    await file.writeAt([Buffer.alloc(10)], 0)
    await file.sync()

    disk.flipBit(PATH, { at: 7, bit: 3 })
    expect([6, 7, 10].map((at) => disk.byteAt(PATH, at))).toEqual([0, 8, undefined])
    expect(disk.byteAt('/nothing', 0)).toBeUndefined()
    disk.powerCut()

    const left = await disk.files.readFile(PATH)
    expect(left).toEqual(Buffer.from([0, 0, 0, 0, 0, 0, 0, 8, 0, 0]))
  })

  test('tear the tail off', async () => {
    const disk = new SimulatedDisk()
    const file = await openLog(disk)
    await file.writeAt([Buffer.from('whole record')], 0)

    disk.tearTail(PATH, { bytes: 7 })

    expect((await disk.files.readFile(PATH))?.toString()).toBe('whole')
  })

  // What PostgreSQL learnt in 2018: after a failed sync the next one succeeds and saves nothing.
  test('fail a sync, after which another one does not save what was lost', async () => {
    let lostCount = 0
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      await disk.files.syncDirectory('/data')
      await file.writeAt([Buffer.from('x')], 0)
      disk.failNextSync(PATH)

      await expect(file.sync()).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
      await file.sync()
      disk.powerCut()

      if ((await disk.files.readFile(PATH))?.toString() !== 'x') lostCount += 1
    }

    expect(lostCount).toBeGreaterThan(0)
  })

  test('fail a write after a part of it', async () => {
    const lengths = new Set<number>()
    for (const disk of seededDisks()) {
      const file = await openLog(disk)
      disk.failNextWrite(PATH)

      const write = file.writeAt([Buffer.from('abc')], 0)

      await expect(write).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
      lengths.add(await file.size())
    }

    expect(lengths).toContain(0)
    expect(lengths).toContain(3)
  })

  test('damage a key-value store, so that only its removal helps', async () => {
    const disk = new SimulatedDisk()
    const store = await disk.keyValueStores.open('/data/state')
    await store.apply([{ kind: 'put', key: Buffer.from('a'), value: Buffer.from('1') }])
    await store.close()

    disk.damageStore('/data/state')

    const failure = { code: 'STORE_UNUSABLE' }
    await expect(disk.keyValueStores.open('/data/state')).rejects.toMatchObject(failure)
    await disk.files.removeDirectory('/data/state')
    const again = await disk.keyValueStores.open('/data/state')
    expect(again.get(Buffer.from('a'))).toBeUndefined()
  })
})

describe('a full disk', () => {
  test('takes the part of a write that fits, then says DISK_FULL', async () => {
    const disk = new SimulatedDisk({ capacityBytes: 3 * PAGE })
    const file = await openLog(disk)

    const write = file.writeAt([Buffer.alloc(2 * PAGE, 'a'), Buffer.alloc(2 * PAGE, 'b')], 0)

    await expect(write).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await file.size()).toBe(3 * PAGE)
    expect(await disk.files.freeBytes('/data')).toBe(0)
  })

  // Preallocation takes no space on a sparse file system; later writes must still be able to fail.
  test('takes no space for what was only lengthened, or overwritten', async () => {
    const disk = new SimulatedDisk({ capacityBytes: 2 * PAGE })
    const file = await openLog(disk)

    await file.truncate(100 * PAGE)
    await file.writeAt([Buffer.alloc(PAGE)], 50 * PAGE)
    await file.writeAt([Buffer.alloc(PAGE)], 50 * PAGE)

    expect(await disk.files.freeBytes('/data')).toBe(PAGE)
  })

  test('has room again when files are removed or it grows', async () => {
    const disk = new SimulatedDisk({ capacityBytes: PAGE })
    const file = await openLog(disk)
    await file.writeAt([Buffer.alloc(PAGE)], 0)

    await disk.files.removeFile(PATH)
    const freeAfterRemoval = await disk.files.freeBytes('/data')
    disk.setCapacity(3 * PAGE)

    expect(freeAfterRemoval).toBe(PAGE)
    expect(await disk.files.freeBytes('/data')).toBe(3 * PAGE)
  })

  test('counts again what a power cut has brought back', async () => {
    for (const disk of seededDisks({ capacityBytes: 8 * PAGE })) {
      const file = await openLog(disk)
      await file.writeAt([Buffer.alloc(2 * PAGE)], 0)
      await file.sync()
      await disk.files.syncDirectory('/data')
      await disk.files.removeFile(PATH)

      disk.powerCut()

      const isBack = (await disk.files.list('/data')).includes('log')
      expect(await disk.files.freeBytes('/data')).toBe((isBack ? 6 : 8) * PAGE)
    }
  })
})

/** Enough seeds that an outcome with a chance of one in ten is all but sure to show. */
function* seededDisks(options: { readonly capacityBytes?: number } = {}): Generator<SimulatedDisk> {
  for (let seed = 0; seed < 100; seed += 1) {
    yield new SimulatedDisk({ ...options, random: new SeededRandom(seed) })
  }
}

/** A file whose name is durable. */
async function openLog(disk: SimulatedDisk): Promise<File> {
  await disk.files.makeDirectory('/data')
  const file = await disk.files.openFile(PATH, { create: true })
  await disk.files.syncDirectory('/data')
  return file
}

/** How long the log is after the same run with different seeds. */
async function lengthsAfter(
  run: (disk: SimulatedDisk, clock: VirtualClock, file: File) => Promise<void>,
): Promise<number[]> {
  const lengths: number[] = []
  for (let seed = 0; seed < 100; seed += 1) {
    const clock = new VirtualClock()
    const disk = new SimulatedDisk({ clock, random: new SeededRandom(seed) })
    const file = await clock.runUntil(openLog(disk), { limitMs: 100 })
    await run(disk, clock, file)
    const left = await clock.runUntil(disk.files.readFile(PATH), { limitMs: 100 })
    lengths.push(left?.length ?? -1)
  }
  return lengths
}

/** What a file holds whose replacement a power cut has met. */
async function afterReplacing(
  seed: number,
  { cutAfterMs }: { readonly cutAfterMs: number },
): Promise<string | undefined> {
  const clock = new VirtualClock()
  const disk = new SimulatedDisk({ clock, random: new SeededRandom(seed) })
  const replace = async (): Promise<void> => {
    await disk.files.makeDirectory('/data')
    await disk.files.replaceFile(PATH, Buffer.from('old'))
    void disk.files.replaceFile(PATH, Buffer.from('new'))
  }
  await clock.runUntil(replace(), { limitMs: 100 })
  await clock.advance(cutAfterMs)
  disk.powerCut()
  const left = await clock.runUntil(disk.files.readFile(PATH), { limitMs: 100 })
  return left?.toString()
}

function kindOf(page: Buffer): string {
  if (page.every((byte) => byte === 0x61)) return 'lost'
  if (page.every((byte) => byte === 0x62)) return 'kept'
  return /^b+a+$/.test(page.toString()) ? 'torn' : 'impossible'
}
