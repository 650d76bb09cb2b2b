import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeIndexBlock, encodeIndexBlock, type IndexEntries } from './index-block.ts'

const block = fc
  .record({
    first: fc.record({
      base: fc.nat({ max: 2 ** 40 }),
      logOffset: fc.nat({ max: 2 ** 45 }),
      storeTimeMs: fc.nat({ max: 2 ** 42 }),
    }),
    steps: fc.array(
      fc.record({
        messages: fc.integer({ min: 1, max: 20_000 }),
        bytes: fc.integer({ min: 112, max: 5_000_000 }),
        gap: fc.nat({ max: 10_000_000 }),
        laterMs: fc.nat({ max: 100_000 }),
      }),
      { minLength: 1, maxLength: 60 },
    ),
  })
  .map(({ first, steps }): IndexEntries => {
    const numbers: number[] = []
    let { base, logOffset, storeTimeMs } = first
    for (const step of steps) {
      numbers.push(base, logOffset, step.bytes, storeTimeMs)
      base += step.messages
      logOffset += step.bytes + step.gap
      storeTimeMs += step.laterMs
    }
    return { numbers, count: steps.length, to: base }
  })

describe('an index block', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(block, (entries) => {
        const decoded = decodeIndexBlock(encodeIndexBlock(entries))

        expect([...Array.from(decoded.numbers), decoded.count, decoded.to]).toEqual([
          ...Array.from(entries.numbers),
          entries.count,
          entries.to,
        ])
      }),
    )
  })

  // Half a block read as a whole one would hide messages.
  test('is refused when it is cut at any byte', () => {
    fc.assert(
      fc.property(
        block,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (entries, cut) => {
          const bytes = encodeIndexBlock(entries)
          const kept = bytes.subarray(0, Math.floor(bytes.length * cut))

          expect(() => decodeIndexBlock(kept)).toThrow(
            expect.objectContaining({ code: 'STORE_CORRUPT' }),
          )
        },
      ),
    )
  })
})
