import type { RawClient } from './raw-client.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { VirtualCluster } from './virtual-cluster.ts'

const NAME_SERVER = 'ns-1:9876'
const BROKERS = ['broker-a', 'broker-b', 'broker-c', 'broker-d', 'broker-e']

let cluster: VirtualCluster

beforeEach(async () => {
  cluster = await VirtualCluster.start({ brokerNames: BROKERS })
  await cluster.createTopic('orders')
  await cluster.run(cluster.comet.admin.groups.create('billing', { maxAttempts: 7 }))
})

/** They answer nobody; name servers notice it three seconds later. */
function freeze(...brokerNames: readonly string[]): void {
  for (const brokerName of brokerNames) cluster.simulation.machine(brokerName).pause()
}

function subscribe(client: RawClient) {
  const line = client.telemetry(NAME_SERVER)
  line.stream.send({
    settings: {
      clientType: 'PUSH_CONSUMER',
      subscription: {
        group: { name: 'billing' },
        subscriptions: [{ topic: { name: 'orders' }, expression: { expression: '*' } }],
      },
    },
  })
  return line
}

async function settingsOf(client: RawClient) {
  const line = subscribe(client)
  const answered = async (): Promise<{ readonly maxAttempts: number | undefined }> => {
    while (line.commands.length === 0) await cluster.simulation.clock.sleep(1)
    return { maxAttempts: line.commands[0]?.settings?.backoffPolicy?.maxAttempts }
  }
  return cluster.timed(answered())
}

// Clients wait 3 s for their settings, and C++ does not start without.
describe('settings from a name server, while brokers are frozen', () => {
  test.each([
    { frozen: BROKERS.slice(0, 4) },
    { frozen: BROKERS.slice(1) },
    { frozen: ['broker-a', 'broker-c', 'broker-e'] },
  ])('22. 23. are those of the group, and come at once ($frozen)', async ({ frozen }) => {
    freeze(...frozen)

    const { maxAttempts, tookMs } = await settingsOf(cluster.client('consumer'))

    expect(maxAttempts).toBe(7)
    expect(tookMs).toBeLessThan(20)
  })

  test('17. 23. come within a second when nobody knows the group', async () => {
    freeze(...BROKERS)

    const { maxAttempts, tookMs } = await settingsOf(cluster.client('consumer'))

    expect(maxAttempts).toBe(16)
    expect(tookMs).toBeLessThan(1_020)
  })

  // The failure of a question that nobody waits for any more would end the name server.
  test('23. are not waited for when their client has gone', async () => {
    freeze(...BROKERS.slice(0, 4))
    const { stream } = subscribe(cluster.client('consumer'))
    await cluster.simulation.advance(3)

    stream.cancel()
    await cluster.simulation.advance(2_000)

    expect((await settingsOf(cluster.client('other'))).maxAttempts).toBe(7)
  })
})
