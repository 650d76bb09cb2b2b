import { mkdtempSync, rmSync, truncateSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bodyOf, hashOf, idOf, Ledger, linesOf, readLedgers } from './ledger.ts'

function freshFolder(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'comet-ledger-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

test('the ledgers of a folder are one story in the order in which it happened', () => {
  const directory = freshFolder()
  using one = new Ledger(path.join(directory, 'one.jsonl'))
  using other = new Ledger(path.join(directory, 'other.jsonl'))

  one.write({ kind: 'sent', id: 'a', hash: 'h', key: undefined })
  other.write({ kind: 'finished', group: 'g', id: 'a' })
  one.write({ kind: 'settled', group: 'g', id: 'a' })

  expect(readLedgers(directory).map(({ kind }) => kind)).toEqual(['sent', 'finished', 'settled'])
})

// A process that is killed while it writes has not seen what it did not write down.
test('a torn last line is left out', () => {
  const directory = freshFolder()
  const file = path.join(directory, 'torn.jsonl')
  using ledger = new Ledger(file)
  ledger.write({ kind: 'failed', id: 'a', why: 'x' })
  ledger.write({ kind: 'failed', id: 'b', why: 'y' })
  truncateSync(file, statSync(file).size - 4)

  expect(readLedgers(directory)).toMatchObject([{ id: 'a' }])
  expect(linesOf('')).toEqual([])
})

test('a body names its message, and no two bodies have one hash', () => {
  const body = bodyOf('p.key0.7', 40)

  expect(body).toHaveLength(40)
  expect(idOf(body)).toBe('p.key0.7')
  expect(hashOf(body)).not.toBe(hashOf(bodyOf('p.key0.7', 41)))
})
