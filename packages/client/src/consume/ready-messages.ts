import { Fifo } from '../fifo.ts'
import type { LeasedRun } from './leased-run.ts'

/** A message that is held, and which run it belongs to. */
export interface HeldMessage {
  readonly run: LeasedRun
  readonly offset: number
}

/** What lies ready of one broker's messages, in the order in which it may be taken. */
export interface ReadyMessages {
  add(run: LeasedRun): void
  /** The next one, now taken. `isOver` is asked of each run first; it loses what waits if it is. */
  take(isOver: (run: LeasedRun) => void): HeldMessage | undefined
  /** What waits behind a message, and goes back with it. */
  behind(run: LeasedRun, offset: number): readonly HeldMessage[]
}

/** In the order of arrival. */
export class ArrivedMessages implements ReadyMessages {
  readonly #runs = new Fifo<LeasedRun>()

  add(run: LeasedRun): void {
    this.#runs.push(run)
  }

  take(isOver: (run: LeasedRun) => void): HeldMessage | undefined {
    for (let run = this.#runs.first; run !== undefined; run = this.#runs.first) {
      isOver(run)
      const offset = run.take()
      if (offset !== -1) return { run, offset }
      this.#runs.shift()
    }
    return undefined
  }

  behind(): readonly HeldMessage[] {
    return []
  }
}

/** Messages of one message group, one after the other. */
interface Line {
  /** `undefined`: of a message that waits for no other. */
  readonly name: string | undefined
  readonly waiting: Fifo<HeldMessage>
  /** Taken, and not settled yet. */
  current: HeldMessage | undefined
}

/**
 * Of each message group one message at a time, in their order; of a FIFO group.
 *
 * When a message goes back, or is lost, those behind it may not be handled before it comes again: they
 * go back as well. Somebody else may have it meanwhile, whether or not it was at work here.
 */
export class OrderedMessages implements ReadyMessages {
  readonly #goBack: (held: readonly HeldMessage[]) => void
  readonly #lines = new Map<string, Line>()
  /** Of each message of a run. */
  readonly #linesOf = new WeakMap<LeasedRun, readonly Line[]>()
  /** Those of which something waits and nothing is taken. */
  readonly #idle = new Fifo<Line>()

  /** `goBack` is told what waits behind a message that was lost, and has to settle it at once. */
  constructor(goBack: (held: readonly HeldMessage[]) => void) {
    this.#goBack = goBack
  }

  add(run: LeasedRun): void {
    const lines: Line[] = []
    for (let offset = run.from; offset < run.to; offset++) {
      const line = this.#lineFor(run, offset)
      if (line.current === undefined && line.waiting.length === 0) this.#idle.push(line)
      line.waiting.push({ run, offset })
      lines.push(line)
    }
    this.#linesOf.set(run, lines)
    run.onEnded = (offset, isLost) => this.#ended(run, offset, isLost)
  }

  take(isOver: (run: LeasedRun) => void): HeldMessage | undefined {
    for (let line = this.#idle.shift(); line !== undefined; line = this.#idle.shift()) {
      for (let next = line.waiting.shift(); next !== undefined; next = line.waiting.shift()) {
        isOver(next.run)
        if (!next.run.takeAt(next.offset)) continue
        line.current = next
        return next
      }
      this.#forget(line)
    }
    return undefined
  }

  behind(run: LeasedRun, offset: number): readonly HeldMessage[] {
    const line = this.#linesOf.get(run)?.[offset - run.from]
    const { current } = line ?? {}
    if (line === undefined || current?.run !== run || current.offset !== offset) return []
    return [...line.waiting]
  }

  /** Retries that were dead letters have no place in any order. */
  #lineFor(run: LeasedRun, offset: number): Line {
    const messageGroup = run.queue.retry ? undefined : messageGroupOf(run, offset)
    const name = messageGroup === undefined ? undefined : `${run.queue.queueId} ${messageGroup}`
    const known = name === undefined ? undefined : this.#lines.get(name)
    if (known !== undefined) return known
    const line: Line = { name, waiting: new Fifo(), current: undefined }
    if (name !== undefined) this.#lines.set(name, line)
    return line
  }

  #ended(run: LeasedRun, offset: number, isLost: boolean): void {
    const line = this.#linesOf.get(run)?.[offset - run.from]
    if (line === undefined) return
    const isCurrent = line.current?.run === run && line.current.offset === offset
    if (isLost) {
      const waiting = [...line.waiting]
      // Not among them is the one at work, and the one that is just being taken.
      const index = waiting.findIndex((held) => held.run === run && held.offset === offset)
      this.#goBack(waiting.slice(index + 1))
    }
    if (!isCurrent) return
    line.current = undefined
    if (line.waiting.length > 0) this.#idle.push(line)
    else this.#forget(line)
  }

  #forget({ name }: Line): void {
    if (name !== undefined) this.#lines.delete(name)
  }
}

/** Whoever takes a message that cannot be decoded finds out why. */
function messageGroupOf(run: LeasedRun, offset: number): string | undefined {
  try {
    return run.message(offset).messageGroup
  } catch {
    return undefined
  }
}
