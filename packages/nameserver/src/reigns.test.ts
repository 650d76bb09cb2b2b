import type { BrokerAddress, RegisteredTopic, Registration } from '@cometmq/protocol'
import { describe, expect, test } from 'vitest'
import { RouteTable } from './route-table.ts'
import { TableView } from './table-view.ts'

const SILENCE_MS = 3_000
const TICK_MS = 250

function openTable(): RouteTable {
  return new RouteTable(
    {
      cluster: 'blue',
      silenceMs: SILENCE_MS,
      tickMs: TICK_MS,
      warmupMs: 0,
      rememberMs: 60_000,
      maxBrokers: 4,
      maxTopicsPerBroker: 100,
    },
    0,
  )
}

/** A member of broker group "a", which is the data folder `store` on the host of that name. */
function memberOf(store: string, fields: Partial<Registration> = {}): Registration {
  return {
    cluster: 'blue',
    brokerName: 'a',
    brokerId: 0,
    epoch: 1,
    storeId: store,
    listeners: [{ listener: 'client', address: `${store}:8081` }],
    topics: [topicOf('orders')],
    autoCreateTopics: false,
    version: 'test',
    standsIn: false,
    ...fields,
  }
}

function topicOf(topic: string): RegisteredTopic {
  return { topic, type: 'normal', queueCount: 4, readable: true, writable: true }
}

/** As "id: address", in order. */
function listed(brokers: readonly BrokerAddress[]): string[] {
  return brokers.map(({ brokerId, address }) => `${brokerId}: ${address}`)
}

const open = { brokerName: 'a', queueCount: 4, readable: true, writable: true }
const readOnly = { ...open, writable: false }
const closed = { ...readOnly, readable: false }

describe('the highest epoch of a broker group', () => {
  // The old master would be back in the routes because a slave of its was slower than it.
  test('does not fall with a slave that follows a lower one', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 5 }), 1)

    const slave = table.register(memberOf('two', { brokerId: 2, epoch: 3 }), 2)
    table.goodbye(1)
    const ghost = table.register(memberOf('three', { epoch: 4 }), 3)

    expect(slave).toMatchObject({ kind: 'registered' })
    expect(ghost).toMatchObject({
      kind: 'refused',
      error: { code: 'STALE_EPOCH', message: expect.stringContaining('epoch 5') },
    })
    expect(table.groupOf(2)).toEqual({ masterPresent: false, highestEpoch: 5 })
  })

  // It is what a slave knows first, for it hears of it from the new master itself.
  test('rises with a slave: the master of the epoch before is not written to any more', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 4 }), 1)

    const answer = table.register(memberOf('two', { brokerId: 2, epoch: 5 }), 2)

    expect(answer).toMatchObject({ change: { topics: new Set(['orders']) } })
    expect(table.route('orders')?.queueGroups).toEqual([readOnly])
    expect(table.masterOf('a')).toBeUndefined()
  })

  // Names can be made up.
  test('is given up only of groups of which nobody is heard', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 5 }), 1)

    for (let number = 2; number < 20; number++) {
      const brokerName = `made-up-${number}`
      table.register(memberOf(brokerName, { brokerName, epoch: 9 }), number)
      table.goodbye(number)
    }

    expect(table.groupOf(1).highestEpoch).toBe(5)
    const forgotten = memberOf('x', { brokerName: 'made-up-2', epoch: 1 })
    expect(table.register(forgotten, 20)).toMatchObject({ kind: 'registered' })
  })
})

