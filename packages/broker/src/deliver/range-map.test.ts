import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RangeMap } from './range-map.ts'

const WIDTH = 40

const edit = fc.record({
  from: fc.nat(WIDTH),
  length: fc.nat(WIDTH),
  value: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
})

describe('RangeMap', () => {
  // The lease table stands on this: an integer with a wrong value is a message delivered twice, or
  // never.
  test('holds what an array of single values holds', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
        const map = new RangeMap<string>()
        const model: (string | undefined)[] = Array.from({ length: 2 * WIDTH }, () => undefined)
        for (const { from, length, value } of edits) {
          if (value === undefined) map.clear(from, from + length)
          else map.set(from, from + length, value)
          model.fill(value, from, from + length)

          const seen = model.map((_, integer) => map.at(integer))
          expect(seen).toEqual(model)
        }
      }),
    )
  })

  // Spans that are not joined would grow with the number of acknowledgements, not of gaps.
  test('has as few spans as the values allow, in order', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
        const map = new RangeMap<string>()
        for (const { from, length, value } of edits) {
          if (value === undefined) map.clear(from, from + length)
          else map.set(from, from + length, value)
        }

        const spans = [...map]

        expect(map.spanCount).toBe(spans.length)
        for (const [index, span] of spans.entries()) {
          expect(span.from).toBeLessThan(span.to)
          const next = spans[index + 1]
          if (next === undefined) continue
          expect(span.to).toBeLessThanOrEqual(next.from)
          expect(span.to === next.from && span.value === next.value).toBe(false)
        }
      }),
    )
  })

  test('cuts spans to the asked range', () => {
    const map = new RangeMap<string>()
    map.set(0, 10, 'a')
    map.set(20, 30, 'b')

    const spans = map.within(5, 25)

    expect(spans).toEqual([
      { from: 5, to: 10, value: 'a' },
      { from: 20, to: 25, value: 'b' },
    ])
  })
})
