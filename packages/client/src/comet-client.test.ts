import { CometError } from '@cometmq/protocol'
import { Simulation } from '@cometmq/simulation'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'
import { connect } from './comet-client.ts'
import { ScriptedNameServer } from './scripted/scripted-name-server.ts'
import { calmNetwork, ScriptedWorld } from './scripted/scripted-world.ts'

const limit = { limitMs: 60_000 }

describe('connect', () => {
  test('uses whichever name server can be reached', async () => {
    const sim = new Simulation(1, calmNetwork)
    const open = ScriptedNameServer.open(sim.machine('ns2').runtime(), 'ns2:9876')
    const nameServer = await sim.runUntil(open, limit)
    nameServer.set({ a: 'a:8081' }, [])

    const comet = await sim.runUntil(
      connect({ endpoints: 'ns1:9876,ns2:9876', runtime: sim.machine('client').runtime() }),
      limit,
    )

    expect(comet.cluster).toBe('test')
    expect(comet.admin.brokers).toMatchObject([{ brokerName: 'a', address: 'a:8081' }])
  })

  // The first thing a new user gets wrong; the message has to say where it looked.
  test('says what each name server said when none can be reached', async () => {
    const sim = new Simulation(1, calmNetwork)
    const connecting = connect({
      endpoints: ['ns1:9876', 'ns2:9876'],
      runtime: sim.machine('client').runtime(),
    })

    await expect(sim.runUntil(connecting, limit)).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringMatching(
        /^no name server answers: [^:]*ns1:9876 [^:]*; [^:]*ns2:9876 [^:]*$/,
      ),
    })
  })

  test('passes over a name server that accepts and never answers', async () => {
    const sim = new Simulation(1, calmNetwork)
    await sim.runUntil(ScriptedNameServer.open(sim.machine('ns1').runtime(), 'ns1:9876'), limit)
    const second = await sim.runUntil(
      ScriptedNameServer.open(sim.machine('ns2').runtime(), 'ns2:9876'),
      limit,
    )
    second.set({}, [])
    sim.machine('ns1').pause()

    const comet = await sim.runUntil(
      connect({ endpoints: 'ns1:9876,ns2:9876', runtime: sim.machine('client').runtime() }),
      limit,
    )

    expect(comet.cluster).toBe('test')
    expect(sim.clock.elapsedMs()).toBeLessThan(10_000)
  })

  test('gives up when its signal is aborted', async () => {
    const sim = new Simulation(1, calmNetwork)
    await sim.runUntil(ScriptedNameServer.open(sim.machine('ns').runtime(), 'ns:9876'), limit)
    sim.machine('ns').pause()
    const stop = new AbortController()
    const connecting = connect({
      endpoints: 'ns:9876',
      signal: stop.signal,
      runtime: sim.machine('client').runtime(),
    })
    connecting.catch(() => {})
    await sim.advance(100)

    stop.abort()

    await expect(sim.runUntil(connecting, limit)).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

describe('CometClient', () => {
  test('asks a name server once for topics that are used in one turn', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))

    const before = world.nameServer.watches.length

    const sends = ['orders', 'x', 'y'].map((topic) => world.comet.topic(topic).send(1))
    for (const send of sends) send.catch(() => {})
    await world.sim.advance(100)

    expect(world.nameServer.watches.slice(before)).toEqual([['orders', 'x', 'y']])
  })

  test('moves to another name server when its own dies, without losing a change', async () => {
    const sim = new Simulation(1, calmNetwork)
    const world = await ScriptedWorld.open(sim, { client: { endpoints: 'ns:9876,ns2:9876' } })
    const second = await world.run(
      ScriptedNameServer.open(sim.machine('ns2').runtime(), 'ns2:9876'),
    )
    second.set({ b: 'b:8081' }, [{ topic: 'orders', queues: { b: 1 } }])
    const orders = world.comet.topic('orders')
    await world.run(orders.send('at a'))

    sim.machine('ns').kill()
    await world.sim.advance(5_000)
    const receipt = await world.run(orders.send('at b'))

    expect(receipt.brokerName).toBe('b')
  })

  // A name server that has its fill would be asked by all the others, twice a second each.
  test('comes back to a name server that is overloaded when that one says', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const before = world.nameServer.watches.length

    world.nameServer.refuse(new CometError('OVERLOADED', 'full', { retryAfterMs: 10_000 }))
    await world.sim.advance(59_000)

    const attempts = world.nameServer.watches.length - before
    expect(attempts).toBeGreaterThanOrEqual(5)
    expect(attempts).toBeLessThanOrEqual(6)
  })

  test('checks values before they are sent', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const orders = world.comet.topic('orders', { schema: evenNumber })

    const error = await world.failure(orders.send(3))
    await world.run(orders.send(4))

    expect(error).toMatchObject({ code: 'SCHEMA_MISMATCH', message: 'amount.cents: odd' })
    expect(world.a.bodies()).toEqual(['4'])
  })

  test('checks with schemas that work asynchronously, too', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const later: StandardSchemaV1<number> = {
      '~standard': {
        ...evenNumber['~standard'],
        validate: async (value) => evenNumber['~standard'].validate(value),
      },
    }
    const orders = world.comet.topic('orders', { schema: later })

    const error = await world.failure(orders.sendMany([2, 3]))
    await world.run(orders.send(4))

    expect(error.code).toBe('SCHEMA_MISMATCH')
    expect(world.a.bodies()).toEqual(['4'])
  })

  test('refuses names that no topic can have', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))

    expect(() => world.comet.topic('no/slashes')).toThrowError(
      expect.objectContaining({ code: 'ILLEGAL_NAME' }),
    )
  })

  test('ends what runs when it is closed, and refuses to be used afterwards', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const orders = world.comet.topic('orders')
    const consumer = orders.consume({ group: 'billing' }, () => {})
    const member = await world.member()
    const sending = orders.send('last')

    await world.run(world.comet.close())
    await world.sim.advance(50)

    await consumer.done
    await sending
    expect(member.hasLeft).toBe(true)
    expect(world.a.bodies()).toEqual(['"last"'])
    await expect(orders.send('too late')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => world.comet.topic('orders')).toThrowError(
      expect.objectContaining({ code: 'CLOSED' }),
    )
  })
})

const evenNumber: StandardSchemaV1<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'number' && value % 2 === 0
        ? { value }
        : { issues: [{ message: 'odd', path: ['amount', { key: 'cents' }] }] },
  },
}
