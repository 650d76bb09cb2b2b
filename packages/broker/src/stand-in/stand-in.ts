import { CometError, encodeChanges, toCometError } from '@cometmq/protocol'
import type { GivenOverlay, OverlaySource } from '@cometmq/replication'
import type { Clock, Logger, Runtime, Timer } from '@cometmq/runtime'
import type { MessageStore, Unsubscribe } from '@cometmq/store'
import { mergedNumber, tellsOfMerge } from './merge-overlays.ts'
import { Overlay } from './overlay.ts'
import type { RowChange } from './overlay-rows.ts'
import { OverlayStore } from './overlay-store.ts'
import type { StandInDuties } from './stand-in-duties.ts'

const LOOK_MS = 250

/** Who has taken the overlay is about to be master; and no file was made where the disk is full. */
const REST_MS = 10_000

const CHANGES_PER_PART = 1_000

export interface StandInOptions {
  /** Where replication keeps its files beside the log. */
  readonly folder: string
  /** Whether this slave is to stand in, as of now; see `standsIn`. */
  readonly isCalledFor: () => boolean
  readonly begin: (store: OverlayStore) => Promise<StandInDuties>
  /** It has begun, or ended. */
  readonly changed: () => void
  /** The overlay cannot be kept any more; the process should end. */
  readonly failed: (error: unknown) => void
}

/**
 * A slave that stands in for its master whenever that is called for, and the overlay with what it was
 * told then: kept until the log shows that a master has merged it.
 */
export class StandIn implements OverlaySource {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #store: MessageStore
  readonly #options: StandInOptions
  readonly #overlay: Overlay
  readonly #unsubscribe: Unsubscribe
  #timer: Timer | undefined
  #present: StandInDuties | undefined
  #isWanted = false
  #isClosed = false
  #restUntilMs = 0
  #line: Promise<unknown> = Promise.resolve()

  private constructor(
    ports: { readonly clock: Clock; readonly log: Logger; readonly store: MessageStore },
    options: StandInOptions,
    overlay: Overlay,
  ) {
    this.#clock = ports.clock
    this.#log = ports.log
    this.#store = ports.store
    this.#options = options
    this.#overlay = overlay
    this.#unsubscribe = ports.store.subscribe({
      changed: (changes) => {
        if (changes.some(tellsOfMerge)) void this.#inTurn(() => this.#dropMerged())
      },
    })
  }

  /** Begins nothing before `start`. Throws what `Overlay.open` throws. */
  static async open(
    ports: Pick<Runtime, 'clock' | 'files' | 'log'> & { readonly store: MessageStore },
    options: StandInOptions,
  ): Promise<StandIn> {
    const { folder, failed } = options
    const { storeId } = ports.store
    const overlay = await Overlay.open({ ...ports, failed }, { folder, storeId })
    const standIn = new StandIn(ports, options, overlay)
    await standIn.#inTurn(() => standIn.#dropMerged())
    return standIn
  }

  get present(): StandInDuties | undefined {
    return this.#present
  }

  get standsIn(): boolean {
    return this.#present !== undefined
  }

  start(): void {
    this.look()
    this.#timer = this.#clock.schedule(LOOK_MS, () => this.start())
  }

  /** Begins or ends, if it is called for. */
  look(): void {
    const isResting = this.#clock.elapsedMs() < this.#restUntilMs
    const isWanted = !this.#isClosed && !isResting && this.#options.isCalledFor()
    if (isWanted === this.#isWanted) return
    this.#isWanted = isWanted
    void this.#inTurn(() => this.#follow())
  }

  /** Ends standing in, for a while at least: whoever asks is about to be master. */
  async giveOverlay(): Promise<GivenOverlay | undefined> {
    this.#restUntilMs = this.#clock.elapsedMs() + REST_MS
    this.#isWanted = false
    return this.#inTurn(async () => {
      await this.#follow()
      const { id, rows } = this.#overlay
      if (id === undefined || rows.isEmpty) return undefined
      const changes: Buffer[] = []
      for (const part of partsOf([...rows.changes()])) changes.push(encodeChanges(part))
      return { ...id, changes }
    })
  }

  /** Ends it, and keeps the overlay. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#isWanted = false
    this.#timer?.cancel()
    this.#unsubscribe()
    await this.#inTurn(async () => {
      await this.#follow()
      await this.#overlay.close()
    })
  }

  /** Makes what is the case what is wanted, as of now. */
  async #follow(): Promise<void> {
    if (this.#isWanted === (this.#present !== undefined)) return
    if (this.#isWanted) await this.#begin()
    else await this.#end()
    this.#options.changed()
  }

  async #begin(): Promise<void> {
    const { id } = this.#overlay
    const merged = mergedNumber(this.#store, this.#store.storeId)
    try {
      // Consumers are shown it now, and there is no master to tell it again after a restart.
      await this.#store.noteConfirmed()
      // What was given away under a number is complete: what comes now has one of its own.
      await this.#overlay.begin(Math.max(id?.number ?? 0, merged) + 1)
    } catch (thrown) {
      this.#log.warn({ error: toCometError(thrown) }, 'this slave cannot stand in')
      this.#isWanted = false
      this.#restUntilMs = this.#clock.elapsedMs() + REST_MS
      return
    }
    this.#present = await this.#options.begin(new OverlayStore(this.#store, this.#overlay))
    this.#log.warn({ overlay: this.#overlay.id?.number }, 'this slave stands in for its master')
  }

  async #end(): Promise<void> {
    const duties = this.#present
    this.#present = undefined
    await duties?.end(
      new CometError('NOT_MASTER', 'this slave stands in no longer; ask the master'),
    )
    this.#log.info({}, 'this slave stands in no longer')
  }

  /** The log has all of it. */
  async #dropMerged(): Promise<void> {
    const { id } = this.#overlay
    if (id === undefined || this.#present !== undefined) return
    if (mergedNumber(this.#store, id.storeId) < id.number) return
    await this.#overlay.drop()
    this.#log.info({ overlay: id.number }, 'a master has merged what this slave was told')
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#line.then(work)
    this.#line = turn.catch((error: unknown) => this.#options.failed(error))
    return turn
  }
}

function* partsOf(changes: readonly RowChange[]): Generator<readonly RowChange[]> {
  for (let at = 0; at < changes.length; at += CHANGES_PER_PART) {
    yield changes.slice(at, at + CHANGES_PER_PART)
  }
}
