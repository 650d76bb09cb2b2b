import type { KeyRange, KeyValueOperation, KeyValueStore, KeyValueStores } from '@cometmq/runtime'
import { type DiskProcess, maybe } from './disk/disk-process.ts'
import { diskError, diskFull } from './disk/disk-tree.ts'
import type { Medium } from './disk/medium.ts'
import { StoreContent } from './disk/store-content.ts'

/** The key-value stores of a simulated disk, as one process has them. */
export class SimulatedKeyValueStores implements KeyValueStores {
  readonly #medium: Medium
  readonly #process: DiskProcess

  constructor(medium: Medium, process: DiskProcess) {
    this.#medium = medium
    this.#process = process
  }

  open(path: string): Promise<KeyValueStore> {
    return this.#process.perform('sync', () => {
      const folder = this.#medium.tree.makeFolder(path)
      folder.store ??= new StoreContent(this.#medium.space)
      const { store } = folder
      if (store.damaged) throw diskError('open the state in', path, 'LEVEL_CORRUPTION')
      if (store.openedBy?.isAlive) throw diskError('open the state in', path, 'LEVEL_LOCKED')
      store.openedBy = this.#process
      return new SimulatedKeyValueStore(path, store, this.#process)
    })
  }
}

class SimulatedKeyValueStore implements KeyValueStore {
  readonly #path: string
  readonly #content: StoreContent
  readonly #process: DiskProcess
  #isOpen = true

  constructor(path: string, content: StoreContent, process: DiskProcess) {
    this.#path = path
    this.#content = content
    this.#process = process
  }

  get(key: Buffer): Buffer | undefined {
    this.#checkOpen('read')
    return this.#content.get(key)
  }

  async *entries(range: KeyRange): AsyncGenerator<readonly [key: Buffer, value: Buffer]> {
    // Rows as they were when the reading began: LevelDB reads from a snapshot.
    yield* await this.#process.perform('read', () => {
      this.#checkOpen('read')
      return this.#content.entries(range)
    })
  }

  apply(operations: readonly KeyValueOperation[]): Promise<void> {
    const effect = (): void => {
      this.#checkOpen('write')
      if (!this.#content.apply(operations)) throw diskFull('write', this.#path)
    }
    return this.#process.perform('write', effect, maybe(effect))
  }

  close(): Promise<void> {
    return this.#process.perform('sync', () => {
      this.#isOpen = false
      this.#content.openedBy = undefined
    })
  }

  #checkOpen(verb: string): void {
    if (!this.#isOpen) throw diskError(verb, this.#path, 'LEVEL_DATABASE_NOT_OPEN')
  }
}
