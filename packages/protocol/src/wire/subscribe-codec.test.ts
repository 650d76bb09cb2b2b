import { describe, expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { subscribeMethod } from './subscribe-codec.ts'

/** Field and empty element of each list, by the request that carries it. */
const lists = [
  {
    name: 'settlements',
    request: 0x1a,
    element: [0x12, 0x04, 0x0a, 0x00, 0x10, 0x01],
    max: limits.settlementsMax,
  },
  { name: 'topics', request: 0x0a, element: [0x22, 0x00], max: limits.topicsPerMemberMax },
  { name: 'held ranges', request: 0x0a, element: [0x3a, 0x00], max: limits.heldRangesMax },
] as const

describe.each(lists)('$name in a subscribe request', ({ request, element, max }) => {
  // 16 MiB of empty ones are eight million objects; what follows tells how far it was read.
  test('are refused where the bound is passed', () => {
    expect(() => decode(max + 1)).toThrow(expect.objectContaining({ code: 'TOO_MANY' }))
    expect(() => decode(max)).toThrow(expect.objectContaining({ code: 'MALFORMED_REQUEST' }))
  })

  function decode(count: number): unknown {
    const elements = Buffer.from(Array.from({ length: count }, () => element).flat())
    return subscribeMethod.decodeRequest(
      Buffer.concat([
        Buffer.from([request]),
        varint(elements.length + 1),
        elements,
        Buffer.of(0x07),
      ]),
    )
  }
})

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
