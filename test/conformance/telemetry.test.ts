import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RawClient } from './raw-client.ts'
import { SmallCluster } from './small-cluster.ts'

let cluster: SmallCluster

beforeAll(async () => {
  cluster = await SmallCluster.start()
  await cluster.createTopic('orders')
})
afterAll(() => cluster[Symbol.asyncDispose]())

const ns = 'a-namespace'
const producer = {
  clientType: 'PRODUCER',
  requestTimeout: { seconds: 3, nanos: 0 },
  accessPoint: { scheme: 'IPv4', addresses: [{ host: '127.0.0.1', port: 1 }] },
  publishing: { topics: [{ resourceNamespace: ns, name: 'orders' }] },
  userAgent: { language: 'JAVA', version: '5' },
}
const consumer = (group: string, topic = 'orders') => ({
  clientType: 'PUSH_CONSUMER',
  requestTimeout: { seconds: 3, nanos: 0 },
  subscription: {
    group: { resourceNamespace: ns, name: group },
    subscriptions: [
      {
        topic: { resourceNamespace: ns, name: topic },
        expression: { type: 'TAG', expression: '*' },
      },
    ],
  },
})

async function settingsOf(address: string, settings: object, language = 'JAVA') {
  const client = new RawClient(cluster.runtime.transport, { language })
  const { stream, commands } = client.telemetry(address)
  stream.send({ settings })
  await expect.poll(() => commands.length, { timeout: 1_000 }).toBeGreaterThan(0)
  stream.end()
  return commands[0]
}

describe('telemetry', () => {
  test('17. 21. 23. producers get complete settings within a second, from every process', async () => {
    for (const address of cluster.addresses) {
      const answer = await settingsOf(address, producer)

      expect(answer?.status?.code).toBe('OK')
      expect(answer?.settings).toMatchObject({
        ...producer,
        pubSub: 'publishing',
        metric: { on: false },
        publishing: { ...producer.publishing, maxBodySize: 4_128_768, validateMessageType: true },
      })
      const { backoffPolicy } = answer?.settings ?? {}
      expect(backoffPolicy?.maxAttempts).toBeGreaterThanOrEqual(1)
      expect(backoffPolicy?.exponentialBackoff).toMatchObject({
        initial: expect.anything(),
        max: expect.anything(),
        multiplier: 2,
      })
    }
  })

  test('22. 23. consumers get complete settings, Node.js an exponential backoff', async () => {
    for (const address of cluster.addresses) {
      const answer = await settingsOf(address, consumer('settings-group'))
      expect(answer?.status?.code).toBe('OK')
      expect(answer?.settings?.subscription).toMatchObject({
        ...consumer('settings-group').subscription,
        fifo: false,
        receiveBatchSize: 32,
        longPollingTimeout: { seconds: 20 },
      })
      expect(answer?.settings?.backoffPolicy?.strategy).toBe('customizedBackoff')
      for (const next of answer?.settings?.backoffPolicy?.customizedBackoff?.next ?? []) {
        expect(next.nanos).toBe(0)
      }
      const node = await settingsOf(address, consumer('settings-group'), 'HTTP')
      expect(node?.settings?.backoffPolicy?.strategy).toBe('exponentialBackoff')
    }
  })

  test('18. settings for a missing topic get an answer', async () => {
    for (const address of cluster.addresses) {
      const answer = await settingsOf(address, consumer('settings-group', 'missing'))
      expect(answer?.status?.code).toBe('OK')
    }
  })

  test('19. settings of neither producer nor consumer end the stream', async () => {
    const { stream, ...line } = new RawClient(cluster.runtime.transport).telemetry(
      cluster.nameServer,
    )
    void line
    const client = new RawClient(cluster.runtime.transport)
    const other = client.telemetry(cluster.nameServer)
    other.stream.send({ settings: { clientType: 'PRODUCER' } })
    stream.end()

    await expect.poll(() => other.outcome).toBeDefined()
    expect(other.outcome).toBe('ILLEGAL_ARGUMENT')
  })

  test('49. settings with a filter that is wrong end the stream, as a mistake of the client', async () => {
    for (const expression of [
      { type: 'SQL', expression: 'price >' },
      { type: 'SQL', expression: '' },
      { type: 'TAG', expression: 'a|b' },
    ]) {
      const client = new RawClient(cluster.runtime.transport)
      const line = client.telemetry(cluster.broker('broker-a').address)
      const { subscription, ...rest } = consumer('settings-group')
      const subscriptions = subscription.subscriptions.map((each) => ({ ...each, expression }))
      line.stream.send({ settings: { ...rest, subscription: { ...subscription, subscriptions } } })

      await expect.poll(() => line.outcome).toBeDefined()
      expect(line.outcome).toBe('ILLEGAL_ARGUMENT')
    }
  })

  test('20. each settings get an answer, and a half-closed stream ends', async () => {
    const client = new RawClient(cluster.runtime.transport)
    const line = client.telemetry(cluster.broker('broker-a').address)
    for (let i = 0; i < 5; i++) line.stream.send({ settings: producer })
    await expect.poll(() => line.commands.length).toBe(5)

    line.stream.end()

    await expect.poll(() => line.outcome).toBe('ended')
  })

  test('26. heartbeats need no settings, and a client may say goodbye twice', async () => {
    const client = new RawClient(cluster.runtime.transport)
    for (const address of cluster.addresses) {
      const beat = await client.call(address, 'Heartbeat', { clientType: 'PUSH_CONSUMER' })
      expect(beat.status?.code).toBe('OK')
      for (let i = 0; i < 2; i++) {
        const goodbye = await client.call(address, 'NotifyClientTermination', {
          group: { name: 'g' },
        })
        expect(goodbye.status?.code).toBe('OK')
      }
    }
  })

  test('26. a goodbye to a name server frees what the client holds at brokers', async () => {
    const client = new RawClient(cluster.runtime.transport)
    const address = cluster.broker('broker-a').address
    await cluster.createTopic('farewell')
    await client.send(address, { topic: 'farewell' })
    const ask = { group: 'farewell', topic: 'farewell', brokerName: 'broker-a' }
    const first = await client.receive(address, { ...ask, autoRenew: true, pollSeconds: 5 })
    expect(first.messages).toHaveLength(1)

    await client.call(cluster.nameServer, 'NotifyClientTermination', {})

    const other = new RawClient(cluster.runtime.transport)
    const again = await other.receive(address, { ...ask, autoRenew: true, pollSeconds: 5 })
    expect(again.messages[0]?.systemProperties?.deliveryAttempt).toBe(2)
  })
})
