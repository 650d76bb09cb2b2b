import { describe, expect, test } from 'vitest'
import { CometError, type ErrorCode, errorTable } from '../errors.ts'
import { type ErrorStatus, errorOfStatus, statusOfError } from './error-status.ts'

describe('statusOfError and errorOfStatus', () => {
  // A caller branches on the code; one that changes on the way sends it down a wrong path.
  test.each(Object.keys(errorTable) as ErrorCode[])('carry %s unchanged', (code) => {
    const sent = new CometError(code, 'why: 100 %, "ü"')

    const received = errorOfStatus(arrived(statusOfError(sent)))

    expect(received.code).toBe(code)
    expect(received.message).toBe(sent.message)
    expect(received.retryAfterMs).toBeUndefined()
  })

  test('carry when to try again', () => {
    const sent = new CometError('STORE_BUSY', 'too much is waiting', { retryAfterMs: 12.5 })

    const received = errorOfStatus(arrived(statusOfError(sent)))

    expect(received.retryAfterMs).toBe(13)
  })

  // A newer peer may know errors that this one does not; they must not look like success of a kind.
  test('read a code from a newer peer as INTERNAL', () => {
    const status = arrived({
      code: 9,
      details: 'new',
      trailers: { 'comet-error': 'NOT_YET_KNOWN' },
    })

    expect(errorOfStatus(status).code).toBe('INTERNAL')
  })

  // grpc-js percent-encodes the sentence and throws on half a surrogate pair, which would leave the
  // caller without any answer.
  test('send only sentences that can be percent-encoded and fit into a header', () => {
    const { details } = statusOfError(new CometError('INTERNAL', `\ud800${'x'.repeat(5000)}`))

    expect(() => encodeURI(details)).not.toThrow()
    expect(details.length).toBe(1024)
  })
})

describe('errorOfStatus', () => {
  // "Nothing was sent" allows any caller to try another broker at once; "outcome unknown" does not.
  test.each([
    { code: 14, connected: false, expected: 'CONNECT_FAILED' },
    { code: 14, connected: true, expected: 'UNAVAILABLE' },
    { code: 4, connected: true, expected: 'TIMEOUT' },
    { code: 1, connected: true, expected: 'CANCELLED' },
    { code: 8, connected: true, expected: 'OVERLOADED' },
    { code: 12, connected: true, expected: 'UNSUPPORTED' },
    { code: 2, connected: true, expected: 'INTERNAL' },
  ])('reads the plain status $code, connected: $connected, as $expected', (row) => {
    const status = {
      code: row.code,
      details: 'why',
      trailer: () => undefined,
      connected: row.connected,
      peer: 'broker:8081',
    }

    expect(errorOfStatus(status)).toMatchObject({ code: row.expected, message: 'broker:8081: why' })
  })
})

function arrived(status: ErrorStatus) {
  return {
    ...status,
    trailer: (name: string) => status.trailers[name],
    connected: true,
    peer: 'broker:8081',
  }
}
