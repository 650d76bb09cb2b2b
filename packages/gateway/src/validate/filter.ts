import { type FilterText, parseFilter } from '@cometmq/protocol'
import type { FilterExpression } from '@cometmq/protocol/rocketmq'
import { RefusedCall } from '../status.ts'
import { hasControl } from './text.ts'

/** The filter in the form that the broker takes. Throws `ILLEGAL_FILTER_EXPRESSION`, or `ILLEGAL_FILTER`. */
export function filterOf(expression: FilterExpression | null | undefined): FilterText {
  if (expression === null || expression === undefined) return { filter: '*' }
  if (expression.type === 'SQL') {
    const sql = expression.expression
    if (sql.trim() === '') throw refuse('it is empty')
    return parseFilter({ filter: '', sql }).expression
  }
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

function refuse(why: string): RefusedCall {
  return new RefusedCall('ILLEGAL_FILTER_EXPRESSION', `the filter cannot be used: ${why}`)
}
