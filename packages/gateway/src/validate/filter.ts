import { CometError, type FilterText, SqlFilter } from '@cometmq/protocol'
import type { FilterExpression } from '@cometmq/protocol/rocketmq'
import { RefusedCall } from '../status.ts'
import { hasControl } from './text.ts'

/** The filter in the form that the broker takes. Throws `ILLEGAL_FILTER_EXPRESSION`. */
export function filterOf(expression: FilterExpression | null | undefined): FilterText {
  if (expression === null || expression === undefined) return { filter: '*' }
  if (expression.type === 'SQL') return sqlOf(expression.expression)
  const tags = expression.expression
    .split('||')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  // Together with others, too, it means all.
  if (tags.length === 0 || tags.includes('*')) return { filter: '*' }
  for (const tag of tags) {
    if (tag.includes('|')) throw refuse(`the tag "${tag}" contains "|"`)
    if (hasControl(tag)) throw refuse('a tag contains control characters')
  }
  return { filter: tags.join('||') }
}

function sqlOf(sql: string): FilterText {
  if (sql.trim() === '') throw refuse('it is empty')
  try {
    return SqlFilter.parse(sql).expression
  } catch (cause) {
    if (cause instanceof CometError) throw refuse(cause.message, { cause })
    throw cause
  }
}

function refuse(why: string, options?: ErrorOptions): RefusedCall {
  const message = `the filter cannot be used: ${why}`
  return new RefusedCall('ILLEGAL_FILTER_EXPRESSION', message, options)
}
