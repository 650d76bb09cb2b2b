import { CometError } from '@cometmq/protocol'
import type { Clock } from '@cometmq/runtime'
import type { ReplicatedLog } from '@cometmq/store'
import type { Action } from '../actions.ts'

type AppendRaw = Extract<Action, { kind: 'append-raw' }>

export interface RawAppendsParts {
  readonly log: Pick<ReplicatedLog, 'appendRaw'>
  readonly clock: Pick<Clock, 'sleep'>
  /** Nothing waits for space any more once it is aborted. */
  readonly signal: AbortSignal
}

const FULL_DISK_RETRY_MS = 250

/** Appends what a slave is sent. Without space it waits for some: its master does without it meanwhile. */
export class RawAppends {
  readonly #parts: RawAppendsParts
  #last: Promise<void> = Promise.resolve()

  constructor(parts: RawAppendsParts) {
    this.#parts = parts
  }

  /** May be called with what comes next before it resolves. Rejects as the log does, but for space. */
  append(action: AppendRaw): Promise<void> {
    this.#last = this.#append(action, this.#last)
    return this.#last
  }

  async #append(
    { offset, wroteIt, records }: AppendRaw,
    before: Promise<void> | undefined,
  ): Promise<void> {
    const { log, clock, signal } = this.#parts
    const origin = { epoch: wroteIt.epoch, epochStart: wroteIt.start }
    for (;;) {
      try {
        // The core counts bytes, and those that it was given came as a buffer.
        await log.appendRaw(offset, records as Buffer, origin)
        return
      } catch (error) {
        const code = error instanceof CometError ? error.code : undefined
        if (code === 'DISK_FULL') await clock.sleep(FULL_DISK_RETRY_MS, signal)
        else if (code === 'OFFSET_OUT_OF_RANGE' && before !== undefined) {
          // It found space, and what comes before it had found none. Were that waited for by time, all
          // that comes would wait as long for good, once there has been no space.
          await before
          before = undefined
        } else throw error
      }
    }
  }
}
