import { CometError } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { connect } from '../comet-client.ts'
import { ScriptedBroker } from '../scripted/scripted-broker.ts'
import { calmNetwork, ScriptedWorld } from '../scripted/scripted-world.ts'
import { queueOfGroup } from '@cometmq/protocol'
import { SendManyOutcome } from './send-many-call.ts'

describe('send', () => {
  test('resolves to where the message was stored', async () => {
    const world = await openWorld()
    const orders = world.comet.topic<{ id: number }>('orders')

    const receipt = await world.run(orders.send({ id: 7 }, { tag: 'new', keys: ['7'] }))

    const [stored] = world.a.stored
    expect(receipt).toMatchObject({ brokerName: 'a', queueId: stored?.queueId, queueOffset: 0 })
    expect(stored?.batch.messages()[0]).toMatchObject({ tag: 'new', keys: ['7'] })
    expect(world.a.bodies()).toEqual(['{"id":7}'])
    expect(receipt.id).toBe(stored?.batch.messageId(0, { body: Buffer.alloc(0) }))
  })

  // One round trip is all that a message may cost when nobody else is sending.
  test('lets a lone message go at once', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('first'))
    const before = world.sim.clock.elapsedMs()

    await world.run(orders.send('second'))

    expect(world.sim.clock.elapsedMs() - before).toBeLessThan(45)
  })

  test('puts into one batch what is sent while an answer is awaited', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('warm up'))

    await world.run(Promise.all(Array.from({ length: 500 }, (_, i) => orders.send(i))))

    expect(world.a.arrived).toHaveLength(2)
    expect(world.a.arrived[1]?.messageCount).toBe(500)
  })

  test('spreads messages without a key over all queues', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')

    for (let i = 0; i < 8; i++) await world.run(orders.send(i))

    expect(world.a.stored.map(({ queueId }) => queueId).toSorted((x, y) => x - y)).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3,
    ])
  })

  test('keeps the messages of one key in one queue, in order', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    // Some answers fail, so that batches have to be sent again.
    world.a.script = (_, count) => (count % 3 === 0 ? 'STORE_BUSY' : undefined)

    const sends = []
    for (let i = 0; i < 60; i++) {
      sends.push(orders.send(i, { key: `customer-${i % 3}` }))
      if (i % 4 === 0) await world.sim.advance(1)
    }
    await world.run(Promise.all(sends))

    const queueOf = new Map<string, Set<number>>()
    const seen = new Map<string, number[]>()
    for (const { queueId, batch } of world.a.stored) {
      for (const { messageGroup = '', body } of batch.messages()) {
        queueOf.set(messageGroup, (queueOf.get(messageGroup) ?? new Set()).add(queueId))
        seen.set(messageGroup, [...(seen.get(messageGroup) ?? []), Number(Buffer.from(body))])
      }
    }
    expect([...queueOf.values()].map((queues) => queues.size)).toEqual([1, 1, 1])
    for (const numbers of seen.values()) expect(numbers).toEqual(numbers.toSorted((x, y) => x - y))
    expect([...seen.values()].flat()).toHaveLength(60)
  })

  // The first attempt was stored, its answer lost. Sent as new, the message would be there twice.
  test('stores once what is sent again after a stream broke', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('warm up'))
    // It arrives; no answer does.
    world.sim.network.block('a', 'client')

    const sending = orders.send('once')
    await world.sim.advance(1_000)
    world.sim.network.cutConnections('a', 'client')
    world.sim.network.healAll()
    await world.run(sending)

    expect(world.a.arrived).toHaveLength(3)
    expect(world.a.bodies()).toEqual(['"warm up"', '"once"'])
  })

  test('repeats under the same number, in order, until the broker takes it', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const orders = world.comet.topic('orders')
    world.a.script = (_, count) => (count <= 3 ? 'STORE_BUSY' : undefined)

    await world.run(orders.send('patience'))

    expect(world.a.arrived.map(({ producer }) => producer.sequence)).toEqual([0, 0, 0, 0])
    expect(world.a.bodies()).toEqual(['"patience"'])
  })

  test('goes to another broker when one cannot take it', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    const orders = world.comet.topic('orders')
    world.a.script = () => 'DRAINING'

    const receipts = await world.run(
      Promise.all(Array.from({ length: 20 }, (_, i) => orders.send(i))),
    )

    expect(new Set(receipts.map(({ brokerName }) => brokerName))).toEqual(new Set(['b']))
  })

  test('goes to another broker when one cannot be reached', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    world.sim.machine('a').kill()
    const orders = world.comet.topic('orders')

    for (let i = 0; i < 6; i++) await world.run(orders.send(i))

    expect(world.b.bodies()).toHaveLength(6)
  })

  // Order would be lost elsewhere: two messages of one customer in two queues.
  test('lets a message with a key wait for the broker of its queue', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    const orders = world.comet.topic('orders')
    const key = keyOfQueue(0, 2)
    await world.run(orders.send('before'))
    world.nameServer.set({ b: 'b:8081' }, [{ topic: 'orders', queues: { b: 1 } }])
    world.sim.machine('a').kill()
    await world.sim.advance(1_000)

    const sending = orders.send('patient', { key })
    await world.sim.advance(5_000)
    const a = await world.run(ScriptedBroker.open(world.sim.machine('a').runtime(), 'a:8081'))
    world.nameServer.set({ a: 'a:8081', b: 'b:8081' }, [
      { topic: 'orders', queues: { a: 1, b: 1 } },
    ])
    const receipt = await world.run(sending)

    expect(receipt.brokerName).toBe('a')
    expect(a.bodies()).toEqual(['"patient"'])
  })

  // It would put a key elsewhere than all the producers that were there before.
  test('counts with the queues of a broker that was away when it started', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    world.nameServer.set({ b: 'b:8081' }, [{ topic: 'orders', queues: { a: 1, b: 1 } }])
    const runtime = world.sim.machine('late').runtime()
    const comet = await world.run(connect({ endpoints: 'ns:9876', runtime }))
    const orders = comet.topic('orders')

    const elsewhere = await world.run(orders.send('free'))
    const error = await world.failure(
      orders.send('keyed', { key: keyOfQueue(0, 2), timeout: '2s' }),
    )

    expect(elsewhere.brokerName).toBe('b')
    expect(error.message).toContain(
      'it was not stored; the last attempt: "a", which has its queue, could not be reached',
    )
  })

  // Its messages would wait, each until its timeout, for as long as this client lives; those of a
  // client that starts now would go elsewhere.
  test('does not count with the queues of a broker that is forgotten', async () => {
    const world = await openWorld({ queues: { a: 1, b: 1 } })
    const orders = world.comet.topic('orders')
    const key = keyOfQueue(0, 2)
    const before = await world.run(orders.send('before', { key }))
    world.sim.machine('a').kill()
    const rest = [{ topic: 'orders', queues: { b: 1 } }]
    world.nameServer.set({ b: 'b:8081' }, rest)
    const waiting = await world.failure(orders.send('away', { key, timeout: '2s' }))

    world.nameServer.set({ b: 'b:8081' }, rest, { forgotten: ['a'] })
    await world.sim.advance(100)
    const after = await world.run(orders.send('after', { key }))

    expect(before.brokerName).toBe('a')
    expect(waiting.code).toBe('TIMEOUT')
    expect(after.brokerName).toBe('b')
  })

  test('takes a topic for missing when all its brokers are forgotten', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))

    world.nameServer.set({ b: 'b:8081' }, [], { forgotten: ['a'] })
    await world.sim.advance(100)

    const error = await world.failure(orders.send('after', { timeout: '2s' }))
    expect(error.code).toBe('TOPIC_NOT_FOUND')
  })

  test('begins a new epoch when the broker has forgotten this producer', async () => {
    const world = await openWorld({ queues: { a: 1 } })
    const orders = world.comet.topic('orders')
    await world.run(orders.send('one'))
    await world.run(orders.send('two'))
    world.a.forgetProducers()

    await world.run(orders.send('three'))

    expect(world.a.bodies()).toEqual(['"one"', '"two"', '"three"'])
    expect(world.a.stored.map(({ batch }) => batch.producer.producerEpoch)).toEqual([0, 0, 1])
  })

  test('says after the timeout that the outcome is unknown', async () => {
    const world = await openWorld()
    world.a.script = () => 'silence'
    const sending = world.comet.topic('orders').send('lost?', { timeout: '2s' })

    const error = await world.failure(sending)

    expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('may') })
    expect(world.sim.clock.elapsedMs()).toBeLessThan(4_000)
  })

  test('says after the timeout that a message was never sent', async () => {
    const world = await openWorld()
    world.sim.machine('a').kill()

    const error = await world.failure(
      world.comet.topic('orders').send('nowhere', { timeout: '2s' }),
    )

    expect(error).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('it was not stored'),
    })
  })

  test('fails at once with what no attempt will change', async () => {
    const world = await openWorld()
    world.a.script = () => 'NOT_ALLOWED'

    const error = await world.failure(world.comet.topic('orders').send('secret'))

    expect(error.code).toBe('NOT_ALLOWED')
    expect(world.a.arrived).toHaveLength(1)
  })

  test('refuses a message that is too large before it is sent', async () => {
    const world = await openWorld()

    const error = await world.failure(world.comet.topic('orders').send('x'.repeat(5 * 1024 * 1024)))

    expect(error.code).toBe('MESSAGE_TOO_LARGE')
  })

  test('names the command that makes a topic which is missing', async () => {
    const world = await openWorld()

    const error = await world.failure(world.comet.topic('ordres').send('typo'))

    expect(error).toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      message: expect.stringContaining('comet topic create ordres'),
    })
  })

  test('makes a topic by sending to it, where the cluster allows that', async () => {
    const world = await openWorld()
    world.nameServer.set({ a: 'a:8081' }, [], { autoCreateTopics: true })
    world.a.onCreateTopic = ({ topic }) => {
      world.nameServer.set({ a: 'a:8081' }, [{ topic, queues: { a: 2 } }], {
        autoCreateTopics: true,
      })
    }
    const fresh = world.comet.topic('fresh')

    await world.run(Promise.all([fresh.send(1), fresh.send(2)]))

    expect(world.a.created).toHaveLength(1)
    expect(world.a.created[0]).toMatchObject({ onFirstSend: true, everywhere: true })
    expect(world.a.bodies()).toEqual(['1', '2'])
  })

  test('waits for room in the buffer instead of growing', async () => {
    const world = await openWorld({ client: { maxBufferedBytes: 10_000 } })
    world.a.script = () => 'silence'
    const orders = world.comet.topic('orders')
    await world.sim.advance(100)

    const sends = Array.from({ length: 20 }, () => orders.send('x'.repeat(1_000)))
    for (const send of sends) send.catch(() => {})
    await world.sim.advance(100)
    const sentBefore = world.a.arrived.reduce((sum, batch) => sum + batch.messageCount, 0)
    world.a.script = () => undefined
    world.a.breakPublishing()
    await world.run(Promise.all(sends))

    expect(sentBefore).toBeLessThan(10)
    expect(world.a.bodies()).toHaveLength(20)
  })

  test('stops waiting when its signal is aborted, and does not send what has not left', async () => {
    const world = await openWorld()
    world.sim.machine('a').kill()
    await world.sim.advance(10)
    const stop = new AbortController()
    const orders = world.comet.topic('orders')
    const kept = orders.send('kept')
    const dropped = orders.send('dropped', { signal: stop.signal })

    stop.abort(new Error('changed my mind'))

    expect(await world.failure(dropped)).toMatchObject({ code: 'CANCELLED' })
    const a = await world.run(ScriptedBroker.open(world.sim.machine('a').runtime(), 'a:8081'))
    await world.run(kept)
    expect(a.bodies()).toEqual(['"kept"'])
  })

  test('survives the loss of every name server', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))
    world.sim.machine('ns').kill()
    await world.sim.advance(20_000)

    await world.run(orders.send('after'))

    expect(world.a.bodies()).toEqual(['"before"', '"after"'])
  })

  // A broker that was restarted under another address keeps its queues.
  test('follows a broker to its new address', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))
    world.sim.machine('a').kill()
    const moved = await world.run(
      ScriptedBroker.open(world.sim.machine('elsewhere').runtime(), 'elsewhere:9000'),
    )
    const sending = orders.send('after')
    await world.sim.advance(500)

    world.nameServer.set({ a: 'elsewhere:9000' }, [{ topic: 'orders', queues: { a: 4 } }])

    expect(await world.run(sending)).toMatchObject({ brokerName: 'a' })
    expect(moved.bodies()).toEqual(['"after"'])
  })

  // The peer swallows everything: nothing but keep-alive tells.
  test('notices a connection that is open on this side only', async () => {
    const world = await openWorld()
    const orders = world.comet.topic('orders')
    await world.run(orders.send('before'))
    world.sim.network.partition('a', 'client')
    const sending = orders.send('through')
    await world.sim.advance(12_000)

    world.sim.network.healAll()
    await world.run(sending)

    expect(world.a.bodies()).toEqual(['"before"', '"through"'])
  })
})

