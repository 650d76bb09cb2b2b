import type { SeededRandom } from '../seeded-random.ts'
import type { DiskSpace } from './disk-space.ts'
import { survivorCount } from './survivors.ts'

const PAGE_BYTES = 4096

/** More unsynced changes than this and the system writes the older ones back by itself. */
const CHANGES_MAX = 64

/**
 * The bytes of one file, twice: as reads see them (the page cache) and as a power cut would leave
 * them.
 *
 * Every change is kept until it is synced. At a power cut each page comes back as it was after some
 * number of its changes, the last of them perhaps torn; the size, too, is that after some number of
 * changes to it. Pages differ in how much survives, as the system writes them back in any order.
 */
export class FileContent {
  readonly #space: DiskSpace
  readonly #pages = new Map<number, Page>()
  readonly #dirty = new Set<number>()
  #sizeBytes = 0
  #durableSizeBytes = 0
  #sizeChanges: SizeChange[] = []
  #sequence = 0

  constructor(space: DiskSpace) {
    this.#space = space
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Copies into `target` from `position`; returns the bytes copied. */
  read(target: Buffer, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.#sizeBytes - position))
    forEachPage(position, length, (number, from, to, done) => {
      const page = this.#pages.get(number)
      if (page === undefined) target.fill(0, done, done + to - from)
      else page.cached.copy(target, done, from, to)
    })
    return length
  }

  /** Returns the bytes written: fewer than given when the disk is full. */
  write(bytes: Buffer, position: number): number {
    if (bytes.length === 0) return 0
    this.#sequence += 1
    let written = 0
    forEachPage(position, bytes.length, (number, from, to, done) => {
      if (written < done) return
      const page = this.#pageForWrite(number)
      if (page === undefined) return
      bytes.copy(page.cached, from, done, done + to - from)
      const copy = Buffer.from(bytes.subarray(done, done + to - from))
      this.#change(number, page, { kind: 'write', sequence: this.#sequence, from, bytes: copy })
      written = done + to - from
    })
    if (position + written > this.#sizeBytes) this.#setSize(position + written)
    return written
  }

  truncate(sizeBytes: number): void {
    this.#sequence += 1
    if (sizeBytes < this.#sizeBytes) this.#cut(sizeBytes)
    if (sizeBytes !== this.#sizeBytes) this.#setSize(sizeBytes)
  }

  /** What `settle` would make durable if it were called now. */
  mark(): number {
    return this.#sequence
  }

  /** Makes all changes up to the mark durable. */
  settle(mark = this.mark()): void {
    for (const number of this.#dirty) {
      const page = this.#pages.get(number)
      if (page !== undefined) this.#settlePage(number, page, mark)
    }
    this.#settleSize(mark)
  }

  /**
   * A sync up to the mark has failed: the system takes those pages for clean although some never
   * reached the disk, so that no later sync repairs it.
   */
  loseUnsynced(mark: number, random: SeededRandom): void {
    for (const number of this.#dirty) {
      const page = this.#pages.get(number)
      if (page === undefined) continue
      if (random.chance(0.5)) this.#settlePage(number, page, mark)
      else page.changes = page.changes.filter((change) => change.sequence > mark)
    }
    this.#settleSize(mark)
  }

  powerCut(random: SeededRandom): void {
    const survivingSizes = survivorCount(this.#sizeChanges.length, random)
    const lastSize = this.#sizeChanges[survivingSizes - 1]
    const cutsUpTo = lastSize?.sequence ?? -1
    for (const number of this.#dirty) {
      const page = this.#pages.get(number)
      if (page !== undefined) this.#survive(page, cutsUpTo, random)
    }
    for (const page of this.#pages.values()) {
      if (page.durable === undefined) page.cached.fill(0)
      else page.durable.copy(page.cached)
    }
    this.#restart(lastSize?.sizeBytes ?? this.#durableSizeBytes)
  }

  /** Turns one bit, on the disk and in the cache. */
  flipBit(at: number, bit: number): void {
    const page = this.#pages.get(Math.floor(at / PAGE_BYTES)) ?? this.#newPage(at)
    const inPage = at % PAGE_BYTES
    for (const bytes of [page.cached, (page.durable ??= Buffer.alloc(PAGE_BYTES))]) {
      bytes[inPage] = (bytes[inPage] ?? 0) ^ (1 << bit)
    }
  }

  /** Makes the file end there, durably. */
  cutTo(sizeBytes: number): void {
    this.settle()
    this.#restart(sizeBytes)
  }

  /** Gives back the space it takes. */
  discard(): void {
    for (const page of this.#pages.values()) this.#free(page)
  }

  #pageForWrite(number: number): Page | undefined {
    const found = this.#pages.get(number)
    if (found?.allocated) return found
    if (!this.#space.take(PAGE_BYTES)) return undefined
    const page = found ?? this.#newPage(number * PAGE_BYTES)
    page.allocated = true
    return page
  }

  #newPage(at: number): Page {
    const page: Page = { cached: Buffer.alloc(PAGE_BYTES), changes: [], allocated: false }
    this.#pages.set(Math.floor(at / PAGE_BYTES), page)
    return page
  }

  #change(number: number, page: Page, change: PageChange): void {
    page.changes.push(change)
    this.#dirty.add(number)
    if (page.changes.length <= CHANGES_MAX) return
    const old = page.changes[CHANGES_MAX / 2]
    if (old !== undefined) this.#settlePage(number, page, old.sequence)
  }

  #cut(sizeBytes: number): void {
    const firstCut = Math.floor(sizeBytes / PAGE_BYTES)
    for (const [number, page] of this.#pages) {
      if (number < firstCut) continue
      const from = number === firstCut ? sizeBytes % PAGE_BYTES : 0
      page.cached.fill(0, from)
      this.#change(number, page, { kind: 'cut', sequence: this.#sequence, from })
      if (from === 0) this.#free(page)
    }
  }

  #free(page: Page): void {
    if (page.allocated) this.#space.give(PAGE_BYTES)
    page.allocated = false
  }

  #setSize(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes
    this.#sizeChanges.push({ sequence: this.#sequence, sizeBytes })
    const old = this.#sizeChanges[CHANGES_MAX / 2]
    if (this.#sizeChanges.length > CHANGES_MAX && old !== undefined) this.#settleSize(old.sequence)
  }

  #settlePage(number: number, page: Page, mark: number): void {
    let count = 0
    for (const change of page.changes) {
      if (change.sequence > mark) break
      applyChange((page.durable ??= Buffer.alloc(PAGE_BYTES)), change)
      count += 1
    }
    if (count < page.changes.length) {
      page.changes = page.changes.slice(count)
      return
    }
    page.changes = []
    this.#dirty.delete(number)
    if (!page.allocated && number * PAGE_BYTES >= this.#sizeBytes) this.#pages.delete(number)
  }

  #settleSize(mark: number): void {
    const later = this.#sizeChanges.findIndex((change) => change.sequence > mark)
    const count = later === -1 ? this.#sizeChanges.length : later
    const last = this.#sizeChanges[count - 1]
    if (last === undefined) return
    this.#durableSizeBytes = last.sizeBytes
    this.#sizeChanges = this.#sizeChanges.slice(count)
  }

  /** Cuts count if the size they belong to survived; of the writes, some number does. */
  #survive(page: Page, cutsUpTo: number, random: SeededRandom): void {
    const durable = (page.durable ??= Buffer.alloc(PAGE_BYTES))
    const writeCount = page.changes.filter((change) => change.kind === 'write').length
    let left = survivorCount(writeCount, random)
    for (const change of page.changes) {
      if (change.kind === 'cut') {
        if (change.sequence <= cutsUpTo) applyChange(durable, change)
        continue
      }
      if (left > 0) applyChange(durable, change)
      else if (left === 0 && random.chance(0.5)) {
        change.bytes.copy(durable, change.from, 0, random.below(change.bytes.length))
      }
      left -= 1
    }
  }

