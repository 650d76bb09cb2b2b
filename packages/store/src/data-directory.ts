import { crc32 } from 'node:zlib'
import { CometError } from '@cometmq/protocol'
import type { DirectoryLock, FileSystem, Random } from '@cometmq/runtime'

const LAYOUT_VERSION = 1

/**
 * The data folder: where things are in it, whose it is, and the lock that makes this process its
 * only user. Drawn in `docs/formats/commit-log.md`.
 */
export class DataDirectory {
  readonly path: string
  /** Random, made with the folder; ties derived state and replicas to this log. */
  readonly storeId: string
  /** Whether this start made it. */
  readonly created: boolean
  readonly #lock: DirectoryLock

  private constructor(path: string, identity: Identity, created: boolean, lock: DirectoryLock) {
    this.path = path
    this.storeId = identity.storeId
    this.created = created
    this.#lock = lock
  }

  /** Throws `STORE_LOCKED`, `STORE_UNUSABLE`, `STORE_CORRUPT` or `DISK_FULL`. */
  static async open(files: FileSystem, random: Random, path: string): Promise<DataDirectory> {
    await files.makeDirectory(path)
    const lock = await files.lockDirectory(path)
    try {
      const found = await readIdentity(files, path)
      if (found !== undefined) {
        await makeReplicationFolder(files, path)
        return new DataDirectory(path, found, false, lock)
      }
      const segments = await files.list(logFolder(path))
      if (segments.length > 0) {
        throw new CometError(
          'STORE_CORRUPT',
          `${identityPath(path)} is missing although ${logFolder(path)} holds ${segments.length} files; restore it from a backup`,
        )
      }
      const identity = { layoutVersion: LAYOUT_VERSION, storeId: random.hex(16) }
      await files.makeDirectory(logFolder(path))
      await files.makeDirectory(replicationFolder(path))
      await files.syncDirectory(path)
      await files.replaceFile(identityPath(path), encodeIdentity(identity))
      return new DataDirectory(path, identity, true, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** For looking at the files of a stopped broker. Throws `STORE_UNUSABLE` if there is no store. */
  static async openExisting(files: FileSystem, path: string): Promise<DataDirectory> {
    if ((await files.readFile(identityPath(path))) === undefined) {
      throw new CometError('STORE_UNUSABLE', `there is no store in ${path}: no store.json`)
    }
    const lock = await files.lockDirectory(path)
    try {
      const identity = await readIdentity(files, path)
      if (identity === undefined) throw new CometError('STORE_UNUSABLE', `no store in ${path}`)
      return new DataDirectory(path, identity, false, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  get logPath(): string {
    return logFolder(this.path)
  }

  get replicationPath(): string {
    return replicationFolder(this.path)
  }

  get levelPath(): string {
    return `${this.path}/level`
  }

  release(): Promise<void> {
    return this.#lock.release()
  }
}

interface Identity {
  readonly layoutVersion: number
  readonly storeId: string
}

function logFolder(path: string): string {
  return `${path}/log`
}

function replicationFolder(path: string): string {
  return `${path}/replication`
}

/** A folder from before there were broker groups has none. */
async function makeReplicationFolder(files: FileSystem, path: string): Promise<void> {
  await files.makeDirectory(replicationFolder(path))
  await files.syncDirectory(path)
}

function identityPath(path: string): string {
  return `${path}/store.json`
}

async function readIdentity(files: FileSystem, path: string): Promise<Identity | undefined> {
  const bytes = await files.readFile(identityPath(path))
  if (bytes === undefined) return undefined
  const identity = parseIdentity(bytes)
  if (identity === undefined) {
    const advice = 'restore it from a backup, or start with an empty folder'
    throw new CometError('STORE_CORRUPT', `${identityPath(path)} is damaged; ${advice}`)
  }
  if (identity.layoutVersion !== LAYOUT_VERSION) {
    throw new CometError(
      'STORE_UNUSABLE',
      `${path} has layout version ${identity.layoutVersion}, this version knows ${LAYOUT_VERSION}; use the version that wrote it`,
    )
  }
  return identity
}

function encodeIdentity(identity: Identity): Buffer {
  const { layoutVersion, storeId } = identity
  const text = JSON.stringify({ layoutVersion, storeId, checksum: checksumOf(identity) })
  return Buffer.from(`${text}\n`)
}

function parseIdentity(bytes: Buffer): Identity | undefined {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (!('layoutVersion' in value && 'storeId' in value && 'checksum' in value)) return undefined
  const { layoutVersion, storeId, checksum } = value
  if (typeof layoutVersion !== 'number' || typeof storeId !== 'string') return undefined
  if (checksum !== checksumOf({ layoutVersion, storeId })) return undefined
  return { layoutVersion, storeId }
}

function checksumOf({ layoutVersion, storeId }: Identity): string {
  return crc32(`${layoutVersion} ${storeId}`).toString(16).padStart(8, '0')
}
