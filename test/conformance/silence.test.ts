import { beforeAll, describe, expect, test } from 'vitest'
import type { RawClient } from './raw-client.ts'
import { VirtualCluster } from './virtual-cluster.ts'

const SECOND = 1_000
const BROKER = 'broker-a:8081'
const NAME_SERVER = 'ns-1:9876'

let cluster: VirtualCluster

beforeAll(async () => {
  cluster = await VirtualCluster.start()
  await cluster.createTopic('orders')
  await cluster.run(cluster.client('producer').send(BROKER, { topic: 'orders' }))
})

describe('clients without a telemetry stream', () => {
  // Rust's push consumer says everything to a name server, every 30 s.
  test.each([
    ['its broker', BROKER],
    ['a name server', NAME_SERVER],
  ])('25. live by heartbeats to %s; silent for 120 s, they have gone', async (_, address) => {
    const group = `group-at-${address}`.replace(/\W/g, '-')
    const holder = cluster.client(`holder of ${group}`)
    const other = cluster.client(`other of ${group}`)
    expect(await receive(holder, address, group)).toEqual([1])

    for (let seconds = 0; seconds < 20 * 60; seconds += 30) {
      await cluster.run(holder.call(address, 'Heartbeat', { group: { name: group } }))
      await cluster.simulation.advance(30 * SECOND)
    }
    // The last heartbeat was 30 s ago, and each poll takes five.
    expect(await receive(other, BROKER, group)).toEqual([])
    await cluster.simulation.advance(75 * SECOND)
    expect(await receive(other, BROKER, group)).toEqual([])
    await cluster.simulation.advance(10 * SECOND)
    const askedAtMs = cluster.simulation.clock.elapsedMs()

    expect(await receive(other, BROKER, group)).toEqual([2])
    expect(cluster.simulation.clock.elapsedMs() - askedAtMs).toBeLessThan(SECOND)
  })
})

/** The attempts of what there is, within five seconds. */
async function receive(client: RawClient, address: string, group: string) {
  const { messages } = await cluster.run(
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
