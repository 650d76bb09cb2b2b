import type { SeededRandom } from '../seeded-random.ts'
import { DiskSpace } from './disk-space.ts'
import { DiskTree, normalized } from './disk-tree.ts'

/** What a disk operation is timed as. */
export type Operation = 'read' | 'write' | 'sync'

/** How long operations take, in milliseconds `[from, to)`. */
export type DiskLatency = Readonly<Record<Operation, readonly [fromMs: number, toMs: number]>>

export interface MediumOptions {
  readonly random: SeededRandom
  readonly capacityBytes: number
  readonly latency: DiskLatency
}

/** What outlives the processes that use a disk: its content, its speed and its faults. */
export class Medium {
  readonly random: SeededRandom
  readonly space: DiskSpace
  readonly tree: DiskTree
  /** Every operation takes so many times as long. */
  slowness = 1
  readonly #latency: DiskLatency
  readonly #faults: Fault[] = []

  constructor(options: MediumOptions) {
    this.random = options.random
    this.space = new DiskSpace(options.capacityBytes)
    this.tree = new DiskTree(this.space)
    this.#latency = options.latency
  }

  delayMs(operation: Operation): number {
    const [fromMs, toMs] = this.#latency[operation]
    return this.random.between(fromMs, toMs) * this.slowness
  }

  /** The next such operation, on that path if one is given, is to fail. */
  addFault(operation: Operation, path: string | undefined): void {
    this.#faults.push({ operation, path: path === undefined ? undefined : normalized(path) })
  }

  /** Whether this operation is the one that is to fail. */
  takeFault(operation: Operation, path: string): boolean {
    const index = this.#faults.findIndex(
      (fault) =>
        fault.operation === operation &&
        (fault.path === undefined || fault.path === normalized(path)),
    )
    if (index === -1) return false
    this.#faults.splice(index, 1)
    return true
  }
}

interface Fault {
  readonly operation: Operation
  /** Any file if absent. */
  readonly path: string | undefined
}
