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

const settings = {
  clientType: 'PUSH_CONSUMER',
  subscription: {
    group: { name: 'billing' },
    subscriptions: [{ topic: { name: 'orders' }, expression: { expression: '*' } }],
  },
}

function subscribe(client: RawClient) {
  const line = client.telemetry(NAME_SERVER)
  line.stream.send({ settings })
  return line
}

async function settingsOf(client: RawClient) {
  const line = subscribe(client)
  const tookMs = await cluster.until(() => line.commands.length > 0)
  return { maxAttempts: line.commands[0]?.settings?.backoffPolicy?.maxAttempts, tookMs }
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

  // Rust opens a stream for each settings, and may end its side behind them.
  test('20. 23. come to a client that has ended its side', async () => {
    freeze(...BROKERS)
    const line = subscribe(cluster.client('consumer'))
    line.stream.end()

    await cluster.until(() => line.outcome !== undefined)

    expect(line.outcome).toBe('ended')
    expect(line.commands.map(({ status }) => status?.code)).toEqual(['OK'])
  })

  // All at once, a client's settings without end would be as many questions to each broker.
  test('20. 23. are asked for one after the other', async () => {
    freeze(...BROKERS)
    const line = subscribe(cluster.client('consumer'))
    for (let i = 0; i < 3; i++) line.stream.send({ settings })
    const answered: number[] = []

    for (let second = 0; second < 5; second++) {
      await cluster.simulation.advance(1_020)
      answered.push(line.commands.length)
    }

    expect(answered).toEqual([1, 2, 3, 4, 4])
  })
})
