import { connect, text } from '@cometmq/client'
import { Simulation } from '@cometmq/simulation'
import { beforeAll, describe, expect, test } from 'vitest'
import { SimulatedCluster } from '../simulation/simulated-cluster.ts'
import { RawClient } from './raw-client.ts'

const SECOND = 1_000
const BROKER = 'broker-a:8081'
const NAME_SERVER = 'ns-1:9876'
const CALM = { latency: { usualMs: [1, 2], lateFraction: 0, lateMaxMs: 3 } } as const

/** Minutes pass here in a moment: cluster and clients run on a virtual clock. */
let simulation: Simulation

beforeAll(async () => {
  simulation = new Simulation(1, { network: CALM })
  const cluster = new SimulatedCluster(simulation)
  await run(cluster.start())
  await simulation.advance(500)
  await using comet = await run(
    connect({ endpoints: cluster.endpoints, runtime: simulation.machine('producer').runtime() }),
  )
  await run(comet.admin.topics.create('orders', { queueCount: 1 }))
  await simulation.advance(1_500)
  const orders = comet.topic('orders', { codec: text() })
  let brokerName = ''
  while (brokerName !== 'broker-a') ({ brokerName } = await run(orders.send('long work')))
})

describe('clients without a telemetry stream', () => {
  // Rust's push consumer says everything to a name server, every 30 s.
  test.each([
    ['its broker', BROKER],
    ['a name server', NAME_SERVER],
  ])('25. live by heartbeats to %s; silent for 120 s, they have gone', async (_, address) => {
    const group = `group-at-${address}`.replace(/\W/g, '-')
    const holder = clientOf(`holder of ${group}`)
    const other = clientOf(`other of ${group}`)
    expect(await receive(holder, address, group)).toEqual([1])

    for (let seconds = 0; seconds < 20 * 60; seconds += 30) {
      await run(holder.call(address, 'Heartbeat', { group: { name: group } }))
      await simulation.advance(30 * SECOND)
    }
    // The last heartbeat was 30 s ago, and each poll takes five.
    expect(await receive(other, BROKER, group)).toEqual([])
    await simulation.advance(75 * SECOND)
    expect(await receive(other, BROKER, group)).toEqual([])
    await simulation.advance(10 * SECOND)
    const askedAtMs = simulation.clock.elapsedMs()

    expect(await receive(other, BROKER, group)).toEqual([2])
    expect(simulation.clock.elapsedMs() - askedAtMs).toBeLessThan(SECOND)
  })
})

function clientOf(machine: string): RawClient {
  return new RawClient(simulation.machine(machine).runtime().transport)
}

/** The attempts of what there is, within five seconds. */
async function receive(client: RawClient, address: string, group: string) {
  const { messages } = await run(
    client.receive(address, {
      group,
      topic: 'orders',
      brokerName: 'broker-a',
      autoRenew: true,
      pollSeconds: 5,
    }),
  )
  return messages.map(({ systemProperties }) => systemProperties?.deliveryAttempt)
}

function run<T>(promise: Promise<T>): Promise<T> {
  return simulation.runUntil(promise, { limitMs: 60 * SECOND })
}
