import { beforeAll, describe, expect, test } from 'vitest'
import type { RawClient } from './raw-client.ts'
import { VirtualCluster } from './virtual-cluster.ts'

const MINUTE = 60_000
/** Half a day of a cluster is long for a machine that has other things to do. */
const LONG_MS = 180_000

let cluster: VirtualCluster
let client: RawClient

beforeAll(async () => {
  cluster = await VirtualCluster.start()
  client = cluster.client('consumer')
  await cluster.createTopic('orders')
  const { groups } = cluster.comet.admin
  await cluster.run(groups.create('billing', { start: 'earliest', invisibleMs: 30_000 }))
  await cluster.run(client.send('broker-a:8081', { topic: 'orders' }))
})

describe('leases that are renewed', () => {
  test(
    '56. last while their client lives, up to three hours, and count as one attempt',
    async () => {
      const first = await receive()
      expect(first.attempts).toEqual([1])

      await live(2 * 60 + 55)
      expect((await receive()).attempts).toEqual([])
      await live(10)

      expect((await receive()).attempts).toEqual([2])
    },
    LONG_MS,
  )

  test(
    '56. an acknowledgement after hours is good',
    async () => {
      await live(3 * 60 + 5)
      const last = await receive()
      await live(2 * 60)

      const { status } = await cluster.run(
        client.call('broker-a:8081', 'AckMessage', {
          group: { name: 'billing' },
          topic: { name: 'orders' },
          entries: [{ messageId: 'any', receiptHandle: last.handles[0] ?? '' }],
        }),
      )

      expect(status?.code).toBe('OK')
      await live(4 * 60)
      expect((await receive()).attempts).toEqual([])
    },
    LONG_MS,
  )
})

/** The client beats, as the official ones do, and does nothing else. */
async function live(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    await cluster.run(client.call('broker-a:8081', 'Heartbeat', { group: { name: 'billing' } }))
    await cluster.simulation.advance(MINUTE)
  }
}

async function receive() {
  const { messages } = await cluster.run(
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
