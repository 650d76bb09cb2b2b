import { type CommitLogOffset, commitLogOffset } from '@cometmq/protocol'
import type { AppendPlan } from '../commit-log/append-plan.ts'
import type { Unsubscribe } from '../store-listener.ts'

/** What one write has added to the log: whole append groups of one epoch. */
export interface LiveBytes {
  readonly from: CommitLogOffset
  readonly to: CommitLogOffset
  /** The reign of the master that made them, and where it begins. */
  readonly epoch: number
  readonly epochStart: CommitLogOffset
  /**
   * The bytes `[from, to)`, in pieces. Those of records are the very buffers that were written: they
   * must not be changed, and keep alive what they are views of.
   */
  readonly buffers: readonly Buffer[]
}

/** Called as soon as the system has the bytes, before they are flushed. Must not throw. */
export type LiveListener = (bytes: LiveBytes) => void

/** Of fillers only the header is written: what follows it is zeros, as the segment was made. */
const ZEROS = Buffer.alloc(64 * 1024)

/** Hands on what is being written, without reading it again. */
export class LiveTail {
  readonly #epochNow: () => { readonly epoch: number; readonly start: number }
  readonly #listeners = new Set<LiveListener>()

  constructor(epochNow: () => { readonly epoch: number; readonly start: number }) {
    this.#epochNow = epochNow
  }

  subscribe(listener: LiveListener): Unsubscribe {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** What was planned has been written from log offset `from` on. */
  written(plan: AppendPlan, from: number): void {
    if (this.#listeners.size === 0) return
    const { epoch, start } = this.#epochNow()
    const bytes = {
      from: commitLogOffset(from),
      to: commitLogOffset(plan.position),
      epoch,
      epochStart: commitLogOffset(start),
      buffers: wholeBytes(plan),
    }
    for (const listener of this.#listeners) listener(bytes)
  }
}

/** All bytes of a plan, those of fillers included. */
function wholeBytes({ parts, position }: AppendPlan): Buffer[] {
  const buffers: Buffer[] = []
  for (const [index, part] of parts.entries()) {
    let end = part.at
    for (const buffer of part.buffers) {
      buffers.push(buffer)
      end += buffer.length
    }
    const next = parts[index + 1]?.at ?? position
    for (; end < next; end += ZEROS.length) {
      buffers.push(ZEROS.subarray(0, Math.min(ZEROS.length, next - end)))
    }
  }
  return buffers
}
