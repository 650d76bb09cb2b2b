import type { LogFields, Logger } from '@cometmq/runtime'

/** Older lines are forgotten: a failure is explained by what came shortly before. */
const LINES_MAX = 10_000

/** What happened in a run, line by line, for whoever has to find out why a seed fails. */
export class Story {
  readonly #elapsedMs: () => number
  #lines: string[] = []
  readonly #listeners = new Set<(who: string, sentence: string) => void>()

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs
  }

  /** Adds a line: who, and what. */
  tell(who: string, sentence: string, fields: LogFields = {}): void {
    const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${textOf(value)}`)
    this.#lines.push(`${this.#elapsedMs().toFixed(3)} ${who}: ${sentence}${rest.join('')}`)
    if (this.#lines.length >= 2 * LINES_MAX) this.#lines = this.#lines.slice(LINES_MAX)
    for (const listener of this.#listeners) listener(who, sentence)
  }

  /** Told of each line, for faults that wait for their moment, until it is undone. */
  listen(listener: (who: string, sentence: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-LINES_MAX)
  }

  /** A log whose lines become part of the story. */
  logger(who: string, fields: LogFields = {}): Logger {
    const tell =
      (level: string) =>
      (more: LogFields, sentence: string): void => {
        this.tell(who, `${level} ${sentence}`, { ...fields, ...more })
      }
    return {
      debug: () => {},
      info: tell('info'),
      warn: tell('warn'),
      error: tell('error'),
      child: (more) => this.logger(who, { ...fields, ...more }),
    }
  }
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message
  if (typeof value === 'string') return value
  return JSON.stringify(value) ?? 'undefined'
}
