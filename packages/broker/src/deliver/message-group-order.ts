import { RangeMap } from './range-map.ts'

/** How a message stands: it may be leased, somebody has it or it waits for its time, it is done. */
export type Standing = 'ready' | 'out' | 'done'

/** The messages of one message group that are not done. */
export interface Line {
  /** Ascending. */
  readonly offsets: number[]
  /** So many of them are out. */
  out: number
  /** The first of them, while it may be leased. */
  free: number | undefined
  /** `undefined`: a message of no group, alone in its line. */
  readonly messageGroup: string | undefined
}

interface Known {
  readonly line: Line
  isOut: boolean
}

/**
 * In which order a FIFO group may be given the messages of one queue. Pure.
 *
 * Of each message group the first message that is not done is free, unless any of its messages is
 * out; other groups of the queue go on meanwhile. Messages without a group wait for nobody.
 *
 * What is not done and has been looked at is known here; at most `lookAheadMax` messages are, so a
 * group that is held up does not fill the memory. Learns of changes from the lease table.
 */
export class MessageGroupOrder {
  readonly #lookAheadMax: number
  readonly #known = new Map<number, Known>()
  readonly #lines = new Map<string, Line>()
  readonly #free = new RangeMap<true>()
  /** Every message below is known, or done. */
  #scannedTo: number
  /** Messages below it are out, and were before they were looked at: by a member of an earlier life. */
  #outBelow = 0

  constructor(from: number, lookAheadMax: number) {
    this.#scannedTo = from
    this.#lookAheadMax = lookAheadMax
  }

  get scannedTo(): number {
    return this.#scannedTo
  }

  /** Whether more may be looked at. What is out already has to be, before anything is free. */
  get mayScan(): boolean {
    return this.#known.size < this.#lookAheadMax || this.#isBehind
  }

  /** Where to read: the first free message, or the first that nobody has looked at. */
  nextRead(queue: { readonly doneBelow: number; readonly maxOffset: number }): number | undefined {
    this.#scannedTo = Math.max(this.#scannedTo, queue.doneBelow)
    const free = this.#isBehind ? undefined : this.#free.first
    if (free !== undefined) return free.from
    return this.mayScan && this.#scannedTo < queue.maxOffset ? this.#scannedTo : undefined
  }

  /** The line of a message that may be leased now. */
  freeLine(offset: number): Line | undefined {
    if (this.#isBehind || this.#free.at(offset) === undefined) return undefined
    return this.#known.get(offset)?.line
  }

  lineOf(offset: number): Line | undefined {
    return this.#known.get(offset)?.line
  }

  /** Looks at the message at `scannedTo`. */
  scan(messageGroup: string | undefined, standing: Standing): void {
    const offset = this.#scannedTo++
    if (standing === 'done') return
    const line = this.#lineFor(messageGroup)
    const isOut = standing === 'out'
    line.offsets.push(offset)
    if (isOut) line.out++
    this.#known.set(offset, { line, isOut })
    this.#refree(line)
  }

  /** All of `[from, to)` stands so now. */
  changed(from: number, to: number, standing: Standing): void {
    if (standing === 'out' && to > this.#scannedTo) this.#outBelow = Math.max(this.#outBelow, to)
    const stirred = new Set<Line>()
    for (const offset of this.#knownWithin(from, to)) {
      const known = this.#known.get(offset)
      if (known === undefined) continue
      stirred.add(known.line)
      this.#stand(offset, known, standing)
    }
    if (standing === 'done' && from <= this.#scannedTo) {
      this.#scannedTo = Math.max(this.#scannedTo, to)
    }
    for (const line of stirred) this.#refree(line)
  }

  /** Everything is forgotten; what is not done begins there. */
  reset(from: number): void {
    this.#known.clear()
    this.#lines.clear()
    const { first } = this.#free
    if (first !== undefined) this.#free.clear(first.from, Number.MAX_SAFE_INTEGER)
    this.#scannedTo = from
    this.#outBelow = 0
  }

  /** A member that claims to hold what lies far away does not make us look at everything before it. */
  get #isBehind(): boolean {
    return this.#scannedTo < this.#outBelow && this.#known.size < 2 * this.#lookAheadMax
  }

  #lineFor(messageGroup: string | undefined): Line {
    const known = messageGroup === undefined ? undefined : this.#lines.get(messageGroup)
    if (known !== undefined) return known
    const line: Line = { messageGroup, offsets: [], out: 0, free: undefined }
    if (messageGroup !== undefined) this.#lines.set(messageGroup, line)
    return line
  }

  /** Ranges may be far longer than what is known of them. */
  *#knownWithin(from: number, to: number): Iterable<number> {
    if (to - from <= this.#known.size) {
      for (let offset = from; offset < to; offset++) yield offset
      return
    }
    for (const offset of this.#known.keys()) if (offset >= from && offset < to) yield offset
  }

  #stand(offset: number, known: Known, standing: Standing): void {
    const { line } = known
    const isOut = standing === 'out'
    if (isOut !== known.isOut) line.out += isOut ? 1 : -1
    known.isOut = isOut
    if (standing !== 'done') return
    line.offsets.splice(line.offsets.indexOf(offset), 1)
    this.#known.delete(offset)
  }

  #refree(line: Line): void {
    const free = line.out === 0 ? line.offsets[0] : undefined
    if (free !== line.free) {
      if (line.free !== undefined) this.#free.clear(line.free, line.free + 1)
      if (free !== undefined) this.#free.set(free, free + 1, true)
      line.free = free
    }
    const isOver = line.offsets.length === 0 && line.messageGroup !== undefined
    if (isOver) this.#lines.delete(line.messageGroup)
  }
}
