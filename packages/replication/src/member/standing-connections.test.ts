import { loadServices } from '@cometmq/protocol'
import { answer, type Transport } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { StandingConnections } from './standing-connections.ts'

const methods = loadServices().replication

describe('the connections of a member to the others', () => {
  // Who follows another master would wait for one, and with it everybody whose write needs a copy.
  test('stand before anybody asks for one', async () => {
    const world = await openWorld(['b', 'c'])

    await world.simulation.advance(500)

    expect(world.open()).toEqual(['b:9000', 'c:9000'])
  })

  test('come and go with the members', async () => {
    const world = await openWorld(['b', 'c'])
    await world.simulation.advance(500)

    world.others = ['b:9000']
    await world.simulation.advance(1_000)
    expect(world.open()).toEqual(['b:9000'])

    world.others = ['b:9000', 'c:9000']
    await world.simulation.advance(1_000)

    expect(world.open()).toEqual(['b:9000', 'c:9000'])
  })

  // What is sent on one that is cut in the middle waits for seconds, also after it is mended.
  test('are let go where nobody answers, and come back', async () => {
    const world = await openWorld(['b', 'c'])
    await world.simulation.advance(500)

    world.simulation.network.block('a', 'c')
    await world.simulation.advance(2_000)
    expect(world.open()).toEqual(['b:9000'])

    world.simulation.network.heal('a', 'c')
    await world.simulation.advance(2_000)
    expect(world.open()).toEqual(['b:9000', 'c:9000'])
  })

  test('are closed with it', async () => {
    const world = await openWorld(['b', 'c'])
    await world.simulation.advance(500)

    world.standing.close()
    await world.simulation.advance(5_000)

    expect(world.open()).toEqual([])
  })
})

async function openWorld(names: readonly string[]) {
  const simulation = new Simulation(1)
  for (const name of names) {
    const { transport } = simulation.machine(name).runtime()
    const saysNothing = methods.Inspect.decodeResponse(Buffer.alloc(0))
    const inspect = answer(methods.Inspect, async () => saysNothing)
    const listening = transport.listen({ address: `${name}:9000`, handlers: [inspect] })
    await simulation.runUntil(listening, { limitMs: 1_000 })
  }
  const runtime = simulation.machine('a').runtime()
  const { transport, open } = counted(runtime.transport)
  const world = {
    simulation,
    others: names.map((name) => `${name}:9000`),
    open,
    standing: undefined as unknown as StandingConnections,
  }
  world.standing = new StandingConnections(
    { ...runtime, transport, methods },
    { brokerName: 'group', timeoutMs: 300 },
    () => world.others,
  )
  world.standing.start()
  return world
}

/** Tells, sorted, to which addresses a connection is held. */
function counted(inner: Transport) {
  const addresses: string[] = []
  const transport: Transport = {
    listen: (options) => inner.listen(options),
    connect: (address) => {
      const connection = inner.connect(address)
      addresses.push(address)
      return {
        address,
        call: (...call) => connection.call(...call),
        open: (...stream) => connection.open(...stream),
        close: () => {
          addresses.splice(addresses.indexOf(address), 1)
          connection.close()
        },
      }
    },
  }
  return { transport, open: () => addresses.toSorted() }
}
