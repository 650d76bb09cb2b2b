import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RangeMap, type Span } from './range-map.ts'

// More than a block holds, so that blocks are split and emptied.
const WIDTH = 1_200

const edit = fc.record({
  from: fc.nat(WIDTH),
  length: fc.oneof(fc.nat(4), fc.nat(WIDTH)),
  value: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
  isStriped: fc.boolean(),
})
type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never

/** Either one value, or alternating ones: many spans in one step. */
function apply(map: RangeMap<string>, { from, length, value, isStriped }: Edit): void {
  if (!isStriped) {
    if (value === undefined) map.clear(from, from + length)
    else map.set(from, from + length, value)
    return
  }
  const stripes = Array.from({ length }, (_, index) => stripe(from + index, value))
  map.setAll(stripes.filter((span) => span !== undefined))
}

function stripe(at: number, value = 'd'): Span<string> | undefined {
  return at % 3 === 0 ? undefined : { from: at, to: at + 1, value: at % 3 === 1 ? value : 'e' }
}

/** The same, one integer after the other. */
function applyToModel(
  model: (string | undefined)[],
  { from, length, value, isStriped }: Edit,
): void {
  if (!isStriped) {
    model.fill(value, from, from + length)
    return
  }
  const first = from % 3 === 0 ? from + 1 : from
  const last = (from + length - 1) % 3 === 0 ? from + length - 1 : from + length
  for (let at = first; at < last; at++) model[at] = stripe(at, value)?.value
}

describe('RangeMap', () => {
  // The lease table stands on this: an integer with a wrong value is a message delivered twice, or
  // never.
  test('holds what an array of single values holds', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
        const map = new RangeMap<string>()
        const model: (string | undefined)[] = Array.from({ length: 2 * WIDTH }, () => undefined)
        for (const next of edits) {
          apply(map, next)
          applyToModel(model, next)
        }

        const seen = model.map((_, integer) => map.at(integer))
        expect(seen).toEqual(model)
      }),
    )
  })

  // Spans that are not joined would grow with the number of acknowledgements, not of gaps.
  test('has as few spans as the values allow, in order', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
        const map = new RangeMap<string>()
        for (const next of edits) apply(map, next)

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
