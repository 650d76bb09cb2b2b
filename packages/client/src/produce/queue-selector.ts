/** Takes the queues in turn, so that messages without a message group spread evenly. */
export class Rotation {
  #next: number

  /** `start`: in `[0, 1)`, so that many producers do not all begin at the same queue. */
  constructor(start: number) {
    this.#next = Math.floor(start * 2 ** 30)
  }

  /** The next index below `count` that `isUsable` accepts, or -1. */
  pick(count: number, isUsable: (index: number) => boolean): number {
    for (let step = 0; step < count; step++) {
      const index = (this.#next + step) % count
      if (!isUsable(index)) continue
      this.#next = index + 1
      return index
    }
    return -1
  }
}