describe('sendMany', () => {
  test('resolves to a receipt for each value, in order', async () => {
    const world = await openWorld()
    const values = Array.from({ length: 1_000 }, (_, i) => i)

    const receipts = await world.run(world.comet.topic<number>('orders').sendMany(values))

    const byPlace = new Map(
      world.a.stored.flatMap(({ queueId, base, batch }) =>
        batch
          .messages()
          .map(({ body }, i) => [`${queueId}/${base + i}`, Number(Buffer.from(body))]),
      ),
    )
    expect(
      receipts.map(({ queueId, queueOffset }) => byPlace.get(`${queueId}/${queueOffset}`)),
    ).toEqual(values)
  })

  test('gives each value its own options', async () => {
    const world = await openWorld()

    await world.run(
      world.comet.topic<number>('orders').sendMany([1, 2], {
        each: (value, index) => ({ tag: `tag-${value}`, key: 'same', keys: [`${index}`] }),
      }),
    )

    const messages = world.a.stored.flatMap(({ batch }) => batch.messages())
    expect(messages.map(({ tag, keys }) => [tag, keys])).toEqual([
      ['tag-1', ['0']],
      ['tag-2', ['1']],
    ])
  })

  // Callers who repeat all of it would store half of it twice; so the failure tells them apart.
  test('tells apart what was stored and what was not', async () => {
    const world = await openWorld()
    const bad = keyOfQueue(0)
    const good = keyOfQueue(1)
    world.a.script = (batch) => (batch.queueId === 0 ? 'NOT_ALLOWED' : undefined)
    const sending = world.comet.topic<string>('orders').sendMany([good, bad, good], {
      each: (key) => ({ key }),
    })

    const error = await world.failure(sending)

    expect(error.code).toBe('PARTIAL_FAILURE')
    const { cause } = error
    expect(cause).toBeInstanceOf(SendManyOutcome)
    expect(
      (cause as SendManyOutcome).outcomes.map((outcome) =>
        outcome instanceof CometError ? outcome.code : outcome.queueOffset,
      ),
    ).toEqual([0, 'NOT_ALLOWED', 1])
  })

  test('fails with the one error that all have in common', async () => {
    const world = await openWorld()
    world.a.script = () => 'NOT_ALLOWED'

    const error = await world.failure(world.comet.topic('orders').sendMany([1, 2]))

    expect(error.code).toBe('NOT_ALLOWED')
  })
})

describe('drain', () => {
  test('waits until everything that was sent is stored', async () => {
    const world = await openWorld()
    world.a.script = (_, count) => (count < 4 ? 'STORE_BUSY' : undefined)
    const sending = world.comet.topic('orders').send('last words')

    await world.run(world.comet.drain())

    expect(world.a.bodies()).toEqual(['"last words"'])
    await sending
  })
})

function openWorld(
  options: Parameters<typeof ScriptedWorld.open>[1] = {},
): Promise<ScriptedWorld<Simulation>> {
  return ScriptedWorld.open(new Simulation(1, calmNetwork), options)
}

/** A message group that belongs to that queue of the first broker. */
function keyOfQueue(queueId: number, queueCount = 4): string {
  for (let i = 0; ; i++) {
    const key = `key-${i}`
    if (queueOfGroup(key, queueCount) === queueId) return key
  }
}
