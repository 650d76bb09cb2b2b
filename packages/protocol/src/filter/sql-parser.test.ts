import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CometError } from '../errors.ts'
import { limits } from '../limits.ts'
import { printSql, type SqlExpression, type SqlOperand } from './sql-expression.ts'
import { parseSql } from './sql-parser.ts'

describe('parseSql', () => {
  test.each([
    ['a = 1', '"a" = 1'],
    ["a<>'it''s'", `"a" <> 'it''s'`],
    ['a != 1', '"a" <> 1'],
    ['A >= -1.5e3 and b < .5', '"A" >= -1500 AND "b" < 0.5'],
    ['a = 1 or b = 2 and not c = 3', '"a" = 1 OR ("b" = 2 AND NOT "c" = 3)'],
    ['(a = 1 or b = 2) and (c = 3 and d = 4)', '("a" = 1 OR "b" = 2) AND "c" = 3 AND "d" = 4'],
    ['a between 1 and 5 and b is not null', '"a" BETWEEN 1 AND 5 AND NOT "b" IS NULL'],
    ['a not between 1 and 5', 'NOT "a" BETWEEN 1 AND 5'],
    ["a in ('x', 'y') or a not in (1)", `"a" IN ('x', 'y') OR NOT "a" IN (1)`],
    [
      "a contains 'x' and a not startswith 'y' and a endswith 'z'",
      `"a" CONTAINS 'x' AND NOT "a" STARTSWITH 'y' AND "a" ENDSWITH 'z'`,
    ],
    ['TRUE', 'TRUE'],
    ['not false and vip', 'NOT FALSE AND "vip"'],
    ['"content-type" = 1 and "in""quotes" is null', '"content-type" = 1 AND "in""quotes" IS NULL'],
    ['a = 9007199254740993', '"a" = 9007199254740993'],
    ['$a_1 = 1', '"$a_1" = 1'],
  ])('reads %s', (expression, printed) => {
    expect(printSql(parseSql(expression))).toBe(printed)
  })

  // Somebody has to find the mistake in a line that is a screen long.
  test.each([
    ['', 'at character 1, it ends where a name, a number or a text in single quotes is expected'],
    ['a =', 'at character 4, it ends'],
    ['a = 1 b', 'at character 7, there is "b" where AND, OR or the end is expected'],
    ['(a = 1', 'at character 7, it ends where ")" is expected'],
    ["a = 'x", 'at character 5, a text begins that does not end'],
    ['a = ""', 'at character 5, a name in quotes is empty or does not end'],
    ['a ~ 1', 'at character 3, "~" is not part of the language'],
    ['a = 😀', 'at character 5, "😀" is not part of the language'],
    ['a between 1 or 2', 'at character 13, there is "OR" where AND is expected'],
    ["a between 'x' and 2", 'at character 11, there is "x" where a number is expected'],
    ['a in 1', 'at character 6, there is 1 where "(" is expected'],
    ['a in ()', 'at character 7, there is ")" where a name, a number or a text'],
    ['a is 1', 'at character 6, there is 1 where NULL is expected'],
    ['a not 1', 'where BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH is expected'],
    ['a contains 1', 'at character 12, there is 1 where a text in single quotes is expected'],
    [
      "a > 'x'",
      'at character 5, there is "x" where a number or a name is expected, for ">" compares numbers',
    ],
    ['TRUE <= a', 'at character 1, there is true where a number or a name is expected'],
    [
      `${'('.repeat(limits.sqlFilterMaxDepth + 1)}a`,
      'at character 66, the filter has more than 64',
    ],
    // Read as nothing, it was a property called "undefined".
    ['a = 1e999', 'at character 5, there is a number that is too large'],
    ['a BETWEEN 1 AND 1e999', 'at character 17, there is a number that is too large'],
    [`a IN (${'9'.repeat(400)})`, 'at character 7, there is a number that is too large'],
    ['and = 1', 'at character 1, there is "AND"'],
  ])('says what is wrong with %s', (expression, message) => {
    expect(() => parseSql(expression)).toThrow(
      expect.objectContaining({
        code: 'ILLEGAL_FILTER',
        message: expect.stringContaining(message),
      }),
    )
  })

  test('refuses what is too long, or too deep', () => {
    const long = `a = '${'x'.repeat(limits.sqlFilterMaxBytes)}'`
    const deep = `${'('.repeat(1_000)}a = 1${')'.repeat(1_000)}`

    for (const expression of [long, deep, `${'not '.repeat(1_000)} a`]) {
      expect(() => parseSql(expression)).toThrow(
        expect.objectContaining({ code: 'ILLEGAL_FILTER' }),
      )
    }
  })

  // The broker reads the normal form. What the SDK had accepted it would refuse, and for a reason that
  // nobody finds in what he wrote.
  test('refuses what is too long, or too deep, in its normal form', () => {
    const long = (count: number) => Array.from({ length: count }, () => 'a=1').join(' or ')
    const deep = (count: number) => `${'(c=1 or '.repeat(count)}a=1${') and d=1'.repeat(count)}`
    const fits = [long(372), deep(limits.sqlFilterMaxDepth / 2)]

    for (const expression of fits) {
      const printed = printSql(parseSql(expression))
      expect(printSql(parseSql(printed))).toBe(printed)
    }
    for (const expression of [long(373), deep(limits.sqlFilterMaxDepth / 2 + 1)]) {
      expect(() => parseSql(expression)).toThrow(
        expect.objectContaining({
          code: 'ILLEGAL_FILTER',
          message: expect.stringContaining('in its normal form'),
        }),
      )
    }
  })

  // The text in normal form is what members are compared by, and what is stored.
  test('reads what it has printed as the same', () => {
    fc.assert(
      fc.property(anyExpression(), (expression) => {
        expect(parseSql(printSql(expression))).toEqual(expression)
      }),
    )
  })

  test('throws nothing but its error, whatever it is given', () => {
    const words = fc.constantFrom(
      ...`a 1 1e999 'x' ( ) , = <> > AND OR NOT IN IS NULL BETWEEN CONTAINS TRUE "q" ' " - . é`.split(
        ' ',
      ),
    )
    const anything = fc.oneof(
      fc.string(),
      fc.array(words).map((some) => some.join(' ')),
    )
    fc.assert(
      fc.property(anything, (expression) => {
        const error = errorOf(expression)
        expect(error === undefined || error.code === 'ILLEGAL_FILTER').toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Whatever else is thrown is thrown on. */
function errorOf(expression: string): CometError | undefined {
  try {
    parseSql(expression)
    return undefined
  } catch (error) {
    if (error instanceof CometError) return error
    throw error
  }
}

function anyExpression(): fc.Arbitrary<SqlExpression> {
  const name = fc.string({ minLength: 1, maxLength: 8 })
  const number = fc.oneof(
    fc.integer(),
    fc
      .double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
      .map((value) => value + 0),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 62n }).map((value) => value | 1n),
  )
  const literal = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean())
  const property = name.map((text): SqlOperand => ({ kind: 'property', name: text }))
  const operand = fc.oneof(
    property,
    literal.map((value): SqlOperand => ({ kind: 'literal', value })),
  )
  const condition: fc.Arbitrary<SqlExpression> = fc.oneof(
    fc.record({
      kind: fc.constant('compare' as const),
      comparison: fc.constantFrom('=' as const, '<>' as const),
      left: operand,
      right: operand,
    }),
    fc.record({
      kind: fc.constant('compare' as const),
      comparison: fc.constantFrom('>' as const, '>=' as const, '<' as const, '<=' as const),
      left: property,
      right: number.map((value): SqlOperand => ({ kind: 'literal', value })),
    }),
    fc.record({ kind: fc.constant('between' as const), operand, low: number, high: number }),
    fc.record({
      kind: fc.constant('in' as const),
      operand,
      values: fc.array(literal, { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant('is-null' as const), operand }),
    fc.record({
      kind: fc.constant('text' as const),
      test: fc.constantFrom('CONTAINS' as const, 'STARTSWITH' as const, 'ENDSWITH' as const),
      operand,
      text: fc.string({ maxLength: 8 }),
    }),
    fc.record({ kind: fc.constant('truth' as const), operand }),
  )
  return fc.letrec<{ expression: SqlExpression }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      condition,
      tie('expression').map((term): SqlExpression => ({ kind: 'not', term })),
      chainOf('and', tie('expression')),
      chainOf('or', tie('expression')),
    ),
  })).expression
}

/** Chains of one kind have no chains of the same kind in them. */
function chainOf(
  kind: 'and' | 'or',
  term: fc.Arbitrary<SqlExpression>,
): fc.Arbitrary<SqlExpression> {
  return fc
    .array(term, { minLength: 2, maxLength: 3 })
    .filter((terms) => terms.every((each) => each.kind !== kind))
    .map((terms) => ({ kind, terms }))
}
