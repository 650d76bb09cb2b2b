import type { Clock, FileSystem, KeyValueStores } from '@cometmq/runtime'
import { DiskProcess } from './disk/disk-process.ts'
import { diskError } from './disk/disk-tree.ts'
import { FileContent } from './disk/file-content.ts'
import { type DiskLatency, Medium } from './disk/medium.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'
import { SimulatedKeyValueStores } from './simulated-key-value-stores.ts'

export interface SimulatedDiskOptions {
  /** Gives every operation its time; without one, operations take none. */
  readonly clock?: Clock
  readonly random?: SeededRandom
  readonly capacityBytes?: number
  readonly latency?: DiskLatency
}

/** A disk as one process has it. */
export interface DiskPorts {
  readonly files: FileSystem
  readonly keyValueStores: KeyValueStores
}

/** A fast solid-state disk. */
const DEFAULT_LATENCY: DiskLatency = { read: [0.02, 0.15], write: [0.02, 0.1], sync: [0.2, 2] }

const DEFAULT_CAPACITY_BYTES = 2 ** 40

/**
 * The disk of one machine, which outlives the processes that use it. A `crash` ends the process and
 * leaves all that it had written; a `powerCut` leaves of its unsynced changes what chance picks.
 *
 * `files` and `keyValueStores` are those of the present process. Operations of a former one never
 * complete.
 */
export class SimulatedDisk implements DiskPorts {
  readonly #medium: Medium
  readonly #clock: Clock | undefined
  #process: DiskProcess
  #ports: DiskPorts

  constructor(options: SimulatedDiskOptions = {}) {
    this.#medium = new Medium({
      random: options.random ?? new SeededRandom(1),
      capacityBytes: options.capacityBytes ?? DEFAULT_CAPACITY_BYTES,
      latency: options.latency ?? DEFAULT_LATENCY,
    })
    this.#clock = options.clock
    this.#process = new DiskProcess(this.#medium, this.#clock)
    this.#ports = portsOf(this.#medium, this.#process)
  }

  get files(): FileSystem {
    return this.#ports.files
  }

  get keyValueStores(): KeyValueStores {
    return this.#ports.keyValueStores
  }

  /** Ends the present process and starts one whose operations complete by that clock. */
  startProcess(clock = this.#clock): DiskPorts {
    this.#process.end()
    this.#process = new DiskProcess(this.#medium, clock)
    this.#ports = portsOf(this.#medium, this.#process)
    return this.#ports
  }

  /** The process dies. What it had under way may have happened, in part or not at all. */
  crash(): void {
    this.startProcess()
  }

  /** The machine dies, and with it some of what was not synced. */
  powerCut(): void {
    this.crash()
    this.#medium.tree.root.powerCut(this.#medium.random)
  }

  /** Another disk, an empty one, takes its place, and the process dies. */
  replace(): void {
    this.crash()
    const { tree } = this.#medium
    for (const name of tree.root.names) tree.remove(name)
  }

  /** What lies in a folder, as whoever looks at the disk from outside sees it. */
  names(path: string): readonly string[] {
    return this.#medium.tree.folder(path, 'list').names.toSorted()
  }

  /** Turns one bit of a file, as a failing medium does. */
  flipBit(path: string, where: { readonly at: number; readonly bit?: number }): void {
    this.#medium.tree.file(path, 'flip a bit of').flipBit(where.at, where.bit ?? 0)
  }

  /** A byte of a file as processes read it; `undefined` if there is no such file, or it ends before. */
  byteAt(path: string, at: number): number | undefined {
    const file = this.#medium.tree.find(path)
    if (!(file instanceof FileContent)) return undefined
    const byte = Buffer.alloc(1)
    return file.read(byte, at) === 1 ? byte[0] : undefined
  }

  /** Takes the last bytes from a file. */
  tearTail(path: string, options: { readonly bytes: number }): void {
    const file = this.#medium.tree.file(path, 'tear')
    file.cutTo(Math.max(0, file.sizeBytes - options.bytes))
  }

  /** Makes a key-value store one that cannot be opened. */
  damageStore(path: string): void {
    const { store } = this.#medium.tree.folder(path, 'damage')
    if (store === undefined) throw diskError('damage', path, 'there is no key-value store')
    store.damaged = true
  }

  /** The next sync, of that file if one is named, fails and loses some of what it was to save. */
  failNextSync(path?: string): void {
    this.#medium.addFault('sync', path)
  }

  /** The next write, to that file if one is named, fails after a part of it. */
  failNextWrite(path?: string): void {
    this.#medium.addFault('write', path)
  }

  /** The next read, of that file if one is named, fails. */
  failNextRead(path?: string): void {
    this.#medium.addFault('read', path)
  }

  /** May be less than what is taken: then nothing more can be written. */
  setCapacity(capacityBytes: number): void {
    this.#medium.space.setCapacity(capacityBytes)
  }

  /** Makes every operation take so many times as long; 1 is the usual. */
  slowDown(factor: number): void {
    this.#medium.slowness = factor
  }
}

function portsOf(medium: Medium, process: DiskProcess): DiskPorts {
  return {
    files: new SimulatedFileSystem(medium, process),
    keyValueStores: new SimulatedKeyValueStores(medium, process),
  }
}
