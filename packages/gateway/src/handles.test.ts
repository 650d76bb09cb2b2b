import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHandle, encodeHandle, type ReceiptHandle } from './handles.ts'

const offset = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const handle: fc.Arbitrary<ReceiptHandle> = fc.record({
  brokerName: fc.string({ maxLength: 64 }),
  group: fc.string({ maxLength: 120 }),
  topic: fc.string({ maxLength: 127 }),
  generation: fc.string({ maxLength: 20 }),
  retry: fc.boolean(),
  queueId: fc.nat({ max: 4_095 }),
  offset,
  attempt: fc.integer({ min: 1, max: 1_000 }),
})

describe('a receipt handle', () => {
  test('says what it was made of, in characters that travel anywhere', () => {
    fc.assert(
      fc.property(handle, (made) => {
        const text = encodeHandle(made)

        expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(decodeHandle(text)).toEqual(made)
      }),
    )
  })

  // A forged or damaged handle must not settle another message.
  test('is refused when any bit of it has changed, or it is cut anywhere', () => {
    const bytes = Buffer.from(
      encodeHandle({
        brokerName: 'broker-a',
        group: 'g',
        topic: 't',
        generation: 'cafe1',
        retry: false,
        queueId: 3,
        offset: 1_000_000,
        attempt: 1,
      }),
      'base64url',
    )
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
      expectRefused(changed.toString('base64url'))
    }
    for (let end = 0; end < bytes.length; end++) {
      expectRefused(bytes.subarray(0, end).toString('base64url'))
    }
    for (const text of ['', 'garbage', '%%%', 'x'.repeat(10_000)]) expectRefused(text)
  })
})

function expectRefused(text: string): void {
  expect(() => decodeHandle(text)).toThrow(
    expect.objectContaining({ code: 'INVALID_RECEIPT_HANDLE' }),
  )
}
