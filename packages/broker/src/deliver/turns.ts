import { CometError } from '@cometmq/protocol'

/** More work than this waits for one name only if somebody floods us. */
const MAX_WAITING = 1_024

/**
 * Runs pieces of work that share a name one after the other, so that what a piece has read stays
 * true until it ends.
 */
export class Turns {
  readonly #lines = new Map<string, { last: Promise<unknown>; waiting: number }>()

  /** Resolves as the work does. Throws `OVERLOADED` if too much waits already. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { last: Promise.resolve(), waiting: 0 }
    if (line.waiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} requests wait for group "${name}"; try again later`
      throw new CometError('OVERLOADED', message, { retryAfterMs: 1_000 })
    }
    this.#lines.set(name, line)
    line.waiting++
    const turn = line.last.then(work).finally(() => {
      line.waiting--
      if (line.waiting === 0) this.#lines.delete(name)
    })
    line.last = turn.catch(() => {})
    return turn
  }
}
