import { CometError } from '../errors.ts'

export type SqlToken =
  /** A word of the language, in capitals, or a sign. */
  | { readonly kind: 'word'; readonly text: string; readonly at: number }
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'text'; readonly text: string; readonly at: number }
  | { readonly kind: 'number'; readonly value: number | bigint; readonly at: number }
  | { readonly kind: 'end'; readonly at: number }

const WORDS: ReadonlySet<string> = new Set(
  'AND OR NOT BETWEEN IN IS NULL TRUE FALSE CONTAINS STARTSWITH ENDSWITH'.split(' '),
)

/** What may come next, each from where the one before ended. */
const SPACE = /\s+/y
const NUMBER = /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const NAME = /[A-Za-z_$][\w$]*/y
const SIGN = /<>|!=|>=|<=|[=<>(),]/y
const TEXT = /'(?:[^']|'')*'/y
const QUOTED_NAME = /"(?:[^"]|"")+"/y

/** The words of an expression, and its end. Throws `ILLEGAL_FILTER`. */
export function sqlTokens(expression: string): SqlToken[] {
  const tokens: SqlToken[] = []
  let at = 0
  const next = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(expression)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  while (at < expression.length) {
    if (next(SPACE) !== undefined) continue
    const start = at
    const token =
      textToken(next(TEXT), start) ??
      numberToken(next(NUMBER), start) ??
      signToken(next(SIGN), start) ??
      quotedToken(next(QUOTED_NAME), start) ??
      wordToken(next(NAME), start)
    if (token === undefined) throw unexpected(expression, start)
    tokens.push(token)
  }
  tokens.push({ kind: 'end', at })
  return tokens
}

function textToken(found: string | undefined, at: number): SqlToken | undefined {
  if (found === undefined) return undefined
  return { kind: 'text', text: found.slice(1, -1).replaceAll("''", "'"), at }
}

/** Whole numbers beyond those that a double holds exactly keep all their digits. */
function numberToken(found: string | undefined, at: number): SqlToken | undefined {
  if (found === undefined) return undefined
  const value = sqlNumber(found)
  if (value !== undefined) return { kind: 'number', value, at }
  const message = `the filter is not SQL: at character ${at + 1}, there is a number that is too large, where one below 1.8e308 is expected`
  throw new CometError('ILLEGAL_FILTER', message)
}

function signToken(found: string | undefined, at: number): SqlToken | undefined {
  if (found === undefined) return undefined
  return { kind: 'word', text: found === '!=' ? '<>' : found, at }
}

function quotedToken(found: string | undefined, at: number): SqlToken | undefined {
  if (found === undefined) return undefined
  return { kind: 'name', text: found.slice(1, -1).replaceAll('""', '"'), at }
}

function wordToken(found: string | undefined, at: number): SqlToken | undefined {
  if (found === undefined) return undefined
  const word = found.toUpperCase()
  return WORDS.has(word) ? { kind: 'word', text: word, at } : { kind: 'name', text: found, at }
}

function unexpected(expression: string, at: number): CometError {
  const sign = expression[at]
  const why =
    sign === "'"
      ? 'a text begins that does not end'
      : sign === '"'
        ? 'a name in quotes is empty or does not end'
        : `"${String.fromCodePoint(expression.codePointAt(at) ?? 0)}" is not part of the language`
  return new CometError('ILLEGAL_FILTER', `the filter is not SQL: at character ${at + 1}, ${why}`)
}

/** The number that a text is, or `undefined`. */
export function sqlNumber(text: string): number | bigint | undefined {
  const trimmed = text.trim()
  if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(trimmed)) return undefined
  const value = Number(trimmed)
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && /^[+-]?\d+$/.test(trimmed)) {
    return BigInt(trimmed.replace(/^\+/, ''))
  }
  return Number.isFinite(value) ? value : undefined
}
