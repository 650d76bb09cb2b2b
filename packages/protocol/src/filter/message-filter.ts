import type { RecordBatch } from '../batch/record-batch.ts'
import { CometError } from '../errors.ts'
import type { Message } from '../message.ts'
import type { FilterText, Matches } from './filter-text.ts'
import { holds } from './sql-evaluate.ts'
import { printSql, type SqlExpression } from './sql-expression.ts'
import { parseSql } from './sql-parser.ts'
import { TagFilter } from './tag-filter.ts'

export type MessageFilter = TagFilter | SqlFilter

/** Throws `ILLEGAL_FILTER`. */
export function parseFilter({ filter, sql = '' }: FilterText): MessageFilter {
  return sql === '' ? TagFilter.parse(filter) : SqlFilter.parse(sql)
}

/** Batches that are consumed in pieces are looked at once; some kilobytes each. */
const REMEMBERED_BATCHES = 64

/** The messages for which a SQL expression holds. Batches are opened to find out. */
export class SqlFilter {
  /** For people. */
  readonly text: string
  /** In normal form. */
  readonly expression: FilterText
  readonly #sql: SqlExpression
  /** By what tells stored batches apart, the oldest first. */
  readonly #known = new Map<string, Matches>()

  private constructor(sql: SqlExpression) {
    this.text = printSql(sql)
    this.expression = { filter: '', sql: this.text }
    this.#sql = sql
  }

  static parse(sql: string): SqlFilter {
    return new SqlFilter(parseSql(sql))
  }

  get isAll(): boolean {
    return false
  }

  /** Of a batch that cannot be opened all are wanted: whoever gets them finds out why. */
  matchesOf(batch: RecordBatch): Matches {
    const key = `${batch.logOffset} ${batch.headerChecksum}`
    let matches = this.#known.get(key)
    if (matches !== undefined) return matches
    matches = this.#evaluate(batch)
    this.#known.set(key, matches)
    const [oldest] = this.#known.keys()
    if (this.#known.size > REMEMBERED_BATCHES && oldest !== undefined) this.#known.delete(oldest)
    return matches
  }

  #evaluate(batch: RecordBatch): Matches {
    let messages: readonly Message[]
    try {
      messages = batch.messages()
    } catch (thrown) {
      if (thrown instanceof CometError) return 'all'
      throw thrown
    }
    const isWanted = messages.map((message) =>
      holds(this.#sql, (name) => propertyOf(message, name)),
    )
    if (isWanted.every(Boolean)) return 'all'
    return isWanted.includes(true) ? (index) => isWanted[index] === true : 'none'
  }
}

/** RocketMQ's names of what is not among the properties here. */
function propertyOf({ properties, tag, keys }: Message, name: string): string | undefined {
  if (name === 'TAGS') return tag
  if (name === 'KEYS') return keys === undefined || keys.length === 0 ? undefined : keys.join(' ')
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined
}
