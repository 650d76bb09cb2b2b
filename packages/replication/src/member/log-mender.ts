import { CometError, type CommitLogOffset, EpochHistory } from '@cometmq/protocol'
import type { RawOrigin } from '@cometmq/store'
import { asBuffer, entryOf, historyOf, receiveCheckpoint } from './checkpoint-parts.ts'
import type { MemberPorts } from './ports.ts'
import type { GroupName } from './wire-frames.ts'

export type LogMenderPorts = Pick<MemberPorts, 'clock' | 'transport' | 'log' | 'methods' | 'store'>

/** Another member that does not answer by then is not waited for. */
const FETCH_MS = 10_000
/** While nobody can give a place, all are asked again after that, and half as often each time … */
const AGAIN_MS = 1_000
/** … down to this. */
const AGAIN_MAX_MS = 10_000

/**
 * Puts damaged records of the log back as other members have them, one after the other, for as long as
 * they are damaged and stored.
 */
export class LogMender {
  readonly #ports: LogMenderPorts
  readonly #group: GroupName
  /** Addresses, in the order in which they are asked. */
  readonly #others: () => readonly string[]
  readonly #closed = new AbortController()
  #stopListening: () => void = () => {}
  #running: Promise<void> | undefined
  /** Ends the pause between two rounds. */
  #wakeUp = new AbortController()

  constructor(ports: LogMenderPorts, group: GroupName, others: () => readonly string[]) {
    this.#ports = ports
    this.#group = group
    this.#others = others
  }

  start(): void {
    this.#stopListening = this.#ports.store.log.onDamaged(() => this.#mend())
    this.#mend()
  }

  /** Resolves when nothing of the log is being written. */
  async close(): Promise<void> {
    this.#closed.abort(new CometError('CANCELLED', 'the member is closed'))
    this.#stopListening()
    await this.#running
  }

  #mend(): void {
    this.#wakeUp.abort()
    this.#running ??= this.#mendAll().finally(() => {
      this.#running = undefined
      // One may have been found since the last look.
      if (!this.#closed.signal.aborted && this.#ports.store.log.damaged.length > 0) this.#mend()
    })
  }

  async #mendAll(): Promise<void> {
    const { store, clock, log } = this.#ports
    const { signal } = this.#closed
    for (let againMs = AGAIN_MS; ; againMs = Math.min(2 * againMs, AGAIN_MAX_MS)) {
      const { damaged } = store.log
      // Mending one may show that the next one is damaged as well.
      for (const at of damaged) if (await this.#mendAt(at)) againMs = AGAIN_MS
      if (store.log.damaged.length === 0 || signal.aborted) return
      const left = store.log.damaged.length
      log.debug({ left, againMs }, 'damaged records wait for a member that has them')
      this.#wakeUp = new AbortController()
      const woken = AbortSignal.any([signal, this.#wakeUp.signal])
      await clock.sleep(againMs, woken).catch(() => {})
    }
  }

  /** Whether it was damaged and is not any more. */
  async #mendAt(at: CommitLogOffset): Promise<boolean> {
    const { store, log } = this.#ports
    const { signal } = this.#closed
    try {
      if (signal.aborted || !(await store.log.isDamaged(at))) return false
    } catch (error) {
      if (!signal.aborted) log.debug({ at, error }, 'a damaged place is not there any more')
      return false
    }
    for (const from of this.#others()) {
      if (signal.aborted) return false
      try {
        const { bytes, origin } = await this.#fetch(at, from)
        const to = await store.log.mend(at, bytes, origin)
        log.info({ at, to, from }, 'damaged record is mended')
        // Behind a header that could not be read, nobody has looked.
        await store.log.verify(at, to + 1)
        return true
      } catch (error) {
        if (signal.aborted) return false
        log.info({ at, from, error }, 'damaged record is not mended by that member')
      }
    }
    return false
  }

  /** What begins at `at` there: whole append groups, or the rest of one. */
  async #fetch(
    at: CommitLogOffset,
    from: string,
  ): Promise<{ readonly bytes: Buffer; readonly origin: RawOrigin }> {
    const { transport, methods, clock } = this.#ports
    const late = new AbortController()
    const timer = clock.schedule(FETCH_MS, () => {
      late.abort(new CometError('TIMEOUT', `${from} sends nothing`))
    })
    const signal = AbortSignal.any([late.signal, this.#closed.signal])
    let history = EpochHistory.empty
    let found: { readonly bytes: Buffer; readonly origin: RawOrigin } | undefined
    const request = { ...this.#group, logOnly: true, logFrom: at }
    const wish = { from, request, signal }
    try {
      await receiveCheckpoint(transport, methods.Checkpoint, wish, async ({ origin, log }) => {
        if (origin) history = historyOf(origin)
        if (!log) return undefined
        const { epoch, start } = entryOf(history, Number(log.epoch))
        found = { bytes: asBuffer(log.records), origin: { epoch, epochStart: start } }
        return 'enough'
      })
    } finally {
      timer.cancel()
    }
    if (found !== undefined) return found
    throw new CometError('OFFSET_OUT_OF_RANGE', `the log of ${from} ends at ${at}, or before`)
  }
}
