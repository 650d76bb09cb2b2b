import { printable, type TableStyle } from './table.ts'
import type { Screen, Terminal } from './terminal.ts'

/** What a command found: one document for programs, lines for people. */
export interface View {
  readonly document: unknown
  readonly lines: (style: TableStyle) => readonly string[]
}

export interface OutputOptions {
  readonly json?: boolean
}

/** Writes the document on one line, or the lines. */
export function show(terminal: Terminal, options: OutputOptions, view: View): void {
  if (options.json === true) terminal.out.write(`${JSON.stringify(view.document)}\n`)
  else terminal.out.write(linesOf(terminal, view))
}

export function linesOf(terminal: Terminal, view: View): string {
  return view
    .lines(styleOf(terminal.out, terminal))
    .map((line) => `${line}\n`)
    .join('')
}

function styleOf(screen: Screen, terminal: Terminal): TableStyle {
  const isTerminal = screen.isTTY === true
  return {
    columns: isTerminal ? screen.columns : undefined,
    colour: isTerminal && !terminal.env['NO_COLOR'] && terminal.env['TERM'] !== 'dumb',
  }
}

/** A body as text where it is UTF-8, and `undefined` where it is anything else. */
export function textOfBody(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

/** A body on one line: its text, or its size and first bytes. */
export function bodyLine(body: Uint8Array): string {
  const text = textOfBody(body)
  if (text !== undefined) return printable(text)
  const front = Buffer.from(body.subarray(0, 16)).toString('hex')
  return `<${body.length} bytes ${front}${body.length > 16 ? '…' : ''}>`
}

/** A body in a JSON document: `body` where it is text, else `bodyBase64`. */
export function bodyFields(body: Uint8Array): { body: string } | { bodyBase64: string } {
  const text = textOfBody(body)
  return text === undefined ? { bodyBase64: Buffer.from(body).toString('base64') } : { body: text }
}
