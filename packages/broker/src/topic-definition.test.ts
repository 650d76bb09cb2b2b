import type { TopicDefinition } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { editedTopic, newTopic, type TopicEdit, type TopicWish } from './topic-definition.ts'

const plainWish: TopicWish = { topic: 'orders', type: '', queueCount: 0, flush: '', replicas: '' }
const noEdit: TopicEdit = { queueCount: 0, flush: '', replicas: '', readable: '', writable: '' }
const orders: TopicDefinition = newTopic(plainWish, { queueCount: 8 }, 1_000)

describe('a new topic', () => {
  // The defaults promise that what was acknowledged survives.
  test('takes the defaults where nothing is said', () => {
    expect(orders).toEqual({
      topic: 'orders',
      type: 'normal',
      queueCount: 8,
      readable: true,
      writable: true,
      ackLevel: { flush: 'sync', replicas: 'in-sync' },
      version: 1,
      createdAtMs: 1_000,
    })
  })

  // A wish that is half understood would make a topic nobody asked for.
  test.each([
    [{ topic: '' }, 'ILLEGAL_NAME'],
    [{ topic: '%RETRY%billing' }, 'ILLEGAL_NAME'],
    [{ queueCount: 5_000 }, 'ILLEGAL_ARGUMENT'],
    [{ flush: 'never' }, 'ILLEGAL_ARGUMENT'],
    [{ replicas: 'all' }, 'ILLEGAL_ARGUMENT'],
    [{ type: 'queue' }, 'ILLEGAL_ARGUMENT'],
    [{ type: 'transaction' }, 'UNSUPPORTED'],
  ])('with %j is refused as %s', (fields, code) => {
    const act = (): unknown => newTopic({ ...plainWish, ...fields }, { queueCount: 8 }, 0)

    expect(act).toThrow(expect.objectContaining({ code }))
  })
})

describe('an edit', () => {
  // A new version is a record in the log and an update to every client.
  test('that changes nothing keeps the definition', () => {
    expect(editedTopic(orders, { ...noEdit, queueCount: 8, writable: 'true' })).toBe(orders)
  })

  // A definition that is older than another may not replace it.
  test('raises the version', () => {
    const edited = editedTopic(orders, { ...noEdit, queueCount: 12, writable: 'false' })

    expect(edited).toMatchObject({ queueCount: 12, writable: false, readable: true, version: 2 })
  })

  // The messages of the queues that go would be lost.
  test('never takes queues away', () => {
    const act = (): unknown => editedTopic(orders, { ...noEdit, queueCount: 4 })

    expect(act).toThrow(expect.objectContaining({ code: 'ILLEGAL_ARGUMENT' }))
  })
})
