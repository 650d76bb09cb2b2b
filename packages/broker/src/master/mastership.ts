import { CometError } from '@cometmq/protocol'
import type { MasterDuties } from './master-duties.ts'

/**
 * Whether this broker is master, and what it does as one. Everybody who needs a master's duties asks
 * here, each time anew: they are others in the next reign.
 */
export class Mastership {
  readonly #prepare: () => Promise<void>
  readonly #begin: () => Promise<MasterDuties>
  /** Why this broker may not answer as master right now, if so. */
  readonly #refusal: () => CometError | undefined
  readonly #failed: (error: unknown) => void
  #present: MasterDuties | undefined
  #isWanted = false
  #line: Promise<void> = Promise.resolve()

  constructor(parts: {
    /** What has to be in the log before anything is delivered in a reign. */
    readonly prepare: () => Promise<void>
    readonly begin: () => Promise<MasterDuties>
    readonly refusal: () => CometError | undefined
    readonly failed: (error: unknown) => void
  }) {
    this.#prepare = parts.prepare
    this.#begin = parts.begin
    this.#refusal = parts.refusal
    this.#failed = parts.failed
  }

  /** Even if it may not answer right now. */
  get present(): MasterDuties | undefined {
    return this.#present
  }

  get refusal(): CometError | undefined {
    const refusal = this.#refusal()
    if (refusal !== undefined || this.#present !== undefined) return refusal
    return notReady('this broker has just become master; try again at once')
  }

  /** Throws `NOT_MASTER` or `NOT_READY`. */
  need(): MasterDuties {
    const { refusal } = this
    if (refusal !== undefined) throw refusal
    return this.#present as MasterDuties
  }

  /**
   * Before retention deletes: appends anew what is owed from there. Throws `NOT_READY` while nobody is
   * there to do it; then nothing may be deleted.
   */
  carryForward(range: { readonly from: number; readonly to: number }): Promise<void> {
    if (this.#present === undefined) {
      const why = 'what is owed from the begin of the log cannot be carried forward yet'
      throw new CometError('NOT_READY', why)
    }
    return this.#present.delivery.carryForward(range)
  }

  /** Resolves when the duties are there, unless the reign has ended meanwhile. */
  begin(): Promise<void> {
    this.#isWanted = true
    return this.#inTurn(async () => {
      if (!this.#isWanted || this.#present !== undefined) return
      await this.#prepare()
      if (this.#isWanted) this.#present = await this.#begin()
    })
  }

  /**
   * Does something while there are no duties: everybody is told to come again at once. Resolves when
   * there are new ones; does nothing where there were none.
   */
  renew(between: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      const duties = this.#present
      if (!this.#isWanted || duties === undefined) return
      this.#present = undefined
      await duties.end(notReady('this master begins to deliver anew; try again at once'))
      await between()
      if (this.#isWanted) this.#present = await this.#begin()
    })
  }

  /** Nobody is served from here on; resolves when everything has come to rest. */
  end(why: CometError): Promise<void> {
    this.#isWanted = false
    return this.#inTurn(async () => {
      // Also when the next reign waits already: others may have led in between, and what these duties
      // have in memory is as of their own.
      const duties = this.#present
      this.#present = undefined
      await duties?.end(why)
    })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#line = this.#line.then(work).catch(this.#failed)
    return this.#line
  }
}

function notReady(why: string): CometError {
  return new CometError('NOT_READY', why, { retryAfterMs: 20 })
}
