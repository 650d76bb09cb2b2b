import type { RecordBatch } from '../batch/record-batch.ts'
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

/** The messages for which a SQL expression holds. Batches are opened to find out. */
export class SqlFilter {
  /** For people. */
  readonly text: string
  /** In normal form. */
  readonly expression: FilterText
  readonly #sql: SqlExpression

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
    let messages: readonly Message[]
    try {
      messages = batch.messages()
    } catch {
      return 'all'
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
