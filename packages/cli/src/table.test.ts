import { describe, expect, test } from 'vitest'
import { type Column, displayWidth, fieldLines, printable, tableLines } from './table.ts'

interface Fruit {
  readonly name: string
  readonly count: number
  readonly note: string
}

const columns: readonly Column<Fruit>[] = [
  { title: 'NAME', value: (fruit) => fruit.name },
  { title: 'COUNT', value: (fruit) => fruit.count },
  { title: 'NOTE', value: (fruit) => fruit.note, flexible: true },
]
const rows: readonly Fruit[] = [
  { name: 'apple', count: 5, note: 'red' },
  { name: 'fig', count: 1200, note: '' },
]

describe('a table', () => {
  test('has no borders, numbers at the right, and no blanks at the end of a line', () => {
    expect(tableLines(columns, rows, { colour: false })).toEqual([
      'NAME   COUNT  NOTE',
      'apple      5  red',
      'fig     1200',
    ])
  })

  test('without rows is its titles', () => {
    expect(tableLines(columns, [], { colour: false })).toEqual(['NAME  COUNT  NOTE'])
  })

  // A wrapped line is no table any more.
  test('cuts the flexible column where the terminal is too narrow', () => {
    const long = [{ name: 'apple', count: 5, note: 'red and green and yellow' }]

    const lines = tableLines(columns, long, { colour: false, columns: 30 })

    expect(lines).toEqual(['NAME   COUNT  NOTE', 'apple      5  red and green a…'])
    expect(lines[1]).toHaveLength(30)
  })

  test('cuts nothing where it does not go to a terminal', () => {
    const long = [{ name: 'apple', count: 5, note: 'x'.repeat(500) }]

    expect(tableLines(columns, long, { colour: false })[1]).toContain('x'.repeat(500))
  })

  test('counts wide characters twice and accents not at all', () => {
    expect(displayWidth('消息')).toBe(4)
    expect(displayWidth('e\u0301')).toBe(1)
    const wide = [{ name: '消息', count: 1, note: 'x' }]
    expect(tableLines(columns, wide, { colour: false })[1]).toBe('消息      1  x')
  })

  // A message body can hold anything; shown raw it could clear the screen or forge a line.
  test('escapes what a terminal would obey', () => {
    const wild = [{ name: 'a\u001b[2Jb', count: 1, note: 'line\nline' }]

    const line = tableLines(columns, wild, { colour: false })[1]

    expect(line).toBe('a\\u001b[2Jb      1  line\\nline')
    expect(printable('\u202e\u0007')).toBe('\\u202e\\u0007')
  })
})

test('fields are names in one column and values in the next', () => {
  expect(
    fieldLines([
      ['topic', 'orders'],
      ['queue count', 8],
    ]),
  ).toEqual(['topic        orders', 'queue count  8'])
})
