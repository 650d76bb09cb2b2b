import type {
  SqlComparison,
  SqlExpression,
  SqlLiteral,
  SqlOperand,
  SqlTextTest,
} from './sql-expression.ts'
import { sqlNumber } from './sql-tokens.ts'

/** The text of a property, or `undefined` where there is none. */
export type PropertyOf = (name: string) => string | undefined

/** `undefined`: unknown, as SQL says of whatever is compared with nothing. */
type Truth = boolean | undefined

/** Whether an expression holds of something. Unknown does not hold, nor does its opposite. */
export function holds(expression: SqlExpression, propertyOf: PropertyOf): boolean {
  return truthOf(expression, propertyOf) === true
}

function truthOf(expression: SqlExpression, propertyOf: PropertyOf): Truth {
  switch (expression.kind) {
    case 'and':
      return joined(expression.terms, propertyOf, false)
    case 'or':
      return joined(expression.terms, propertyOf, true)
    case 'not': {
      const truth = truthOf(expression.term, propertyOf)
      return truth === undefined ? undefined : !truth
    }
    case 'compare': {
      const [left, right] = [expression.left, expression.right].map((operand) =>
        valueOf(operand, propertyOf),
      )
      return compare(expression.comparison, left, right)
    }
    case 'between': {
      const value = numberOf(valueOf(expression.operand, propertyOf))
      if (value === undefined) return undefined
      return value >= expression.low && value <= expression.high
    }
    case 'in':
      return isIn(valueOf(expression.operand, propertyOf), expression.values)
    case 'is-null':
      return valueOf(expression.operand, propertyOf) === undefined
    case 'text':
      return textTest(expression.test, valueOf(expression.operand, propertyOf), expression.text)
    case 'truth':
      return booleanOf(valueOf(expression.operand, propertyOf))
  }
}

/** One term decides with `decides`; otherwise one that is unknown makes the whole unknown. */
function joined(terms: readonly SqlExpression[], propertyOf: PropertyOf, decides: boolean): Truth {
  let isUnknown = false
  for (const term of terms) {
    const truth = truthOf(term, propertyOf)
    if (truth === decides) return decides
    isUnknown ||= truth === undefined
  }
  return isUnknown ? undefined : !decides
}

/** A property has text. It is marked, for it may be read as something else. */
interface PropertyText {
  readonly text: string
}
type Value = SqlLiteral | PropertyText | undefined

function valueOf(operand: SqlOperand, propertyOf: PropertyOf): Value {
  if (operand.kind === 'literal') return operand.value
  const text = propertyOf(operand.name)
  return text === undefined ? undefined : { text }
}

function compare(comparison: SqlComparison, left: Value, right: Value): Truth {
  if (comparison === '=') return isEqual(left, right)
  if (comparison === '<>') {
    const truth = isEqual(left, right)
    return truth === undefined ? undefined : !truth
  }
  const [low, high] = [numberOf(left), numberOf(right)]
  if (low === undefined || high === undefined) return undefined
  switch (comparison) {
    case '>':
      return low > high
    case '>=':
      return low >= high
    case '<':
      return low < high
    case '<=':
      return low <= high
  }
}

/** As what the literal is; two properties as texts. */
function isEqual(left: Value, right: Value): Truth {
  if (left === undefined || right === undefined) return undefined
  const kinds = [left, right].map((value) => (typeof value === 'bigint' ? 'number' : typeof value))
  if (kinds.includes('number')) return areSame(numberOf(left), numberOf(right))
  if (kinds.includes('boolean')) return areSame(booleanOf(left), booleanOf(right))
  return areSame(textOf(left), textOf(right))
}

// A bigint and a number are equal as numbers, and never identical.
function areSame<T>(left: T | undefined, right: T | undefined): Truth {
  if (left === undefined || right === undefined) return undefined
  return left == right
}

function isIn(value: Value, list: readonly SqlLiteral[]): Truth {
  let isUnknown = value === undefined
  for (const each of list) {
    const truth = isEqual(value, each)
    if (truth === true) return true
    isUnknown ||= truth === undefined
  }
  return isUnknown ? undefined : false
}

function textTest(test: SqlTextTest, value: Value, part: string): Truth {
  const text = textOf(value)
  if (text === undefined) return undefined
  switch (test) {
    case 'CONTAINS':
      return text.includes(part)
    case 'STARTSWITH':
      return text.startsWith(part)
    case 'ENDSWITH':
      return text.endsWith(part)
  }
}

function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return typeof value === 'object' ? sqlNumber(value.text) : undefined
}

function booleanOf(value: Value): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'object') return undefined
  const word = value.text.toLowerCase()
  return word === 'true' ? true : word === 'false' ? false : undefined
}

function textOf(value: Value): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'object' ? value.text : undefined
}
