import type { FileSystem } from '@cometmq/runtime'
import { describe, expect } from 'vitest'
import { type Subject, testWith } from './subject.ts'

export interface FileSystemSubject extends Subject<FileSystem> {
  /** An empty folder that exists. */
  readonly folder: string
}

/** What every `FileSystem` promises while the machine runs. */
export function describeFileSystem(open: () => Promise<FileSystemSubject>): void {
  const check = testWith(open)

  describe('a file', () => {
    check('is made when asked for, and then is empty', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })

      expect(await file.size()).toBe(0)
      expect(await port.list(folder)).toEqual(['log'])
      await file.close()
    })

    check('must be there when it is not to be made', async ({ port, folder }) => {
      await expect(port.openFile(`${folder}/log`)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
    })

    check('keeps its content when it is opened again', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })
      await file.writeAt([Buffer.from('hello')], 0)
      await file.close()

      const again = await port.openFile(`${folder}/log`, { create: true })

      expect(await contentOf(again)).toBe('hello')
      await again.close()
    })

    // Group commit hands over the buffers of all who wait, in one call.
    check('takes several buffers in one write, in their order', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })

      await file.writeAt([Buffer.from('ab'), Buffer.alloc(0), Buffer.from('cde')], 0)
      await file.writeAt([Buffer.from('XY')], 1)

      expect(await contentOf(file)).toBe('aXYde')
      await file.close()
    })

    // A system call takes 1024 buffers at most; what is above must not be lost.
    check('takes more buffers than one system call does', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })
      const buffers = Array.from({ length: 3_000 }, (_, index) => Buffer.from([index % 251]))

      await file.writeAt(buffers, 0)

      const read = Buffer.alloc(3_000)
      expect(await file.readAt(read, 0)).toBe(3_000)
      expect(read.equals(Buffer.concat(buffers))).toBe(true)
      await file.close()
    })

    check('reads zeros where nothing was written', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })

      await file.writeAt([Buffer.from('end')], 10_000)

      expect(await file.size()).toBe(10_003)
      const read = Buffer.alloc(10_003, 1)
      expect(await file.readAt(read, 0)).toBe(10_003)
      expect(read.subarray(0, 10_000).every((byte) => byte === 0)).toBe(true)
      await file.close()
    })

    // Recovery reads up to the end without knowing where that is.
    check('reads what there is up to its end, and nothing beyond', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })
      await file.writeAt([Buffer.from('hello')], 0)
      const target = Buffer.alloc(10)

      expect(await file.readAt(target, 3)).toBe(2)
      expect(target.subarray(0, 2).toString()).toBe('lo')
      expect(await file.readAt(target, 5)).toBe(0)
      expect(await file.readAt(target, 500)).toBe(0)
      await file.close()
    })

    // A cut tail that came back after lengthening would be read as records.
    check('shortens, and lengthens with zeros', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })
      await file.writeAt([Buffer.alloc(9_000, 'x')], 0)

      await file.truncate(5_000)
      await file.truncate(9_000)

      const read = Buffer.alloc(9_000)
      expect(await file.readAt(read, 0)).toBe(9_000)
      expect(read.subarray(0, 5_000).every((byte) => byte === 0x78)).toBe(true)
      expect(read.subarray(5_000).every((byte) => byte === 0)).toBe(true)
      await file.close()
    })

    check('can be synced, and used on after it', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })
      await file.writeAt([Buffer.from('one')], 0)
      await file.sync()
      await file.writeAt([Buffer.from('two')], 3)
      await file.sync()

      expect(await contentOf(file)).toBe('onetwo')
      await file.close()
    })

    check('is unusable after it was closed', async ({ port, folder }) => {
      const file = await port.openFile(`${folder}/log`, { create: true })
      await file.close()

      const failure = { code: 'STORE_UNUSABLE' }
      await expect(file.writeAt([Buffer.from('x')], 0)).rejects.toMatchObject(failure)
      await expect(file.sync()).rejects.toMatchObject(failure)
    })
  })

  describe('a whole file', () => {
    check('is read at once, and undefined if it is missing', async ({ port, folder }) => {
      await port.replaceFile(`${folder}/member.json`, Buffer.from('{}'))

      expect((await port.readFile(`${folder}/member.json`))?.toString()).toBe('{}')
      expect(await port.readFile(`${folder}/other.json`)).toBeUndefined()
    })

    check('is replaced, and leaves nothing else behind', async ({ port, folder }) => {
      await port.replaceFile(`${folder}/member.json`, Buffer.from('a longer old one'))
      await port.replaceFile(`${folder}/member.json`, Buffer.from('new'))

      expect((await port.readFile(`${folder}/member.json`))?.toString()).toBe('new')
      expect(await port.list(folder)).toEqual(['member.json'])
    })

    check('is removed, and it is fine if it is missing', async ({ port, folder }) => {
      await port.replaceFile(`${folder}/member.json`, Buffer.from('{}'))

      await port.removeFile(`${folder}/member.json`)
      await port.removeFile(`${folder}/member.json`)

      expect(await port.list(folder)).toEqual([])
    })
  })

  describe('a folder', () => {
    check('is made with those above it, and it is fine if it is there', async (subject) => {
      const { port, folder } = subject
      await port.makeDirectory(`${folder}/a/b/c`)
      await port.makeDirectory(`${folder}/a/b/c`)

      expect(await port.list(`${folder}/a/b`)).toEqual(['c'])
    })

    check('lists its names sorted, and none if it is missing', async ({ port, folder }) => {
      for (const name of ['b', 'a10', 'a9']) {
        await port.replaceFile(`${folder}/${name}`, Buffer.alloc(0))
      }

      expect(await port.list(folder)).toEqual(['a10', 'a9', 'b'])
      expect(await port.list(`${folder}/nowhere`)).toEqual([])
    })

    check('is removed with all that is in it', async ({ port, folder }) => {
      await port.makeDirectory(`${folder}/a/b`)
      await port.replaceFile(`${folder}/a/b/file`, Buffer.from('x'))

      await port.removeDirectory(`${folder}/a`)
      await port.removeDirectory(`${folder}/a`)

      expect(await port.list(folder)).toEqual([])
      expect(await port.readFile(`${folder}/a/b/file`)).toBeUndefined()
    })

    check('can be synced', async ({ port, folder }) => {
      await port.makeDirectory(`${folder}/a`)

      await port.syncDirectory(folder)

      await expect(port.syncDirectory(`${folder}/nowhere`)).rejects.toMatchObject({
        code: 'STORE_UNUSABLE',
      })
    })

    check('knows how much may still be written below it', async ({ port, folder }) => {
      expect(await port.freeBytes(folder)).toBeGreaterThan(1_000_000)
    })

    // Two brokers on one folder would write over each other.
    check('is locked for one holder at a time', async ({ port, folder }) => {
      const lock = await port.lockDirectory(`${folder}/data`)

      await expect(port.lockDirectory(`${folder}/data`)).rejects.toMatchObject({
        code: 'STORE_LOCKED',
        message: expect.stringContaining(`${folder}/data`),
      })

      await lock.release()
      const next = await port.lockDirectory(`${folder}/data`)
      await next.release()
    })
  })
}

async function contentOf(file: {
  size(): Promise<number>
  readAt(target: Buffer, position: number): Promise<number>
}): Promise<string> {
  const bytes = Buffer.alloc(await file.size())
  await file.readAt(bytes, 0)
  return bytes.toString()
}
