import { CometError } from '@cometmq/protocol'
import type { DirectoryLock, File, FileSystem } from '@cometmq/runtime'
import { type DiskProcess, maybe } from './disk/disk-process.ts'
import { diskError, diskFull, normalized } from './disk/disk-tree.ts'
import type { FileContent } from './disk/file-content.ts'
import { Folder } from './disk/folder.ts'
import type { Medium } from './disk/medium.ts'
import type { SeededRandom } from './seeded-random.ts'

/** The files of a simulated disk, as one process has them. */
export class SimulatedFileSystem implements FileSystem {
  readonly #medium: Medium
  readonly #process: DiskProcess
  readonly #locks = new Set<string>()

  constructor(medium: Medium, process: DiskProcess) {
    this.#medium = medium
    this.#process = process
  }

  openFile(path: string, options?: { readonly create?: boolean }): Promise<File> {
    const { tree } = this.#medium
    const isToMake = (): boolean => options?.create === true && tree.find(path) === undefined
    return this.#process.perform(
      'write',
      () => {
        const content = isToMake() ? tree.makeFile(path, 'open') : tree.file(path, 'open')
        return new SimulatedFile(path, content, this.#medium, this.#process)
      },
      maybe(() => {
        if (isToMake()) tree.makeFile(path, 'open')
      }),
    )
  }

  makeDirectory(path: string): Promise<void> {
    const effect = (): void => {
      this.#medium.tree.makeFolder(path)
    }
    return this.#process.perform('write', effect, maybe(effect))
  }

  list(path: string): Promise<string[]> {
    return this.#process.perform('read', () => {
      const { tree } = this.#medium
      if (tree.find(path) === undefined) return []
      return tree.folder(path, 'list').names.sort()
    })
  }

  readFile(path: string): Promise<Buffer | undefined> {
    return this.#process.perform('read', () => {
      const { tree } = this.#medium
      if (tree.find(path) === undefined) return undefined
      const content = tree.file(path, 'read')
      const bytes = Buffer.alloc(content.sizeBytes)
      content.read(bytes, 0)
      return bytes
    })
  }

  /** As the Node adapter does it: a second file, synced, takes the name; then the folder is synced. */
  replaceFile(path: string, content: Buffer): Promise<void> {
    const next = `${path}.next`
    return this.#process.perform(
      'sync',
      () => {
        this.#writeWhole(next, content)
        this.#rename(next, path)
      },
      (random) => {
        // The system was anywhere in it.
        const isWritten = random.chance(0.7)
        const isRenamed = isWritten && random.chance(0.7)
        const written = isWritten ? content.length : random.below(content.length + 1)
        this.#writeWhole(next, content.subarray(0, written))
        if (isRenamed) this.#rename(next, path)
      },
    )
  }

  removeFile(path: string): Promise<void> {
    const effect = (): void => {
      const node = this.#medium.tree.find(path)
      if (node instanceof Folder) throw diskError('remove', path, 'EISDIR')
      this.#medium.tree.remove(path)
    }
    return this.#process.perform('write', effect, maybe(effect))
  }

  removeDirectory(path: string): Promise<void> {
    const effect = (): void => this.#medium.tree.remove(path)
    return this.#process.perform('write', effect, (random) => {
      const kind = random.below(3)
      const node = this.#medium.tree.find(path)
      if (kind === 1 && node instanceof Folder) node.empty()
      else if (kind === 2) effect()
    })
  }

  syncDirectory(path: string): Promise<void> {
    const mark = this.#markOf(path)
    return this.#process.perform('sync', () => {
      this.#medium.tree.folder(path, 'sync').settle(mark)
    })
  }

  freeBytes(path: string): Promise<number> {
    return this.#process.perform('read', () => {
      this.#medium.tree.folder(path, 'measure')
      return this.#medium.space.freeBytes
    })
  }

  lockDirectory(path: string): Promise<DirectoryLock> {
    return this.#process.perform('write', () => {
      const place = normalized(path)
      if (this.#locks.has(place)) {
        throw new CometError('STORE_LOCKED', `${path} is in use by another process`)
      }
      // The Node adapter keeps its lock in this folder.
      this.#medium.tree.makeFolder(`${place}/lock`)
      this.#locks.add(place)
      return {
        release: () =>
          this.#process.perform('write', () => {
            this.#locks.delete(place)
          }),
      }
    })
  }

  #markOf(path: string): number {
    const node = this.#medium.tree.find(path)
    return node instanceof Folder ? node.mark() : 0
  }

  #writeWhole(path: string, bytes: Buffer): void {
    const { tree } = this.#medium
    const content =
      tree.find(path) === undefined ? tree.makeFile(path, 'write') : tree.file(path, 'write')
    content.truncate(0)
    const written = content.write(bytes, 0)
    if (written < bytes.length) throw diskFull('write', path)
    content.settle()
  }

  #rename(from: string, to: string): void {
    const { tree } = this.#medium
    const content = tree.file(from, 'replace')
    const source = tree.parent(from, 'replace')
    const target = tree.parent(to, 'replace')
    target.folder.set(target.name, content)
    source.folder.forget(source.name)
    target.folder.settle()
  }
}

