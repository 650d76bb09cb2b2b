import assert from 'node:assert/strict'
import { CometError, HEADER_BYTES } from '@cometmq/protocol'
import type { FileSystem } from '@cometmq/runtime'
import { AppendPlan } from './append-plan.ts'
import { parseSegmentName, Segment, segmentName } from './segment.ts'

const REWRITE_BYTES = 1024 * 1024

/** File handles kept for reading; the least recently opened ones are closed beyond it. */
const OPEN_SEGMENTS_MAX = 64

export interface CommitLogConfig {
  readonly folder: string
  readonly segmentBytes: number
  /** Where a log begins that has no segments yet; 0 if it is not said. */
  readonly baseOffset?: number
}

/**
 * One ordered sequence of bytes over many segments, `[minOffset, maxOffset)`.
 *
 * One writer: `write`, `sync` and `truncate` never run at the same time. Readers keep below the
 * confirm offset. `minOffset <= confirmOffset <= flushedOffset <= maxOffset`.
 */
export class CommitLog {
  readonly #files: FileSystem
  readonly #folder: string
  readonly #segmentBytes: number
  /** Ascending, without gaps. */
  readonly #segments: Segment[]
  /** Where a log without segments begins. */
  readonly #baseOffset: number
  readonly #opened = new Set<Segment>()
  /** Segments written to since the last sync. */
  #unsynced: Segment[] = []
  #maxOffset = 0
  #flushedOffset = 0
  #confirmOffset = 0
  #cuts = 0

  private constructor(files: FileSystem, config: CommitLogConfig, segments: Segment[]) {
    this.#files = files
    this.#folder = config.folder
    this.#segmentBytes = config.segmentBytes
    this.#segments = segments
    this.#baseOffset = config.baseOffset ?? 0
  }

  /**
   * Lists the segments. Where the log ends is for recovery to find out: `recovered` must follow.
   *
   * Throws `STORE_CORRUPT` if one is missing between others.
   */
  static async open(files: FileSystem, config: CommitLogConfig): Promise<CommitLog> {
    const segments: Segment[] = []
    for (const name of await files.list(config.folder)) {
      const start = parseSegmentName(name)
      if (start === undefined) continue
      const bytes = await sizeOf(files, `${config.folder}/${name}`)
      // A crash fell between making the file and giving it its size. Nothing was written to it, and
      // those before it may have been cut since.
      if (bytes === 0) continue
      const previous = segments.at(-1)
      if (previous !== undefined && previous.end !== start) {
        throw new CometError(
          'STORE_CORRUPT',
          `segment ${segmentName(previous.end)} is missing in ${config.folder}: ${segmentName(previous.start)} ends at log offset ${previous.end}, and ${name} comes next; run "comet store verify"`,
        )
      }
      segments.push(new Segment(files, config.folder, { start, bytes }))
    }
    const last = segments.at(-1)
    // A crash fell into cutting it. Members of a broker group have segments of one size.
    if (last !== undefined && last.bytes < config.segmentBytes) {
      segments.splice(-1, 1, await last.grownTo(config.segmentBytes))
    }
    return new CommitLog(files, config, segments)
  }

  get minOffset(): number {
    return this.#segments[0]?.start ?? this.#baseOffset
  }

  /** End of what the system has been given. */
  get maxOffset(): number {
    return this.#maxOffset
  }

  get flushedOffset(): number {
    return this.#flushedOffset
  }

  get confirmOffset(): number {
    return this.#confirmOffset
  }

  /** End of the last segment's file. */
  get allocatedEnd(): number {
    return this.#segments.at(-1)?.end ?? this.#baseOffset
  }

