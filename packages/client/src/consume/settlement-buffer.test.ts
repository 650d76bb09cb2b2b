import type { Settlement } from '@cometmq/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SettlementBuffer } from './settlement-buffer.ts'

const queue = { topic: 'orders', queueId: 0, retry: false }

describe('SettlementBuffer', () => {
  test('makes one range of consecutive messages, in whatever order they were settled', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(Array.from({ length: 50 }, (_, i) => i)), (offsets) => {
        const buffer = new SettlementBuffer()
        for (const offset of offsets) buffer.queue(queue).acknowledge(offset)

        const taken = buffer.take(1_000)

        expect(offsetsOf(taken)).toEqual(offsets.toSorted((a, b) => a - b))
        const gaps = offsetsOf(taken).filter((offset, i, all) => all[i - 1] !== offset - 1).length
        expect(taken).toHaveLength(gaps)
        expect(buffer.isEmpty).toBe(true)
      }),
    )
  })

  test('keeps apart what has another fate', () => {
    const buffer = new SettlementBuffer()
    const settlements = buffer.queue(queue)
    settlements.acknowledge(0)
    settlements.add(1, 2, { kind: 'retry', delayMs: 5, reason: 'a' })
    settlements.add(2, 3, { kind: 'retry', delayMs: 5, reason: 'a' })
    settlements.add(3, 4, { kind: 'retry', delayMs: 5, reason: 'b' })
    settlements.add(4, 5, { kind: 'reject', reason: 'b' })

    expect(buffer.take(10).map(({ range, action }) => [range.from, range.to, action.kind])).toEqual(
      [
        [0, 1, 'acknowledge'],
        [1, 3, 'retry'],
        [3, 4, 'retry'],
        [4, 5, 'reject'],
      ],
    )
  })

  test('keeps apart queues, and a topic from the retries of its group', () => {
    const buffer = new SettlementBuffer()
    buffer.queue(queue).acknowledge(0)
    buffer.queue({ ...queue, queueId: 1 }).acknowledge(1)
    buffer.queue({ topic: '', queueId: 0, retry: true }).acknowledge(2)

    expect(buffer.take(10).map(({ range }) => range)).toEqual([
      { ...queue, from: 0, to: 1 },
      { ...queue, queueId: 1, from: 1, to: 2 },
      { topic: '', queueId: 0, retry: true, from: 2, to: 3 },
    ])
  })

  test('keeps for the next request what does not fit into one', () => {
    const buffer = new SettlementBuffer()
    for (let offset = 0; offset < 20; offset += 2) buffer.queue(queue).acknowledge(offset)

    expect(offsetsOf(buffer.take(4))).toEqual([0, 2, 4, 6])
    expect(offsetsOf(buffer.take(100))).toEqual([8, 10, 12, 14, 16, 18])
  })

  test('sends what was put back before all else', () => {
    const buffer = new SettlementBuffer()
    buffer.queue(queue).acknowledge(5)
    const sent = buffer.take(10)
    buffer.queue(queue).acknowledge(9)

    buffer.putBack(sent)

    expect(offsetsOf(buffer.take(10))).toEqual([5, 9])
  })
})

function offsetsOf(settlements: readonly Settlement[]): number[] {
  return settlements.flatMap(({ range }) =>
    Array.from({ length: range.to - range.from }, (_, i) => range.from + i),
  )
}
