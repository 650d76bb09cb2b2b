import type { RecordBatch } from '@cometmq/protocol'
import type { CommitLog } from './commit-log/commit-log.ts'

/** What keeping a record costs beside its bytes: views, entries, slots. */
const RECORD_OVERHEAD_BYTES = 512

/** The records appended last, as they were handed in. */
export class TailCache {
  readonly #maxBytes: number
  readonly #records = new Map<number, RecordBatch>()
  /** Log offset and cost of each, in turn, the oldest at `#head`. Maps are slow at giving it. */
  #order: number[] = []
  #head = 0
  #bytes = 0
  #lastMemory: ArrayBufferLike | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get(logOffset: number): RecordBatch | undefined {
    return this.#records.get(logOffset)
  }

  add(logOffset: number, batch: RecordBatch): void {
    // A record is a view of the frame it came in, and keeps all of it alive: the first view of a
    // frame answers for the whole.
    const memory = batch.bytes.buffer
    const cost = (memory === this.#lastMemory ? 0 : memory.byteLength) + RECORD_OVERHEAD_BYTES
    this.#lastMemory = memory
    this.#records.set(logOffset, batch)
    this.#order.push(logOffset, cost)
    this.#bytes += cost
    while (this.#bytes > this.#maxBytes) this.#dropOldest()
  }

  #dropOldest(): void {
    this.#records.delete(this.#order[this.#head] as number)
    this.#bytes -= this.#order[this.#head + 1] as number
    this.#head += 2
    if (this.#head < this.#order.length / 2) return
    this.#order = this.#order.slice(this.#head)
    this.#head = 0
  }
}

const CHUNK_BYTES = 256 * 1024

interface Chunk {
  readonly bytes: Buffer
  /** So many of them are confirmed records; the rest may have changed since. */
  readonly validBytes: number
}

/**
 * Pieces of the log read lately, so that queues whose records lie side by side share one read.
 *
 * Only what is below the confirm offset is kept: those bytes never change.
 */
export class ChunkCache {
  readonly #log: CommitLog
  readonly #maxChunks: number
  /** By log offset of their first byte, the one used longest ago first. */
  readonly #chunks = new Map<number, Promise<Chunk>>()

  constructor(log: CommitLog, maxBytes: number) {
    this.#log = log
    this.#maxChunks = Math.max(1, Math.floor(maxBytes / CHUNK_BYTES))
  }

  /** The bytes `[from, to)` of one segment, all confirmed. A view when they lie in one chunk. */
  async read(from: number, to: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let at = from; at < to; ) {
      const { start, end } = this.#chunkAround(at)
      const chunk = await this.#chunk(start, end, Math.min(to, end))
      parts.push(chunk.bytes.subarray(at - start, Math.min(to, end) - start))
      at = end
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  }

  /** Drops what is kept of `[from, to)`, also what is being read. */
  forget(from: number, to: number): void {
    for (const start of this.#chunks.keys()) {
      if (start < to && start + CHUNK_BYTES > from) this.#chunks.delete(start)
    }
  }

  #chunkAround(at: number): { readonly start: number; readonly end: number } {
    const segmentStart = this.#log.segmentAt(at)?.start ?? 0
    const segmentEnd = this.#log.segmentAt(at)?.end ?? at + CHUNK_BYTES
    const start = segmentStart + Math.floor((at - segmentStart) / CHUNK_BYTES) * CHUNK_BYTES
    return { start, end: Math.min(start + CHUNK_BYTES, segmentEnd) }
  }

  async #chunk(start: number, end: number, neededTo: number): Promise<Chunk> {
    const known = this.#chunks.get(start)
    if (known !== undefined) {
      this.#chunks.delete(start)
      this.#chunks.set(start, known)
      const chunk = await known
      if (start + chunk.validBytes >= neededTo) return chunk
    }
    const reading = this.#read(start, end)
    this.#chunks.set(start, reading)
    for (const oldest of this.#chunks.keys()) {
      if (this.#chunks.size <= this.#maxChunks) break
      this.#chunks.delete(oldest)
    }
    try {
      return await reading
    } catch (error) {
      if (this.#chunks.get(start) === reading) this.#chunks.delete(start)
      throw error
    }
  }

  async #read(start: number, end: number): Promise<Chunk> {
    const validBytes = Math.min(end, this.#log.confirmOffset) - start
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, validBytes))
    const readBytes = await this.#log.read(bytes, start)
    return { bytes: bytes.subarray(0, readBytes), validBytes: readBytes }
  }
}
