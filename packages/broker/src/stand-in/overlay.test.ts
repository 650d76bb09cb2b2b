import type { CometError } from '@cometmq/protocol'
import { silentLogger } from '@cometmq/runtime'
import { SeededRandom, SimulatedDisk, VirtualClock } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { Overlay } from './overlay.ts'
import type { RowChange } from './overlay-rows.ts'

const PATH = '/data/replication/overlay'

describe('an overlay', () => {
  test('has what was appended after it is opened again', async () => {
    const { disk, overlay } = await begun()
    await overlay.append([put('progress', 'a', '1'), put('progress', 'b', '1')])
    await overlay.append([
      put('progress', 'a', '2'),
      { ...put('retries', 'c', ''), kind: 'delete' },
    ])
    await overlay.close()

    const again = await open(disk)

    expect(rowsOf(again)).toEqual(['progress/a=2', 'progress/b=1', 'retries/c gone'])
    expect(again.id).toEqual({ storeId: 'store', number: 1 })
  })

  // An acknowledgement that was answered and comes again has been answered in vain.
  test('keeps what was answered through a power cut, and nothing that was torn', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const clock = new VirtualClock()
      const disk = new SimulatedDisk({ clock, random: new SeededRandom(seed) })
      const run = <T>(work: Promise<T>): Promise<T> => clock.runUntil(work, { limitMs: 1_000 })
      await run(makeFolder(disk))
      const overlay = await run(open(disk))
      await run(overlay.begin(1))
      await run(overlay.append([put('progress', 'sure', '1')]))
      void overlay.append([put('progress', 'open', 'x'.repeat(9_000))]).catch(() => {})
      await clock.advance(0.001 * seed)

      disk.powerCut()
      const again = await run(open(disk))
      await run(again.begin(2))
      await run(again.append([put('progress', 'later', '1')]))
      await run(again.close())
      const last = await run(open(disk))

      expect(last.rows.get('progress', Buffer.from('sure'))?.toString()).toBe('1')
      expect(last.rows.get('progress', Buffer.from('later'))?.toString()).toBe('1')
    }
  })

  test('is cut where a record is not whole, wherever that is', async () => {
    const { disk, overlay } = await begun()
    await overlay.append([put('progress', 'a', '1')])
    const whole = (await disk.files.readFile(PATH))?.length ?? 0
    await overlay.append([put('progress', 'b', '1')])
    await overlay.close()
    const bytes = (await disk.files.readFile(PATH)) ?? Buffer.alloc(0)

    for (let length = whole; length < bytes.length; length++) {
      await disk.files.replaceFile(PATH, bytes.subarray(0, length))
      const cut = await open(disk)
      expect(rowsOf(cut)).toEqual(['progress/a=1'])
      expect((await disk.files.readFile(PATH))?.length).toBe(whole)
      await cut.close()
    }
  })

  test('is refused when it is none at all, or of a later version', async () => {
    const { disk, overlay } = await begun()
    await overlay.close()
    await disk.files.replaceFile(PATH, Buffer.from('something else'))

    await expect(open(disk)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  })

  // A thousand consumers that acknowledge at once must not wait for a thousand syncs.
  test('writes everything that waits with one sync', async () => {
    const { disk, overlay } = await begun()

    await Promise.all(
      Array.from({ length: 100 }, (_, at) => overlay.append([put('progress', `${at}`, '1')])),
    )

    const file = (await disk.files.readFile(PATH)) ?? Buffer.alloc(0)
    expect(recordsOf(file)).toBe(1 + 1)
  })

  // What was given to a master under a number is dropped with it: nothing may come to it later.
  test('goes on under its next number with all that it had', async () => {
    const { disk, overlay } = await begun()
    await overlay.append([put('progress', 'a', '1')])

    await overlay.begin(7)
    await overlay.append([put('progress', 'b', '1')])
    await overlay.close()
    const again = await open(disk)

    expect(again.id?.number).toBe(7)
    expect(rowsOf(again)).toEqual(['progress/a=1', 'progress/b=1'])
  })

  // Acknowledgements of one queue replace each other, for as long as the master is away.
  test('does not grow with what has been replaced', async () => {
    const { disk, overlay } = await begun({ rewriteLeastBytes: 1_000 })

    for (let at = 0; at < 200; at++) {
      await overlay.append([put('progress', 'a', `${at}`.padEnd(100))])
    }
    await overlay.close()

    expect((await disk.files.readFile(PATH))?.length).toBeLessThan(2_000)
    expect(rowsOf(await open(disk))).toEqual([`progress/a=${'199'.padEnd(100)}`])
  })

  test('takes nothing before it has begun, and is gone when it is dropped', async () => {
    const { disk, overlay } = await begun()
    await overlay.append([put('progress', 'a', '1')])

    await overlay.drop()

    await expect(overlay.append([put('progress', 'a', '1')])).rejects.toMatchObject({
      code: 'READ_ONLY',
    })
    expect(overlay.id).toBeUndefined()
    expect(await disk.files.readFile(PATH)).toBeUndefined()
  })

  test('goes on after a write that failed as if it had not been', async () => {
    const { disk, overlay } = await begun()
    await overlay.append([put('progress', 'a', '1')])
    disk.failNextWrite(PATH)
    await expect(overlay.append([put('progress', 'b', '1')])).rejects.toThrow(/./)

    await overlay.append([put('progress', 'c', '1')])
    await overlay.close()

    expect(rowsOf(await open(disk))).toEqual(['progress/a=1', 'progress/c=1'])
  })

  // The pages may be lost, and a second sync would say that all is well.
  test('takes nothing more after a sync that failed, and says so', async () => {
    const failures: CometError[] = []
    const { disk, overlay } = await begun({}, (error) => failures.push(error))
    disk.failNextSync(PATH)

    const refused = { code: 'STORE_UNUSABLE' }
    await expect(overlay.append([put('progress', 'a', '1')])).rejects.toMatchObject(refused)
    await expect(overlay.append([put('progress', 'a', '1')])).rejects.toMatchObject(refused)

    expect(failures).toMatchObject([refused])
  })
})

interface Options {
  readonly rewriteLeastBytes?: number
}

function open(
  disk: SimulatedDisk,
  options: Options = {},
  failed: (error: CometError) => void = () => {},
): Promise<Overlay> {
  const home = { folder: '/data/replication', storeId: 'store', ...options }
  return Overlay.open({ files: disk.files, log: silentLogger, failed }, home)
}

async function makeFolder({ files }: SimulatedDisk): Promise<void> {
  await files.makeDirectory('/data/replication')
  await files.syncDirectory('/data')
  await files.syncDirectory('/')
}

async function begun(options: Options = {}, failed?: (error: CometError) => void) {
  const disk = new SimulatedDisk()
  await makeFolder(disk)
  const overlay = await open(disk, options, failed)
  await overlay.begin(1)
  return { disk, overlay }
}

function put(table: string, key: string, value: string): RowChange & { readonly kind: 'put' } {
  return { kind: 'put', table, key: Buffer.from(key), value: Buffer.from(value) }
}

function rowsOf({ rows }: Overlay): string[] {
  return [...rows.changes()].map((change) => {
    const name = `${change.table}/${change.key.toString()}`
    return change.kind === 'put' ? `${name}=${change.value.toString()}` : `${name} gone`
  })
}

function recordsOf(file: Buffer): number {
  let records = 0
  for (let at = 0; at < file.length; at += 8 + file.readUInt32BE(at)) records++
  return records
}
