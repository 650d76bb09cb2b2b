import { CometError } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  printSql,
  type SqlComparison,
  type SqlExpression,
  type SqlLiteral,
  type SqlOperand,
  type SqlTextTest,
  sqlDepth,
} from './sql-expression.ts'
import { type SqlToken, sqlTokens } from './sql-tokens.ts'

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '>', '>=', '<', '<='])
const TEXT_TESTS: ReadonlySet<string> = new Set(['CONTAINS', 'STARTSWITH', 'ENDSWITH'])

/**
 * Parses a filter in the part of SQL92 that RocketMQ has. Throws `ILLEGAL_FILTER`, which says where
 * it is wrong and what was expected. What it accepts it also accepts in normal form.
 */
export function parseSql(expression: string): SqlExpression {
  checkLength(expression, 'a SQL filter')
  const parsed = new SqlParser(sqlTokens(expression)).parse()
  // SDK and gateway pass the normal form on, and it may have more spaces, quotes and brackets.
  checkLength(printSql(parsed), 'a SQL filter in its normal form')
  if (sqlDepth(parsed) > limits.sqlFilterMaxDepth) throw tooDeep('the filter in its normal form')
  return parsed
}

function checkLength(expression: string, what: string): void {
  if (Buffer.byteLength(expression) <= limits.sqlFilterMaxBytes) return
  const message = `${what} is longer than ${limits.sqlFilterMaxBytes} bytes`
  throw new CometError('ILLEGAL_FILTER', message)
}

class SqlParser {
  readonly #tokens: readonly SqlToken[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly SqlToken[]) {
    this.#tokens = tokens
  }

  parse(): SqlExpression {
    const expression = this.#or()
    if (this.#token.kind !== 'end') throw this.#wrong('AND, OR or the end')
    return expression
  }

  get #token(): SqlToken {
    return this.#tokens[this.#at] as SqlToken
  }

  #or(): SqlExpression {
    return this.#chain('or', 'OR', () => this.#chain('and', 'AND', () => this.#not()))
  }

  #chain(kind: 'and' | 'or', word: string, term: () => SqlExpression): SqlExpression {
    const terms = [term()]
    while (this.#takes(word)) terms.push(term())
    // In brackets or not, what is joined in the same way is one chain.
    const flat = terms.flatMap((each) => (each.kind === kind ? each.terms : [each]))
    return flat.length === 1 ? (flat[0] as SqlExpression) : { kind, terms: flat }
  }

  #not(): SqlExpression {
    if (!this.#takes('NOT')) return this.#condition()
    return this.#deeper(() => ({ kind: 'not', term: this.#not() }))
  }

  #condition(): SqlExpression {
    if (this.#takes('(')) {
      const inner = this.#deeper(() => this.#or())
      if (!this.#takes(')')) throw this.#wrong('")"')
      return inner
    }
    const first = this.#token
    const operand = this.#operand()
    if (this.#takes('IS')) {
      const isNot = this.#takes('NOT')
      if (!this.#takes('NULL')) throw this.#wrong('NULL')
      return negated(isNot, { kind: 'is-null', operand })
    }
    const { kind, text: sign } = this.#token as { kind: string; text?: string }
    if (kind === 'word' && COMPARISONS.has(sign ?? '')) {
      this.#at++
      return this.#comparison({ operand, at: first.at }, sign as SqlComparison)
    }
    const isNot = this.#takes('NOT')
    if (this.#takes('BETWEEN')) return negated(isNot, this.#between(operand))
    if (this.#takes('IN')) return negated(isNot, this.#in(operand))
    const test = this.#token
    if (test.kind === 'word' && TEXT_TESTS.has(test.text)) {
      this.#at++
      const text = this.#text()
      return negated(isNot, { kind: 'text', test: test.text as SqlTextTest, operand, text })
    }
    if (isNot) throw this.#wrong('BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH')
    return { kind: 'truth', operand }
  }

  #comparison(left: PlacedOperand, comparison: SqlComparison): SqlExpression {
    const { at } = this.#token
    const right = { operand: this.#operand(), at }
    if (comparison !== '=' && comparison !== '<>') {
      checkOrdered(left, comparison)
      checkOrdered(right, comparison)
    }
    return { kind: 'compare', comparison, left: left.operand, right: right.operand }
  }

  #between(operand: SqlOperand): SqlExpression {
    const low = this.#number()
    if (!this.#takes('AND')) throw this.#wrong('AND')
    return { kind: 'between', operand, low, high: this.#number() }
  }

  #in(operand: SqlOperand): SqlExpression {
    if (!this.#takes('(')) throw this.#wrong('"("')
    const values: SqlLiteral[] = [this.#literal()]
    while (this.#takes(',')) values.push(this.#literal())
    if (!this.#takes(')')) throw this.#wrong('"," or ")"')
    return { kind: 'in', operand, values }
  }

  #operand(): SqlOperand {
    const token = this.#token
    if (token.kind === 'name') {
      this.#at++
      return { kind: 'property', name: token.text }
    }
    return { kind: 'literal', value: this.#literal() }
  }

  #literal(): SqlLiteral {
    const token = this.#token
    if (this.#takes('TRUE')) return true
    if (this.#takes('FALSE')) return false
    if (token.kind !== 'text' && token.kind !== 'number') {
      throw this.#wrong('a name, a number or a text in single quotes')
    }
    this.#at++
    return token.kind === 'text' ? token.text : token.value
  }

  #number(): number | bigint {
    const token = this.#token
    if (token.kind !== 'number') throw this.#wrong('a number')
    this.#at++
    return token.value
  }

  #text(): string {
    const token = this.#token
    if (token.kind !== 'text') throw this.#wrong('a text in single quotes')
    this.#at++
    return token.text
  }

  #takes(word: string): boolean {
    const token = this.#token
    if (token.kind !== 'word' || token.text !== word) return false
    this.#at++
    return true
  }

  #deeper<T>(parse: () => T): T {
    this.#depth++
    if (this.#depth > limits.sqlFilterMaxDepth) {
      throw tooDeep(`at character ${this.#token.at + 1}, the filter`)
    }
    const parsed = parse()
    this.#depth--
    return parsed
  }

  #wrong(expected: string): CometError {
    const token = this.#token
    const found = token.kind === 'end' ? 'it ends' : `there is ${shown(token)}`
    const message = `the filter is not SQL: at character ${token.at + 1}, ${found} where ${expected} is expected`
    return new CometError('ILLEGAL_FILTER', message)
  }
}

/** An operand, and at which character it begins. */
interface PlacedOperand {
  readonly operand: SqlOperand
  readonly at: number
}

function checkOrdered({ operand, at }: PlacedOperand, comparison: SqlComparison): void {
  if (operand.kind === 'property' || isNumber(operand.value)) return
  const message = `the filter is not SQL: at character ${at + 1}, there is ${JSON.stringify(operand.value)} where a number or a name is expected, for "${comparison}" compares numbers`
  throw new CometError('ILLEGAL_FILTER', message)
}

function tooDeep(what: string): CometError {
  const message = `${what} has more than ${limits.sqlFilterMaxDepth} brackets and NOTs within each other`
  return new CometError('ILLEGAL_FILTER', message)
}

function negated(isNot: boolean, term: SqlExpression): SqlExpression {
  return isNot ? { kind: 'not', term } : term
}

function isNumber(value: SqlLiteral): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function shown(token: Exclude<SqlToken, { kind: 'end' }>): string {
  return token.kind === 'number' ? `${token.value}` : JSON.stringify(token.text)
}
