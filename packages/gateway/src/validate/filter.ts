import type { FilterExpression } from '@cometmq/protocol/rocketmq'
import { RefusedCall } from '../status.ts'
import { hasControl } from './text.ts'

/** The tag filter in the form that the broker takes. Throws `ILLEGAL_FILTER_EXPRESSION`. */
export function filterOf(expression: FilterExpression | null | undefined): string {
  if (expression === null || expression === undefined) return '*'
  if (expression.type === 'SQL') {
    throw refuse('SQL filters are not supported yet; filter by tags')
  }
  const tags = expression.expression
    .split('||')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')
  // Together with others, too, it means all.
  if (tags.length === 0 || tags.includes('*')) return '*'
  for (const tag of tags) {
    if (tag.includes('|')) throw refuse(`the tag "${tag}" contains "|"`)
    if (hasControl(tag)) throw refuse('a tag contains control characters')
  }
  return tags.join('||')
}

function refuse(why: string): RefusedCall {
  return new RefusedCall('ILLEGAL_FILTER_EXPRESSION', `the filter cannot be used: ${why}`)
}
