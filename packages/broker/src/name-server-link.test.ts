import {
  errorTable,
  loadServices,
  type RegisterRequest,
  type RegisterResponse,
  type Registration,
} from '@cometmq/protocol'
import { accept, type MessageStream } from '@cometmq/runtime'
import { Simulation } from '@cometmq/simulation'
import { describe, expect, test } from 'vitest'
import { NameServerLink } from './name-server-link.ts'

const services = loadServices()
const MOMENT_MS = 50

describe('a broker that has another role', () => {
  // In a hand-over all of its members say so at once, and clients wait for what follows from it.
  test('says so on the stream that it has', async () => {
    const world = await openWorld()
    world.role = { brokerId: 0, epoch: 1 }
    world.link.start()
    await world.simulation.advance(MOMENT_MS)

    world.role = { brokerId: 2, epoch: 2 }
    world.link.again()
    await world.simulation.advance(MOMENT_MS)

    expect(world.heard).toMatchObject([[world.registered(0, 1), world.registered(2, 2)]])
    expect(world.link.status.state).toBe('registered')
  })

  test('says so at once where the name server has refused it before', async () => {
    const world = await openWorld()
    world.refuses = true
    world.link.start()
    await world.simulation.advance(MOMENT_MS)
    expect(world.link.status.state).toBe('refused')

    world.refuses = false
    world.role = { brokerId: 2, epoch: 2 }
    world.link.again()
    await world.simulation.advance(MOMENT_MS)

    expect(world.heard).toMatchObject([[world.registered(0, 1)], [world.registered(2, 2)]])
    expect(world.link.status.state).toBe('registered')
  })

  // What was to be told of topics is in the registration, as it is now.
  test('does not tell afterwards what has changed before', async () => {
    const world = await openWorld()
    world.link.start()
    await world.simulation.advance(MOMENT_MS)

    world.link.topicRemoved('orders')
    world.link.writableChanged(false)
    world.link.again()
    await world.simulation.advance(MOMENT_MS)

    const said = world.heard.flat().map(({ kind }) => kind)
    expect(said).toEqual(['registration', 'registration'])
  })
})

async function openWorld() {
  const simulation = new Simulation(1)
  const world = {
    simulation,
    role: { brokerId: 0, epoch: 1 },
    refuses: false,
    /** What was said, by stream; beats are left out. */
    heard: [] as RegisterRequest[][],
    registered: (brokerId: number, epoch: number) => ({ registration: { brokerId, epoch } }),
    link: undefined as unknown as NameServerLink,
  }
  const serve = (stream: MessageStream<RegisterResponse, RegisterRequest>): void => {
    const said: RegisterRequest[] = []
    world.heard.push(said)
    stream.receive({
      message: (request) => {
        if (request.kind === 'beat') return
        said.push(request)
        if (world.refuses) {
          stream.send({ refused: { error: errorTable.STALE_EPOCH.id, message: 'too low' } })
          stream.end()
        } else stream.send({ registered: { brokers: [] } })
      },
      ended: () => stream.end(),
      failed: () => {},
    })
  }
  const listening = simulation
    .machine('ns')
    .runtime()
    .transport.listen({
      address: 'ns:9876',
      handlers: [accept(services.cluster.Register, serve)],
    })
  await simulation.runUntil(listening, { limitMs: 1_000 })
  const registration = (): Registration => ({
    cluster: 'blue',
    brokerName: 'a',
    storeId: 'store',
    listeners: [],
    topics: [],
    autoCreateTopics: false,
    version: '1',
    standsIn: false,
    ...world.role,
  })
  world.link = new NameServerLink(simulation.machine('a').runtime(), {
    address: 'ns:9876',
    services,
    source: { registration, isWritable: () => true },
  })
  return world
}