  /** How often it was cut: what was read before may be of another log since. */
  get cuts(): number {
    return this.#cuts
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  /**
   * Makes durable what an earlier process may have written and not synced, from `from` on.
   *
   * It is written once more before it is synced. Had a sync failed, the system would take those pages
   * for clean: they can be read, but no sync alone brings them to the disk. The same goes for the
   * names of segments: the process may have died before it synced the folder.
   */
  async rewriteFrom(from: number): Promise<void> {
    await this.#files.syncDirectory(this.#folder)
    const window = Buffer.allocUnsafeSlow(REWRITE_BYTES)
    for (const segment of this.#segments) {
      if (segment.end <= from) continue
      for (let at = Math.max(from, segment.start); at < segment.end; ) {
        const wanted = window.subarray(0, Math.min(window.length, segment.end - at))
        const found = wanted.subarray(0, await segment.read(wanted, at))
        if (found.length === 0) break
        // What was never written stays unallocated.
        if (!isZero(found)) await segment.write([found], at)
        at += found.length
      }
      await segment.sync()
    }
  }

  /** Tells where the log ends, and up to where it is known to be confirmed. All of it is durable. */
  recovered(end: number, confirmed: number): void {
    assert.ok(end >= this.minOffset && end <= this.allocatedEnd, 'the log ends outside its files')
    assert.ok(confirmed <= end, 'what is not there is confirmed')
    this.#maxOffset = end
    this.#flushedOffset = end
    this.#confirmOffset = confirmed
  }

  /** Whether a record of that size has a place in any segment. */
  fits(totalBytes: number): boolean {
    return totalBytes <= this.#segmentBytes - HEADER_BYTES
  }

  plan(): AppendPlan {
    const position = this.#maxOffset
    const segmentEnd = Math.max(position, this.allocatedEnd)
    return new AppendPlan({ position, segmentEnd, segmentBytes: this.#segmentBytes })
  }

  /**
   * Writes what was planned on the current end. If it fails, any part of it may be there: the
   * caller has to `truncate` to `maxOffset`, or to stop.
   */
  async write(plan: AppendPlan): Promise<void> {
    for (const part of plan.parts) {
      if (part.opensSegment) await this.#createSegment(part.at)
      const segment = this.#segments.at(-1)
      assert.ok(segment !== undefined, 'nothing was allocated for a write')
      if (!this.#unsynced.includes(segment)) this.#unsynced.push(segment)
      await segment.write(part.buffers, part.at)
    }
    this.#maxOffset = plan.position
  }

  /** Makes everything written durable. Never repeated after a failure. */
  async sync(): Promise<void> {
    const end = this.#maxOffset
    const segments = this.#unsynced
    this.#unsynced = []
    for (const segment of segments) await segment.sync()
    this.#flushedOffset = end
  }

  confirm(offset: number): void {
    assert.ok(offset >= this.#confirmOffset, 'the confirm offset falls')
    assert.ok(offset <= this.#flushedOffset, 'what is not durable is confirmed')
    this.#confirmOffset = offset
  }

  /**
   * Cuts everything from `to` on, durably; no byte of it can come back. A crash on the way leaves a
   * log that ends anywhere from there on.
   */
  async truncate(to: number): Promise<void> {
    assert.ok(to >= this.#confirmOffset, 'what was confirmed is cut')
    this.#cuts++
    let last = this.#segments.at(-1)
    while (last !== undefined && last.start >= to && this.#segments.length > 1) {
      this.#segments.pop()
      this.#unsynced = this.#unsynced.filter((segment) => segment !== last)
      await this.#discard(last)
      // One by one from the end: a power cut must not leave a gap.
      await this.#files.syncDirectory(this.#folder)
      last = this.#segments.at(-1)
    }
    if (last !== undefined && to < last.end) {
      this.#opened.add(last)
      await last.clearFrom(Math.max(to, last.start))
    }
    await this.#files.syncDirectory(this.#folder)
    this.#maxOffset = to
    this.#flushedOffset = Math.min(this.#flushedOffset, to)
  }

  /** Writes over what lies at `at`, all of which is stored; durable when it resolves. */
  async overwrite(bytes: Buffer, at: number): Promise<void> {
    assert.ok(at + bytes.length <= this.#maxOffset, 'the log grows by being written over')
    for (let done = 0; done < bytes.length; ) {
      const segment = this.segmentAt(at + done)
      assert.ok(segment !== undefined, 'what is not stored is written over')
      this.#opened.add(segment)
      const piece = bytes.subarray(done, segment.end - at)
      await segment.write([piece], at + done)
      await segment.sync()
      done += piece.length
    }
  }

  /** The segment that holds log offset `at`, or `undefined` if it was deleted or never written. */
  segmentAt(at: number): Segment | undefined {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#segments[middle] as Segment).end <= at) low = middle + 1
      else high = middle
    }
    const segment = this.#segments[low]
    return segment !== undefined && segment.start <= at ? segment : undefined
  }

  /**
   * Fills `target` from log offset `at` on, as far as that segment goes; resolves to the bytes read.
   *
   * Throws `OFFSET_OUT_OF_RANGE` if the segment has been deleted.
   */
  async read(target: Buffer, at: number): Promise<number> {
    const segment = this.segmentAt(at)
    if (segment === undefined) {
      throw new CometError(
        'OFFSET_OUT_OF_RANGE',
        `log offset ${at} is not stored: the log is [${this.minOffset}, ${this.#maxOffset})`,
      )
    }
    if (!segment.isOpen) await this.#makeRoomForOpen()
    this.#opened.add(segment)
    const wanted = Math.min(target.length, segment.end - at)
    return segment.read(wanted === target.length ? target : target.subarray(0, wanted), at)
  }

  /** Deletes the oldest segment. The newest is never deleted. */
  async deleteOldest(): Promise<void> {
    assert.ok(this.#segments.length > 1, 'the active segment is deleted')
    const segment = this.#segments.shift() as Segment
    await this.#discard(segment)
    await this.#files.syncDirectory(this.#folder)
  }

  /** Where log offset `at` lies, for messages to people: file and byte. */
  describe(at: number): string {
    const segment = this.segmentAt(at)
    if (segment === undefined) return `log offset ${at}`
    return `segment ${segment.path}, byte ${at - segment.start} (log offset ${at})`
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) await segment.close()
  }

  async #createSegment(start: number): Promise<void> {
    assert.equal(this.#segments.length === 0 ? start : this.allocatedEnd, start, 'a gap in the log')
    const extent = { start, bytes: this.#segmentBytes }
    const segment = await Segment.create(this.#files, this.#folder, extent)
    this.#segments.push(segment)
    this.#opened.add(segment)
    await this.#files.syncDirectory(this.#folder)
    await this.#makeRoomForOpen()
  }

  async #discard(segment: Segment): Promise<void> {
    this.#opened.delete(segment)
    await segment.close()
    await this.#files.removeFile(segment.path)
  }

  async #makeRoomForOpen(): Promise<void> {
    const active = this.#segments.at(-1)
    for (const segment of this.#opened) {
      if (this.#opened.size < OPEN_SEGMENTS_MAX) return
      if (segment === active || segment.isInUse) continue
      this.#opened.delete(segment)
      await segment.close()
    }
  }
}

async function sizeOf(files: FileSystem, path: string): Promise<number> {
  const file = await files.openFile(path)
  try {
    return await file.size()
  } finally {
    await file.close()
  }
}

function isZero(bytes: Buffer): boolean {
  // Compared with itself one byte on: the fastest way that needs no second buffer.
  return bytes[0] === 0 && bytes.subarray(1).equals(bytes.subarray(0, -1))
}
