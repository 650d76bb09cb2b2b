import { CometError } from '@cometmq/protocol'
import type { DiskSpace } from './disk-space.ts'
import { FileContent } from './file-content.ts'
import { Folder, type Node } from './folder.ts'

/**
 * Every name on one disk. Names in the root are durable at once, as if the operator had made them;
 * all others wait for their folder to be synced.
 */
export class DiskTree {
  readonly #root = new Folder()
  readonly #space: DiskSpace

  constructor(space: DiskSpace) {
    this.#space = space
  }

  get root(): Folder {
    return this.#root
  }

  find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of namesOf(path)) {
      if (!(node instanceof Folder)) return undefined
      node = node.get(name)
    }
    return node
  }

  file(path: string, verb: string): FileContent {
    const node = this.find(path)
    if (node instanceof FileContent) return node
    throw diskError(verb, path, node === undefined ? 'ENOENT' : 'EISDIR')
  }

  folder(path: string, verb: string): Folder {
    const node = this.find(path)
    if (node instanceof Folder) return node
    throw diskError(verb, path, node === undefined ? 'ENOENT' : 'ENOTDIR')
  }

  /** The folder that holds the last name of the path, and that name. */
  parent(path: string, verb: string): { readonly folder: Folder; readonly name: string } {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) throw diskError(verb, path, 'EBUSY')
    return { folder: this.folder(names.join('/'), verb), name }
  }

  makeFile(path: string, verb: string): FileContent {
    const { folder, name } = this.parent(path, verb)
    const file = new FileContent(this.#space)
    this.set(folder, name, file)
    return file
  }

  makeFolder(path: string): Folder {
    let folder = this.#root
    for (const name of namesOf(path)) {
      let node = folder.get(name)
      if (node === undefined) {
        node = new Folder()
        this.set(folder, name, node)
      }
      if (!(node instanceof Folder)) throw diskError('make', path, 'ENOTDIR')
      folder = node
    }
    return folder
  }

  set(folder: Folder, name: string, node: Node): void {
    folder.set(name, node)
    if (folder === this.#root) folder.settle()
  }

  remove(path: string): void {
    const node = this.find(path)
    if (node === undefined) return
    if (node instanceof Folder) node.empty()
    const { folder, name } = this.parent(path, 'remove')
    folder.remove(name)
    if (folder === this.#root) folder.settle()
  }
}

/** Two spellings of one path are one path. */
export function normalized(path: string): string {
  return namesOf(path).join('/')
}

export function diskError(verb: string, path: string, code: string): CometError {
  return new CometError('STORE_UNUSABLE', `cannot ${verb} ${path}: ${code}`)
}

export function diskFull(verb: string, path: string): CometError {
  return new CometError('DISK_FULL', `cannot ${verb} ${path}: no space left`)
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}
