import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { Position } from '../history/history.ts'
import { sharedNowMs } from './shared-clock.ts'

/** What an observer outside of the cluster saw, in the order in which it saw it. */
export type LedgerEntry =
  /** Written before the message leaves. `key`: its message group. */
  | {
      readonly kind: 'sent'
      readonly id: string
      readonly hash: string
      readonly key: string | undefined
    }
  | ({ readonly kind: 'acknowledged'; readonly id: string } & Place)
  /** Its producer was told that it was not stored, or that nobody knows. */
  | { readonly kind: 'failed'; readonly id: string; readonly why: string }
  | ({
      readonly kind: 'delivered'
      readonly group: string
      readonly id: string
      readonly hash: string
      readonly attempt: number
    } & Place)
  /** The consumer is done with it, and is about to tell the broker. */
  | { readonly kind: 'finished'; readonly group: string; readonly id: string }
  /** The broker has answered that. */
  | { readonly kind: 'settled'; readonly group: string; readonly id: string }
  /** Read from its queue after everything had come to rest. */
  | ({ readonly kind: 'stored'; readonly id: string; readonly hash: string } & Place)

/** `atMs` is on the clock that all processes of the machine share. */
export type LedgerLine = LedgerEntry & { readonly atMs: number }

export type Place = Omit<Position, 'topic'>

/**
 * An append-only file of lines, one write call each: whoever is killed leaves a torn last line at
 * the most.
 */
export class Ledger implements Disposable {
  readonly #file: number

  constructor(file: string) {
    this.#file = openSync(file, 'a')
  }

  write(entry: LedgerEntry): void {
    writeSync(this.#file, `${JSON.stringify({ atMs: sharedNowMs(), ...entry })}\n`)
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/** Every whole line of all ledgers in a folder, in the order in which they were written. */
export function readLedgers(directory: string): LedgerLine[] {
  const files = readdirSync(directory).filter((file) => file.endsWith('.jsonl'))
  return files
    .flatMap((file) => linesOf(readFileSync(path.join(directory, file), 'utf8')))
    .toSorted((a, b) => a.atMs - b.atMs)
}

/** The lines of one ledger; what follows the last end of a line was never finished. */
export function linesOf(content: string): LedgerLine[] {
  const lines = content.split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as LedgerLine)
}

/** By which a body is recognised, whatever id it claims to have. */
export function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 16)
}

/** A body of about so many bytes that begins with the id. */
export function bodyOf(id: string, bytes: number): string {
  return `${id}|`.padEnd(bytes, '.')
}

export function idOf(body: string): string {
  const end = body.indexOf('|')
  return end < 0 ? body : body.slice(0, end)
}
