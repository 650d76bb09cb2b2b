import { styleText } from 'node:util'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string | number
  /** Numbers are set to the right by themselves. */
  readonly align?: 'left' | 'right'
  /** Cut first where the terminal is too narrow. */
  readonly flexible?: boolean
}

export interface TableStyle {
  /** Lines are cut to it; missing: as long as they get. */
  readonly columns?: number | undefined
  readonly colour: boolean
}

const GAP = '  '
const FLEXIBLE_MIN_WIDTH = 8

/** Lines of a table without borders: titles, then one line per row, columns two blanks apart. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: TableStyle,
): string[] {
  const values = rows.map((row) => columns.map((column) => column.value(row)))
  const right = columns.map(
    (column, index) =>
      column.align === 'right' ||
      (column.align === undefined &&
        rows.length > 0 &&
        values.every((row) => typeof row[index] === 'number')),
  )
  const cells = values.map((row) => row.map((value) => printable(String(value))))
  const titles = columns.map((column) => column.title)
  const widths = fitWidths(
    columns,
    titles.map((title, index) =>
      Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
    ),
    style.columns,
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => pad(cut(cell, widths[index] ?? 0), widths[index] ?? 0, right[index]))
      .join(GAP)
      .trimEnd()
  const head = line(titles)
  return [style.colour ? styleText('bold', head, { validateStream: false }) : head].concat(
    cells.map(line),
  )
}

/** Lines `name  value`, names as one column. */
export function fieldLines(fields: readonly (readonly [string, string | number])[]): string[] {
  const width = Math.max(0, ...fields.map(([name]) => name.length))
  return fields.map(([name, value]) =>
    `${name.padEnd(width)}${GAP}${printable(String(value))}`.trimEnd(),
  )
}

function fitWidths<Row>(
  columns: readonly Column<Row>[],
  wanted: readonly number[],
  available: number | undefined,
): readonly number[] {
  if (available === undefined) return wanted
  const total = wanted.reduce((sum, width) => sum + width, GAP.length * (wanted.length - 1))
  let missing = total - available
  return wanted.map((width, index) => {
    if (missing <= 0 || columns[index]?.flexible !== true) return width
    const fitted = Math.max(Math.min(width, FLEXIBLE_MIN_WIDTH), width - missing)
    missing -= width - fitted
    return fitted
  })
}

function pad(cell: string, width: number, right: boolean | undefined): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(cell)))
  return right === true ? blanks + cell : cell + blanks
}

function cut(cell: string, width: number): string {
  if (displayWidth(cell) <= width) return cell
  let kept = ''
  let used = 0
  for (const character of cell) {
    used += displayWidth(character)
    if (used > width - 1) break
    kept += character
  }
  return `${kept}…`
}

/** Terminal cells that the text takes. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) continue
    width += WIDE.test(character) ? 2 : 1
  }
  return width
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

/** Escapes what would move the cursor or recolour the terminal: bodies and keys are strangers' bytes. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint: the control characters are what the expression looks for.
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) =>
      escapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
