import { CometError, HEADER_BYTES, limits, peekRecord, RecordBatch } from '@cometmq/protocol'
import type { CommitLog } from './commit-log/commit-log.ts'
import type { DamagedPlaces } from './damage/damaged-places.ts'
import { ChunkCache, TailCache } from './read-cache.ts'

/** A record of this size is read by itself; smaller ones share chunks with their neighbours. */
const DIRECT_READ_BYTES = 64 * 1024

export interface RecordPlace {
  readonly logOffset: number
  readonly bytes: number
}

/** Reads confirmed records by their place in the log, from memory where it has them. */
export class RecordReader {
  readonly #log: CommitLog
  readonly #places: Pick<DamagedPlaces, 'suspect'>
  readonly #tail: TailCache
  readonly #chunks: ChunkCache

  constructor(
    log: CommitLog,
    places: Pick<DamagedPlaces, 'suspect'>,
    caches: { readonly tailBytes: number; readonly chunkBytes: number },
  ) {
    this.#log = log
    this.#places = places
    this.#tail = new TailCache(caches.tailBytes)
    this.#chunks = new ChunkCache(log, caches.chunkBytes)
  }

  /** Keeps a record that was appended just now. */
  remember(logOffset: number, batch: RecordBatch): void {
    this.#tail.add(logOffset, batch)
  }

  /** What lies there was written over. */
  forget(from: number, to: number): void {
    this.#chunks.forget(from, to)
  }

  /** Throws `RECORD_CORRUPT`, or `OFFSET_OUT_OF_RANGE` if retention was faster. */
  async read(places: readonly RecordPlace[]): Promise<RecordBatch[]> {
    const batches: RecordBatch[] = []
    for (let index = 0; index < places.length; ) {
      const place = places[index] as RecordPlace
      const known = this.#tail.get(place.logOffset)
      if (known !== undefined) {
        batches.push(known)
        index++
        continue
      }
      // What lies side by side in one segment is read at once.
      const segmentEnd = this.#log.segmentAt(place.logOffset)?.end
      let next = index + 1
      let end = place.logOffset + place.bytes
      while (end !== segmentEnd && places[next]?.logOffset === end) {
        end += (places[next] as RecordPlace).bytes
        next++
      }
      const bytes = await this.#bytes(place.logOffset, end)
      for (; index < next; index++) {
        batches.push(this.#record(bytes, place.logOffset, places[index] as RecordPlace))
      }
    }
    return batches
  }

  /** Reads the record that begins there. Throws as `read` does. */
  async readAt(logOffset: number): Promise<RecordBatch> {
    const known = this.#tail.get(logOffset)
    if (known !== undefined) return known
    const segment = this.#log.segmentAt(logOffset)
    const end = Math.min(segment?.end ?? logOffset, this.#log.confirmOffset)
    if (end <= logOffset) {
      throw new CometError(
        'OFFSET_OUT_OF_RANGE',
        `log offset ${logOffset} is not readable: records lie in [${this.#log.minOffset}, ${this.#log.confirmOffset})`,
      )
    }
    const headerMaxBytes = HEADER_BYTES + limits.topicNameMaxChars * 4
    const header = await this.#bytes(logOffset, Math.min(end, logOffset + headerMaxBytes))
    const peek = peekRecord(header)
    if (peek.kind !== 'record' || logOffset + peek.totalBytes > end) {
      throw this.#corrupt(logOffset, peek.kind === 'invalid' ? peek.why : 'the record is cut off')
    }
    const bytes = await this.#bytes(logOffset, logOffset + peek.totalBytes)
    return this.#record(bytes, logOffset, { logOffset, bytes: peek.totalBytes })
  }

  async #bytes(from: number, to: number): Promise<Buffer> {
    if (to - from < DIRECT_READ_BYTES) return this.#chunks.read(from, to)
    const bytes = Buffer.allocUnsafeSlow(to - from)
    const readBytes = await this.#log.read(bytes, from)
    return bytes.subarray(0, readBytes)
  }

  #record(bytes: Buffer, start: number, place: RecordPlace): RecordBatch {
    const at = place.logOffset - start
    const peek = peekRecord(bytes, at)
    if (peek.kind === 'invalid') throw this.#corrupt(place.logOffset, peek.why)
    if (peek.kind === 'incomplete' || at + peek.totalBytes > bytes.length) {
      throw this.#corrupt(place.logOffset, 'the record is cut off')
    }
    const record = RecordBatch.parse(bytes, at)
    if (record.logOffset !== place.logOffset || record.totalBytes !== place.bytes) {
      throw this.#corrupt(place.logOffset, 'another record lies here')
    }
    if (!record.isBodyIntact) {
      throw this.#corrupt(place.logOffset, 'the body checksum does not match')
    }
    return record
  }

  #corrupt(logOffset: number, why: string): CometError {
    this.#places.suspect(logOffset)
    // Kept, it would be read once more when the disk has been mended.
    this.#chunks.forget(logOffset, logOffset + 1)
    return new CometError(
      'RECORD_CORRUPT',
      `${this.#log.describe(logOffset)} is damaged: ${why}; other messages can be read. ` +
        'Run "comet store verify" on this folder with the broker stopped',
    )
  }
}
