import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { storedBatch } from './scripted/scripted-streams.ts'
import { calmNetwork, ScriptedWorld } from './scripted/scripted-world.ts'

const ORDERS = [{ topic: 'orders', queues: { a: 2, b: 2 } }]
const A_ONLY = [{ topic: 'orders', queues: { a: 4 } }]

describe('a producer, when a broker group has a slave only', () => {
  // The route names it, to be read. Whoever tries to send there waits until his timeout.
  test('sends everything without a key to the others, and nothing there', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork), {
      queues: { a: 2, b: 2 },
    })
    const slave = { brokerName: 'a', brokerId: 2, address: 'a:8081' }
    world.nameServer.set({ b: 'b:8081' }, ORDERS, {}, [slave])
    await world.sim.advance(100)
    const sentAtMs = world.sim.clock.elapsedMs()

    const orders = world.comet.topic<string>('orders')
    const receipts = await world.run(
      Promise.all(['1', '2', '3', '4', '5', '6'].map((body) => orders.send(body))),
    )

    expect(receipts.map(({ brokerName }) => brokerName)).toEqual(Array(6).fill('b'))
    expect(world.a.arrived).toEqual([])
    expect(world.sim.clock.elapsedMs() - sentAtMs).toBeLessThan(100)
  })
})

describe('a consumer group, when its master is away', () => {
  // A slave refuses it: what it would lease, the master and it would both hand out.
  test('does not go to a slave', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    world.comet.topic('orders').consume({ group: 'billing' }, async () => {})
    await world.member()

    world.nameServer.set({}, A_ONLY, {}, [{ brokerName: 'a', brokerId: 2, address: 'b:8081' }])
    await world.sim.advance(10_000)

    expect(world.b.members).toEqual([])
  })

  test('goes on at the slave that stands in for it, and is back when the master is', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const seen: string[] = []
    world.comet
      .topic<number>('orders')
      .consume({ group: 'billing' }, async (body) => void seen.push(String(body)))
    await world.member()

    const standIn = { brokerName: 'a', brokerId: 2, address: 'b:8081', standsIn: true }
    world.nameServer.set({}, A_ONLY, {}, [standIn])
    const there = await world.arrivedMember(world.b)
    there.welcome()
    there.deliver({ topic: 'orders', batches: [storedBatch('orders', 0, ['7'])], ranges: [0, 1] })
    await world.until(() => there.settlements.length === 1)
    world.nameServer.set({ a: { address: 'a:8081', epoch: 2 } }, A_ONLY, {}, [standIn])
    await world.arrivedMember(world.a, 1)

    expect(seen).toEqual(['7'])
    expect(there.settlements).toMatchObject([{ action: { kind: 'acknowledge' } }])
  })
})

describe('a look-up', () => {
  // A message is what it is, at whichever member.
  test('is answered by a slave while no master is heard', async () => {
    const world = await ScriptedWorld.open(new Simulation(1, calmNetwork))
    const slave = { brokerName: 'a', brokerId: 2, address: 'b:8081' }
    const place = { brokerName: 'a', topic: 'orders', queueId: 0, offset: 1 }

    world.nameServer.set({ a: 'a:8081' }, A_ONLY, {}, [slave])
    await world.sim.advance(100)
    const atMaster = await world.failure(world.comet.admin.message(place))
    world.nameServer.set({}, A_ONLY, {}, [slave])
    await world.sim.advance(100)
    const atSlave = await world.failure(world.comet.admin.message(place))

    expect([atMaster.message, atSlave.message]).toEqual(['not on a:8081', 'not on b:8081'])
  })
})
