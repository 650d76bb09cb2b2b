/** A value that stands in an expression. A property has text, which is read as what it is compared with. */
export type SqlLiteral = string | number | bigint | boolean

/** What is compared: a property by its name, or a literal. */
export type SqlOperand =
  | { readonly kind: 'property'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: SqlLiteral }

export type SqlComparison = '=' | '<>' | '>' | '>=' | '<' | '<='
export type SqlTextTest = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH'

/** A parsed filter. `NOT IN` and the like are an `IN` inside of a `not`. */
export type SqlExpression =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly SqlExpression[] }
  | { readonly kind: 'not'; readonly term: SqlExpression }
  | {
      readonly kind: 'compare'
      readonly comparison: SqlComparison
      readonly left: SqlOperand
      readonly right: SqlOperand
    }
  | {
      readonly kind: 'between'
      readonly operand: SqlOperand
      readonly low: number | bigint
      readonly high: number | bigint
    }
  | { readonly kind: 'in'; readonly operand: SqlOperand; readonly values: readonly SqlLiteral[] }
  | { readonly kind: 'is-null'; readonly operand: SqlOperand }
  | {
      readonly kind: 'text'
      readonly test: SqlTextTest
      readonly operand: SqlOperand
      readonly text: string
    }
  /** The operand itself is true. */
  | { readonly kind: 'truth'; readonly operand: SqlOperand }

/** The expression in its normal form: parsing that gives the same expression. */
export function printSql(expression: SqlExpression): string {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.terms.map(printTerm).join(expression.kind === 'and' ? ' AND ' : ' OR ')
    case 'not':
      return `NOT ${printTerm(expression.term)}`
    case 'compare': {
      const { comparison, left, right } = expression
      return `${printOperand(left)} ${comparison} ${printOperand(right)}`
    }
    case 'between': {
      const { operand, low, high } = expression
      return `${printOperand(operand)} BETWEEN ${low} AND ${high}`
    }
    case 'in':
      return `${printOperand(expression.operand)} IN (${expression.values.map(printLiteral).join(', ')})`
    case 'is-null':
      return `${printOperand(expression.operand)} IS NULL`
    case 'text': {
      const { operand, test, text } = expression
      return `${printOperand(operand)} ${test} ${printLiteral(text)}`
    }
    case 'truth':
      return printOperand(expression.operand)
  }
}

/** How many brackets and NOTs lie within each other in the normal form. */
export function sqlDepth(expression: SqlExpression): number {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.terms.reduce((deepest, term) => Math.max(deepest, termDepth(term)), 0)
    case 'not':
      return 1 + termDepth(expression.term)
    case 'compare':
    case 'between':
    case 'in':
    case 'is-null':
    case 'text':
    case 'truth':
      return 0
  }
}

function termDepth(term: SqlExpression): number {
  return sqlDepth(term) + (isChain(term) ? 1 : 0)
}

/** As a part of something else it stands in brackets. */
function isChain({ kind }: SqlExpression): boolean {
  return kind === 'and' || kind === 'or'
}

function printTerm(expression: SqlExpression): string {
  return isChain(expression) ? `(${printSql(expression)})` : printSql(expression)
}

function printOperand(operand: SqlOperand): string {
  if (operand.kind === 'literal') return printLiteral(operand.value)
  // Always in quotes: a name may be a word of the language.
  return `"${operand.name.replaceAll('"', '""')}"`
}

function printLiteral(value: SqlLiteral): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return typeof value === 'boolean' ? `${value}`.toUpperCase() : `${value}`
}