  /** Takes what is durable for all there is. */
  #restart(sizeBytes: number): void {
    const lastPage = Math.floor((sizeBytes - 1) / PAGE_BYTES)
    for (const [number, page] of this.#pages) {
      page.changes = []
      if (number > lastPage) {
        this.#free(page)
        this.#pages.delete(number)
        continue
      }
      // A page that a lost truncation had freed takes its space again, whatever is left of it.
      if (!page.allocated) this.#space.takeAnyway(PAGE_BYTES)
      page.allocated = true
      if (number === lastPage && sizeBytes % PAGE_BYTES !== 0) {
        page.cached.fill(0, sizeBytes % PAGE_BYTES)
        page.durable?.fill(0, sizeBytes % PAGE_BYTES)
      }
    }
    this.#dirty.clear()
    this.#sizeChanges = []
    this.#sizeBytes = sizeBytes
    this.#durableSizeBytes = sizeBytes
  }
}

interface Page {
  readonly cached: Buffer
  /** Zeros if absent. */
  durable?: Buffer
  /** Not yet durable, oldest first. */
  changes: PageChange[]
  /** Whether it takes space. */
  allocated: boolean
}

type PageChange =
  | {
      readonly kind: 'write'
      readonly sequence: number
      readonly from: number
      readonly bytes: Buffer
    }
  | { readonly kind: 'cut'; readonly sequence: number; readonly from: number }

interface SizeChange {
  readonly sequence: number
  readonly sizeBytes: number
}

function applyChange(page: Buffer, change: PageChange): void {
  if (change.kind === 'write') change.bytes.copy(page, change.from)
  else page.fill(0, change.from)
}

/** Visits the part `[from, to)` of each page in a range; `done` is how far into the range it is. */
function forEachPage(
  position: number,
  length: number,
  visit: (number: number, from: number, to: number, done: number) => void,
): void {
  let done = 0
  while (done < length) {
    const number = Math.floor((position + done) / PAGE_BYTES)
    const from = (position + done) % PAGE_BYTES
    const to = Math.min(PAGE_BYTES, from + length - done)
    visit(number, from, to, done)
    done += to - from
  }
}
