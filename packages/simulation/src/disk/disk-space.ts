/** How much a disk holds, and how much of it is taken. */
export class DiskSpace {
  #capacityBytes: number
  #takenBytes = 0

  constructor(capacityBytes: number) {
    this.#capacityBytes = capacityBytes
  }

  get freeBytes(): number {
    return Math.max(0, this.#capacityBytes - this.#takenBytes)
  }

  setCapacity(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes
  }

  /** Whether there was that much. */
  take(bytes: number): boolean {
    if (bytes > this.freeBytes) return false
    this.#takenBytes += bytes
    return true
  }

  /** For what is on the disk already. */
  takeAnyway(bytes: number): void {
    this.#takenBytes += bytes
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes
  }
}
