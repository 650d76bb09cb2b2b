import type { IndexEntries } from './index-block.ts'

/** Of one queue: two readers at different places, and one that is just passing. */
const BLOCKS_PER_QUEUE = 3

/** Blocks read from level lately, over all queues. Owners are compared by identity. */
export class BlockCache {
  readonly #maxBlocks: number
  /** The queue used longest ago comes first. */
  readonly #blocks = new Map<object, IndexEntries[]>()
  #count = 0

  constructor(maxBlocks: number) {
    this.#maxBlocks = maxBlocks
  }

  find(owner: object, offset: number): IndexEntries | undefined {
    return this.#blocks
      .get(owner)
      ?.find((block) => offset >= (block.numbers[0] as number) && offset < block.to)
  }

  add(owner: object, block: IndexEntries): void {
    const kept = (this.#blocks.get(owner) ?? []).filter(
      (other) => other.numbers[0] !== block.numbers[0],
    )
    this.#drop(owner)
    const blocks = [block, ...kept.slice(0, BLOCKS_PER_QUEUE - 1)]
    this.#blocks.set(owner, blocks)
    this.#count += blocks.length
    for (const oldest of this.#blocks.keys()) {
      if (this.#count <= this.#maxBlocks || oldest === owner) return
      this.#drop(oldest)
    }
  }

  #drop(owner: object): void {
    this.#count -= this.#blocks.get(owner)?.length ?? 0
    this.#blocks.delete(owner)
  }
}
