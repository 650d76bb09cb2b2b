import { describe, expect, test } from 'vitest'
import type { QueueGroup } from './generated/cometmq/v1/QueueGroup.ts'
import { queueGroupsAfter } from './message-group.ts'

describe('queueGroupsAfter', () => {
  // Clients that meet the brokers in another order must still agree on where a message group goes.
  test('sorts by broker name, whatever order they are told in', () => {
    expect(queueGroupsAfter([], [open('b', 1), open('a', 2)], isOneOf())).toEqual([
      open('a', 2),
      open('b', 1),
    ])
  })

  // All message groups would move because one broker restarts.
  test('keeps the queues of a broker group that is not named any more, for nobody to use', () => {
    const before = [open('a', 1), open('b', 2)]

    const after = queueGroupsAfter(before, [open('b', 2)], isOneOf('b'))

    expect(after).toEqual([{ ...open('a', 1), readable: false, writable: false }, open('b', 2)])
  })

  // Messages would wait for a broker that will never take them.
  test('drops those of one that is gone', () => {
    const before = [open('a', 1), open('b', 2)]

    expect(queueGroupsAfter(before, [open('b', 2)], isOneOf('a', 'b'))).toEqual([open('b', 2)])
  })

  test('takes one back as it is when it returns', () => {
    const away = { ...open('a', 1), readable: false, writable: false }

    expect(queueGroupsAfter([away], [open('a', 3)], isOneOf('a'))).toEqual([open('a', 3)])
  })
})

function open(brokerName: string, queueCount: number): QueueGroup {
  return { brokerName, queueCount, readable: true, writable: true }
}

function isOneOf(...names: readonly string[]): (brokerName: string) => boolean {
  return (brokerName) => names.includes(brokerName)
}
