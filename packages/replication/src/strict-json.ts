import { CometError } from '@cometmq/protocol'

/**
 * The fields of a JSON object that another process wrote. Each is taken once with the type that it
 * must have, and `end` refuses what was not taken: a field that a reader does not know may change
 * the meaning of those it knows.
 *
 * Every refusal is a `GROUP_STATE_CORRUPT` which names the field.
 */
export class StrictFields {
  readonly #what: string
  readonly #fields: Map<string, unknown>

  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw corrupt(`${what} is not an object`)
    }
    this.#what = what
    this.#fields = new Map(Object.entries(value))
  }

  static parse(text: string, what: string): StrictFields {
    try {
      return new StrictFields(JSON.parse(text), what)
    } catch (error) {
      if (error instanceof SyntaxError) throw corrupt(`${what} is not JSON`, { cause: error })
      throw error
    }
  }

  integer(name: string, least = 0): number {
    return integerOf(this.#take(name), this.#name(name), least)
  }

  text(name: string): string {
    const value = this.#take(name)
    if (typeof value !== 'string') throw corrupt(`${this.#name(name)} is not a text`)
    return value
  }

  flag(name: string): boolean {
    const value = this.#take(name)
    if (typeof value !== 'boolean') throw corrupt(`${this.#name(name)} is not true or false`)
    return value
  }

  /** Two integers each, as `Map` takes them. The first ones rise, so none is there twice. */
  pairs(name: string): [number, number][] {
    const value = this.#take(name)
    if (!Array.isArray(value)) throw corrupt(`${this.#name(name)} is not a list`)
    return value.map((pair: unknown, index): [number, number] => {
      const at = `${this.#name(name)}[${index}]`
      if (!Array.isArray(pair) || pair.length !== 2) throw corrupt(`${at} is not a pair`)
      return [integerOf(pair[0], at, 1), integerOf(pair[1], at, 1)]
    })
  }

  /** The fields of an object in this one; undefined for null. */
  object(name: string): StrictFields | undefined {
    const value = this.#take(name)
    return value === null ? undefined : new StrictFields(value, this.#name(name))
  }

  /** Refuses what a version other than `known` wrote, before anything else of it is looked at. */
  version(known: number): void {
    const version = this.integer('version')
    if (version !== known) {
      throw new CometError(
        'UNSUPPORTED',
        `${this.#what} has version ${version}, and only version ${known} is known here`,
      )
    }
  }

  end(): void {
    const [unknown] = this.#fields.keys()
    if (unknown !== undefined) throw corrupt(`${this.#name(unknown)} is not a known field`)
  }

  #take(name: string): unknown {
    const value = this.#fields.get(name)
    if (value === undefined) throw corrupt(`${this.#name(name)} is missing`)
    this.#fields.delete(name)
    return value
  }

  #name(name: string): string {
    return `${this.#what}.${name}`
  }
}

export function corrupt(message: string, options?: ErrorOptions): CometError {
  return new CometError('GROUP_STATE_CORRUPT', message, options)
}

function integerOf(value: unknown, name: string, least: number): number {
  if (!Number.isSafeInteger(value) || Number(value) < least) {
    throw corrupt(`${name} is not an integer from ${least}`)
  }
  return Number(value)
}
