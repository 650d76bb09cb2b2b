import { Simulation } from '@cometmq/simulation'
import { connect, text } from '@cometmq/client'
import { beforeAll, describe, expect, test } from 'vitest'
import { SimulatedCluster } from '../simulation/simulated-cluster.ts'
import { RawClient } from './raw-client.ts'

const MINUTE = 60_000
const CALM = { latency: { usualMs: [1, 2], lateFraction: 0, lateMaxMs: 3 } } as const

/** Hours pass here in seconds: cluster and clients run on a virtual clock. */
let simulation: Simulation
let client: RawClient

beforeAll(async () => {
  simulation = new Simulation(1, { network: CALM })
  const cluster = new SimulatedCluster(simulation)
  await run(cluster.start())
  await simulation.advance(500)
  const { transport } = simulation.machine('consumer').runtime()
  client = new RawClient(transport)
  await using comet = await run(
    connect({ endpoints: cluster.endpoints, runtime: simulation.machine('producer').runtime() }),
  )
  await run(comet.admin.topics.create('orders', { queueCount: 1 }))
  await run(comet.admin.groups.create('billing', { start: 'earliest', invisibleMs: 30_000 }))
  await simulation.advance(1_500)
  const orders = comet.topic('orders', { codec: text() })
  let brokerName = ''
  while (brokerName !== 'broker-a') ({ brokerName } = await run(orders.send('long work')))
})

describe('leases that are renewed', () => {
  test('56. last while their client lives, up to three hours, and count as one attempt', async () => {
    const first = await receive()
    expect(first.attempts).toEqual([1])

    await live(2 * 60 + 55)
    expect((await receive()).attempts).toEqual([])
    await live(10)

    expect((await receive()).attempts).toEqual([2])
  })

  test('56. an acknowledgement after hours is good', async () => {
    await live(3 * 60 + 5)
    const last = await receive()
    await live(2 * 60)

    const { status } = await run(
      client.call('broker-a:8081', 'AckMessage', {
        group: { name: 'billing' },
        topic: { name: 'orders' },
        entries: [{ messageId: 'any', receiptHandle: last.handles[0] ?? '' }],
      }),
    )

    expect(status?.code).toBe('OK')
    await live(4 * 60)
    expect((await receive()).attempts).toEqual([])
  })
})

/** The client beats, as the official ones do, and does nothing else. */
async function live(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    await run(client.call('broker-a:8081', 'Heartbeat', { group: { name: 'billing' } }))
    await simulation.advance(MINUTE)
  }
}

async function receive() {
  const { messages } = await run(
    client.receive('broker-a:8081', {
      group: 'billing',
      topic: 'orders',
      brokerName: 'broker-a',
      autoRenew: true,
      pollSeconds: 5,
    }),
  )
  return {
    attempts: messages.map(({ systemProperties }) => systemProperties?.deliveryAttempt),
    handles: messages.map(({ systemProperties }) => systemProperties?.receiptHandle ?? ''),
  }
}

function run<T>(promise: Promise<T>): Promise<T> {
  return simulation.runUntil(promise, { limitMs: MINUTE })
}
