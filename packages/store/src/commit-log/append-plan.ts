import assert from 'node:assert/strict'
import { HEADER_BYTES } from '@cometmq/protocol'

/** Consecutive bytes for one segment. */
export interface WritePart {
  readonly at: number
  /** The segment begins with this part and has to be made. */
  readonly opensSegment: boolean
  readonly buffers: Buffer[]
}

/**
 * Lays records end to end before they are written: which part goes into which segment.
 *
 * A record never spans segments, and the end of one is never left with fewer bytes than a filler
 * needs. Pure: nothing is written here.
 */
export class AppendPlan {
  readonly #segmentBytes: number
  readonly #parts: WritePart[] = []
  #position: number
  #segmentEnd: number

  /** `segmentEnd` equals `position` if there is no segment to go on in. */
  constructor(start: { position: number; segmentEnd: number; segmentBytes: number }) {
    this.#position = start.position
    this.#segmentEnd = start.segmentEnd
    this.#segmentBytes = start.segmentBytes
  }

  /** Where the next record will lie, if it fits. */
  get position(): number {
    return this.#position
  }

  get parts(): readonly WritePart[] {
    return this.#parts
  }

  /** What is left of the current segment: 0, or room for a filler at least. */
  get room(): number {
    return this.#segmentEnd - this.#position
  }

  fits(totalBytes: number): boolean {
    const left = this.room - totalBytes
    return left === 0 || left >= HEADER_BYTES
  }

  add(record: Buffer): void {
    assert.ok(this.fits(record.length), 'a record is placed where it does not fit')
    this.#push(record)
    this.#position += record.length
  }

  /** Ends the segment with a filler of which only the header is written. */
  addFiller(header: Buffer): void {
    assert.ok(this.room >= HEADER_BYTES, 'a filler is placed where it does not fit')
    this.#push(header)
    this.#position = this.#segmentEnd
  }

  /** Goes on in a new segment. The current one must be full. */
  openSegment(): void {
    assert.equal(this.room, 0, 'a segment is left before it is full')
    this.#parts.push({ at: this.#position, opensSegment: true, buffers: [] })
    this.#segmentEnd = this.#position + this.#segmentBytes
  }

  /** Where the plan stands, for `rollBack`. */
  mark(): PlanMark {
    return {
      position: this.#position,
      segmentEnd: this.#segmentEnd,
      parts: this.#parts.length,
      buffers: this.#parts.at(-1)?.buffers.length ?? 0,
    }
  }

  /** Forgets what was added since the mark. */
  rollBack(mark: PlanMark): void {
    this.#parts.length = mark.parts
    const last = this.#parts.at(-1)
    if (last !== undefined) last.buffers.length = mark.buffers
    this.#position = mark.position
    this.#segmentEnd = mark.segmentEnd
  }

  #push(bytes: Buffer): void {
    const last = this.#parts.at(-1)
    if (last !== undefined) last.buffers.push(bytes)
    else this.#parts.push({ at: this.#position, opensSegment: false, buffers: [bytes] })
  }
}

export interface PlanMark {
  readonly position: number
  readonly segmentEnd: number
  readonly parts: number
  readonly buffers: number
}
