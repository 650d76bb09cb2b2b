import { crc32 } from 'node:zlib'
import { type CommitLogOffset, commitLogOffset, type MasterFrame } from '@cometmq/protocol'
import type { ReplicatedLog } from '@cometmq/store'
import type { LiveRing } from './live-ring.ts'

type Data = Extract<MasterFrame['message'], { kind: 'data' }>

/** What was written at once and is larger is read from the disk again, in pieces of this size. */
const FRAME_BYTES = 256 * 1024

export interface FeedParts {
  readonly log: Pick<ReplicatedLog, 'offsets' | 'readRange'>
  readonly ring: LiveRing
  /** So much is sent and not received at most. */
  readonly maxInFlightBytes: number
  /** Sends a frame; `false`: no more before `ready`. */
  readonly send: (data: Data) => boolean
  readonly ready: () => Promise<void>
  readonly pushed: (to: CommitLogOffset) => void
  /** What the slave needs cannot be read: it has to begin again. */
  readonly failed: (error: unknown) => void
}

/**
 * Sends one slave the log: what is written in the moment it is written, and what it missed from the
 * ring or the disk, one read at a time.
 */
export class SlaveFeed {
  readonly #parts: FeedParts
  #next: number
  #received: number
  #isWaiting = false
  #isClosed = false

  constructor(parts: FeedParts, from: number) {
    this.#parts = parts
    this.#next = from
    this.#received = from
  }

  /** The slave has everything below. */
  received(offset: number): void {
    this.#received = Math.max(this.#received, offset)
    this.pump()
  }

  close(): void {
    this.#isClosed = true
  }

  /** Sends what may be sent now. */
  pump(): void {
    const { log, ring, maxInFlightBytes } = this.#parts
    while (!this.#isClosed && !this.#isWaiting) {
      if (this.#next - this.#received >= maxInFlightBytes) return
      const live = ring.at(this.#next)
      if (live !== undefined && live.to - live.from <= FRAME_BYTES) {
        const { from, to, epoch, epochStart, buffers } = live
        const [only] = buffers
        const bytes = buffers.length === 1 && only !== undefined ? only : Buffer.concat(buffers)
        if (!this.#send({ from, to, epoch, epochStart, bytes })) this.#wait(this.#parts.ready())
      } else if (this.#next < log.offsets.max) this.#wait(this.#readOn())
      else return
    }
  }

  async #readOn(): Promise<void> {
    const { log, ring } = this.#parts
    // Up to where the ring goes on: only at the begin of a piece it can be entered.
    const aheadBytes = (ring.beginAfter(this.#next) ?? Number.POSITIVE_INFINITY) - this.#next
    const range = await log.readRange(this.#next, Math.min(FRAME_BYTES, aheadBytes))
    if (range === undefined || this.#isClosed) return
    if (!this.#send(range)) await this.#parts.ready()
  }

  #send(range: {
    readonly from: number
    readonly to: number
    readonly epoch: number
    readonly epochStart: number
    readonly bytes: Buffer
  }): boolean {
    const { from, to, epoch, epochStart, bytes } = range
    const isTaken = this.#parts.send({
      kind: 'data',
      offset: from,
      batchEpoch: epoch,
      batchEpochStart: epochStart,
      records: bytes,
      checksum: crc32(bytes),
    })
    this.#next = to
    this.#parts.pushed(commitLogOffset(to))
    return isTaken
  }

  #wait(until: Promise<void>): void {
    this.#isWaiting = true
    until.then(
      () => {
        this.#isWaiting = false
        this.pump()
      },
      (error: unknown) => {
        if (!this.#isClosed) this.#parts.failed(error)
      },
    )
  }
}
