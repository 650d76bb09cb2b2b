import { CometError } from '@cometmq/protocol'
import type { Runtime } from '@cometmq/runtime'
import { StartingOver, type StateOrigin, type StoreConfig } from '@cometmq/store'
import {
  asBuffer,
  type CheckpointMethod,
  type CheckpointPart,
  historyOf,
  receiveCheckpoint,
} from './checkpoint-parts.ts'
import type { GroupName } from './wire-frames.ts'

const PROGRESS_MS = 5_000

export interface CopyWish {
  readonly store: StoreConfig
  readonly group: GroupName
  /** Of the member that is copied, on its port for members. */
  readonly from: string
}

/**
 * Replaces the store in the data folder, which nobody has open, by a copy of another member's. What
 * was there is gone for good; a copy that breaks off leaves an empty store.
 *
 * Throws what the other member says, `CONNECT_FAILED`, `MALFORMED_REQUEST`, and what the store says.
 */
export async function copyStore(
  runtime: Runtime,
  method: CheckpointMethod,
  wish: CopyWish,
): Promise<void> {
  const { log, clock, transport } = runtime
  const { group, from } = wish
  const beganMs = clock.elapsedMs()
  log.warn({ from }, 'the store is made anew as a copy of the master')
  const copy = new Copy(runtime, wish.store)
  try {
    const request = { ...group, logOnly: false, logFrom: 0 }
    await receiveCheckpoint(transport, method, { from, request }, (part) => copy.take(part))
    await copy.finish()
    log.info({ ...copy.counts, tookMs: clock.elapsedMs() - beganMs }, 'the store is a copy')
  } finally {
    await copy.close()
  }
}

/** One copy as its parts arrive. */
class Copy {
  readonly #runtime: Runtime
  readonly #config: StoreConfig
  #into: StartingOver | undefined
  #rows = 0
  #logBytes = 0
  #isComplete = false
  #toldAtMs: number

  constructor(runtime: Runtime, config: StoreConfig) {
    this.#runtime = runtime
    this.#config = config
    this.#toldAtMs = runtime.clock.elapsedMs()
  }

  get counts(): { readonly rows: number; readonly logBytes: number } {
    return { rows: this.#rows, logBytes: this.#logBytes }
  }

  async take(part: CheckpointPart): Promise<void> {
    const { origin, rows, log, end } = part
    if (origin) {
      if (this.#into !== undefined) throw malformed('a copy has one origin')
      this.#into = await StartingOver.begin(this.#runtime, this.#config, originOf(origin))
    } else if (rows) await this.#takeRows(rows.keys ?? [], rows.values ?? [])
    else if (log) {
      const records = asBuffer(log.records)
      await this.#begun.appendLog(Number(log.offset), records, Number(log.epoch))
      this.#logBytes += records.length
    } else if (end) this.#isComplete = true
    this.#tell()
  }

  async finish(): Promise<void> {
    const into = this.#begun
    if (!this.#isComplete || !into.isLevel) throw malformed('the copy broke off')
    await into.finish()
  }

  /** What is not finished is empty. */
  async close(): Promise<void> {
    await this.#into?.[Symbol.asyncDispose]()
  }

  async #takeRows(keys: readonly unknown[], values: readonly unknown[]): Promise<void> {
    if (keys.length !== values.length) throw malformed('a row has a key and a value')
    await this.#begun.putRows(keys.map((key, at) => [asBuffer(key), asBuffer(values[at])] as const))
    this.#rows += keys.length
  }

  get #begun(): StartingOver {
    if (this.#into === undefined) throw malformed('a copy begins with its origin')
    return this.#into
  }

  #tell(): void {
    const { clock, log } = this.#runtime
    if (clock.elapsedMs() - this.#toldAtMs < PROGRESS_MS) return
    this.#toldAtMs = clock.elapsedMs()
    log.info(this.counts, 'the store is being copied')
  }
}

function originOf(origin: NonNullable<CheckpointPart['origin']>): StateOrigin {
  const { appliedOffset, epoch, storeTimeMs, baseOffset } = origin
  return {
    applied: {
      appliedOffset: Number(appliedOffset),
      epoch: Number(epoch),
      storeTimeMs: Number(storeTimeMs),
    },
    baseOffset: Number(baseOffset),
    epochs: historyOf(origin),
  }
}

function malformed(why: string): CometError {
  return new CometError('MALFORMED_REQUEST', why)
}
