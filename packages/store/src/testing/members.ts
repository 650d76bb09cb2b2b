import { commitLogOffset, consistentPoint } from '@cometmq/protocol'
import type { Clock, File, FileSystem, KeyValueStores } from '@cometmq/runtime'
import type { MessageStore } from '../message-store.ts'
import type { StoreConfig, StoreRuntime } from '../store-config.ts'
import { openStoreOn, storeOn } from './scenario.ts'

interface DiskPorts {
  readonly files: FileSystem
  readonly keyValueStores: KeyValueStores
}

/** A disk that can end with the process or the machine that uses it. */
interface MortalDisk extends DiskPorts {
  crash(): void
  powerCut(): void
}

/** A store that others tell what is confirmed. */
export function openMemberOn(
  disk: DiskPorts,
  clock: Clock,
  changes: Partial<Omit<StoreConfig, 'directory'>> = {},
): Promise<MessageStore> {
  return openStoreOn(disk, clock, { confirm: 'external', ...changes })
}

/** What such a store is opened with. */
export function memberOn(disk: DiskPorts, clock: Clock): [StoreRuntime, StoreConfig] {
  return storeOn(disk, clock, { confirm: 'external' })
}

/** What the first master of a group opens. */
export const REIGN = { epoch: 1, openedBy: { brokerId: 1, incarnation: 1 } }

/** Brings the slave level with its master, in pieces of that size, and on its disk. */
export async function copy(
  master: MessageStore,
  slave: MessageStore,
  maxBytes = 1000,
): Promise<void> {
  for (;;) {
    const range = await master.log.readRange(slave.log.offsets.max, maxBytes)
    if (range === undefined) break
    await slave.log.appendRaw(range.from, range.bytes, range)
  }
  await untilFlushed(slave)
}

async function untilFlushed({ log }: MessageStore): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = (): void => {
    if (log.offsets.flushed === log.offsets.max) resolve()
  }
  const unsubscribe = log.onFlushed(look)
  look()
  await promise
  unsubscribe()
}

/** What a slave does when it has dialled its master: cuts what the master does not have. */
export async function agree(master: MessageStore, slave: MessageStore): Promise<void> {
  const lineageOf = ({ log }: MessageStore) => ({
    history: log.epochs,
    maxOffset: commitLogOffset(log.offsets.max),
  })
  const point = consistentPoint(lineageOf(slave), lineageOf(master))
  await slave.log.truncateTo(point ?? 0)
}

/** All bytes of the log. */
export async function bytesOf(store: MessageStore): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let at: number = store.log.offsets.min; ; ) {
    const range = await store.log.readRange(at, 100_000)
    if (range === undefined) return Buffer.concat(pieces)
    pieces.push(range.bytes)
    at = range.to
  }
}

/**
 * A disk as one process has it that ends with the n-th operation that changes something: that one is
 * under way, and done in part, wholly or not at all.
 */
export class EndingDisk implements DiskPorts {
  readonly files: FileSystem
  readonly keyValueStores: KeyValueStores
  readonly ended: Promise<'ended'>
  readonly #end: () => void
  #left: number

  constructor(
    disk: MortalDisk,
    options: { readonly operations: number; readonly powerCut: boolean },
  ) {
    const { promise, resolve } = Promise.withResolvers<'ended'>()
    this.#left = options.operations
    this.ended = promise
    this.#end = () => {
      if (options.powerCut) disk.powerCut()
      else disk.crash()
      resolve('ended')
    }
    this.files = this.#files(disk.files)
    this.keyValueStores = disk.keyValueStores
  }

  /** Counts from here on. */
  endAfter(operations: number): void {
    this.#left = operations
  }

  /** Whether so many operations never came. */
  get isUnused(): boolean {
    return this.#left > 0
  }

  #change<T>(operation: Promise<T>): Promise<T> {
    if (--this.#left === 0) this.#end()
    return operation
  }

  #files(files: FileSystem): FileSystem {
    return {
      openFile: async (path, options) => {
        const file =
          options?.create === true
            ? this.#change(files.openFile(path, options))
            : files.openFile(path)
        return this.#file(await file)
      },
      makeDirectory: (path) => this.#change(files.makeDirectory(path)),
      list: (path) => files.list(path),
      readFile: (path) => files.readFile(path),
      replaceFile: (path, content) => this.#change(files.replaceFile(path, content)),
      removeFile: (path) => this.#change(files.removeFile(path)),
      removeDirectory: (path) => this.#change(files.removeDirectory(path)),
      syncDirectory: (path) => this.#change(files.syncDirectory(path)),
      freeBytes: (path) => files.freeBytes(path),
      lockDirectory: (path) => files.lockDirectory(path),
    }
  }

  #file(file: File): File {
    return {
      path: file.path,
      size: () => file.size(),
      readAt: (target, position) => file.readAt(target, position),
      writeAt: (buffers, position) => this.#change(file.writeAt(buffers, position)),
      sync: () => this.#change(file.sync()),
      truncate: (sizeBytes) => this.#change(file.truncate(sizeBytes)),
      close: () => file.close(),
    }
  }
}
