import type { Logger } from '@cometmq/runtime'
import type { Elector, Revision, Transaction } from '../elector.ts'
import type { Happening } from '../events.ts'

/** Calls of a member to its elector; what comes of them are events. */
export class ElectorCalls {
  readonly #elector: Elector
  readonly #log: Logger
  readonly #happen: (happening: Happening) => void
  #watch: AsyncDisposable | undefined
  #isClosed = false

  constructor(elector: Elector, log: Logger, happen: (happening: Happening) => void) {
    this.#elector = elector
    this.#log = log
    this.#happen = happen
  }

  read(): void {
    this.#elector.read().then(
      (outcome) => {
        if (this.#isClosed) return
        if (outcome.kind !== 'read') {
          this.#happen({ kind: 'not-viewed', reason: outcome.kind })
          return
        }
        this.#watchFrom(outcome.view.revision)
        this.#happen({ kind: 'viewed', view: outcome.view })
      },
      (error: unknown) => {
        // A record that nobody can read is no reason to act on a guess at it.
        this.#log.error({ error }, 'the state of the broker group cannot be read')
        if (!this.#isClosed) this.#happen({ kind: 'not-viewed', reason: 'unreachable' })
      },
    )
  }

  swap(number: number, transaction: Transaction): void {
    this.#elector.swap(transaction).then(
      (outcome) => {
        if (!this.#isClosed) this.#happen({ kind: 'swap-answered', number, outcome })
      },
      (error: unknown) => {
        this.#log.error({ error }, 'a transaction of the broker group failed')
        if (this.#isClosed) return
        this.#happen({ kind: 'swap-answered', number, outcome: { kind: 'unknown' } })
      },
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#watch?.[Symbol.asyncDispose]()
  }

  #watchFrom(revision: Revision): void {
    this.#watch ??= this.#elector.watch(revision, () => {
      if (!this.#isClosed) this.#happen({ kind: 'hinted' })
    })
  }
}
