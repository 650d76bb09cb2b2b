import { CometError } from '@cometmq/protocol'
import { Level } from 'level'
import type {
  KeyRange,
  KeyValueOperation,
  KeyValueStore,
  KeyValueStores,
} from '../key-value-store.ts'
import { failureToOpen, levelCause } from './level-errors.ts'
import { nodeFileSystem } from './node-file-system.ts'

type Database = Level<Buffer, Buffer>

const MIB = 1024 * 1024

/** Rows are refused while less than this is free: behind them, memory of 4 MiB becomes tables. */
const ROOM_BYTES = 8 * MIB

/** Deletions alone are what it takes to free space, and small. */
const ROOM_TO_DELETE_BYTES = MIB

/** LevelDB, one database per folder. Batches are not synced; see the port for what that means. */
export const levelStores: KeyValueStores = levelStoresOn((folder) =>
  nodeFileSystem.freeBytes(folder),
)

/** The same on a disk of which `freeBytes` tells how much is free. */
export function levelStoresOn(freeBytes: (folder: string) => Promise<number>): KeyValueStores {
  return {
    async open(path) {
      const database: Database = new Level(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
      try {
        await database.open()
      } catch (error) {
        throw failureToOpen(`open the state in ${path}`, error)
      }
      return new LevelStore(path, database, freeBytes)
    },
  }
}

class LevelStore implements KeyValueStore {
  readonly #path: string
  readonly #database: Database
  readonly #freeBytes: (folder: string) => Promise<number>

  constructor(path: string, database: Database, freeBytes: (folder: string) => Promise<number>) {
    this.#path = path
    this.#database = database
    this.#freeBytes = freeBytes
  }

  get(key: Buffer): Buffer | undefined {
    try {
      return this.#database.getSync(key)
    } catch (error) {
      throw this.#failure('read', error)
    }
  }

  async *entries(range: KeyRange): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
    try {
      yield* this.#database.iterator({
        gte: range.from,
        lt: range.to,
        reverse: range.reverse ?? false,
        limit: range.limit ?? -1,
      })
    } catch (error) {
      throw this.#failure('read', error)
    }
  }

  async apply(operations: readonly KeyValueOperation[]): Promise<void> {
    await this.#checkRoom(operations)
    try {
      // A chained batch costs a third less than an array of operations, which level copies twice.
      const batch = this.#database.batch()
      for (const operation of operations) {
        if (operation.kind === 'put') batch.put(operation.key, operation.value)
        else batch.del(operation.key)
      }
      await batch.write()
    } catch (error) {
      throw this.#failure('write', error)
    }
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  /**
   * LevelDB goes on after a write that found no space, in a log with a torn record in its middle.
   * The next start then finds some of what follows and not what came before it, which the port
   * rules out. So such a write must not happen; if it does all the same, because somebody else took
   * the space, the store is unusable until it is opened again, which drops the torn end.
   */
  async #checkRoom(operations: readonly KeyValueOperation[]): Promise<void> {
    const isDeletion = operations.every(({ kind }) => kind === 'delete')
    let bytes = isDeletion ? ROOM_TO_DELETE_BYTES : ROOM_BYTES
    for (const operation of operations) {
      bytes += operation.key.length + (operation.kind === 'put' ? operation.value.length : 0)
    }
    const freeBytes = await this.#freeBytes(this.#path)
    if (freeBytes >= bytes) return
    const text = `cannot write ${this.#path}: ${freeBytes} bytes are free, and it takes ${bytes}`
    throw new CometError('DISK_FULL', text)
  }

  #failure(verb: string, error: unknown): CometError {
    const { code, cause } = levelCause(error)
    return new CometError('STORE_UNUSABLE', `cannot ${verb} ${this.#path}: ${code}`, { cause })
  }
}
