import { describe, expect, test } from 'vitest'
import { queueOfGroup } from '@cometmq/protocol'
import { Rotation } from './queue-selector.ts'

describe('queueOfGroup', () => {
  // Clients of all versions must agree on it: two that differ send one customer to two queues.
  test('never changes', () => {
    expect(['customer-1', 'customer-2', 'ü', ''].map((key) => queueOfGroup(key, 8))).toEqual([
      5, 7, 5, 0,
    ])
  })

  test('spreads message groups evenly', () => {
    const counts = Array.from({ length: 8 }, () => 0)

    for (let i = 0; i < 8_000; i++) {
      const queue = queueOfGroup(`customer-${i}`, 8)
      counts[queue] = (counts[queue] ?? 0) + 1
    }

    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})

describe('Rotation', () => {
  test('takes all in turn', () => {
    const rotation = new Rotation(0)

    const picked = Array.from({ length: 8 }, () => rotation.pick(4, () => true))

    expect(picked).toEqual([0, 1, 2, 3, 0, 1, 2, 3])
  })

  test('passes over those that cannot be used, and gives up when none can', () => {
    const rotation = new Rotation(0)

    expect(rotation.pick(4, (index) => index === 2)).toBe(2)
    expect(rotation.pick(4, (index) => index === 2)).toBe(2)
    expect(rotation.pick(4, () => false)).toBe(-1)
    expect(rotation.pick(0, () => true)).toBe(-1)
  })
})