describe('a broker that changes its role', () => {
  // Its former entry would be read from, and counted, until it counts as silent.
  test('from slave to master takes the place of the old master and of itself', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 4 }), 1)
    table.register(memberOf('two', { brokerId: 2, epoch: 4 }), 2)

    const answer = table.register(memberOf('two', { epoch: 5 }), 3)

    expect(answer).toMatchObject({
      kind: 'registered',
      change: { brokers: true },
      replaced: [1, 2],
    })
    expect(listed(table.brokers())).toEqual(['0: two:8081'])
    expect(table.route('orders')?.queueGroups).toEqual([open])
  })

  test('from master to slave leaves a group that can be read', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 4 }), 1)

    const answer = table.register(memberOf('one', { brokerId: 1, epoch: 5 }), 2)

    expect(answer).toMatchObject({
      change: { brokers: true, topics: new Set(['orders']) },
      replaced: [1],
    })
    expect(listed(table.brokers())).toEqual(['1: one:8081'])
    expect(table.route('orders')?.queueGroups).toEqual([readOnly])
    expect(table.masterOf('a')).toBeUndefined()
  })

  // A broker may keep its stream and say it anew.
  test('does so on the stream it has, too', () => {
    const table = openTable()
    table.register(memberOf('two', { brokerId: 2, epoch: 4 }), 1)

    const up = table.register(memberOf('two', { epoch: 5 }), 1)
    expect(up).toMatchObject({ kind: 'registered', replaced: [] })
    expect(listed(table.brokers())).toEqual(['0: two:8081'])

    table.register(memberOf('two', { brokerId: 2, epoch: 6 }), 1)
    expect(listed(table.brokers())).toEqual(['2: two:8081'])
    expect(table.beat(1)).toBe(true)
  })

  // The old stream ends after the new one has begun, whichever way it takes.
  test('is not thrown out by the end of the stream it had before', () => {
    const table = openTable()
    table.register(memberOf('two', { brokerId: 2, epoch: 4 }), 1)
    table.register(memberOf('two', { epoch: 5 }), 2)

    table.lost(1)
    const change = table.goodbye(1)

    expect(change).toEqual({ topics: new Set(), brokers: false })
    expect(table.beat(1)).toBe(false)
    expect(table.masterOf('a')).toMatchObject({ address: 'two:8081', epoch: 5 })
  })

  // Both would take turns, each with the stream of the other broken.
  test('is not one that runs on a copy of the data elsewhere', () => {
    const table = openTable()
    table.register(memberOf('two', { brokerId: 2, epoch: 4 }), 1)

    const listeners = [{ listener: 'client', address: 'copy:8081' }]
    const copy = memberOf('two', { brokerId: 3, epoch: 4, listeners })

    expect(table.register(copy, 2)).toMatchObject({ error: { code: 'NAME_TAKEN' } })
    table.lost(1)
    expect(table.register(copy, 3)).toMatchObject({ kind: 'registered', replaced: [1] })
  })
})

describe('a slave that stands in for a dead master', () => {
  // Consumer groups would be sent to slaves that refuse them, or to none.
  test('is told apart from other slaves, and told of at once when that changes', () => {
    const table = openTable()
    table.register(memberOf('one', { brokerId: 1, epoch: 5 }), 1)
    table.register(memberOf('two', { brokerId: 2, epoch: 5 }), 2)

    const begun = table.register(memberOf('one', { brokerId: 1, epoch: 5, standsIn: true }), 1)
    const told = table.brokers().map(({ brokerId, standsIn }) => [brokerId, standsIn])
    const ended = table.register(memberOf('one', { brokerId: 1, epoch: 5 }), 1)

    expect(begun).toMatchObject({ change: { brokers: true } })
    expect(told).toEqual([
      [1, true],
      [2, false],
    ])
    expect(ended).toMatchObject({ change: { brokers: true } })
    expect(table.brokers().some(({ standsIn }) => standsIn)).toBe(false)
  })

  // It is read from, and nothing is written to it.
  test('makes no master of it', () => {
    const table = openTable()

    table.register(memberOf('one', { brokerId: 1, epoch: 5, standsIn: true }), 1)

    expect(table.masterOf('a')).toBeUndefined()
    expect(table.route('orders')?.queueGroups).toEqual([readOnly])
    expect(table.groupOf(1)).toEqual({ masterPresent: false, highestEpoch: 5 })
  })

  // Calls of official clients would be made there while a master serves them as well.
  test('serves consumers, as the view of official clients has it, until there is a master', () => {
    const table = openTable()
    const view = new TableView(table)
    table.register(memberOf('one', { brokerId: 1, epoch: 5, standsIn: true }), 1)
    table.register(memberOf('two', { brokerId: 2, epoch: 5 }), 2)

    expect(view.placeOfMaster('a')).toBe('nowhere')
    expect(view.placeOfConsumers('a')).toBe('there')
    expect(view.addressFor('a', 'client')).toBe('one:8081')
    expect(view.brokerNames()).toEqual(['a'])

    table.register(memberOf('three', { epoch: 6 }), 3)
    expect(view.addressOf('a')).toBe('three:8081')

    table.goodbye(3)
    table.register(memberOf('one', { brokerId: 1, epoch: 6 }), 1)
    expect(view.placeOfConsumers('a')).toBe('nowhere')
    expect(view.addressOf('a')).toBeUndefined()
    expect(view.brokerNames()).toEqual([])
  })
})

