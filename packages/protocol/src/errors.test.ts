import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CometError, type ErrorCode, errorCodeOfId, errorTable, toCometError } from './errors.ts'

const codes = Object.keys(errorTable) as ErrorCode[]
const handbook = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')

describe('the error table', () => {
  // Two codes with one id would be one error to everyone who receives it.
  test('gives every code its own id', () => {
    const ids = codes.map((code) => errorTable[code].id)

    expect(new Set(ids).size).toBe(codes.length)
    // 0 on the wire is success.
    expect(Math.min(...ids)).toBe(1)
    expect(codes.map((code) => errorCodeOfId(errorTable[code].id))).toEqual(codes)
  })

  // An error of a newer peer may mean that it was done, or not: never "go on".
  test.each([0, -1, 9999, 0.5])('reads the id %d, which it does not know, as INTERNAL', (id) => {
    expect(errorCodeOfId(id)).toBe('INTERNAL')
  })
})

describe('docs/errors.md', () => {
  const sections = new Map(
    handbook
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf('\n')).trim(), section]),
  )

  // Whoever meets an error looks it up there. It has to say the same as the table.
  test.each(codes)('explains %s', (code) => {
    const { id, grpcStatus, retry } = errorTable[code]
    const section = sections.get(code)

    expect(section).toContain(`\n${id} · ${grpcStatus} · ${retry}\n`)
    expect(section).toMatch(/^\*\*When\.\*\* \S/m)
    expect(section).toMatch(/^\*\*State\.\*\* \S/m)
    expect(section).toMatch(/^\*\*Do\.\*\* \S/m)
  })

  test('explains no code that is not in the table', () => {
    expect([...sections.keys()]).toEqual(codes)
  })
})

describe('CometError', () => {
  test('knows what to do about it', () => {
    const error = new CometError('STORE_BUSY', 'too much is waiting', { retryAfterMs: 20 })

    expect(error).toMatchObject({ code: 'STORE_BUSY', retry: 'same-broker', retryAfterMs: 20 })
    expect(new CometError('INTERNAL', 'x').retryAfterMs).toBeUndefined()
  })
})

describe('toCometError', () => {
  test('leaves a CometError as it is', () => {
    const error = new CometError('CLOSED', 'closed')

    expect(toCometError(error)).toBe(error)
  })

  // A retry of what the caller has given up would outlive the caller.
  test.each<[string, AbortSignal, ErrorCode]>([
    ['a cancelled signal', AbortSignal.abort(), 'CANCELLED'],
    ['a signal whose time is up', abortedBy('TimeoutError'), 'TIMEOUT'],
  ])('reads the reason of %s', (_, signal, code) => {
    const error = toCometError(signal.reason)

    expect(error).toMatchObject({ code, cause: signal.reason as unknown })
    expect(error.message).not.toBe('')
  })

  // It runs where errors are reported: one thrown here would hide the first.
  test.each([
    ['an error', new TypeError('boom'), 'boom'],
    ['a string', 'boom', 'boom'],
    ['nothing', undefined, 'undefined'],
    ['an object without prototype', Object.create(null) as unknown, '[Object: null prototype] {}'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
  ])('makes INTERNAL of %s', (_, thrown, message) => {
    expect(toCometError(thrown)).toMatchObject({ code: 'INTERNAL', message, cause: thrown })
  })
})

function abortedBy(name: string): AbortSignal {
  return AbortSignal.abort(new DOMException('the time is up', name))
}
