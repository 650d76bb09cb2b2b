import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises'
import { constants } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { CometError } from '@cometmq/protocol'
import type { DirectoryLock, File, FileSystem } from '../file-system.ts'
import { lockDirectory } from './directory-lock.ts'

/** The machine's own disk. */
export const nodeFileSystem: FileSystem = {
  async openFile(filePath, options) {
    const flags = constants.O_RDWR | (options?.create === true ? constants.O_CREAT : 0)
    return new NodeFile(filePath, await attempt('open', filePath, () => open(filePath, flags)))
  },

  async makeDirectory(folder) {
    await attempt('make', folder, () => makeWithParents(folder))
  },

  async list(folder) {
    const names = await attempt('list', folder, () => unlessMissing(readdir(folder)))
    return names === undefined ? [] : names.toSorted()
  },

  readFile(filePath) {
    return attempt('read', filePath, () => unlessMissing(readFile(filePath)))
  },

  async replaceFile(filePath, content) {
    // A file left over from a crash in here is overwritten by the next try.
    const next = `${filePath}.next`
    await attempt('write', next, async () => {
      const handle = await open(next, 'w')
      try {
        await handle.writeFile(content)
        await handle.sync()
      } finally {
        await handle.close()
      }
    })
    await attempt('replace', filePath, () => rename(next, filePath))
    await syncDirectory(path.dirname(filePath))
  },

  async removeFile(filePath) {
    await attempt('remove', filePath, () => rm(filePath, { force: true }))
  },

  async removeDirectory(folder) {
    await attempt('remove', folder, () => rm(folder, { recursive: true, force: true }))
  },

  syncDirectory,

  async freeBytes(folder) {
    const { bavail, bsize } = await attempt('measure', folder, () => statfs(folder))
    return bavail * bsize
  },

  lockDirectory(folder): Promise<DirectoryLock> {
    return lockDirectory(folder)
  },
}

/**
 * Not Node's own `recursive`: where a parent is there and the system says ENOENT all the same, as in
 * `/proc`, that one tries again for ever (seen with Node 24), which the test "gives up on a folder
 * that cannot be made" shows.
 */
async function makeWithParents(folder: string): Promise<void> {
  try {
    await makeOne(folder)
  } catch (error) {
    const parent = path.dirname(folder)
    if (!isSystemError(error) || error.code !== 'ENOENT' || parent === folder) throw error
    await makeWithParents(parent)
    await makeOne(folder)
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    // What is there already need not be made, if it is a folder.
    const there = await unlessMissing(stat(folder))
    if (there?.isDirectory() !== true) throw error
  }
}

class NodeFile implements File {
  readonly path: string
  readonly #handle: FileHandle

  constructor(filePath: string, handle: FileHandle) {
    this.path = filePath
    this.#handle = handle
  }

  async size(): Promise<number> {
    const { size } = await attempt('measure', this.path, () => this.#handle.stat())
    return size
  }

  async readAt(target: Buffer, position: number): Promise<number> {
    return attempt('read', this.path, async () => {
      let done = 0
      while (done < target.length) {
        const length = target.length - done
        const { bytesRead } = await this.#handle.read(target, done, length, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    })
  }

  async writeAt(buffers: readonly Buffer[], position: number): Promise<void> {
    await attempt('write', this.path, async () => {
      let rest = buffers
      let at = position
      while (rest.length > 0) {
        const { bytesWritten } = await this.#handle.writev(rest, at)
        at += bytesWritten
        rest = after(rest, bytesWritten)
      }
    })
  }

  async sync(): Promise<void> {
    await attempt('sync', this.path, () => this.#handle.datasync())
  }

  async truncate(sizeBytes: number): Promise<void> {
    await attempt('truncate', this.path, () => this.#handle.truncate(sizeBytes))
  }

  async close(): Promise<void> {
    await attempt('close', this.path, () => this.#handle.close())
  }
}

/**
 * What is left of the buffers after a write of so many bytes: systems may write less than they were
 * given, for instance at the last free block of a disk.
 */
function after(buffers: readonly Buffer[], bytesWritten: number): readonly Buffer[] {
  let bytes = bytesWritten
  const first = buffers.findIndex((buffer) => {
    if (bytes < buffer.length) return true
    bytes -= buffer.length
    return false
  })
  if (first === -1) return []
  return buffers
    .slice(first)
    .map((buffer, index) => (index === 0 ? buffer.subarray(bytes) : buffer))
}

async function syncDirectory(folder: string): Promise<void> {
  // Windows opens no folders, and its file system journals names by itself.
  if (process.platform === 'win32') return
  await attempt('sync', folder, async () => {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  })
}

const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT'])

async function attempt<T>(verb: string, where: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    const code = isSystemError(cause) ? cause.code : String(cause)
    if (DISK_FULL_CODES.has(code)) {
      throw new CometError('DISK_FULL', `cannot ${verb} ${where}: no space left`, { cause })
    }
    throw new CometError('STORE_UNUSABLE', `cannot ${verb} ${where}: ${code}`, { cause })
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined
    throw error
  }
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}