class SimulatedFile implements File {
  readonly path: string
  readonly #content: FileContent
  readonly #medium: Medium
  readonly #process: DiskProcess
  #isOpen = true

  constructor(path: string, content: FileContent, medium: Medium, process: DiskProcess) {
    this.path = path
    this.#content = content
    this.#medium = medium
    this.#process = process
  }

  size(): Promise<number> {
    return this.#process.perform('read', () => {
      this.#checkOpen('measure')
      return this.#content.sizeBytes
    })
  }

  readAt(target: Buffer, position: number): Promise<number> {
    const fails = this.#medium.takeFault('read', this.path)
    return this.#process.perform('read', () => {
      this.#checkOpen('read')
      if (fails) throw diskError('read', this.path, 'EIO')
      return this.#content.read(target, position)
    })
  }

  writeAt(buffers: readonly Buffer[], position: number): Promise<void> {
    const fails = this.#medium.takeFault('write', this.path)
    return this.#process.perform(
      'write',
      () => {
        this.#checkOpen('write')
        if (fails) {
          this.#writePart(buffers, position, this.#medium.random)
          throw diskError('write', this.path, 'EIO')
        }
        let at = position
        for (const buffer of buffers) {
          const written = this.#content.write(buffer, at)
          if (written < buffer.length) throw diskFull('write', this.path)
          at += written
        }
      },
      (random) => this.#writePart(buffers, position, random),
    )
  }

  sync(): Promise<void> {
    // What is written from now on is not part of it.
    const mark = this.#content.mark()
    const fails = this.#medium.takeFault('sync', this.path)
    return this.#process.perform(
      'sync',
      () => {
        this.#checkOpen('sync')
        if (fails) {
          this.#content.loseUnsynced(mark, this.#medium.random)
          throw diskError('sync', this.path, 'EIO')
        }
        this.#content.settle(mark)
      },
      maybe(() => this.#content.settle(mark)),
    )
  }

  truncate(sizeBytes: number): Promise<void> {
    const effect = (): void => {
      this.#checkOpen('truncate')
      this.#content.truncate(sizeBytes)
    }
    return this.#process.perform('write', effect, maybe(effect))
  }

  close(): Promise<void> {
    return this.#process.perform('read', () => {
      this.#checkOpen('close')
      this.#isOpen = false
    })
  }

  /** What a write has done that did not come to its end: a part of it, all, or nothing. */
  #writePart(buffers: readonly Buffer[], position: number, random: SeededRandom): void {
    const bytes = Buffer.concat(buffers)
    const kind = random.below(3)
    const length = kind === 0 ? 0 : kind === 1 ? bytes.length : random.below(bytes.length + 1)
    this.#content.write(bytes.subarray(0, length), position)
  }

  #checkOpen(verb: string): void {
    if (!this.#isOpen) throw diskError(verb, this.path, 'EBADF')
  }
}
