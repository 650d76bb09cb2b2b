import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CometError } from '../errors.ts'
import { decodeChanges, encodeChanges, type StateChange } from './change.ts'

describe('changes of state', () => {
  // Topics, groups and progress come back from these after a crash.
  test('come back as they were written', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 20 }), (changes) => {
        expect(decodeChanges(encodeChanges(changes))).toEqual(changes)
      }),
    )
  })

  // Half a record applied would leave a state that never was.
  test('are refused as a whole when cut at any byte', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { minLength: 1, maxLength: 4 }), (changes) => {
        const body = encodeChanges(changes)
        for (let length = 0; length < body.length; length++) {
          expect(() => decodeChanges(body.subarray(0, length))).toThrow(malformed)
        }
      }),
    )
  })

  test.each([
    ['nothing at all', ''],
    ['2^40 changes', '808080808020'],
    ['an op that is not known', '01090161016b'],
    ['a table longer than the body', '010164'],
    ['a value longer than the body', '010101610162ff'],
    ['bytes after the last change', '000102'],
  ])('are not made of %s', (_, hex) => {
    expect(() => decodeChanges(Buffer.from(hex, 'hex'))).toThrow(malformed)
  })

  // A broker that fails in any other way while it replays its log would not start again.
  test('are read from any bytes, or refused as MALFORMED_BATCH', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(outcomeOf(Buffer.from(bytes))).toMatch(/^(fine|MALFORMED_BATCH)$/)
      }),
      { numRuns: 2000 },
    )
  })
})

const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
const anyTable = fc.string({ unit: 'binary', maxLength: 20 })

const anyChange: fc.Arbitrary<StateChange> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), table: anyTable, key: anyBytes, value: anyBytes }),
  fc.record({ kind: fc.constant('delete' as const), table: anyTable, key: anyBytes }),
  fc.record({
    kind: fc.constant('delete-range' as const),
    table: anyTable,
    from: anyBytes,
    to: anyBytes,
  }),
)

const malformed = expect.objectContaining({ name: 'CometError', code: 'MALFORMED_BATCH' }) as object

/** `fine` or the code of the error; fails on any error but a CometError. */
function outcomeOf(body: Buffer): string {
  try {
    decodeChanges(body)
    return 'fine'
  } catch (thrown) {
    if (thrown instanceof CometError) return thrown.code
    throw thrown
  }
}
