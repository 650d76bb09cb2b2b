import type { SeededRandom } from '../seeded-random.ts'
import type { FileContent } from './file-content.ts'
import type { StoreContent } from './store-content.ts'
import { survivorCount } from './survivors.ts'

export type Node = Folder | FileContent

/**
 * The names in one folder, as they are seen and as a power cut would leave them: a journal writes
 * changes down in their order, so some number of the oldest unsynced ones survives.
 */
export class Folder {
  readonly #seen = new Map<string, Node>()
  readonly #durable = new Map<string, Node>()
  #changes: NameChange[] = []
  #sequence = 0
  /** Set where a key-value store has its files. */
  store: StoreContent | undefined

  get names(): string[] {
    return [...this.#seen.keys()]
  }

  get nodes(): Iterable<Node> {
    return this.#seen.values()
  }

  get(name: string): Node | undefined {
    return this.#seen.get(name)
  }

  set(name: string, node: Node): void {
    this.#seen.get(name)?.discard()
    this.#seen.set(name, node)
    this.#change(name, node)
  }

  /** Gives back the space that is taken below the name. */
  remove(name: string): void {
    this.#seen.get(name)?.discard()
    this.forget(name)
  }

  /** Takes a name away from what now has another. */
  forget(name: string): void {
    this.#seen.delete(name)
    this.#change(name, undefined)
  }

  /** Removes all that is in it, one by one: a power cut may find the work half done. */
  empty(): void {
    for (const [name, node] of this.#seen) {
      if (node instanceof Folder) node.empty()
      this.remove(name)
    }
    this.store?.remove()
  }

  /** What `settle` would make durable if it were called now. */
  mark(): number {
    return this.#sequence
  }

  /** Makes the changes up to the mark durable. */
  settle(mark = this.mark()): void {
    const later = this.#changes.findIndex((change) => change.sequence > mark)
    const count = later === -1 ? this.#changes.length : later
    this.#settleOldest(count)
  }

  powerCut(random: SeededRandom): void {
    this.#settleOldest(survivorCount(this.#changes.length, random))
    this.#changes = []
    const lost = new Set(this.#seen.values())
    this.#seen.clear()
    for (const [name, node] of this.#durable) {
      this.#seen.set(name, node)
      lost.delete(node)
      node.powerCut(random)
    }
    for (const node of lost) node.discard()
    this.store?.powerCut(random)
  }

  /** Gives back the space that all below it takes. */
  discard(): void {
    for (const node of this.#seen.values()) node.discard()
    this.store?.discard()
  }

  #change(name: string, node: Node | undefined): void {
    this.#sequence += 1
    this.#changes.push({ sequence: this.#sequence, name, node })
  }

  #settleOldest(count: number): void {
    for (const { name, node } of this.#changes.slice(0, count)) {
      if (node === undefined) this.#durable.delete(name)
      else this.#durable.set(name, node)
    }
    this.#changes = this.#changes.slice(count)
  }
}

interface NameChange {
  readonly sequence: number
  readonly name: string
  /** `undefined`: removed. */
  readonly node: Node | undefined
}
