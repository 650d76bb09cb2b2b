import { expect, test } from 'vitest'
import type { DeliveredMessage } from './history.ts'
import { MessageOrder } from './message-order.ts'

const queue = ['a1', 'b1', 'a2', 'x'].map((messageId, queueOffset) => {
  const place = { brokerName: 'broker', topic: 'orders', queueId: 0, queueOffset }
  return { ...place, messageId, body: messageId, attempt: 1 } satisfies DeliveredMessage
})
const keyOf = (messageId: string) => (messageId === 'x' ? undefined : messageId.slice(0, 1))

test('a message that comes after the one before it of its key was finished is in order', () => {
  const order = new MessageOrder('ledger')
  for (const id of ['a1', 'b1', 'x']) order.delivered(id)
  order.finished('a1')
  order.delivered('a2')

  expect(order.violations(queue, keyOf)).toEqual([])
})

test('a message that comes while the one before it is at work has overtaken it', () => {
  const order = new MessageOrder('ledger')
  order.delivered('a1')
  order.delivered('a2')
  order.finished('a1')

  expect(order.violations(queue, keyOf)).toEqual([
    { kind: 'overtaken', group: 'ledger', key: 'a', messageId: 'a1', by: 'a2' },
  ])
})

test('a message that comes although the one before it never did has overtaken it', () => {
  const order = new MessageOrder('ledger')
  order.delivered('a2')

  expect(order.violations(queue, keyOf)).toHaveLength(1)
})

test('a message that lies behind one of its key that was sent later has been overtaken', () => {
  const order = new MessageOrder('ledger')
  for (const id of ['a2', 'a1']) order.sent(id, 'producer')
  order.delivered('a1')
  order.finished('a1')

  expect(order.violations(queue, keyOf)).toEqual([
    { kind: 'overtaken', group: 'producer', key: 'a', messageId: 'a2', by: 'a1' },
  ])
})

// Nobody promises an order between producers.
test('messages of two producers lie in any order', () => {
  const order = new MessageOrder('ledger')
  order.sent('a2', 'one')
  order.sent('a1', 'other')
  order.delivered('a1')
  order.finished('a1')

  expect(order.violations(queue, keyOf)).toEqual([])
})