describe('two masters of one group', () => {
  // One of them acknowledges what the other does not have: somebody has to be woken.
  test('with one epoch are refused and an alarm', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 5 }), 1)

    const answer = table.register(memberOf('two', { epoch: 5 }), 2)

    expect(answer).toMatchObject({
      error: { code: 'NAME_TAKEN' },
      alarm: 'two_masters_one_epoch',
    })
    expect(table.masterOf('a')?.address).toBe('one:8081')
  })

  // It is a mistake in a configuration, and no more.
  test('are not two slaves with one id', () => {
    const table = openTable()
    table.register(memberOf('one', { brokerId: 1, epoch: 5 }), 1)

    const answer = table.register(memberOf('two', { brokerId: 1, epoch: 6 }), 2)

    expect(answer).toMatchObject({ error: { code: 'NAME_TAKEN' } })
    expect(answer).not.toHaveProperty('alarm')
  })
})

describe('a group without a master', () => {
  // Readers can go on, and whoever looks at the cluster has to see what is left of it.
  test('is in the routes with what its slaves have, for reading', () => {
    const table = openTable()
    table.register(memberOf('one', { epoch: 4 }), 1)
    table.register(memberOf('three', { brokerId: 3, epoch: 4 }), 3)
    table.register(memberOf('two', { brokerId: 2, epoch: 4 }), 2)

    const change = table.goodbye(1)

    expect(change).toEqual({ topics: new Set(['orders']), brokers: true })
    expect(table.route('orders')?.queueGroups).toEqual([readOnly])
    expect(listed(table.brokers())).toEqual(['2: two:8081', '3: three:8081'])
  })

  // A slave that has not followed yet would make message groups move to other queues.
  test('keeps the queues that its slaves do not have yet, closed', () => {
    const table = openTable()
    const topics = [topicOf('orders'), topicOf('new')]
    table.register(memberOf('one', { epoch: 4, topics }), 1)
    table.register(memberOf('two', { brokerId: 2, epoch: 4 }), 2)

    table.goodbye(1)
    expect(table.route('new')?.queueGroups).toEqual([closed])

    table.register(memberOf('two', { epoch: 5, topics }), 3)
    expect(table.route('new')?.queueGroups).toEqual([open])
  })

  // It is there, and may have a master in a moment; forgotten, it would lose its message groups.
  test('is not forgotten while one of its slaves is heard', () => {
    const table = openTable()
    const topics = [topicOf('orders'), topicOf('new')]
    table.register(memberOf('one', { topics }), 1)
    table.register(memberOf('two', { brokerId: 2 }), 2)
    table.goodbye(1)

    let nowMs = 0
    const passTime = (toMs: number): void => {
      while (nowMs < toMs) {
        table.beat(2)
        table.tick((nowMs += TICK_MS))
      }
    }
    passTime(90_000)
    expect(table.forgotten()).toEqual([])
    expect(table.route('new')?.queueGroups).toEqual([closed])

    table.goodbye(2)
    passTime(145_000)
    expect(table.route('new')).toBeDefined()
    passTime(155_000)
    expect(table.forgotten()).toEqual(['a'])
    expect(table.route('orders')).toBeUndefined()
  })
})

describe('while a group has a master', () => {
  // A slave that has not followed yet would bring a topic back that was deleted.
  test('only what that one says counts', () => {
    const table = openTable()
    table.register(memberOf('one', { topics: [] }), 1)

    const answer = table.register(memberOf('two', { brokerId: 2 }), 2)

    expect(answer).toMatchObject({ change: { topics: new Set(), brokers: true } })
    expect(table.route('orders')).toBeUndefined()
    expect(table.topics()).toEqual(new Set())
  })
})
